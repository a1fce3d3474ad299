"""Looking after API keys: what one may hold, who may give what, rotation, expiry to the second, and the command."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from billing import snapshot
from billing.api_keys import keys
from billing.models import ApiKey, Budget, FormerKey, Team
from combos import admission
from combos.refusals import WrongKey
from combos.snapshot import load
from omniroute_site import api_access
from omniroute_site.roles import Role
from providers import configuration
from tests.dashboard import make_key, make_record, make_user, text_of
from tests.management import World, call, client_of, client_with, error_of

pytestmark = pytest.mark.django_db

REFUSED: list[tuple[str, Any]] = [
    ("scopes", []),
    ("scopes", ["everything"]),
    ("scopes", "inference"),
    ("allowedModels", ["openai/"]),
    ("allowedModels", [""]),
    ("allowedModels", ["a\nb"]),
    ("allowedModels", [7]),
    ("allowedModels", ["m" * 301]),
    ("allowedModels", ["m"] * 201),
    ("allowedModels", None),
    ("allowedProviders", ["nobody-knows-it"]),
    ("ipRanges", ["10.0.0.1/8"]),
    ("ipRanges", ["10.0.0.0/33"]),
    ("ipRanges", ["localhost"]),
    ("ipRanges", ["1.2.3"]),
    ("ipRanges", ["fe80::1%eth0/64"]),
    ("requestsPerMinute", 0),
    ("requestsPerMinute", -1),
    ("requestsPerMinute", 10**30),
    ("requestsPerMinute", 1.5),
    ("tokensPerMinute", 0),
    ("maxConcurrent", 0),
    ("maxConcurrent", True),
    ("owner", "nobody"),
    ("team", "no such team"),
    ("expiresAt", "soon"),
    ("digest", "0" * 64),
    ("lastUsedAt", "2030-01-01T00:00:00Z"),
]
over_refused = pytest.mark.parametrize(("field", "value"), REFUSED, ids=lambda part: repr(part)[:40])


@over_refused
def test_what_a_key_cannot_hold_is_refused_at_its_field(world: World, admin: Client, field: str, value: Any) -> None:
    before = ApiKey.objects.filter(pk=world.key.pk).values().get()
    made = call(admin, "POST", "/api/keys", {"name": "new", field: value})
    changed = call(admin, "PATCH", f"/api/keys/{world.key.pk}", {field: value})
    for answer in (made, changed):
        assert answer.status_code == 400, answer.content
        assert field in (error_of(answer)["param"] or error_of(answer)["message"]), answer.content
    assert not ApiKey.objects.filter(name="new").exists()
    assert ApiKey.objects.filter(pk=world.key.pk).values().get() == before


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")], ids=str)
def test_what_is_no_number_in_json_is_refused(world: World, admin: Client, number: float) -> None:
    for field in ("requestsPerMinute", "tokensPerMinute", "maxConcurrent"):
        assert call(admin, "PATCH", f"/api/keys/{world.key.pk}", {field: number}).status_code == 400


def pages_of(user: User) -> Client:
    """A client that is logged in to the dashboard."""
    user.is_staff = True
    user.save()
    return client_of(user)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("allowed_providers", "groq, nobody", "There is no provider “nobody”."),
        (
            "ip_ranges",
            "10.0.0.1/8",
            "“10.0.0.1/8” is an address within a range. Write 10.0.0.0/8, or the address alone.",
        ),
        ("requests_per_minute", "0", "greater than or equal to 1"),
        ("max_concurrent", "1000000000", "less than or equal to"),
        ("scopes", [], "Tick at least one"),
    ],
    ids=str,
)
def test_the_form_says_the_same_at_the_field(
    world: World, field: str, value: Any, message: str, quiet_dashboard: None
) -> None:
    client = pages_of(world.users[Role.OWNER])
    form = {"name": "new", "scopes": ["inference"], field: value}
    answer = client.post("/admin/billing/apikey/add/", form)
    assert message in str(answer.context["adminform"].form.errors[field])


def test_a_new_key_asks_models_and_no_more_unless_somebody_ticks_it(world: World, quiet_dashboard: None) -> None:
    form = pages_of(world.users[Role.MEMBER]).get("/admin/billing/apikey/add/").context["adminform"].form
    assert form["scopes"].value() == ["inference"]


def test_a_list_is_written_on_lines_or_with_commas(world: World, quiet_dashboard: None) -> None:
    client = pages_of(world.users[Role.OWNER])
    lists = {"allowed_models": "groq/*\r\n\r\n coding ,groq/*", "ip_ranges": "10.0.0.0/8,::1"}
    client.post("/admin/billing/apikey/add/", {"name": "new", "scopes": ["inference"]} | lists)
    row = ApiKey.objects.get(name="new")
    assert (row.allowed_models, row.ip_ranges) == (["groq/*", "coding"], ["10.0.0.0/8", "::1"])
    shown = client.get(f"/admin/billing/apikey/{row.pk}/change/").context["adminform"].form
    assert shown["allowed_models"].value() == "groq/*\ncoding"
    form = {"name": "new", "scopes": ["inference"], "is_active": "on", "allowed_models": "", "ip_ranges": "::1"}
    client.post(f"/admin/billing/apikey/{row.pk}/change/", form)
    row.refresh_from_db()
    assert (row.allowed_models, row.ip_ranges) == ([], ["::1"])


def test_every_field_is_made_changed_and_shown(world: World, admin: Client) -> None:
    facts = {
        "scopes": ["inference", "read"],
        "owner": "member",
        "team": "lab",
        "allowedModels": ["groq/*", "coding"],
        "allowedProviders": ["groq", "ds"],
        "ipRanges": ["10.0.0.0/8"],
        "requestsPerMinute": 60,
        "tokensPerMinute": 100_000,
        "maxConcurrent": 4,
        "expiresAt": "2030-01-31T00:00:00Z",
    }
    made = call(admin, "POST", "/api/keys", {"name": "all"} | facts).json()
    assert facts.items() <= made.items()
    assert (made["lastUsedAt"], made["formerKeys"], made["isAdmin"]) == (None, [], False)
    path = f"/api/keys/{made['id']}"
    freed = {"team": None, "owner": None, "requestsPerMinute": None, "expiresAt": None, "allowedModels": []}
    assert freed.items() <= call(admin, "PATCH", path, freed).json().items()
    assert (facts | freed).items() <= admin.get(path).json().items()


def test_a_key_is_switched_off_although_its_provider_is_gone(world: World, admin: Client) -> None:
    ApiKey.objects.filter(pk=world.key.pk).update(allowed_providers=["was-removed"])
    assert call(admin, "PATCH", f"/api/keys/{world.key.pk}", {"isActive": False}).json()["isActive"] is False


def test_is_admin_and_scopes_are_not_sent_together(world: World, admin: Client) -> None:
    body = {"name": "new", "isAdmin": True, "scopes": ["read"]}
    assert error_of(call(admin, "POST", "/api/keys", body))["param"] == "isAdmin"


# Who may what: created, rotated, limited, revoked, and what it used.

YES, NO = True, False
SELF_SERVICE: dict[str, tuple[bool, bool, bool, bool]] = {  # Owner, Operator, Member, Viewer
    "create": (YES, YES, YES, NO),
    "create to read": (YES, YES, YES, NO),
    "create to manage": (YES, YES, NO, NO),
    "create for another": (YES, YES, NO, NO),
    "create to manage as another": (YES, NO, NO, NO),
    "create into a team": (YES, YES, NO, NO),
    "rotate own": (YES, YES, YES, NO),
    "rotate another's": (YES, YES, NO, NO),
    "rotate another's to manage": (YES, NO, NO, NO),
    "limit own": (YES, YES, YES, NO),
    "limit another's": (YES, YES, NO, NO),
    "raise own to manage": (YES, YES, NO, NO),
    "raise another's to manage": (YES, NO, NO, NO),
    "move own into a team": (YES, YES, NO, NO),
    "give own away": (YES, YES, NO, NO),
    "switch own off": (YES, YES, YES, NO),
    "revoke former of own": (YES, YES, YES, NO),
    "delete own": (YES, YES, YES, NO),
    "delete another's": (YES, YES, NO, NO),
    "view own": (YES, YES, YES, YES),
    "view another's": (YES, YES, NO, YES),
    "view own usage": (YES, YES, YES, YES),
}
CALLS: dict[str, tuple[str, str, Any]] = {
    "create": ("POST", "", {"name": "new"}),
    "create to read": ("POST", "", {"name": "new", "scopes": ["inference", "read"]}),
    "create to manage": ("POST", "", {"name": "new", "scopes": ["manage"]}),
    "create for another": ("POST", "", {"name": "new", "owner": "stranger"}),
    "create to manage as another": ("POST", "", {"name": "new", "owner": "stranger", "isAdmin": True}),
    "create into a team": ("POST", "", {"name": "new", "team": "lab"}),
    "rotate own": ("POST", "/{own}/rotate", {}),
    "rotate another's": ("POST", "/{other}/rotate", {"graceSeconds": 0}),
    "rotate another's to manage": ("POST", "/{manager}/rotate", {}),
    "limit own": ("PATCH", "/{own}", {"requestsPerMinute": 5, "allowedModels": ["groq/*"]}),
    "limit another's": ("PATCH", "/{other}", {"requestsPerMinute": 5}),
    "raise own to manage": ("PATCH", "/{own}", {"scopes": ["inference", "manage"]}),
    "raise another's to manage": ("PATCH", "/{other}", {"scopes": ["inference", "manage"]}),
    "move own into a team": ("PATCH", "/{own}", {"team": "lab"}),
    "give own away": ("PATCH", "/{own}", {"owner": "stranger"}),
    "switch own off": ("PATCH", "/{own}", {"isActive": False}),
    "revoke former of own": ("POST", "/{own}/revoke-former", {}),
    "delete own": ("DELETE", "/{own}", None),
    "delete another's": ("DELETE", "/{other}", None),
    "view own": ("GET", "/{own}", None),
    "view another's": ("GET", "/{other}", None),
}


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_each_role_looks_after_keys_as_far_as_the_table_says(world: World, quiet_dashboard: None, role: Role) -> None:
    stranger = make_user(Role.OWNER, "stranger")
    found = {}
    for deed in SELF_SERVICE:
        own, other = make_key(world.users[role], "own"), make_key(stranger, "other")
        manager = make_key(stranger, "manager", is_admin=True)
        client = pages_of(world.users[role])
        if deed == "view own usage":
            make_record(own, model_asked="mine/model")
            found[deed] = "mine/model" in text_of(client.get("/admin/billing/usagerecord/"))
            continue
        method, path, body = CALLS[deed]
        address = "/api/keys" + path.format(own=own.pk, other=other.pk, manager=manager.pk)
        answer = call(client, method, address, body)
        assert answer.status_code in (200, 201, 403, 404), (deed, answer.content)
        found[deed] = answer.status_code < 300
        if not found[deed]:
            assert error_of(answer)["code"] in ("permission_denied", "not_found")
    column = list(Role).index(role)
    assert found == {deed: row[column] for deed, row in SELF_SERVICE.items()}


def test_what_is_refused_is_not_half_done(world: World) -> None:
    member = client_of(world.users[Role.MEMBER])
    body = {"requestsPerMinute": 5, "team": "lab"}
    assert error_of(call(member, "PATCH", f"/api/keys/{world.key.pk}", body))["param"] == "team"
    world.key.refresh_from_db()
    assert (world.key.requests_per_minute, world.key.team) == (None, None)


def test_a_member_keeps_the_team_that_somebody_gave_their_key(world: World, quiet_dashboard: None) -> None:
    ApiKey.objects.filter(pk=world.key.pk).update(team=world.team)
    member = pages_of(world.users[Role.MEMBER])
    page = member.get(f"/admin/billing/apikey/{world.key.pk}/change/")
    assert "lab" in text_of(page)
    form = {"name": "renamed", "scopes": ["inference"], "is_active": "on", "team": ""}
    member.post(f"/admin/billing/apikey/{world.key.pk}/change/", form)
    world.key.refresh_from_db()
    assert (world.key.name, world.key.team) == ("renamed", world.team)


def test_who_has_spent_everything_still_opens_every_page(world: World, quiet_dashboard: None) -> None:
    Budget.objects.create(level="user", user=world.users[Role.MEMBER], period="daily", limit_usd="0.01")
    make_record(world.key, cost_usd=5)
    session = pages_of(world.users[Role.MEMBER])
    key = client_with(keys.create("mine", owner=world.users[Role.MEMBER], scopes=["inference", "read"])[1])
    pages = ["", "billing/apikey/", "billing/apikey/add/", f"billing/apikey/{world.key.pk}/change/"]
    pages += [f"billing/apikey/{world.key.pk}/rotate/", "billing/usagerecord/", "billing/pricing/"]
    assert {page: session.get(f"/admin/{page}").status_code for page in pages} == dict.fromkeys(pages, 200)
    paths = ["/api/keys", f"/api/keys/{world.key.pk}", "/api/combos", "/api/models/catalog"]
    for client in (session, key):
        assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


# Scopes and addresses at /api.


def test_a_key_that_reads_changes_nothing(world: World) -> None:
    key = client_with(keys.create("watcher", owner=world.users[Role.OWNER], scopes=["read"])[1])
    assert call(key, "GET", "/api/keys").status_code == 200
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        refused = call(key, method, f"/api/keys/{world.key.pk}", {"name": "taken over"})
        assert (refused.status_code, error_of(refused)["code"]) == (403, "manage_scope_needed"), method
        assert "`read`" in error_of(refused)["message"]


def test_a_key_that_reads_sees_what_its_owner_sees(world: World) -> None:
    make_key(world.users[Role.OWNER], "not yours")
    key = client_with(keys.create("mine", owner=world.users[Role.MEMBER], scopes=["read"])[1])
    assert {row["owner"] for row in call(key, "GET", "/api/keys").json()["keys"]} == {"member"}
    assert call(key, "GET", "/api/providers").status_code == 403


def test_a_key_opens_the_management_api_from_its_addresses_alone(world: World) -> None:
    _, secret = keys.create("here", is_admin=True, ip_ranges=["192.0.2.0/24"])
    client = client_with(secret)
    refused = call(client, "GET", "/api/keys")
    assert (refused.status_code, error_of(refused)["code"]) == (403, "address_not_allowed")
    client.defaults["REMOTE_ADDR"] = "::ffff:192.0.2.7"
    assert call(client, "GET", "/api/keys").status_code == 200


# Rotation.


def test_a_rotated_key_is_told_once_and_both_secrets_are_good(world: World, admin: Client) -> None:
    row, before = keys.create("ci", is_admin=True)
    answer = call(admin, "POST", f"/api/keys/{row.pk}/rotate", {"graceSeconds": 600}).json()
    assert answer["id"] == str(row.pk)
    assert before not in str(answer)
    assert [former["key"] for former in answer["formerKeys"]] == [before[:12] + "…"]
    for secret in (before, answer["key"]):
        assert client_with(secret).get(f"/api/keys/{row.pk}").json()["key"] == answer["key"][:12] + "…"
    assert call(admin, "POST", f"/api/keys/{row.pk}/revoke-former", {}).json() == {"revoked": 1}
    assert client_with(before).get("/api/keys").status_code == 401
    assert client_with(answer["key"]).get("/api/keys").status_code == 200


def test_without_grace_the_former_secret_ends_at_once(world: World, admin: Client) -> None:
    row, before = keys.create("ci", is_admin=True)
    assert call(admin, "POST", f"/api/keys/{row.pk}/rotate", {"graceSeconds": 0}).json()["formerKeys"] == []
    assert client_with(before).get("/api/keys").status_code == 401


@pytest.mark.parametrize("grace", [-1, 30 * 86_400 + 1, 1.5, "60", None, True, float("inf")], ids=repr)
def test_a_grace_that_makes_no_sense_is_refused(world: World, admin: Client, grace: Any) -> None:
    answer = call(admin, "POST", f"/api/keys/{world.key.pk}/rotate", {"graceSeconds": grace})
    assert answer.status_code == 400
    world.key.refresh_from_db()
    assert not world.key.former_keys.exists()


def test_rotating_again_keeps_the_end_of_the_one_before(world: World) -> None:
    keys.rotate(world.key, timedelta(days=2))
    (first,) = world.key.former_keys.all()
    keys.rotate(world.key, timedelta(hours=1))
    assert world.key.former_keys.count() == 2
    assert FormerKey.objects.get(pk=first.pk).ends_at == first.ends_at


def test_one_key_has_not_endless_former_secrets(world: World, admin: Client) -> None:
    for _ in range(keys.MOST_FORMER):
        keys.rotate(world.key)
    digest = world.key.digest
    assert call(admin, "POST", f"/api/keys/{world.key.pk}/rotate", {}).status_code == 400
    world.key.refresh_from_db()
    assert world.key.digest == digest
    assert call(admin, "POST", f"/api/keys/{world.key.pk}/rotate", {"graceSeconds": 0}).status_code == 200


def test_of_two_who_rotate_at_once_one_is_told(world: World) -> None:
    stale = ApiKey.objects.get(pk=world.key.pk)
    keys.rotate(world.key)
    with pytest.raises(keys.AlreadyRotated):
        keys.rotate(stale)


def test_a_former_secret_is_good_to_the_second_and_no_longer_than_its_key(world: World) -> None:
    row, before = keys.create("ci", is_admin=True)
    after = keys.rotate(row, timedelta(hours=1))
    ends = row.former_keys.get().ends_at
    second = timedelta(seconds=1)
    for secret, moment, is_good in (
        (before, ends - second, True),
        (before, ends, False),
        (after, ends + second, True),
    ):
        assert opens(secret, moment) == (is_good, is_good)
    keys.change(row, expires_at=ends - 2 * second)
    assert opens(before, ends - second) == (False, False)


def test_former_secrets_are_forgotten_when_they_have_ended(world: World) -> None:
    keys.rotate(world.key, timedelta(hours=1))
    keys.rotate(world.key, timedelta(hours=3))
    assert keys.forget_former(timezone.now() + timedelta(hours=2)) == 1
    assert world.key.former_keys.count() == 1


def test_the_page_asks_for_the_grace_and_shows_the_new_key_once(world: World, quiet_dashboard: None) -> None:
    member = pages_of(world.users[Role.MEMBER])
    address = f"/admin/billing/apikey/{world.key.pk}/"
    assert "24 hours" in text_of(member.get(f"{address}rotate/"))
    before = world.key.digest
    answer = member.post(f"{address}rotate/", {"grace": "3600"})
    world.key.refresh_from_db()
    assert keys.digest(answer.context["key"]) == world.key.digest != before
    assert "no-store" in answer["Cache-Control"]
    assert answer.context["key"] not in text_of(member.get(f"{address}change/")) + text_of(
        member.get(f"{address}rotate/")
    )
    assert "The former secret" in text_of(member.get(f"{address}change/"))
    assert member.post(f"{address}rotate/", {"revoke": "1"}).status_code == 302
    assert not world.key.former_keys.exists()


@pytest.mark.parametrize("grace", ["", "-1", "7", "many"])
def test_the_page_takes_no_other_grace(world: World, quiet_dashboard: None, grace: str) -> None:
    member = pages_of(world.users[Role.MEMBER])
    answer = member.post(f"/admin/billing/apikey/{world.key.pk}/rotate/", {"grace": grace})
    assert answer.context["form"].errors
    assert not world.key.former_keys.exists()


# Expiry.


def opens(secret: str, moment: datetime) -> tuple[bool, bool]:
    """Whether it opens /v1, and whether it opens /api."""
    meta = {"HTTP_AUTHORIZATION": f"Bearer {secret}", "REMOTE_ADDR": "192.0.2.1"}
    try:
        at_v1 = admission.identify(meta, load(), moment) is not None
    except WrongKey:
        at_v1 = False
    try:
        return at_v1, bool(api_access.row_of(secret, moment))
    except api_access.NotIdentified:
        return at_v1, False


@pytest.mark.parametrize(
    "end",
    [
        datetime(2027, 2, 28, 23, 59, tzinfo=UTC),
        datetime(2028, 2, 29, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
    ids=str,
)
def test_a_key_expires_to_the_second(world: World, end: datetime) -> None:
    _, secret = keys.create("month", is_admin=True, expires_at=end)
    second = timedelta(seconds=1)
    assert [opens(secret, end + each) for each in (-second, timedelta(0), second)] == [
        (True, True), (False, False), (False, False),
    ]  # fmt: skip


def test_a_range_that_came_in_past_the_checks_opens_nothing(world: World) -> None:
    _, secret = keys.create("imported", is_admin=True)
    ApiKey.objects.filter(name="imported").update(ip_ranges=["nonsense"])
    (facts,) = [facts for facts in snapshot.load().keys.values() if facts.name == "imported"]
    assert len(facts.ip_ranges) == 1
    assert call(client_with(secret), "GET", "/api/keys").status_code == 403


# The command.


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("apikey", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_command_makes_a_key_with_everything(world: World) -> None:
    options = ["--owner", "member", "--team", "lab", "--models", "groq/*, coding", "--expires", "2030-01-31T00:00:00Z"]
    options += ["--rpm", "60", "--tpm", "1000", "--concurrency", "2", "--ip", "10.0.0.0/8", "--scope", "inference"]
    secret = command("create", "whole", *options)
    row = ApiKey.objects.get(digest=keys.digest(secret))
    assert (row.owner, row.team, row.allowed_models) == (world.users[Role.MEMBER], world.team, ["groq/*", "coding"])
    assert (row.requests_per_minute, row.tokens_per_minute, row.max_concurrent) == (60, 1000, 2)
    assert (row.ip_ranges, row.scopes) == (["10.0.0.0/8"], ["inference"])
    assert row.expires_at == datetime(2030, 1, 31, tzinfo=UTC)


def test_the_command_rotates_lists_and_disables(world: World) -> None:
    secret = command("rotate", "laptop", "--grace", "30m")
    world.key.refresh_from_db()
    assert keys.digest(secret) == world.key.digest
    assert timedelta(minutes=29) < world.key.former_keys.get().ends_at - timezone.now() <= timedelta(minutes=30)
    command("disable", secret[:12])
    (line,) = command("list").splitlines()
    assert line.split("\t") == [f"{secret[:12]}…", "laptop", "inference", "member", "-", "disabled", "never used"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", " "], "name: This field cannot be blank."),
        (["create", "n" * 101], "name: "),
        (["create", "new", "--owner", "nobody"], "There is no user “nobody”."),
        (["create", "new", "--team", "x"], "There is no team “x”."),
        (["create", "new", "--ip", "10.0.0.1/8"], "ip_ranges: “10.0.0.1/8” is an address within a range."),
        (["create", "new", "--rpm", "0"], "requests_per_minute: "),
        (["create", "new", "--expires", "soon"], "“soon” is no length of time."),
        (["rotate", "laptop", "--grace", "31d"], "30 days"),
        (["rotate", "laptop", "--grace", "-1"], "“-1” is no length of time."),
        (["rotate", "unknown"], "There is no key “unknown”."),
        (["disable", "twin"], "There are several of that name."),
    ],
    ids=lambda part: " ".join(part)[:50] if isinstance(part, list) else "",
)
def test_the_command_says_what_is_wrong(world: World, arguments: list[str], message: str) -> None:
    make_key(name="twin"), make_key(name="twin")
    before = ApiKey.objects.count()
    with pytest.raises(CommandError) as refused:
        command(*arguments)
    assert message in str(refused.value)
    assert ApiKey.objects.count() == before


# Teams.


def test_teams_are_made_renamed_shown_with_their_keys_and_deleted(world: World, admin: Client) -> None:
    made = call(admin, "POST", "/api/teams", {"name": "design"}).json()
    call(admin, "PATCH", f"/api/keys/{world.key.pk}", {"team": "design"})
    path = f"/api/teams/{made['id']}"
    assert call(admin, "PATCH", path, {"name": "crew"}).json()["name"] == "crew"
    assert (admin.get(path).json()["name"], admin.get(path).json()["keys"]) == ("crew", 1)
    assert call(admin, "POST", "/api/teams", {"name": "crew"}).status_code == 409
    assert call(admin, "DELETE", path).json() == {"deleted": str(made["id"])}
    assert call(admin, "GET", f"/api/keys/{world.key.pk}").json()["team"] is None
    assert not Team.objects.filter(name="crew").exists()


def test_a_key_of_the_management_api_knows_when_it_was_used_last(client: Client) -> None:
    row, secret = keys.create("automation", is_admin=True)
    version = configuration.version()
    for _ in range(2):
        assert client.get("/api/keys", headers={"authorization": f"Bearer {secret}"}).status_code == 200
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert configuration.version() == version
