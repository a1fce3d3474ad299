"""The sums of days, summed anew: the same as they were kept, in another time zone, and beside rows that are stored."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.models import Sum

from billing.calendar import beginning
from billing.models import BillingSettings, DailyUsage, UsageAttempt, UsageRecord
from billing.usage import ledger, rebuilding
from billing.usage.days import COLUMNS, NAMES, time_zone
from billing.usage.rows import Attempt, UsageRow

KEYS = [None, UUID(int=1), UUID(int=2)]
NOW = datetime.now(UTC)


def set_zone(name: str, **settings: Any) -> None:
    BillingSettings.objects.update_or_create(pk=1, defaults={"time_zone": name, **settings})


def row(began: datetime, cost: str = "0.5", **facts: Any) -> UsageRow:
    made = [Attempt(provider="groq", connection="work", model="llama", status=200, cost_usd=Decimal(cost))]
    values = {"request_id": uuid4().hex, "started_at": began, "dialect": "openai", "model_asked": "m", "status": 200}
    return UsageRow(**(values | {"total_ms": 1, "made": made} | facts))  # type: ignore[arg-type]


def some_rows(number: int, dice: random.Random) -> list[UsageRow]:
    return [a_row(dice) for _ in range(number)]


def a_row(dice: random.Random) -> UsageRow:
    key = dice.choice(KEYS)
    return row(
        NOW - timedelta(seconds=dice.randint(0, 5 * 86_400)),
        made=[an_attempt(dice) for _ in range(dice.randint(0, 3))],
        status=dice.choice([200, 200, 429, 499, 502]),
        api_key_id=key,
        api_key_name=f"key {key}" if key else "",
        user_id=dice.choice([None, 7]),
        team_id=dice.choice([None, 3]),
        combo=dice.choice(["", "coding"]),
        total_ms=dice.randint(1, 9000),
        first_event_ms=dice.choice([None, 120]),
    )


def an_attempt(dice: random.Random) -> Attempt:
    return Attempt(
        provider=dice.choice(["groq", "openai"]),
        connection="work",
        model=dice.choice(["a", "b"]),
        status=dice.choice([200, 499, 500]),
        output_tokens=dice.randint(0, 99),
        cache_read_tokens=dice.randint(0, 99),
        cost_usd=Decimal(dice.randint(0, 10**12)).scaleb(-10),
        list_cost_usd=Decimal(dice.randint(0, 10**12)).scaleb(-10),
        is_estimated=dice.random() < 0.2,
        cost_source=dice.choice(["operator", "unknown"]),
    )


def sums() -> list[tuple[Any, ...]]:
    columns = [name for name in COLUMNS if name not in NAMES]
    return sorted(DailyUsage.objects.values_list(*columns), key=str)


def spent_by_day() -> dict[date, Decimal]:
    found = DailyUsage.objects.order_by("day").values("day").annotate(total=Sum("cost_usd"))
    return {each["day"]: each["total"] for each in found}


@pytest.mark.django_db
class TestSums:
    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
    def test_summed_anew_they_are_what_they_were_kept_as(self, zone: str) -> None:
        set_zone(zone)
        ledger.store(some_rows(300, random.Random(zone)))
        before = sums()
        assert rebuilding.rebuild() >= 5
        assert sums() == before

    def test_another_time_zone_is_as_if_it_had_always_been_it(self) -> None:
        rows = some_rows(300, random.Random(1))
        set_zone("Pacific/Kiritimati")
        ledger.store(rows)
        expected = sums()
        for model in (DailyUsage, UsageRecord, UsageAttempt):
            model.objects.all().delete()
        set_zone("Pacific/Niue")
        ledger.store(rows)
        assert sums() != expected
        set_zone("Pacific/Kiritimati")
        rebuilding.rebuild()
        assert sums() == expected

    def test_days_that_requests_were_removed_from_stay(self) -> None:
        ledger.store([row(NOW - timedelta(days=age), cost="1") for age in range(6)])
        UsageRecord.objects.filter(started_at__lt=NOW - timedelta(days=1.5)).delete()
        before = spent_by_day()
        assert len(before) == 6
        rebuilding.rebuild()
        assert spent_by_day() == before

    def test_days_that_retention_may_be_at_are_not_touched(self) -> None:
        set_zone("UTC", usage_days=3)
        ledger.store([row(NOW - timedelta(days=age)) for age in range(6)])
        DailyUsage.objects.update(cost_usd=Decimal(7))
        rebuilding.rebuild()
        assert list(spent_by_day().values()) == [Decimal(7)] * 4 + [Decimal("0.5")] * 2

    def test_sums_that_went_wrong_are_repaired(self) -> None:
        ledger.store([row(NOW), row(NOW - timedelta(days=1))])
        before = sums()
        DailyUsage.objects.update(cost_usd=0, requests=0)
        rebuilding.rebuild()
        assert sums() == before

    def test_the_command_says_what_it_did(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("days")
        assert "No request is kept" in capsys.readouterr().out
        ledger.store([row(NOW), row(NOW - timedelta(days=1))])
        call_command("days")
        assert f"to {NOW:%Y-%m-%d}, in UTC, are there" in capsys.readouterr().out
        call_command("days", "--rebuild")
        assert "2 days summed anew in UTC" in capsys.readouterr().out

    def test_a_request_over_midnight_counts_where_it_began(self) -> None:
        set_zone("Europe/Oslo")
        midnight = beginning(NOW.date(), time_zone())
        ledger.store([row(midnight - timedelta(seconds=1), cost="1", total_ms=60_000), row(midnight, cost="2")])
        days = {NOW.date() - timedelta(days=1): Decimal(1), NOW.date(): Decimal(2)}
        assert spent_by_day() == days
        rebuilding.rebuild()
        assert spent_by_day() == days


def insist(deed: Callable[[], object]) -> None:
    """Until the database lets it: SQLite in memory has threads fail where files have them wait."""
    while True:
        try:
            deed()
        except OperationalError:
            continue
        return


@pytest.mark.django_db(transaction=True)
def test_rows_that_are_stored_meanwhile_count_once() -> None:
    """Also those that are stored while the time zone changes."""
    set_zone("UTC")
    stop, stored = threading.Event(), []

    def store() -> None:
        dice = random.Random(len(stored))
        while not stop.is_set() and len(stored) < 2000:
            rows = some_rows(5, dice)
            insist(lambda rows=rows: ledger.store(rows))  # type: ignore[misc]
            stored.extend(rows)
        connection.close()

    writers = [threading.Thread(target=store) for _ in range(3)]
    for writer in writers:
        writer.start()
    for zone in ("Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati", "Europe/Oslo"):
        insist(lambda zone=zone: set_zone(zone))  # type: ignore[misc]
        insist(rebuilding.rebuild)
    stop.set()
    for writer in writers:
        writer.join()
    set_zone("UTC")
    rebuilding.rebuild()
    kept = sums()
    DailyUsage.objects.all().delete()
    rebuilding.rebuild()
    assert kept == sums()
    assert DailyUsage.objects.aggregate(Sum("requests"))["requests__sum"] == len(stored) > 0
    assert DailyUsage.objects.aggregate(Sum("cost_usd"))["cost_usd__sum"] == sum(
        (each.cost_usd for each in stored), Decimal(0)
    )
