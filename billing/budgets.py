"""What a key may spend in a day, a week or a month.

The windows are computed when they are read, never reset by a job. A request belongs to the window it started in.
Each worker adds what it settles itself; what other workers settled arrives with the next reading of the sums.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from billing.models import Budget, Period, UsageRecord


def window(period: Period, now: datetime) -> tuple[datetime, datetime]:
    """Start and end, in UTC, of the period that `now` falls into."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.DAILY:
        return day, day + timedelta(days=1)
    if period is Period.WEEKLY:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


@dataclass(slots=True)
class Allowance:
    """One budget and what has been spent of it, in the window that began at `since`."""

    period: Period
    limit: Decimal
    since: datetime
    spent: Decimal

    def is_used_up(self, now: datetime) -> bool:
        return self.since == window(self.period, now)[0] and self.spent >= self.limit

    def charge(self, cost: Decimal, started: datetime) -> None:
        start, _ = window(self.period, started)
        if start > self.since:
            self.since, self.spent = start, Decimal(0)
        if start == self.since:
            self.spent += cost


@dataclass(frozen=True, slots=True)
class BudgetExceeded(Exception):
    """A budget that is used up, and when it begins anew."""

    period: Period
    limit: Decimal
    resets_at: datetime


@dataclass(slots=True)
class Meter:
    """The allowances of every budgeted key, as this worker knows them."""

    allowances: dict[UUID, list[Allowance]] = field(default_factory=dict)

    def admit(self, key_id: UUID | None, now: datetime) -> None:
        """Raises BudgetExceeded for the first budget that is used up."""
        if key_id is None or not self.allowances:
            return
        for allowance in self.allowances.get(key_id, ()):
            if allowance.limit == 0 or allowance.is_used_up(now):
                raise BudgetExceeded(allowance.period, allowance.limit, window(allowance.period, now)[1])

    def at_least(self, before: "Meter") -> "Meter":
        """With what was known before, where it was more: rows that are still in a journal are in no sum yet."""
        for key_id, allowances in self.allowances.items():
            known = {(each.period, each.since): each.spent for each in before.allowances.get(key_id, ())}
            for each in allowances:
                each.spent = max(each.spent, known.get((each.period, each.since), each.spent))
        return self

    def charge(self, key_id: UUID | None, cost: Decimal, started: datetime) -> None:
        if key_id is None:
            return
        for allowance in self.allowances.get(key_id, ()):
            allowance.charge(cost, started)


def read_meter(now: datetime) -> Meter:
    """The sums as the database knows them."""
    meter = Meter()
    for budget in Budget.objects.all():
        period = Period(budget.period)
        since, _ = window(period, now)
        allowance = Allowance(period, budget.limit_usd, since, spent_since(budget.api_key_id, since))
        meter.allowances.setdefault(budget.api_key_id, []).append(allowance)
    return meter


def spent_since(key_id: UUID, since: datetime) -> Decimal:
    rows = UsageRecord.objects.filter(api_key_id=key_id, started_at__gte=since)
    return rows.aggregate(total=Sum("cost_usd"))["total"] or Decimal(0)
