"""Who may open which page of the dashboard, and that nobody gets further by writing requests of their own.

The matrix is the promise. A page that is not in it makes a test fail, so a new one is listed before it ships.
"""

from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from billing.api_keys import keys
from billing.models import ApiKey, Budget, Pricing, Team
from combos.models import Combo, ComboTarget, FallbackChain, FallbackStep, ModelAlias
from health.models import Breaker, ConnectionLimit, Cooldown, Lockout, LockoutPolicy, PolicyName, ProviderProfile
from omniroute_site.roles import Role
from providers.models import Model, Provider, ProviderConnection, ProviderNode, Source, Tier
from tests.dashboard import make_connection, make_key, make_provider, make_record, make_trouble, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

VISITORS = (*Role, None)

# owner, operator, member, viewer, nobody logged in
EVERYBODY = (200, 200, 200, 200, 302)
READERS = (200, 200, 403, 200, 302)
MAKERS = (200, 200, 403, 403, 302)
KEY_MAKERS = (200, 200, 200, 403, 302)
OWNERS = (200, 403, 403, 403, 302)
NO_DEED = (403, 403, 403, 403, 302)
ONE_FORM = (302, 302, 403, 302, 302)
MOVED = (302, 302, 302, 302, 302)

MATRIX: dict[str, tuple[int, int, int, int, int]] = {
    "index": EVERYBODY,
    "search": EVERYBODY,
    "autocomplete": (403, 403, 403, 403, 302),
    "jsi18n": EVERYBODY,
    "password_change": EVERYBODY,
    "password_change_done": EVERYBODY,
    "login": MOVED,
    "logout": (405, 405, 405, 405, 302),
    "view_on_site": (404, 404, 404, 404, 302),
    "app_list:auth": (200, 404, 404, 404, 302),
    "app_list:billing": EVERYBODY,
    "app_list:combos": EVERYBODY,
    "app_list:health": (200, 200, 404, 200, 302),
    "app_list:providers": EVERYBODY,
    "providers_provider_changelist": EVERYBODY,
    "providers_provider_add": NO_DEED,
    "providers_provider_change": EVERYBODY,
    "providers_provider_delete": NO_DEED,
    "providers_provider_history": EVERYBODY,
    "providers_providernode_changelist": READERS,
    "providers_providernode_add": MAKERS,
    "providers_providernode_change": READERS,
    "providers_providernode_delete": MAKERS,
    "providers_providernode_history": READERS,
    "providers_providerconnection_changelist": READERS,
    "providers_providerconnection_add": MAKERS,
    "providers_providerconnection_change": READERS,
    "providers_providerconnection_delete": MAKERS,
    "providers_providerconnection_history": READERS,
    "providers_model_changelist": EVERYBODY,
    "providers_model_add": MAKERS,
    "providers_model_change": EVERYBODY,
    "providers_model_delete": MAKERS,
    "providers_model_history": EVERYBODY,
    "providers_upstreamsettings_changelist": ONE_FORM,
    "providers_upstreamsettings_add": NO_DEED,
    "providers_upstreamsettings_change": READERS,
    "providers_upstreamsettings_delete": NO_DEED,
    "providers_upstreamsettings_history": READERS,
    "combos_combo_changelist": EVERYBODY,
    "combos_combo_add": MAKERS,
    "combos_combo_change": EVERYBODY,
    "combos_combo_delete": MAKERS,
    "combos_combo_history": EVERYBODY,
    "combos_combo_ready_made": MAKERS,
    "combos_combo_explain": EVERYBODY,
    "combos_combo_what_if": EVERYBODY,
    "combos_combo_rehearse": MAKERS,
    "combos_modelalias_changelist": EVERYBODY,
    "combos_modelalias_add": MAKERS,
    "combos_modelalias_change": EVERYBODY,
    "combos_modelalias_delete": MAKERS,
    "combos_modelalias_history": EVERYBODY,
    "combos_fallbackchain_changelist": READERS,
    "combos_fallbackchain_add": MAKERS,
    "combos_fallbackchain_change": READERS,
    "combos_fallbackchain_delete": MAKERS,
    "combos_fallbackchain_history": READERS,
    "combos_routingsettings_changelist": ONE_FORM,
    "combos_routingsettings_add": NO_DEED,
    "combos_routingsettings_change": READERS,
    "combos_routingsettings_delete": NO_DEED,
    "combos_routingsettings_history": READERS,
    "combos_gatewaysettings_changelist": ONE_FORM,
    "combos_gatewaysettings_add": NO_DEED,
    "combos_gatewaysettings_change": READERS,
    "combos_gatewaysettings_delete": NO_DEED,
    "combos_gatewaysettings_history": READERS,
    "health_breaker_changelist": READERS,
    "health_connectionlimit_changelist": READERS,
    "health_connectionlimit_add": NO_DEED,
    "health_connectionlimit_change": READERS,
    "health_connectionlimit_delete": NO_DEED,
    "health_connectionlimit_history": READERS,
    "health_ratelimitdefaults_changelist": ONE_FORM,
    "health_ratelimitdefaults_add": NO_DEED,
    "health_ratelimitdefaults_change": READERS,
    "health_ratelimitdefaults_delete": NO_DEED,
    "health_ratelimitdefaults_history": READERS,
    "health_providerprofile_changelist": READERS,
    "health_providerprofile_add": MAKERS,
    "health_providerprofile_change": READERS,
    "health_providerprofile_delete": MAKERS,
    "health_providerprofile_history": READERS,
    "health_lockoutpolicy_changelist": READERS,
    "health_lockoutpolicy_add": NO_DEED,
    "health_lockoutpolicy_change": READERS,
    "health_lockoutpolicy_delete": NO_DEED,
    "health_lockoutpolicy_history": READERS,
    "health_lockout_changelist": READERS,
    "health_lockout_add": NO_DEED,
    "health_lockout_change": READERS,
    "health_lockout_delete": NO_DEED,
    "health_lockout_history": READERS,
    "billing_apikey_changelist": EVERYBODY,
    "billing_apikey_add": KEY_MAKERS,
    "billing_apikey_change": (200, 200, 302, 200, 302),
    "billing_apikey_delete": (200, 200, 302, 403, 302),
    "billing_apikey_history": (200, 200, 302, 200, 302),
    "billing_apikey_rotate": (200, 200, 404, 403, 302),
    "billing_team_changelist": READERS,
    "billing_team_add": MAKERS,
    "billing_team_change": READERS,
    "billing_team_delete": MAKERS,
    "billing_team_history": READERS,
    "billing_usagerecord_changelist": EVERYBODY,
    "billing_usagerecord_add": NO_DEED,
    "billing_usagerecord_csv": EVERYBODY,
    "billing_usagerecord_change": (200, 200, 302, 200, 302),
    "billing_usagerecord_delete": NO_DEED,
    "billing_usagerecord_history": (200, 200, 302, 200, 302),
    "billing_dailyusage_changelist": EVERYBODY,
    "billing_dailyusage_costs": EVERYBODY,
    "billing_pricing_changelist": EVERYBODY,
    "billing_pricing_add": MAKERS,
    "billing_pricing_change": EVERYBODY,
    "billing_pricing_delete": MAKERS,
    "billing_pricing_history": EVERYBODY,
    "billing_pricing_glance": EVERYBODY,
    "billing_budget_changelist": READERS,
    "billing_budget_add": MAKERS,
    "billing_budget_change": READERS,
    "billing_budget_delete": MAKERS,
    "billing_budget_history": READERS,
    "billing_billingsettings_changelist": ONE_FORM,
    "billing_billingsettings_add": NO_DEED,
    "billing_billingsettings_change": READERS,
    "billing_billingsettings_delete": NO_DEED,
    "billing_billingsettings_history": READERS,
    "auth_user_changelist": OWNERS,
    "auth_user_add": OWNERS,
    "auth_user_change": OWNERS,
    "auth_user_delete": OWNERS,
    "auth_user_history": OWNERS,
    "auth_user_password_change": OWNERS,
    "auth_group_changelist": OWNERS,
    "auth_group_add": NO_DEED,
    "auth_group_change": OWNERS,
    "auth_group_delete": NO_DEED,
    "auth_group_history": OWNERS,
}


def registered() -> set[str]:
    """The name of every page of the admin, the app lists by app, without what only redirects an old address."""
    found: set[str] = set()
    for pattern in admin.site.get_urls():
        found |= names_under(pattern)
    apps = {model._meta.app_label for model in admin.site._registry}
    return (found - {"app_list"}) | {f"app_list:{app}" for app in apps}


def names_under(pattern: URLPattern | URLResolver) -> set[str]:
    if isinstance(pattern, URLResolver):
        return {name for inner in pattern.url_patterns for name in names_under(inner)}
    return {pattern.name} if pattern.name else set()


def make_one_of_each() -> dict[str, Any]:
    """A row for each page, none of them a Member's own."""
    stranger = make_user(Role.VIEWER, "stranger")
    provider = make_provider()
    node = ProviderNode(slug="node", prefix="node", name="Node", tier=Tier.OWN, base_url="http://127.0.0.1:9/v1")
    node.save()
    key = make_key(stranger)
    combo = Combo.objects.create(name="coding")
    ComboTarget.objects.create(combo=combo, model="groq/llama")
    chain = FallbackChain.objects.create(name="last")
    FallbackStep.objects.create(chain=chain, model="groq/llama")
    prices = {"input_per_million": 1, "output_per_million": 2}
    connection = make_connection(provider)
    make_trouble(connection)
    return {
        "providers_provider": provider.pk,
        "providers_providernode": node.pk,
        "providers_providerconnection": connection.pk,
        "providers_model": Model.objects.create(provider=provider, model_id="llama", source=Source.OPERATOR).pk,
        "providers_upstreamsettings": 1,
        "combos_combo": combo.pk,
        "combos_modelalias": ModelAlias.objects.create(pattern="gpt-*", target="coding").pk,
        "combos_fallbackchain": chain.pk,
        "combos_routingsettings": 1,
        "combos_gatewaysettings": 1,
        "health_connectionlimit": connection.pk,
        "health_ratelimitdefaults": 1,
        "health_providerprofile": ProviderProfile.objects.get(provider=provider).pk,
        "health_lockoutpolicy": LockoutPolicy.objects.get_or_create(name=PolicyName.LOGIN)[0].pk,
        "health_lockout": Lockout.objects.get().pk,
        "billing_apikey": key.pk,
        "billing_team": Team.objects.create(name="design").pk,
        "billing_usagerecord": make_record(key).pk,
        "billing_pricing": Pricing.objects.create(provider=provider, model_id="llama", **prices).pk,
        "billing_billingsettings": 1,
        "billing_budget": Budget.objects.create(api_key=make_key(), period="daily", limit_usd=1).pk,
        "auth_user": stranger.pk,
        "auth_group": stranger.groups.get().pk,
    }


def address_of(name: str, rows: dict[str, Any]) -> str:
    if name.startswith("app_list:"):
        return reverse("admin:app_list", args=[name.partition(":")[2]])
    if name == "view_on_site":
        return reverse("admin:view_on_site", args=[1, 1])
    model = next((model for model in rows if name.startswith(f"{model}_")), "")
    takes_row = name.endswith(("_change", "_delete", "_history", "_rehearse", "_rotate")) and bool(model)
    return reverse(f"admin:{name}", args=[rows[model]] if takes_row else [])


def test_every_page_of_the_dashboard_is_in_the_matrix() -> None:
    assert registered() == set(MATRIX)


@pytest.mark.parametrize("visitor", VISITORS, ids=[*(role.value for role in Role), "nobody"])
def test_each_role_opens_just_its_pages(client: Client, visitor: Role | None) -> None:
    rows = make_one_of_each()
    if visitor:
        client.force_login(make_user(visitor))
    column = VISITORS.index(visitor)
    found = {name: client.get(address_of(name, rows)).status_code for name in MATRIX}
    assert found == {name: expected[column] for name, expected in MATRIX.items()}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
def test_who_only_reads_changes_nothing_with_requests_of_their_own(client: Client, role: Role) -> None:
    rows = make_one_of_each()
    client.force_login(make_user(role))
    before = counts()
    for name in MATRIX:
        if name not in ("password_change", "billing_apikey_add") and name.endswith(("_add", "_change", "_delete")):
            answer = client.post(address_of(name, rows), {"post": "yes", "name": "taken over", "is_enabled": ""})
            assert answer.status_code in (302, 403), name
    assert counts() == before
    assert not ApiKey.objects.filter(name="taken over").exists()
    assert Provider.objects.get(pk="groq").is_enabled


def counts() -> list[int]:
    models = (
        Provider,
        ProviderNode,
        ProviderConnection,
        Model,
        Combo,
        ModelAlias,
        FallbackChain,
        ApiKey,
        Pricing,
        Budget,
        User,
        Breaker,
        Cooldown,
        Lockout,
        ConnectionLimit,
        ProviderProfile,
    )
    return [model.objects.count() for model in models]


def test_a_viewer_makes_no_key(client: Client) -> None:
    client.force_login(make_user(Role.VIEWER))
    assert client.post("/admin/billing/apikey/add/", {"name": "mine"}).status_code == 403
    assert not ApiKey.objects.exists()


def test_a_member_makes_only_ordinary_keys_of_their_own(client: Client) -> None:
    member, owner = make_user(Role.MEMBER), make_user(Role.OWNER)
    client.force_login(member)
    team = Team.objects.create(name="rich")
    form = {"name": "mine", "scopes": ["inference"], "owner": owner.pk, "team": team.pk}
    assert client.post("/admin/billing/apikey/add/", form | {"scopes": ["inference", "manage"]}).status_code == 200
    assert not ApiKey.objects.exists()
    answer = client.post("/admin/billing/apikey/add/", form)
    row = ApiKey.objects.get()
    assert (row.owner, row.is_admin, row.team) == (member, False, None)
    assert row.digest == keys.digest(answer.context["key"])


def test_a_member_cannot_make_their_key_an_admins(client: Client) -> None:
    member, owner = make_user(Role.MEMBER), make_user(Role.OWNER)
    key = make_key(member)
    client.force_login(member)
    form: dict[str, Any] = {"name": "renamed", "is_active": "on", "owner": owner.pk, "digest": "0" * 64}
    address = f"/admin/billing/apikey/{key.pk}/change/"
    assert client.post(address, form | {"scopes": ["inference", "manage"]}).status_code == 200
    form |= {"scopes": ["inference", "read"]}
    assert client.post(address, form).status_code == 302
    changed = ApiKey.objects.get()
    assert (changed.name, changed.is_admin, changed.owner, changed.digest) == ("renamed", False, member, key.digest)


@pytest.mark.parametrize("deed", ["change", "delete", "history"])
def test_a_member_does_not_reach_anothers_key(client: Client, deed: str) -> None:
    key = make_key(make_user(Role.OWNER), "not yours")
    client.force_login(make_user(Role.MEMBER))
    client.post(f"/admin/billing/apikey/{key.pk}/{deed}/", {"post": "yes", "name": "taken over"})
    assert b"not yours" not in client.get("/admin/billing/apikey/").content
    assert ApiKey.objects.get().name == "not yours"


@pytest.mark.parametrize("action", ["enable", "disable", "delete_selected"])
def test_a_members_actions_do_not_reach_anothers_key(client: Client, action: str) -> None:
    key = make_key(make_user(Role.OWNER))
    client.force_login(make_user(Role.MEMBER))
    client.post("/admin/billing/apikey/", {"action": action, "_selected_action": [str(key.pk)], "post": "yes"})
    assert ApiKey.objects.get().is_active


def test_a_viewers_actions_do_nothing(client: Client) -> None:
    connection, key = make_connection(), make_key()
    client.force_login(make_user(Role.VIEWER))
    for address, row in (("providers/providerconnection", connection), ("billing/apikey", key)):
        for action in ("disable", "delete_selected"):
            client.post(f"/admin/{address}/", {"action": action, "_selected_action": [str(row.pk)], "post": "yes"})
    assert ProviderConnection.objects.get().is_active
    assert ApiKey.objects.get().is_active


def test_a_member_sees_only_what_their_own_keys_used(client: Client) -> None:
    member = make_user(Role.MEMBER)
    mine = make_record(make_key(member), model_asked="mine/model")
    theirs = make_record(make_key(make_user(Role.OWNER)), model_asked="theirs/model")
    make_record(None, model_asked="theirs/keyless")
    client.force_login(member)
    for address in ("/admin/", "/admin/billing/usagerecord/"):
        shown = client.get(address).content.decode()
        assert "mine/model" in shown
        assert "theirs/" not in shown
    assert client.get("/admin/").context["day"]["requests"] == 1
    assert client.get(f"/admin/billing/usagerecord/{mine.pk}/change/").status_code == 200
    assert client.get(f"/admin/billing/usagerecord/{theirs.pk}/change/").status_code == 302
    assert not client.get("/admin/billing/usagerecord/?key=sk-or-").context["cl"].result_list


def test_an_operator_does_not_touch_users(client: Client) -> None:
    operator, owner = make_user(Role.OPERATOR), make_user(Role.OWNER)
    client.force_login(operator)
    form = {"username": operator.username, "role": "Owner", "is_active": "on"}
    password = {"password1": "another password 7", "password2": "another password 7"}
    for path, values in (
        ("add/", {"username": "new", "role": "Owner", **password}),
        (f"{operator.pk}/change/", form),
        (f"{owner.pk}/delete/", {"post": "yes"}),
        (f"{owner.pk}/password/", password),
    ):
        assert client.post(f"/admin/auth/user/{path}", values).status_code == 403
    assert User.objects.count() == 2
    assert operator.groups.get().name == "Operator"
    assert User.objects.get(pk=owner.pk).password == owner.password


def test_somebody_without_a_role_sees_no_page(client: Client) -> None:
    user = User.objects.create_user("stray", password="x")
    client.force_login(user)
    assert client.get("/admin/billing/apikey/", follow=True).status_code == 403


def test_a_secret_is_on_no_page_of_any_role(client: Client) -> None:
    rows = make_one_of_each()
    sealed = ProviderConnection.objects.get().sealed_api_key
    digest = ApiKey.objects.filter(pk=rows["billing_apikey"]).get().digest
    for role in Role:
        client.force_login(make_user(role))
        for name in MATRIX:
            if name != "logout":
                shown = b"".join(client.get(address_of(name, rows))).decode()
                assert not any(secret in shown for secret in (sealed, digest, "gsk_a_secret", settings.SECRET_KEY))
