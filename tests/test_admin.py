"""The dashboard's pages: what they show, what they refuse, what they cost in queries."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.models import ApiKey, DailyUsage, Team, UsageRecord
from combos.models import Combo, ComboTarget, FallbackChain, GatewaySettings, ModelAlias, RoutingSettings
from health.models import Lockout
from omniroute_site.roles import Role
from providers import vault
from providers.models import Model, Provider, ProviderConnection, ProviderNode, Source, Tier, UpstreamSettings
from tests.dashboard import (
    PASSWORD,
    make_connection,
    make_provider,
    make_record,
    make_rows,
    make_user,
    text_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

QUERIES_PER_CHANGELIST = 12
QUERIES_OF_HOME = 16

CHANGELISTS = [
    "providers/provider",
    "providers/providernode",
    "providers/providerconnection",
    "providers/model",
    "combos/combo",
    "combos/modelalias",
    "combos/fallbackchain",
    "health/breaker",
    "health/connectionlimit",
    "health/providerprofile",
    "health/lockoutpolicy",
    "health/lockout",
    "billing/apikey",
    "billing/team",
    "billing/usagerecord",
    "billing/dailyusage",
    "billing/dailyusage/costs",
    "billing/pricing",
    "billing/budget",
    "auth/user",
    "auth/group",
]

OWN = {
    "health/breaker",
    "health/connectionlimit",
    "health/providerprofile",
    "health/lockoutpolicy",
    "billing/dailyusage",
    "billing/dailyusage/costs",
}
"""Pages of our own making, or with rows from the start."""

NO_TARGETS = {"targets-TOTAL_FORMS": "0", "targets-INITIAL_FORMS": "0"}


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.headers
    return dict(response.context["adminform"].form.errors)


def number_of_queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        database,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


# Login.


def test_the_admins_login_is_allauths(client: Client) -> None:
    response = client.get("/admin/login/?next=/admin/billing/apikey/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=%2Fadmin%2Fbilling%2Fapikey%2F"


def test_the_admins_login_takes_no_password_itself(client: Client, owner: User) -> None:
    response = client.post("/admin/login/", {"username": "owner", "password": PASSWORD})
    assert response.status_code == 302
    assert "_auth_user_id" not in client.session


def test_one_logs_in_and_arrives_where_one_wanted_to_go(client: Client, owner: User) -> None:
    form = {"login": "owner", "password": PASSWORD, "next": "/admin/billing/apikey/"}
    assert client.post("/accounts/login/", form)["Location"] == "/admin/billing/apikey/"


def test_guessing_passwords_is_slowed_down(client: Client, owner: User) -> None:
    for _attempt in range(12):
        last = client.post("/accounts/login/", {"login": "owner", "password": "wrong"})
    assert "Too many" in text_of(last)
    right = client.post("/accounts/login/", {"login": "owner", "password": PASSWORD})
    assert right.status_code != 302


def test_nobody_signs_up(client: Client) -> None:
    client.post("/accounts/signup/", {"username": "new", "email": "a@b.example", "password1": PASSWORD})
    assert not User.objects.exists()


@pytest.mark.parametrize("address", ["login", "signup", "password/reset", "password/reset/done", "confirm-email"])
def test_the_pages_of_the_login_wear_the_products_look(client: Client, address: str) -> None:
    page = text_of(client.get(f"/accounts/{address}/"))
    assert "omniroute/dashboard.css" in page
    assert "Menu:" not in page


@pytest.mark.parametrize("address", ["logout", "email", "password/change", "reauthenticate"])
def test_the_pages_of_an_account_wear_the_products_look(page: Client, address: str) -> None:
    assert "omni-door" in text_of(page.get(f"/accounts/{address}/"))


# Every changelist.


@pytest.mark.parametrize("name", CHANGELISTS)
def test_a_changelist_asks_the_same_few_queries_for_one_row_and_for_sixty(page: Client, owner: User, name: str) -> None:
    make_rows(1, owner)
    page.get(f"/admin/{name}/")  # What is looked at once a minute is known from now on.
    first = number_of_queries(page, f"/admin/{name}/")
    User.objects.exclude(pk=owner.pk).delete()
    for model in (Provider, ApiKey, Combo, ModelAlias, FallbackChain, UsageRecord, DailyUsage, Lockout, Team):
        model.objects.all().delete()
    make_rows(60, owner)
    assert number_of_queries(page, f"/admin/{name}/") == first
    assert first <= QUERIES_PER_CHANGELIST


def test_home_asks_the_same_few_queries_for_one_row_and_for_sixty(page: Client, owner: User) -> None:
    make_rows(1, owner)
    first = number_of_queries(page, "/admin/")
    make_record()
    assert number_of_queries(page, "/admin/") == first
    assert first <= QUERIES_OF_HOME


@pytest.mark.parametrize("name", [name for name in CHANGELISTS if not name.startswith("auth/") and name not in OWN])
def test_an_empty_page_says_what_it_is_for_and_has_one_button(page: Client, name: str) -> None:
    response = page.get(f"/admin/{name}/")
    admin = response.context["cl"].model_admin
    assert str(admin.empty_text) in response.content.decode().replace("&#x27;", "'")
    assert response.content.decode().count('class="omni-button"') == 1


def test_the_log_is_never_counted(page: Client) -> None:
    make_record()
    with CaptureQueriesContext(database) as captured:
        page.get("/admin/billing/usagerecord/")
    assert not [query for query in captured if "COUNT(" in query["sql"] and "usage_records" in query["sql"]]


# Providers, nodes, connections, models.


def test_a_provider_is_switched_off_and_its_facts_stay(page: Client) -> None:
    provider = make_provider()
    page.post(f"/admin/providers/provider/{provider.pk}/change/", {"name": "Other", **empty_inline("connections")})
    provider.refresh_from_db()
    assert (provider.name, provider.is_enabled) == ("Groq", False)


def empty_inline(prefix: str) -> dict[str, str]:
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}


SPEECH = {"dialect": "openai", "streaming": "both"}
NODE = SPEECH | {"name": "Cellar", "prefix": "cellar", "base_url": "http://127.0.0.1:8000/v1"}


def test_a_node_is_added(page: Client) -> None:
    form = NODE | {"allow_private_network": "on", "is_enabled": "on"}
    assert page.post("/admin/providers/providernode/add/", form).status_code == 302
    node = ProviderNode.objects.get()
    assert (node.slug, node.tier) == ("cellar", Tier.OWN)


def test_a_private_address_is_refused_at_its_field(page: Client) -> None:
    assert "base_url" in errors_of(page.post("/admin/providers/providernode/add/", NODE))


def test_a_vendors_prefix_is_refused_at_its_field(page: Client) -> None:
    form = NODE | {"prefix": "openai", "allow_private_network": "on"}
    assert "prefix" in errors_of(page.post("/admin/providers/providernode/add/", form))


def test_a_node_is_deleted_with_all_that_is_its_own(page: Client) -> None:
    page.post("/admin/providers/providernode/add/", NODE | {"allow_private_network": "on"})
    ProviderConnection.objects.create(provider_id="cellar", name="main")
    assert "main" in text_of(page.get("/admin/providers/providernode/cellar/delete/"))
    page.post("/admin/providers/providernode/cellar/delete/", {"post": "yes"})
    assert not Provider.objects.exists()
    assert not ProviderConnection.objects.exists()


CONNECTION = {"provider": "groq", "name": "work", "priority": "1", "is_active": "on"}


def test_a_key_connects_a_provider_and_is_never_shown(page: Client) -> None:
    make_provider()
    secret = "gsk_not_to_be_seen"
    assert page.post("/admin/providers/providerconnection/add/", CONNECTION | {"api_key": secret}).status_code == 302
    row = ProviderConnection.objects.get()
    assert vault.load(settings.DATA_DIR).open(row.sealed_api_key, row.place_of_api_key()) == secret
    form = text_of(page.get(f"/admin/providers/providerconnection/{row.pk}/change/"))
    assert "Stored; last changed" in form
    assert secret not in form
    assert row.sealed_api_key not in form


def test_an_empty_key_keeps_the_stored_one(page: Client) -> None:
    row = make_connection()
    form = {"name": "renamed", "priority": "2", "is_active": "on", "api_key": ""}
    assert page.post(f"/admin/providers/providerconnection/{row.pk}/change/", form).status_code == 302
    changed = ProviderConnection.objects.get()
    assert (changed.name, changed.sealed_api_key) == ("renamed", row.sealed_api_key)


def test_a_stored_key_is_not_moved_to_another_provider(page: Client) -> None:
    row = make_connection()
    make_provider("openai", "OpenAI")
    form = CONNECTION | {"provider": "openai"}
    page.post(f"/admin/providers/providerconnection/{row.pk}/change/", form)
    assert ProviderConnection.objects.get().provider_id == "groq"


@pytest.mark.parametrize("secret", ["", "two words", "ключ"], ids=["none", "spaces", "not ASCII"])
def test_a_key_that_cannot_work_is_refused_at_its_field(page: Client, secret: str) -> None:
    make_provider()
    answer = page.post("/admin/providers/providerconnection/add/", CONNECTION | {"api_key": secret})
    assert "api_key" in errors_of(answer)
    assert not ProviderConnection.objects.exists()


def test_a_provider_with_a_browser_login_is_not_offered_and_why_is_said(page: Client) -> None:
    make_provider("claude", "Claude Code")
    form = page.get("/admin/providers/providerconnection/add/").context["adminform"].form
    assert not form.fields["provider"].queryset.exists()
    assert "Claude Code" in form.fields["provider"].help_text
    answer = page.post("/admin/providers/providerconnection/add/", CONNECTION | {"provider": "claude"})
    assert "provider" in errors_of(answer)


def test_connections_are_switched_off_together(page: Client) -> None:
    row = make_connection()
    page.post("/admin/providers/providerconnection/", {"action": "disable", "_selected_action": [str(row.pk)]})
    assert not ProviderConnection.objects.get().is_active


def test_a_catalogues_model_can_only_be_switched(page: Client) -> None:
    model = Model.objects.create(provider=make_provider(), model_id="llama", source=Source.CATALOGUE)
    page.post(f"/admin/providers/model/{model.pk}/change/", {"model_id": "other"})
    model.refresh_from_db()
    assert (model.model_id, model.is_enabled) == ("llama", False)
    assert page.post(f"/admin/providers/model/{model.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_operators_model_is_added_as_theirs(page: Client) -> None:
    make_provider()
    form = {"provider": "groq", "model_id": "mine", "kind": "chat", "is_enabled": "on"}
    assert page.post("/admin/providers/model/add/", form).status_code == 302
    assert Model.objects.get().source == Source.OPERATOR


@pytest.mark.parametrize(
    ("address", "model", "field", "value"),
    [
        ("providers/upstreamsettings", UpstreamSettings, "connect_timeout_seconds", 7),
        ("combos/gatewaysettings", GatewaySettings, "most_attempts", 3),
        ("combos/routingsettings", RoutingSettings, "sticky_limit", 5),
    ],
    ids=["timeouts", "requests", "routing"],
)
def test_settings_that_exist_once_are_one_form(page: Client, address: str, model: Any, field: str, value: int) -> None:
    assert page.get(f"/admin/{address}/")["Location"] == f"/admin/{address}/1/change/"
    form = page.get(f"/admin/{address}/1/change/").context["adminform"].form
    filled = {name: initial for name, initial in form.initial.items() if initial is not None}
    assert page.post(f"/admin/{address}/1/change/", filled | {field: value}).status_code == 302
    assert getattr(model.load(), field) == value
    assert model.objects.count() == 1


# Combos.


def combo_form(*models: str, name: str = "coding") -> dict[str, str]:
    rows = {f"targets-{place}-model": model for place, model in enumerate(models)}
    numbers = {"targets-TOTAL_FORMS": str(len(models)), "targets-INITIAL_FORMS": "0"}
    return {"name": name, "is_enabled": "on", **numbers, **rows}


def targets_of(name: str) -> list[tuple[int, str]]:
    return list(ComboTarget.objects.filter(combo__name=name).values_list("position", "model"))


def test_a_combo_keeps_the_order_its_targets_were_written_in(page: Client) -> None:
    make_provider()
    answer = page.post("/admin/combos/combo/add/", combo_form("groq/one", "groq/two", "groq/three"))
    assert answer.status_code == 302
    assert targets_of("coding") == [(1, "groq/one"), (2, "groq/two"), (3, "groq/three")]


def test_a_combos_targets_are_put_in_another_order(page: Client) -> None:
    make_provider()
    page.post("/admin/combos/combo/add/", combo_form("groq/one", "groq/two"))
    combo = Combo.objects.get()
    form = combo_form("groq/one", "groq/two", "groq/new") | {"targets-INITIAL_FORMS": "2"}
    for place, target in enumerate(combo.targets.all()):
        form |= {f"targets-{place}-id": str(target.pk), f"targets-{place}-combo": str(combo.pk)}
    form |= {"targets-0-position": "1", "targets-1-position": "0"}
    assert page.post(f"/admin/combos/combo/{combo.pk}/change/", form).status_code == 302
    assert targets_of("coding") == [(1, "groq/two"), (2, "groq/one"), (3, "groq/new")]


def test_a_combo_without_a_target_is_refused(page: Client) -> None:
    answer = page.post("/admin/combos/combo/add/", {"name": "coding", "is_enabled": "on", **NO_TARGETS})
    assert "at least one target" in text_of(answer)
    assert not Combo.objects.exists()


def test_a_target_nobody_serves_is_refused_naming_what_is_close(page: Client) -> None:
    Model.objects.create(provider=make_provider(), model_id="llama-3.3-70b")
    answer = page.post("/admin/combos/combo/add/", combo_form("grok/llama-3.3-70b"))
    assert "Close to it: groq/llama-3.3-70b" in text_of(answer)
    assert not Combo.objects.exists()


def test_a_target_pinned_to_another_providers_connection_is_refused(page: Client) -> None:
    make_provider("openai", "OpenAI")
    form = combo_form("openai/gpt-5") | {"targets-0-connection": str(make_connection().pk)}
    assert "not a connection of OpenAI" in text_of(page.post("/admin/combos/combo/add/", form))


def test_a_combos_name_rule_is_shown_at_its_field(page: Client) -> None:
    make_provider()
    assert "name" in errors_of(page.post("/admin/combos/combo/add/", combo_form("groq/one", name="two words")))


# Users.

NEW_USER = {"username": "new", "email": "", "role": "Operator", "password1": PASSWORD, "password2": PASSWORD}


def user_form(user: User, **changes: str) -> dict[str, str]:
    return {"username": user.username, "email": "", "role": "Owner", "is_active": "on"} | changes


def test_an_owner_makes_an_operator(page: Client) -> None:
    assert page.post("/admin/auth/user/add/", NEW_USER).status_code == 302
    made = User.objects.get(username="new")
    assert [group.name for group in made.groups.all()] == ["Operator"]
    assert (made.is_staff, made.is_superuser) == (True, False)
    assert made.check_password(PASSWORD)


@pytest.mark.parametrize("change", [{"role": "Viewer"}, {"is_active": ""}], ids=["demoted", "switched off"])
def test_the_last_owner_stays_one(page: Client, owner: User, change: dict[str, str]) -> None:
    answer = page.post(f"/admin/auth/user/{owner.pk}/change/", user_form(owner, **change))
    assert "the last Owner" in str(errors_of(answer))
    owner.refresh_from_db()
    assert owner.is_active
    assert owner.groups.get().name == "Owner"


def test_the_last_owner_is_not_deleted(page: Client, owner: User) -> None:
    assert "the last Owner" in text_of(page.get(f"/admin/auth/user/{owner.pk}/delete/"))
    page.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [str(owner.pk)], "post": "yes"}
    page.post("/admin/auth/user/", chosen)
    assert User.objects.filter(pk=owner.pk).exists()


def test_one_of_two_owners_may_be_made_less(page: Client) -> None:
    second = make_user(Role.OWNER, "second")
    User.objects.filter(pk=second.pk).update(is_superuser=True)
    assert page.post(f"/admin/auth/user/{second.pk}/change/", user_form(second, role="Viewer")).status_code == 302
    second.refresh_from_db()
    assert (second.is_superuser, second.groups.get().name) == (False, "Viewer")


@pytest.mark.parametrize("path", ["/accounts/password/reset/", "/accounts/email/"])
def test_pages_that_would_send_mail_are_not_offered(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, {"email": "somebody@example.com"}).status_code == 404


def test_guessing_a_password_is_stopped_whatever_address_is_claimed(client: Client, db: None) -> None:
    User.objects.create_user("somebody", password="correct horse battery", is_staff=True)

    def sign_in(password: str, claimed: int) -> str:
        form = {"login": "somebody", "password": password}
        answer = client.post("/accounts/login/", form, headers={"x-forwarded-for": f"203.0.113.{claimed}"})
        return text_of(answer) if answer.status_code == 200 else f"status {answer.status_code}"

    said = [sign_in("wrong", claimed) for claimed in range(5)]
    assert "Too many wrong passwords" not in said[3]
    assert "Too many wrong passwords. Try again in 15:00" in said[4]
    assert "Too many wrong passwords. Try again in" in sign_in("correct horse battery", 99)
