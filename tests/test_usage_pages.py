"""The pages Usage and Costs, a request and the list of them as a table: what they show, to whom, and on nonsense."""

import csv
import re
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import Budget, Level, Team, UsageAttempt
from billing.reports.charts import COLOURS, colours
from omniroute_site.roles import Role
from tests.dashboard import make_connection, make_key, make_record, make_user, text_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("quiet_dashboard"),
]

USAGE = "/admin/billing/dailyusage/"
COSTS = "/admin/billing/dailyusage/costs/"
REQUESTS = "/admin/billing/usagerecord/"
BOTH = pytest.mark.parametrize("address", [USAGE, COSTS], ids=["usage", "costs"])
QUERIES = 15


def words_of(client: Client, address: str) -> str:
    """What a reader of the page sees, each run of space as one."""
    content = text_of(client.get(address)).partition('<div class="omni-stack">')[2]
    return " ".join(re.sub(r"<[^>]+>", " ", content).split())


@BOTH
def test_an_empty_page_says_what_will_stand_there_and_has_one_button(page: Client, address: str) -> None:
    assert "No usage yet" in words_of(page, f"{address}?range=all")
    assert text_of(page.get(address)).count('class="omni-button"') == 1


@BOTH
def test_a_range_without_any_leads_to_all_time(page: Client, address: str) -> None:
    make_record(started_at=timezone.now() - timedelta(days=60))
    text = text_of(page.get(f"{address}?range=7d"))
    assert "Nothing was used then" in text
    assert 'href="?range=all"' in text


def test_the_cards_say_what_was_used_and_saved(page: Client) -> None:
    make_record(cost_usd=Decimal("1.5"), list_cost_usd=Decimal("1.5"))
    make_record(cost_usd=0, list_cost_usd=Decimal("2.25"), status=502)
    words = words_of(page, USAGE)
    for said in ("Requests 2 1 failed", "Cost $1.50 $3.75 at list price", "Saved $2.25", "25.4K"):
        assert said in words


@BOTH
@pytest.mark.parametrize("rows", [1, 40])
def test_a_page_costs_the_same_few_queries(page: Client, address: str, rows: int) -> None:
    for place in range(rows):
        make_record(make_key(name=f"key {place}"), provider=f"vendor-{place}", combo=f"combo-{place}")
    with CaptureQueriesContext(database) as captured:
        page.get(f"{address}?range=1d")
    assert len(captured) <= QUERIES


def test_each_name_is_a_link_that_leaves_only_it(page: Client) -> None:
    make_record(make_key(name="laptop"), provider="openai", model="gpt")
    make_record(make_key(name="phone"), provider="groq", model="llama")
    rows = page.get(USAGE).context["parts"]
    links = {row.part.name: row.link for part in rows for row in part.rows}
    for name, alone in (("openai", "phone"), ("groq/llama", "laptop"), ("laptop", "groq")):
        found = page.get(USAGE + links[name])
        assert found.context["total"].requests == 1
        assert alone not in [row.part.name for part in found.context["parts"] for row in part.rows]
        assert found.context["chosen"]


def test_a_providers_accounts_are_told_apart_once_it_is_chosen(page: Client) -> None:
    make_record(connection="team")
    make_record(connection="spare")
    titles = {part.title: part for part in page.get(f"{USAGE}?provider=groq").context["parts"]}
    assert {row.part.name for row in titles["Accounts"].rows} == {"groq, team", "groq, spare"}


def test_a_chosen_filter_can_be_taken_away(page: Client) -> None:
    make_record(provider="openai")
    make_record(provider="groq")
    found = page.get(f"{USAGE}?provider=openai&range=7d")
    assert found.context["total"].requests == 1
    assert page.get(USAGE + found.context["chosen"][0].link).context["total"].requests == 2


def test_the_range_keeps_the_filters_and_the_chart(page: Client) -> None:
    links = [each.link for each in page.get(f"{USAGE}?provider=openai&chart=tokens&range=7d").context["ranges"]]
    assert all("provider=openai" in link and "chart=tokens" in link for link in links)


@pytest.mark.parametrize(("chart", "expected"), [("cost", "$0.50"), ("requests", "2"), ("tokens", "25.4K")])
def test_the_chart_shows_what_the_url_says(page: Client, chart: str, expected: str) -> None:
    for _ in range(2):
        make_record(cost_usd=Decimal("0.25"))
    for span in ("1d", "30d"):
        assert page.get(f"{USAGE}?chart={chart}&range={span}").context["chart"].top == expected


@pytest.mark.parametrize(("days", "bars"), [(0, 24), (29, 30), (400, 59), (2000, 66)])
def test_the_chart_has_hours_days_weeks_or_months(page: Client, days: int, bars: int) -> None:
    now = timezone.now()
    make_record(started_at=now - timedelta(days=days))
    make_record(started_at=now)
    first = (now - timedelta(days=days)).date()
    drawn = page.get(f"{USAGE}?from={first}&to={now.date()}").context["chart"].bars
    assert abs(len(drawn) - bars) <= 2 if days > 100 else len(drawn) == bars
    assert sum(bool(bar.segments) for bar in drawn) == (2 if days else 1)


def test_the_bars_of_hours_and_of_days_say_the_same_sum(page: Client) -> None:
    for _ in range(3):
        make_record(started_at=timezone.now())
    for span in ("1d", "7d"):
        chart = page.get(f"{USAGE}?chart=requests&range={span}").context["chart"]
        assert [series.total for series in chart.series] == ["3"]


WRONG = ["range=oops", "from=x", "from=2026-02-02&to=2026-02-01", "apiKey=x", "user=-1", "team=1e9", "to=2026-01-01"]


@BOTH
@pytest.mark.parametrize("asked", WRONG)
def test_a_wrong_address_is_said_and_the_usual_is_shown(page: Client, address: str, asked: str) -> None:
    make_record()
    answer = page.get(f"{address}?{asked}")
    assert answer.status_code == 200
    assert 'role="alert"' in text_of(answer)
    assert answer.context["total"].requests == 1


@BOTH
@pytest.mark.parametrize(
    "asked", ["chart=<script>", "model=<script>alert(1)</script>", "provider=%00", "combo=%F0%9F%98%80"]
)
def test_nonsense_is_shown_as_text(page: Client, address: str, asked: str) -> None:
    make_record(model="<script>alert(1)</script>")
    answer = page.get(f"{address}?{asked}")
    assert answer.status_code == 200
    assert "<script>alert" not in text_of(answer)


@BOTH
def test_a_member_sees_their_own_and_nobody_elses(client: Client, address: str) -> None:
    member, other = make_user(Role.MEMBER), make_user(Role.OPERATOR, "somebody-else")
    make_record(make_key(member, "my-laptop"), provider="mine", user_id=member.pk, user_name=member.username)
    make_record(make_key(other, "their-laptop"), provider="theirs", user_id=other.pk, user_name=other.username)
    client.force_login(member)
    text = text_of(client.get(address))
    assert "my-laptop" in text
    assert not any(secret in text for secret in ("their-laptop", "theirs", "somebody-else"))


# Costs.


def test_costs_say_what_each_provider_saved(page: Client) -> None:
    make_record(provider="claude", cost_usd=0, list_cost_usd=Decimal(3))
    make_record(provider="groq", cost_usd=Decimal(1), list_cost_usd=Decimal(1), cache_saved_usd=Decimal("0.5"))
    words = words_of(page, COSTS)
    assert "groq $1.00 $1.00 $0.00 $0.50" in words
    assert "claude $0.00 $3.00 $3.00 $0.00" in words


def test_costs_show_the_budgets_of_who_is_shown(page: Client) -> None:
    owner, team = make_user(Role.MEMBER), Team.objects.create(name="Platform")
    key = make_key(owner)
    facts: dict[str, Any] = {
        "user_id": owner.pk,
        "user_name": owner.username,
        "team_id": team.pk,
        "team_name": team.name,
    }
    make_record(key, started_at=timezone.now(), cost_usd=Decimal(1), **facts)
    Budget.objects.create(level=Level.KEY, api_key=key, period="daily", limit_usd=2)
    Budget.objects.create(level=Level.USER, user=owner, period="monthly", limit_usd=4)
    Budget.objects.create(level=Level.TEAM, team=team, period="monthly", limit_usd=5)
    Budget.objects.create(level=Level.GLOBAL, period="monthly", limit_usd=10)
    Budget.objects.create(level=Level.KEY, api_key=make_key(name="unused"), period="daily", limit_usd=77)
    words = words_of(page, COSTS)
    for said in ("$1.00 of $2.00", "$1.00 of $4.00", "$1.00 of $5.00", "$1.00 of $10.00"):
        assert said in words
    assert "77" not in words


def test_a_member_sees_the_budget_of_their_key_and_not_everybodys(client: Client) -> None:
    member = make_user(Role.MEMBER)
    key = make_key(member)
    make_record(key, started_at=timezone.now(), cost_usd=Decimal(1), user_id=member.pk)
    Budget.objects.create(level=Level.KEY, api_key=key, period="daily", limit_usd=2)
    Budget.objects.create(level=Level.GLOBAL, period="monthly", limit_usd=10)
    client.force_login(member)
    words = words_of(client, COSTS)
    assert "$1.00 of $2.00" in words
    assert "of $10.00" not in words


def test_attempts_without_a_price_are_said_to_be_missing(page: Client) -> None:
    make_record(cost_source="unknown", cost_usd=0)
    assert "1 attempt had no known price and is not in these sums" in words_of(page, COSTS)


# Colours.


def test_a_provider_keeps_its_colour_whatever_else_is_shown() -> None:
    known = ["anthropic", "deepseek", "groq", "openai"]
    alone = colours(known, ["groq"])
    assert {alone[name] for name in known} == {colours(known, ["openai", "xai", "groq"])[name] for name in known}
    assert len({alone[name] for name in known}) == len(known)


def test_as_many_providers_as_there_are_colours_have_one_each() -> None:
    names = [f"vendor-{place}" for place in range(COLOURS)]
    assert len(set(map(colours(names, []).get, names))) == COLOURS


def test_both_pages_give_a_provider_the_same_colour(page: Client) -> None:
    make_connection()
    make_record(cost_usd=Decimal(1))
    usage = page.get(USAGE).context
    rows = [row for part in usage["parts"] for row in part.rows if row.part.name == "groq"]
    costs = page.get(COSTS).context["providers"].rows
    assert {row.colour for row in [*rows, *costs]} == {usage["chart"].series[0].colour}


# A request, and all of them.


def test_a_requests_page_tells_what_each_attempt_used_and_cost(page: Client) -> None:
    record = make_record(attempts=2)
    place = {"request_id": record.request_id, "started_at": record.started_at, "connection": "main", "total_ms": 7}
    UsageAttempt.objects.create(
        number=1, provider="one", model="m", status=429, kind="rate limit", cost_source="nothing", **place
    )
    known = {"cost_usd": 0, "list_cost_usd": Decimal("0.25"), "cost_source": "operator", "price_version": 12}
    UsageAttempt.objects.create(number=2, provider="two", model="m", status=200, is_estimated=True, **known, **place)
    words = words_of(page, f"{REQUESTS}{record.pk}/change/")
    assert "1 one/m main failed 429 rate limit" in words
    assert "$0.00 $0.25 Operator, price version 12, tokens estimated" in words


def rows_of(page: Client, query: str = "") -> list[dict[str, str]]:
    content = b"".join(page.get(f"{REQUESTS}csv/{query}")).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(content)))


def test_the_list_is_exported_as_it_is_filtered(page: Client) -> None:
    make_record(provider="openai", model="gpt", status=502)
    make_record(provider="groq")
    assert len(rows_of(page)) == 2
    for query in ("?outcome=failed", "?provider=openai", "?model=gpt", "?q=gpt", "?window=24h&provider=openai"):
        assert [row["provider"] for row in rows_of(page, query)] == ["openai"], query


def test_the_list_is_exported_for_thirty_days_unless_a_time_is_chosen(page: Client) -> None:
    make_record(started_at=timezone.now() - timedelta(days=31))
    assert rows_of(page) == []


def test_a_member_exports_their_own(client: Client) -> None:
    member = make_user(Role.MEMBER)
    make_record(make_key(member, "mine"))
    make_record(make_key(None, "theirs"))
    client.force_login(member)
    assert [row["API key"] for row in rows_of(client)] == ["mine"]


def test_the_list_is_filtered_by_user_and_by_model(page: Client) -> None:
    user = make_user(Role.MEMBER)
    make_record(make_key(user), user_id=user.pk, model="gpt", model_asked="one")
    make_record(model_asked="two")
    for query in (f"user={user.pk}", "model=gpt"):
        assert [row.model_asked for row in page.get(f"{REQUESTS}?{query}").context["cl"].result_list] == ["one"]
    for nonsense in ("user=x", "user=-1", f"user={'9' * 40}", "model=unheard-of"):
        assert not page.get(f"{REQUESTS}?{nonsense}").context["cl"].result_list


def test_the_speed_of_each_model_is_shown(page: Client) -> None:
    make_record(first_event_ms=400, gap_ms=25, total_ms=2400, output_tokens=300)
    make_record(model="slow", first_event_ms=None, total_ms=61_000)
    said = words_of(page, USAGE)
    assert "Speed of the latest 2 requests that were answered" in said
    assert "groq/llama 1 400 ms / 400 ms 25 ms / 25 ms 150 2.4 s / 2.4 s" in said
    assert "groq/slow 1 — — — 61.0 s / 61.0 s" in said
    assert "Speed" not in words_of(page, f"{USAGE}?provider=none")
