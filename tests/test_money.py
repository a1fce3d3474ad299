"""From tokens to money, and how much of it a key may spend."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db.models import Sum

from billing import snapshot
from billing.api_keys import keys
from billing.budgets import allowances, spending
from billing.budgets import windows as budgets
from billing.models import ApiKey, Budget, DailyUsage, Period, UsageAttempt, UsageRecord
from billing.prices.cost import Price, cost
from billing.prices.table import completed
from billing.usage import ledger, request_log
from billing.usage.rows import Attempt, UsageRow
from providers import configuration
from providers.models import Canary
from translator.usage import Usage

PRICE = Price(
    **completed(
        {"input": Decimal(3), "output": Decimal(15), "cache_read": Decimal("0.3"), "cache_write": Decimal("3.75")}
    ),
    per_request=Decimal(0),
    source="operator",
)
UTC_ZONE = ZoneInfo("UTC")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)  # A Sunday.


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(), "0"),
        (Usage(uncached_input=1_000_000), "3"),
        (Usage(uncached_input=15, cache_read=11_000, cache_write=500, output=10), "0.005370"),
        (Usage(output=100, reasoning=40), "0.0015"),
        (Usage(output=10, reasoning=40), "0.00015"),
    ],
)
def test_a_cost_is_exact_and_bills_reasoning_once(usage: Usage, dollars: str) -> None:
    assert cost(usage, PRICE) == Decimal(dollars)


def test_an_unknown_price_is_not_free() -> None:
    made = attempt()
    made.add_usage(Usage(uncached_input=5), None)
    assert (made.cost_usd, made.cost_source) == (0, "unknown")


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        (Period.DAILY, NOON, "2026-11-22", "2026-11-23"),
        (Period.WEEKLY, NOON, "2026-11-16", "2026-11-23"),
        (Period.WEEKLY, datetime(2026, 11, 23, tzinfo=UTC), "2026-11-23", "2026-11-30"),
        (Period.MONTHLY, NOON, "2026-11-01", "2026-12-01"),
        (Period.MONTHLY, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "2026-12-01", "2027-01-01"),
        (Period.MONTHLY, datetime(2028, 1, 31, tzinfo=UTC), "2028-01-01", "2028-02-01"),
    ],
)
def test_windows_are_computed_when_they_are_read(period: Period, now: datetime, start: str, end: str) -> None:
    assert [f"{moment:%Y-%m-%d}" for moment in budgets.window(period, now, UTC_ZONE)] == [start, end]


def usage_row(**facts: object) -> UsageRow:
    values = {"request_id": uuid4().hex, "started_at": NOON, "dialect": "openai", "model_asked": "m", "status": 200}
    return UsageRow(**(values | {"total_ms": 1} | facts))  # type: ignore[arg-type]


def attempt(**facts: Any) -> Attempt:
    return Attempt(provider="groq", connection="work", model="llama", status=200, **facts)


@pytest.mark.django_db
class TestLedger:
    def test_a_row_is_stored_once_by_its_request_id(self) -> None:
        row = usage_row(made=[attempt(cost_usd=Decimal("0.0000022500"))])
        ledger.store([row, usage_row()])
        ledger.store([row])
        ledger.store([row, row])
        assert UsageRecord.objects.count() == 2
        assert UsageRecord.objects.get(request_id=row.request_id).cost_usd == Decimal("0.0000022500")
        assert UsageAttempt.objects.count() == 1
        assert DailyUsage.objects.aggregate(Sum("requests"), Sum("cost_usd")) == {
            "requests__sum": 2,
            "cost_usd__sum": Decimal("0.0000022500"),
        }

    def test_a_request_is_the_sum_of_its_attempts(self) -> None:
        first = attempt(output_tokens=50, cost_usd=Decimal("0.5"))
        last = Attempt(provider="openai", connection="main", model="gpt", output_tokens=7, cost_usd=Decimal("0.25"))
        ledger.store([usage_row(made=[first, last])])
        record = UsageRecord.objects.get()
        assert (record.attempts, record.provider, record.output_tokens) == (2, "openai", 57)
        assert record.cost_usd == Decimal("0.75")
        by_provider = DailyUsage.objects.order_by("provider").values_list(
            "provider", "requests", "attempts", "cost_usd"
        )
        assert list(by_provider) == [("groq", 0, 1, Decimal("0.5")), ("openai", 1, 1, Decimal("0.25"))]

    def test_a_million_small_costs_add_up_to_what_they_are(self) -> None:
        for _ in range(20):
            ledger.store([usage_row(made=[attempt(cost_usd=Decimal("0.0000000001"))]) for _ in range(50)])
        ledger.store([usage_row(made=[attempt(cost_usd=Decimal("12345678.9"))])])
        for model in (DailyUsage, UsageRecord):
            assert model.objects.aggregate(total=Sum("cost_usd"))["total"] == Decimal("12345678.9000001000")

    def test_budgets_read_what_the_database_knows(self) -> None:
        key, _ = keys.create("test")
        budget = Budget.objects.create(api_key=key, period=Period.DAILY, limit_usd=Decimal(1))
        rows = [usage_row(api_key_id=key.pk, made=[attempt(cost_usd=Decimal("0.75"))]), usage_row(made=[attempt()])]
        ledger.store(rows)
        known = allowances.load()
        assert spending.totals(known, NOON) == {(budget.pk, "2026-11-22@UTC"): 7_500_000_000}
        assert spending.totals(known, NOON + timedelta(days=1)) == {(budget.pk, "2026-11-23@UTC"): 0}

    def test_a_key_knows_when_it_was_used_last(self) -> None:
        key, _ = keys.create("test")
        before = configuration.version()
        later = NOON + timedelta(hours=1)
        ledger.store([usage_row(api_key_id=key.pk, started_at=moment) for moment in (NOON, later, NOON)])
        key.refresh_from_db()
        assert key.last_used_at == later
        assert configuration.version() == before


@pytest.mark.django_db
class TestRequestLog:
    def test_it_is_off_unless_it_is_asked_for(self, data_dir: Path) -> None:
        ledger.store([usage_row()])
        assert not (data_dir / "logs").exists()

    def test_each_request_is_a_line_and_old_days_go(self, data_dir: Path, settings: object) -> None:
        settings.ENABLE_REQUEST_LOGS = True  # type: ignore[attr-defined]
        today = datetime.now(UTC).date()
        (data_dir / "logs").mkdir()
        days = [request_log.path_of(today - timedelta(days=age)) for age in (6, 7, 400)]
        for path in days:
            path.touch()
        ledger.store([usage_row(model_asked="a"), usage_row(model_asked="b")])
        written = request_log.path_of(today)
        assert [json.loads(line)["model_asked"] for line in written.read_text().splitlines()] == ["a", "b"]
        assert written.stat().st_mode & 0o777 == 0o600
        assert [path.exists() for path in days] == [True, False, False]


@pytest.mark.django_db
class TestKeys:
    def test_only_a_digest_is_kept(self) -> None:
        row, key = keys.create("test")
        assert len(key) == 49
        stored = [str(value) for value in ApiKey.objects.values_list().get(pk=row.pk)]
        assert not any(key in value for value in stored)
        assert row.digest == keys.digest(key)
        assert key.startswith(row.shown_prefix)

    def test_a_key_goes_with_its_owner(self) -> None:
        owner = User.objects.create_user("leaver", password="correct horse battery")
        row, _ = keys.create("test", owner=owner)
        assert snapshot.load().keys[row.digest].is_active
        before = configuration.version()
        owner.save(update_fields=["last_login"])
        assert configuration.version() == before
        owner.is_active = False
        owner.save()
        assert configuration.version() > before
        assert not snapshot.load().keys[row.digest].is_active

    def test_another_key_secret_is_noticed_before_every_key_fails(self, settings: object) -> None:
        keys.check_secret()
        keys.check_secret()
        settings.API_KEY_SECRET = "x" * 32  # type: ignore[attr-defined]
        with pytest.raises(keys.WrongKeySecret, match="API_KEY_SECRET"):
            keys.check_secret()
        assert Canary.objects.filter(pk="api_key_secret").count() == 1
