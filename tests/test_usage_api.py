"""The API of usage: sums that agree with the requests, lists paged by place, tables no spreadsheet runs, every 400."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.api_keys import keys
from billing.models import ApiKey, CallBody, UsageAttempt
from omniroute_site.roles import Role
from tests.dashboard import make_key, make_record, make_user
from tests.management import client_of, error_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("quiet_dashboard"),
]

QUERIES = 12
CALLS = "/api/usage/call-logs"


@pytest.fixture
def admin() -> Client:
    return Client(headers={"Authorization": f"Bearer {keys.create('automation', is_admin=True)[1]}"})


def get(client: Client, path: str, **asked: Any) -> Any:
    answer = client.get(f"/api/usage/{path}", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def table(client: Client, path: str, **asked: Any) -> list[list[str]]:
    content = b"".join(client.get(f"/api/usage/{path}", asked)).decode("utf-8-sig")
    return list(csv.reader(StringIO(content)))


def days_ago(number: int) -> datetime:
    return timezone.now() - timedelta(days=number)


# Sums.


def test_every_breakdown_adds_up_to_the_same_totals(admin: Client) -> None:
    laptop = make_key(make_user(Role.MEMBER))
    make_record(laptop, combo="coding", cost_usd=Decimal("0.1"), list_cost_usd=Decimal("0.1"))
    make_record(laptop, provider="openai", cost_usd=Decimal("0.0000000001"), list_cost_usd=Decimal("0.5"))
    make_record(None, provider="", connection="", model="", status=503, attempts=0, cost_usd=0)
    found = get(admin, "analytics")
    totals = found["totals"]
    assert (totals["requests"], totals["failed"], totals["costUsd"]) == (3, 1, 0.1000000001)
    for part in ("byDay", "byProvider", "byModel", "byAccount", "byApiKey", "byUser", "byTeam", "byCombo", "byDialect"):
        assert sum(each["requests"] for each in found[part]) == 3, part
        assert sum(Decimal(str(each["costUsd"])) for each in found[part]) == Decimal("0.1000000001"), part
    assert [each["name"] for each in found["byProvider"]] == ["groq", "openai", "nobody answered"]
    assert [each["requests"] for each in found["activity"]] == [3]


def test_what_a_subscription_and_the_cache_saved_is_told(admin: Client) -> None:
    tokens = {"uncached_input_tokens": 25, "cache_read_tokens": 75}
    make_record(cost_usd=0, list_cost_usd=Decimal(2), cache_saved_usd=Decimal("0.5"), **tokens)
    totals = get(admin, "analytics")["totals"]
    assert (totals["savedByFlatRateUsd"], totals["savedByCacheUsd"], totals["cacheHitShare"]) == (2.0, 0.5, 0.75)


def test_averages_are_those_of_the_requests_that_had_any(admin: Client) -> None:
    make_record(total_ms=100, first_event_ms=50)
    make_record(total_ms=300, first_event_ms=None)
    totals = get(admin, "analytics")["totals"]
    assert (totals["averageMs"], totals["averageFirstTokenMs"]) == (200.0, 50.0)


def test_percentiles_are_numbers_that_there_were(admin: Client) -> None:
    for number in range(1, 21):
        make_record(first_event_ms=10 * number, gap_ms=number, total_ms=10 * number + 1000, output_tokens=number)
    make_record(total_ms=9000, first_event_ms=None)
    make_record(total_ms=99_000, first_event_ms=90_000, status=503)
    found = get(admin, "speed")
    assert found["requests"] == 21, "who failed says nothing of the speed"
    assert found["firstTokenMs"] == {"p50": 100, "p95": 190}
    assert found["interTokenMs"] == {"p50": 10, "p95": 19}
    assert found["totalMs"] == {"p50": 1110, "p95": 1200}
    assert found["tokensPerSecond"] == 10.0


def test_speed_is_told_by_model_the_most_asked_first(admin: Client) -> None:
    for place in range(12):
        for _ in range(12 - place):
            make_record(model=f"m-{place:02}", total_ms=place, first_event_ms=None)
    found = get(admin, "speed")
    assert [each["model"] for each in found["byModel"]] == [f"m-{place:02}" for place in range(10)]
    assert found["byModel"][3]["totalMs"] == {"p50": 3, "p95": 3}
    assert (found["byModel"][3]["firstTokenMs"], found["byModel"][3]["tokensPerSecond"]) == (None, None)
    assert get(admin, "speed", model="m-07")["requests"] == 5
    assert get(admin, "speed", provider="none") == {
        "requests": 0, "firstTokenMs": None, "interTokenMs": None, "totalMs": None, "tokensPerSecond": None,
        "byModel": [],
    }  # fmt: skip


def test_the_speed_is_that_of_the_latest_requests(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.reports.speed.MOST", 2)
    for days, took in ((3, 900), (1, 100), (0, 10)):
        make_record(started_at=days_ago(days), total_ms=took)
    assert get(admin, "speed")["totalMs"] == {"p50": 10, "p95": 100}
    assert get(admin, "speed", range="1d")["requests"] == 1


@pytest.mark.parametrize(("name", "expected"), [("1d", 1), ("7d", 3), ("30d", 3), ("all", 3)])
def test_the_speed_is_that_of_seven_days_at_most(admin: Client, name: str, expected: int) -> None:
    for days in (0, 1, 6, 7, 500):
        make_record(started_at=days_ago(days))
    assert get(admin, "speed", range=name)["requests"] == expected


@pytest.mark.parametrize(("name", "expected"), [("1d", 1), ("7d", 2), ("30d", 3), ("90d", 4), ("all", 5)])
def test_a_range_holds_its_days_and_no_other(admin: Client, name: str, expected: int) -> None:
    for days in (0, 6, 29, 89, 500):
        make_record(started_at=days_ago(days))
    assert get(admin, "analytics", range=name)["totals"]["requests"] == expected


def test_a_range_may_be_given_by_its_days(admin: Client) -> None:
    for day in (1, 2, 3):
        make_record(started_at=datetime(2026, 3, day, 12, tzinfo=UTC))
    found = get(admin, "analytics", **{"from": "2026-03-02", "to": "2026-03-03"})
    assert (found["totals"]["requests"], found["from"], found["to"]) == (2, "2026-03-02", "2026-03-03")
    assert [each["day"] for each in found["byDay"]] == ["2026-03-02", "2026-03-03"]


def test_the_filters_of_a_part_leave_just_that_part(admin: Client) -> None:
    make_record(make_key(make_user(Role.MEMBER)), combo="coding")
    make_record(None, provider="openai", status=503)
    make_record(None, provider="", model="", connection="", attempts=0, status=404)
    found = get(admin, "analytics")
    for dimension in ("byProvider", "byModel", "byAccount", "byApiKey", "byUser", "byTeam", "byCombo", "byDialect"):
        for part in found[dimension]:
            alone = get(admin, "analytics", **part["filters"])["totals"]
            assert alone == {name: part[name] for name in alone}, (dimension, part["name"])


def test_a_key_goes_by_its_name_of_now_and_a_deleted_one_by_its_last(admin: Client) -> None:
    renamed, deleted = make_key(name="zebra"), make_key(name="gone")
    make_record(renamed)
    make_record(deleted)
    ApiKey.objects.filter(pk=renamed.pk).update(name="ant")
    deleted.delete()
    assert sorted(each["name"] for each in get(admin, "analytics")["byApiKey"]) == ["ant", "gone"]


def test_analytics_asks_the_same_few_queries_for_one_row_and_for_many(admin: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            get(admin, "analytics", range="all")
        return len(captured)

    make_record(make_key())
    queries()  # The first call notes that the key is used.
    first = queries()
    for place in range(40):
        make_record(make_key(name=f"key {place}"), provider=f"vendor-{place}", started_at=days_ago(place))
    assert queries() == first <= QUERIES


# Requests.


def test_history_is_paged_without_gap_or_repetition(admin: Client) -> None:
    moment = days_ago(1)
    made = [make_record(started_at=moment if place % 2 else days_ago(place)).request_id for place in range(10)]
    seen: list[str] = []
    before = ""
    while before is not None:
        found = get(admin, "history", limit=3, before=before)
        seen += [each["id"] for each in found["history"]]
        before = found["next"]
    assert sorted(seen) == sorted(made)


def test_a_page_stays_where_it_is_while_new_requests_come(admin: Client) -> None:
    old = [make_record(started_at=days_ago(place)).request_id for place in (1, 2, 3)]
    first = get(admin, "history", limit=1)
    make_record()
    rest = get(admin, "history", before=first["next"])["history"]
    assert [each["id"] for each in rest] == old[1:]


def test_history_tells_the_newest_first_with_what_each_used(admin: Client) -> None:
    make_record(started_at=days_ago(2), model_asked="old")
    make_record(model_asked="new", attempts=3, cost_usd=Decimal("0.25"), is_estimated=True)
    first, second = get(admin, "history")["history"]
    assert (first["modelAsked"], second["modelAsked"]) == ("new", "old")
    assert (first["attempts"], first["costUsd"], first["costSource"], first["isEstimated"]) == (
        3,
        0.25,
        "operator",
        True,
    )
    assert (first["uncachedInputTokens"], first["outputTokens"]) == (12_400, 300)


def test_the_cost_of_an_unknown_price_is_null_and_not_zero(admin: Client) -> None:
    make_record(cost_source="unknown", cost_usd=0)
    assert get(admin, "history")["history"][0]["costUsd"] is None


FILTERED: list[tuple[dict[str, str], set[str]]] = [
    ({"status": "ok"}, {"good"}),
    ({"status": "error"}, {"bad"}),
    ({"status": "499"}, {"left"}),
    ({"model": "gpt"}, {"bad"}),
    ({"provider": "openai"}, {"bad"}),
    ({"account": "spare"}, {"left"}),
    ({"combo": "coding"}, {"good"}),
    ({"combo": "none"}, {"bad", "left"}),
    ({"apiKey": "none"}, {"bad", "left"}),
    ({"search": "EXPLODED"}, {"bad"}),
    ({"search": "go"}, {"good"}),
    ({"search": "100%"}, set()),
    ({"search": "nothing like it"}, set()),
    ({"status": "error", "provider": "groq"}, set()),
]


@pytest.mark.parametrize(
    ("asked", "expected"), FILTERED, ids=lambda value: str(value if isinstance(value, dict) else sorted(value))
)
def test_call_logs_are_filtered(admin: Client, asked: dict[str, str], expected: set[str]) -> None:
    make_record(make_key(), model_asked="good", combo="coding")
    make_record(model_asked="bad", provider="openai", model="gpt", status=502, error="it exploded")
    make_record(model_asked="left", status=499, connection="spare")
    assert {each["modelAsked"] for each in get(admin, "call-logs", **asked)["logs"]} == expected


def test_call_logs_are_found_by_the_beginning_of_their_id_and_by_key(admin: Client) -> None:
    key = make_key()
    record = make_record(key)
    make_record()
    for asked in ({"search": record.request_id[:12]}, {"apiKey": str(key.pk)}):
        assert [each["id"] for each in get(admin, "call-logs", **asked)["logs"]] == [record.request_id]


def test_call_logs_end_thirty_days_ago_unless_a_time_is_given(admin: Client) -> None:
    make_record(started_at=days_ago(31))
    assert get(admin, "call-logs")["logs"] == []
    assert len(get(admin, "call-logs", **{"from": days_ago(32).isoformat()})["logs"]) == 1
    assert (
        get(admin, "call-logs", **{"from": days_ago(32).isoformat(), "to": days_ago(31).date().isoformat()})["logs"]
        == []
    )


def test_a_call_is_told_with_each_attempt_and_its_bodies(admin: Client) -> None:
    record = make_record(attempts=2, tried=[{"target": "one/m", "status": 429}])
    for number, status in ((1, 429), (2, 200)):
        place = {"request_id": record.request_id, "number": number, "started_at": record.started_at}
        facts = {"provider": "one", "connection": "main", "model": "m", "status": status, "total_ms": number}
        UsageAttempt.objects.create(**place, **facts, cost_usd=Decimal("0.1") * number, cost_source="vendor")
    assert get(admin, f"call-logs/{record.request_id}")["requestBody"] is None
    CallBody.objects.create(
        request_id=record.request_id, created_at=record.started_at, request_body="asked", response_body="said"
    )
    found = get(admin, f"call-logs/{record.request_id}")
    assert [(each["number"], each["status"], each["costUsd"]) for each in found["made"]] == [
        (1, 429, 0.1),
        (2, 200, 0.2),
    ]
    assert (found["requestBody"], found["responseBody"]) == ("asked", "said")
    assert found["tried"] == [{"target": "one/m", "status": 429}]


@pytest.mark.parametrize("name", ["req_unknown", "%00", "a" * 500])
def test_an_unknown_call_is_a_404(admin: Client, name: str) -> None:
    answer = admin.get(f"{CALLS}/{name}")
    assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")


# Who sees what.


def test_a_member_gets_only_their_own_everywhere() -> None:
    member, other = make_user(Role.MEMBER), make_user(Role.OPERATOR)
    mine = make_record(make_key(member), model_asked="mine", user_id=member.pk)
    theirs = make_record(make_key(other), model_asked="theirs", user_id=other.pk)
    make_record(None, model_asked="keyless")
    client = client_of(member)
    assert get(client, "analytics")["totals"]["requests"] == 1
    assert [each["modelAsked"] for each in get(client, "history")["history"]] == ["mine"]
    assert [each["modelAsked"] for each in get(client, "call-logs")["logs"]] == ["mine"]
    assert get(client, f"call-logs/{mine.request_id}")["modelAsked"] == "mine"
    assert client.get(f"{CALLS}/{theirs.request_id}").status_code == 404
    assert [row[7] for row in table(client, "call-logs.csv")[1:]] == ["mine"]
    assert [row[1] for row in table(client, "export.csv")[1:]] == ["1"]
    assert get(client, "analytics", user=str(other.pk))["totals"]["requests"] == 0


def test_what_a_deleted_key_used_stays_its_owners() -> None:
    member = make_user(Role.MEMBER)
    key = make_key(member)
    make_record(key, user_id=member.pk)
    key.delete()
    client = client_of(member)
    assert get(client, "analytics")["totals"]["requests"] == len(get(client, "history")["history"]) == 1


# Tables.

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", '=HYPERLINK("http://x","y")', "＝1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_table_is_a_formula(admin: Client, text: str) -> None:
    make_record(model_asked=text, model=text)
    header, row = table(admin, "call-logs.csv")
    assert row[header.index("asked for")] == f"'{text}"
    assert table(admin, "export.csv", by="model")[1][0] == f"groq/{text}"
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row)


def test_numbers_of_a_table_stay_numbers_to_the_last_digit(admin: Client) -> None:
    make_record(cost_usd=Decimal("0.0000000001"), cost_source="vendor")
    header, row = table(admin, "call-logs.csv")
    assert (row[header.index("cost US$")], row[header.index("input tokens")]) == ("0.0000000001", "12400")
    header, row = table(admin, "export.csv", by="provider")
    assert (row[0], row[header.index("cost_usd")]) == ("groq", "0.0000000001")


def test_a_table_is_whole_beyond_one_piece_and_read_piece_by_piece(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.reports.call_logs.ROWS_OF_A_PIECE", 3)
    made = [make_record().request_id for _ in range(10)]
    rows = table(admin, "call-logs.csv")
    assert sorted(row[1] for row in rows[1:]) == sorted(made)


def test_a_table_says_what_it_is(admin: Client) -> None:
    make_record(model_asked="grüße")
    answer = admin.get("/api/usage/call-logs.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="requests.csv"'
    content = b"".join(answer)
    assert content.startswith(b"\xef\xbb\xbf")
    assert "grüße".encode() in content


@pytest.mark.parametrize("by", ["day", "provider", "model", "account", "apiKey", "user", "team", "combo", "dialect"])
def test_sums_are_exported_by_everything(admin: Client, by: str) -> None:
    make_record(make_key(make_user(Role.MEMBER)))
    header, *rows = table(admin, "export.csv", by=by)
    assert header[:2] == [by, "requests"]
    assert [row[1] for row in rows] == ["1"]


# What cannot be.

WRONG: list[tuple[str, dict[str, str], str]] = [
    ("analytics", {"range": "2d"}, "range"),
    ("analytics", {"range": "1D"}, "range"),
    ("analytics", {"range": "NaN"}, "range"),
    ("analytics", {"from": "yesterday"}, "from"),
    ("analytics", {"from": "2026-02-30"}, "from"),
    ("analytics", {"from": "0001-01-01"}, "from"),
    ("analytics", {"from": "2026-02-01", "to": "9999-12-31"}, "to"),
    ("analytics", {"from": "2026-02-01", "to": "2026-01-01"}, "to"),
    ("analytics", {"to": "2026-01-01"}, "from"),
    ("analytics", {"apiKey": "laptop"}, "apiKey"),
    ("analytics", {"user": "-1"}, "user"),
    ("analytics", {"user": "1.5"}, "user"),
    ("analytics", {"user": "9" * 30}, "user"),
    ("analytics", {"team": "Infinity"}, "team"),
    ("analytics", {"model": "a\0b"}, "model"),
    ("analytics", {"provider": "p" * 400}, "provider"),
    ("history", {"limit": "0"}, "limit"),
    ("history", {"limit": "1001"}, "limit"),
    ("history", {"limit": "-5"}, "limit"),
    ("history", {"limit": "1e3"}, "limit"),
    ("history", {"limit": "NaN"}, "limit"),
    ("history", {"limit": "9" * 40}, "limit"),
    ("history", {"before": "x"}, "before"),
    ("history", {"before": "1-"}, "before"),
    ("history", {"before": "-1"}, "before"),
    ("history", {"before": f"{'9' * 16}-{'9' * 18}"}, ""),
    ("history", {"before": f"{'9' * 30}-1"}, "before"),
    ("call-logs", {"status": "fine"}, "status"),
    ("call-logs", {"status": "99999"}, "status"),
    ("call-logs", {"limit": "two"}, "limit"),
    ("call-logs", {"from": "2026-13-01"}, "from"),
    ("call-logs", {"from": "2026-01-01T99:00:00Z"}, "from"),
    ("call-logs", {"to": "2026-01-01", "from": "2026-01-02"}, "to"),
    ("call-logs", {"search": "a" * 101}, "search"),
    ("call-logs", {"search": "a\0b"}, "search"),
    ("call-logs", {"before": "²-1"}, "before"),
    ("call-logs.csv", {"status": "fine"}, "status"),
    ("export.csv", {"by": "colour"}, "by"),
    ("export.csv", {"range": "forever"}, "range"),
]


@pytest.mark.parametrize(("path", "asked", "param"), WRONG, ids=lambda value: str(value)[:60])
def test_what_cannot_be_is_a_400_that_names_it(admin: Client, path: str, asked: dict[str, str], param: str) -> None:
    answer = admin.get(f"/api/usage/{path}", asked)
    if param:
        assert (answer.status_code, error_of(answer)["param"]) == (400, param)
    else:
        assert answer.status_code == 200
