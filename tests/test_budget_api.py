"""Budgets at the management API: set in each shape, read with and without a key, and refused by field."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from billing.api_keys import keys
from billing.models import ApiKey, BillingSettings, Budget, Team
from omniroute_site.roles import Role
from tests.dashboard import make_record
from tests.management import NO_ROW, World, call, client_of, error_of

pytestmark = pytest.mark.django_db

PATH = "/api/usage/budget"


def set_(client: Client, **body: Any) -> Any:
    response = call(client, "POST", PATH, body)
    assert response.status_code == 200, response.content
    return response.json()


def listed(client: Client, query: str = "") -> Any:
    response = call(client, "GET", PATH + query)
    assert response.status_code == 200, response.content
    return response.json()


def limits_of(**whose: Any) -> dict[str, Decimal]:
    return {row.period: row.limit_usd for row in Budget.objects.filter(**whose)}


@pytest.fixture
def key(world: World) -> ApiKey:
    """A key of a user and a team, without a budget."""
    team = Team.objects.create(name="core")
    row, _ = keys.create("ci", owner=world.users[Role.MEMBER])
    row.team = team
    row.save()
    return row


# Setting.


def test_the_guides_shape_sets_one_limit_and_setting_again_replaces_it(admin: Client, key: ApiKey) -> None:
    answer = set_(admin, keyId=str(key.pk), limit=50, period="monthly")
    assert [(each["period"], each["limit"], each["keyId"]) for each in answer["budgets"]] == [
        ("monthly", 50.0, str(key.pk))
    ]
    set_(admin, keyId=str(key.pk), limit=0.1, period="monthly")
    set_(admin, keyId=str(key.pk), limit=2, period="daily")
    assert limits_of(api_key=key) == {"daily": Decimal(2), "monthly": Decimal("0.1")}


def test_the_older_shape_sets_several(admin: Client, key: ApiKey) -> None:
    set_(admin, apiKeyId=str(key.pk), dailyLimitUsd=5, monthlyLimitUsd=100.5, warningThreshold=0.9)
    set_(admin, apiKeyId=str(key.pk), weeklyLimitUsd=20)
    assert limits_of(api_key=key) == {"daily": 5, "weekly": 20, "monthly": Decimal("100.5")}
    warned = dict(Budget.objects.filter(api_key=key).values_list("period", "warn_percent"))
    assert warned == {"daily": 90, "weekly": 80, "monthly": 90}


def test_each_level_has_budgets(admin: Client, world: World, key: ApiKey) -> None:
    user, team = world.users[Role.MEMBER], key.team
    assert team is not None
    for whose in (
        {"level": "key", "id": str(key.pk)},
        {"level": "user", "id": user.pk},
        {"userId": str(user.pk)},
        {"level": "team", "id": str(team.pk)},
        {"teamId": team.pk},
        {"level": "global"},
    ):
        answer = set_(admin, **whose, limit=7, period="weekly", warnPercent=50)
        assert [(each["limit"], each["warnPercent"]) for each in answer["budgets"]] == [(7.0, 50)]
    assert [each["level"] for each in listed(admin)["budgets"]] == ["key", "key", "user", "team", "global"]


def test_what_is_not_said_anew_stays(admin: Client, key: ApiKey) -> None:
    set_(admin, keyId=str(key.pk), limit=5, period="daily", warnPercent=60)
    set_(admin, keyId=str(key.pk), limit=6, period="daily")
    assert Budget.objects.get(api_key=key).warn_percent == 60


def test_null_removes_a_budget(admin: Client, key: ApiKey) -> None:
    set_(admin, keyId=str(key.pk), limit=5, period="daily")
    assert set_(admin, keyId=str(key.pk), limit=None, period="daily") == {"budgets": []}
    set_(admin, apiKeyId=str(key.pk), dailyLimitUsd=5, weeklyLimitUsd=6)
    set_(admin, apiKeyId=str(key.pk), dailyLimitUsd=None)
    assert limits_of(api_key=key) == {"weekly": 6}


def test_budgets_are_removed_by_subject_and_by_id(admin: Client, key: ApiKey) -> None:
    set_(admin, apiKeyId=str(key.pk), dailyLimitUsd=5, weeklyLimitUsd=6, monthlyLimitUsd=7)
    assert call(admin, "DELETE", f"{PATH}?keyId={key.pk}&period=daily").status_code == 200
    assert set(limits_of(api_key=key)) == {"weekly", "monthly"}
    row = Budget.objects.get(api_key=key, period="weekly")
    assert call(admin, "DELETE", f"{PATH}/{row.pk}").json() == {"deleted": str(row.pk)}
    assert call(admin, "DELETE", f"{PATH}?keyId={key.pk}").json() == {"budgets": []}
    assert call(admin, "DELETE", f"{PATH}?keyId={key.pk}").status_code == 404
    assert call(admin, "DELETE", f"{PATH}/{row.pk}").status_code == 404


# Reading.


def test_the_list_says_how_each_budget_stands(admin: Client, world: World, key: ApiKey) -> None:
    Budget.objects.all().delete()
    set_(admin, keyId=str(key.pk), limit=4, period="daily")
    make_record(key, cost_usd=Decimal("3.3"), started_at=timezone.now())
    (shown,) = listed(admin)["budgets"]
    assert {name: shown[name] for name in ("name", "limit", "spent", "remaining", "percent")} == {
        "name": "ci",
        "limit": 4.0,
        "spent": 3.3,
        "remaining": 0.7,
        "percent": 82.5,
    }
    assert (shown["warningReached"], shown["allowed"], shown["level"], shown["userId"]) == (True, True, "key", None)
    assert shown["windowStart"] < timezone.now().isoformat() < shown["resetsAt"]


def test_money_is_told_to_the_last_digit(admin: Client, key: ApiKey) -> None:
    set_(admin, keyId=str(key.pk), limit=99_999_999.999999, period="monthly")
    make_record(key, cost_usd=Decimal("0.0000000001"), started_at=timezone.now())
    make_record(key, cost_usd=Decimal("1234.5678901234"), started_at=timezone.now())
    text = call(admin, "GET", f"{PATH}?keyId={key.pk}").content.decode()
    assert '"monthlyTotal": 1234.5678901235' in text
    assert '"limit": 99999999.999999' in text


def test_a_key_is_shown_everything_that_holds_it_back(admin: Client, world: World, key: ApiKey) -> None:
    user, team = world.users[Role.MEMBER], key.team
    assert team is not None
    set_(admin, keyId=str(key.pk), limit=1, period="daily")
    set_(admin, userId=user.pk, limit=2, period="monthly")
    set_(admin, teamId=team.pk, limit=10, period="monthly")
    set_(admin, level="global", limit=0.25, period="weekly")
    make_record(key, cost_usd=Decimal("0.125"), started_at=timezone.now(), user_id=user.pk, team_id=team.pk)
    for name in ("keyId", "apiKeyId"):
        shown = listed(admin, f"?{name}={key.pk}")
        assert [(each["level"], each["spent"]) for each in shown["budgets"]] == [
            ("key", 0.125),
            ("user", 0.125),
            ("team", 0.125),
            ("global", 0.125),
        ]
        assert shown["effective"]["level"] == "global"
        assert (shown["dailyTotal"], shown["weeklyTotal"], shown["monthlyTotal"]) == (0.125, 0.125, 0.125)
        assert (shown["totalEntries"], shown["budget"]["dailyLimitUsd"]) == (1, 1.0)
        assert shown["budgetCheck"] == {
            "allowed": True,
            "dailyUsed": 0.125,
            "dailyLimit": 1.0,
            "warningReached": False,
            "reason": None,
        }


def test_a_used_up_budget_of_any_level_is_the_reason(admin: Client, key: ApiKey) -> None:
    BillingSettings.objects.create(pk=1, time_zone="Asia/Kathmandu")
    set_(admin, level="global", limit=0, period="monthly")
    check = listed(admin, f"?keyId={key.pk}")["budgetCheck"]
    assert (check["allowed"], check["warningReached"], check["dailyLimit"]) == (False, True, None)
    assert check["reason"].startswith("The monthly budget of everybody together, 0 US$, is used up.")
    assert "00:00 +0545." in check["reason"]


def test_a_key_without_a_budget_has_none(admin: Client, key: ApiKey) -> None:
    shown = listed(admin, f"?keyId={key.pk}")
    assert (shown["budget"], shown["effective"], shown["budgets"]) == (None, None, [])
    assert shown["budgetCheck"]["allowed"]


def test_what_was_spent_before_the_window_is_not_in_it(admin: Client, key: ApiKey) -> None:
    set_(admin, keyId=str(key.pk), limit=1, period="daily")
    make_record(key, cost_usd=Decimal(5), started_at=timezone.now() - timedelta(days=40))
    shown = listed(admin, f"?keyId={key.pk}")
    assert (shown["budgets"][0]["spent"], shown["monthlyTotal"], shown["totalEntries"]) == (0.0, 0.0, 0)


# Who may.


def test_a_member_reads_the_budgets_of_their_own_keys_and_sets_none(world: World, admin: Client, key: ApiKey) -> None:
    member = client_of(world.users[Role.MEMBER])
    theirs, _ = keys.create("hers", owner=world.users[Role.OPERATOR])
    set_(admin, keyId=str(theirs.pk), limit=1, period="daily")
    set_(admin, keyId=str(key.pk), limit=1, period="daily")
    set_(admin, level="global", limit=1, period="daily")
    assert {each["name"] for each in listed(member)["budgets"]} == {"laptop", "ci"}
    assert [each["level"] for each in listed(member, f"?keyId={key.pk}")["budgets"]] == ["key", "global"]
    response = call(member, "GET", f"{PATH}?keyId={theirs.pk}")
    assert (response.status_code, "hers" in response.content.decode()) == (404, False)
    refused = call(member, "POST", PATH, {"keyId": str(key.pk), "limit": 100, "period": "daily"})
    assert (refused.status_code, error_of(refused)["type"]) == (403, "permission_error")
    assert limits_of(api_key=key) == {"daily": 1}


def test_who_is_over_budget_reads_everything_all_the_same(world: World, admin: Client) -> None:
    member = world.users[Role.MEMBER]
    set_(admin, userId=member.pk, limit=0, period="monthly")
    client = client_of(member)
    for path in (PATH, f"{PATH}?keyId={world.key.pk}", "/api/keys", "/api/combos", "/api/models/catalog"):
        assert call(client, "GET", path).status_code == 200, path


# Refused.

KEY = {"keyId": "11111111-1111-4111-8111-111111111112"}
WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"limit": 5, "period": "daily"}, 400, "keyId"),
    ({"keyId": NO_ROW, "limit": 5, "period": "daily"}, 404, "keyId"),
    ({"keyId": "no-uuid", "limit": 5, "period": "daily"}, 404, "keyId"),
    ({"keyId": "", "limit": 5, "period": "daily"}, 404, "keyId"),
    ({"apiKeyId": NO_ROW, "dailyLimitUsd": 5}, 404, "apiKeyId"),
    ({"userId": 99999, "limit": 5, "period": "daily"}, 404, "userId"),
    ({"userId": 10**18, "limit": 5, "period": "daily"}, 404, "userId"),
    ({"userId": -1, "limit": 5, "period": "daily"}, 404, "userId"),
    ({"teamId": "core", "limit": 5, "period": "daily"}, 404, "teamId"),
    ({"level": "team", "id": 77, "limit": 5, "period": "daily"}, 404, "id"),
    ({"keyId": 5, "limit": 5, "period": "daily"}, 400, "keyId"),
    ({"userId": True, "limit": 5, "period": "daily"}, 400, "userId"),
    ({"userId": 1.5, "limit": 5, "period": "daily"}, 400, "userId"),
    ({"id": 1, "limit": 5, "period": "daily"}, 400, "level"),
    ({"level": "global", "id": 1, "limit": 5, "period": "daily"}, 400, "level"),
    ({"level": "user", "keyId": NO_ROW, "limit": 5, "period": "daily"}, 400, "level"),
    ({"level": "planet", "limit": 5, "period": "daily"}, 400, "level"),
    ({"keyId": NO_ROW, "teamId": 1, "limit": 5, "period": "daily"}, 400, "teamId"),
    ({"level": "global", "limit": 5}, 400, "period"),
    ({"level": "global", "period": "daily"}, 400, "limit"),
    ({"level": "global"}, 400, "limit"),
    ({"level": "global", "limit": 5, "period": "yearly"}, 400, "period"),
    ({"level": "global", "limit": 5, "period": None}, 400, "period"),
    ({"level": "global", "limit": -1, "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": -0.000001, "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": 100_000_000, "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": 1e300, "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": 0.0000001, "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": 1.1234567, "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": True, "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": "5", "period": "daily"}, 400, "limit"),
    ({"level": "global", "limit": [], "period": "daily"}, 400, "limit"),
    ({"level": "global", "dailyLimitUsd": -5}, 400, "dailyLimitUsd"),
    ({"level": "global", "weeklyLimitUsd": "5"}, 400, "weeklyLimitUsd"),
    ({"level": "global", "monthlyLimitUsd": False}, 400, "monthlyLimitUsd"),
    ({"level": "global", "limit": 5, "period": "daily", "warnPercent": 0}, 400, "warnPercent"),
    ({"level": "global", "limit": 5, "period": "daily", "warnPercent": 101}, 400, "warnPercent"),
    ({"level": "global", "limit": 5, "period": "daily", "warnPercent": 0.8}, 400, "warnPercent"),
    ({"level": "global", "limit": 5, "period": "daily", "warnPercent": True}, 400, "warnPercent"),
    ({"level": "global", "dailyLimitUsd": 5, "warningThreshold": 0}, 400, "warningThreshold"),
    ({"level": "global", "dailyLimitUsd": 5, "warningThreshold": 150}, 400, "warningThreshold"),
    ({"level": "global", "dailyLimitUsd": 5, "warningThreshold": 82.5}, 400, "warningThreshold"),
    ({"level": "global", "dailyLimitUsd": 5, "warningThreshold": "80"}, 400, "warningThreshold"),
    ({"level": "global", "limit": 5, "period": "daily", "currency": "EUR"}, 400, "currency"),
]


@pytest.mark.parametrize(("body", "status", "param"), WRONG, ids=[json.dumps(row[0])[:80] for row in WRONG])
def test_a_wrong_field_is_named_and_nothing_changes(
    admin: Client, body: dict[str, Any], status: int, param: str
) -> None:
    before = list(Budget.objects.values())
    response = call(admin, "POST", PATH, body)
    error = error_of(response)
    assert (response.status_code, error["param"]) == (status, param), error
    assert list(Budget.objects.values()) == before


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_what_is_no_number_is_refused(admin: Client, number: bytes) -> None:
    body = b'{"level": "global", "period": "daily", "limit": ' + number + b"}"
    response = call(admin, "POST", PATH, body)
    assert response.status_code == 400
    error_of(response)


@pytest.mark.parametrize(
    ("method", "query", "status", "param"),
    [
        ("GET", f"?keyId={NO_ROW}", 404, "keyId"),
        ("GET", "?apiKeyId=nobody", 404, "apiKeyId"),
        ("GET", "?keyId=", 404, "keyId"),
        ("DELETE", "", 400, "keyId"),
        ("DELETE", f"?keyId={NO_ROW}", 404, "keyId"),
        ("DELETE", "?level=global&period=hourly", 400, "period"),
        ("DELETE", "?level=global&period=daily", 404, None),
        ("DELETE", "/no-number", 404, None),
        ("DELETE", f"/{10**30}", 404, None),
    ],
)
def test_a_wrong_query_is_told(admin: Client, method: str, query: str, status: int, param: str | None) -> None:
    response = call(admin, method, PATH + query)
    assert (response.status_code, error_of(response)["param"]) == (status, param)


def test_a_users_budgets_go_with_the_user(admin: Client, world: World) -> None:
    user = User.objects.create_user("leaver")
    set_(admin, userId=user.pk, limit=1, period="daily")
    user.delete()
    assert [each["name"] for each in listed(admin)["budgets"]] == ["laptop"]
