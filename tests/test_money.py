"""From tokens to money, and how much of it a key may spend."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from billing import budgets, keys, ledger, request_log, snapshot
from billing.budgets import Allowance, BudgetExceeded, Meter
from billing.ledger import UsageRow
from billing.models import ApiKey, Budget, Period, UsageRecord
from billing.prices import Price, cost
from providers import configuration
from providers.models import Canary
from translator.usage import Usage

PRICE = Price(Decimal(3), Decimal(15), Decimal("0.3"), Decimal("3.75"), Decimal(15), "operator")
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
    row = usage_row()
    row.add_usage(Usage(uncached_input=5), None)
    assert (row.cost_usd, row.cost_source) == (0, "unknown")


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
    assert [f"{moment:%Y-%m-%d}" for moment in budgets.window(period, now)] == [start, end]


def test_a_used_up_budget_refuses_until_its_window_ends() -> None:
    key = uuid4()
    meter = Meter({key: [Allowance(Period.DAILY, Decimal(1), budgets.window(Period.DAILY, NOON)[0], Decimal(0))]})
    meter.admit(key, NOON)
    meter.charge(key, Decimal("1.5"), NOON)
    with pytest.raises(BudgetExceeded) as refused:
        meter.admit(key, NOON)
    assert refused.value.resets_at == datetime(2026, 11, 23, tzinfo=UTC)
    meter.admit(key, NOON + timedelta(days=1))
    meter.admit(None, NOON)
    meter.admit(uuid4(), NOON)


def test_a_request_is_charged_to_the_window_it_started_in() -> None:
    allowance = Allowance(Period.DAILY, Decimal(1), budgets.window(Period.DAILY, NOON)[0], Decimal(0))
    allowance.charge(Decimal(1), NOON - timedelta(days=1))
    assert allowance.spent == 0
    allowance.charge(Decimal(1), NOON + timedelta(days=1))
    assert allowance.spent == 1
    assert allowance.is_used_up(NOON + timedelta(days=1))
    assert not allowance.is_used_up(NOON)


def usage_row(**facts: object) -> UsageRow:
    values = {"request_id": uuid4().hex, "started_at": NOON, "dialect": "openai", "model_asked": "m", "status": 200}
    return UsageRow(**(values | {"total_ms": 1} | facts))  # type: ignore[arg-type]


@pytest.mark.django_db
class TestLedger:
    def test_a_row_is_stored_once_by_its_request_id(self) -> None:
        row = usage_row(cost_usd=Decimal("0.0000022500"))
        ledger.store([row, usage_row()])
        ledger.store([row])
        assert UsageRecord.objects.count() == 2
        assert UsageRecord.objects.get(request_id=row.request_id).cost_usd == Decimal("0.0000022500")

    def test_the_meter_reads_what_the_database_knows(self) -> None:
        key, _ = keys.create("test")
        Budget.objects.create(api_key=key, period=Period.DAILY, limit_usd=Decimal(1))
        ledger.store([usage_row(api_key_id=key.pk, cost_usd=Decimal("0.75")), usage_row(cost_usd=Decimal(5))])
        assert budgets.read_meter(NOON).allowances[key.pk][0].spent == Decimal("0.75")
        assert budgets.read_meter(NOON + timedelta(days=1)).allowances[key.pk][0].spent == 0


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
