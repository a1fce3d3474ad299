"""Job: how budgets stand in the window of now: what is spent of each, what is left, when it begins anew.

Law: what is spent is what the sums of days say; requests that run are not in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from zoneinfo import ZoneInfo

from django.db.models import ExpressionWrapper, F, Q, QuerySet, Value
from django.utils import timezone

from billing.budgets.spending import with_spent
from billing.budgets.windows import window
from billing.models import ApiKey, Budget, Level, Mark, Period
from billing.money import MoneyField, plain
from billing.usage import days

LEVELS = list(Level)
PERIODS = list(Period)

WHOSE = {
    Level.KEY: "the key {subject}",
    Level.USER: "the user {subject}",
    Level.TEAM: "the team {subject}",
    Level.GLOBAL: "everybody together",
}

USED_UP = Q(spent__gte=F("limit_usd"))
"""What `with_spent` has to come before."""
WARNED = ~USED_UP & Q(spent__gte=ExpressionWrapper(F("limit_usd") / Value(100) * F("warn_percent"), MoneyField()))
"""The division comes first, since money times 100 may be more than a database's integer holds."""


def mark_of(spent: Decimal | int, limit: Decimal | int, warn_percent: int) -> Mark | None:
    if spent >= limit:
        return Mark.USED_UP
    return Mark.WARNED if spent * 100 >= limit * warn_percent else None


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget now. Times are in the configured zone."""

    budget: Budget
    spent: Decimal
    begins: datetime
    ends: datetime

    @property
    def left(self) -> Decimal:
        left: Decimal = self.budget.limit_usd - self.spent
        return max(Decimal(0), left)

    @property
    def allows(self) -> bool:
        return self.mark is not Mark.USED_UP

    @property
    def mark(self) -> Mark | None:
        return mark_of(self.spent, self.budget.limit_usd, self.budget.warn_percent)

    @property
    def percent(self) -> Decimal:
        """Of the limit, to one place, rounded down: only what is used up says 100. All of a limit of nothing."""
        if not self.budget.limit_usd:
            return Decimal(100)
        share: Decimal = self.spent / self.budget.limit_usd
        return (share * 100).quantize(Decimal("0.1"), ROUND_DOWN)

    @property
    def why_refused(self) -> str:
        """As the request would hear it, in the words of programs."""
        whose = WHOSE[Level(self.budget.level)].format(subject=self.budget.subject_name)
        limit = plain(self.budget.limit_usd)
        return (
            f"The {self.budget.period} budget of {whose}, {limit} US$, is used up. "
            f"It begins anew at {self.ends:%Y-%m-%d %H:%M %Z}."
        )


def standings(budgets: QuerySet[Budget], now: datetime | None = None) -> list[Standing]:
    """The narrowest first, and of one subject the shortest."""
    now, zone = now or timezone.now(), days.time_zone()
    rows = with_spent(budgets.select_related("api_key", "user", "team"), now, zone)
    return sorted((standing(row, now, zone) for row in rows), key=_place)


def standing(row: Budget, now: datetime, zone: ZoneInfo) -> Standing:
    """Of a row that comes from `with_spent`."""
    begins, ends = window(Period(row.period), now, zone)
    return Standing(row, row.spent, begins.astimezone(zone), ends.astimezone(zone))  # type: ignore[attr-defined]


def holding(key: ApiKey, now: datetime | None = None) -> list[Standing]:
    """Every budget that a request with this key counts against."""
    return standings(Budget.objects.holding(key), now)


def of_user(user_id: int) -> list[Standing]:
    return standings(Budget.objects.filter(Q(user_id=user_id) | Q(level=Level.GLOBAL)))


def of_team(team_id: int) -> list[Standing]:
    return standings(Budget.objects.filter(Q(team_id=team_id) | Q(level=Level.GLOBAL)))


def narrowest(found: Iterable[Standing]) -> Standing | None:
    """The one with the least left, which is how much the next request may spend."""
    return min(found, key=lambda each: each.left, default=None)


def _place(each: Standing) -> tuple[int, str, int]:
    budget = each.budget
    return LEVELS.index(Level(budget.level)), budget.subject_name, PERIODS.index(Period(budget.period))


def refusing(found: Sequence[Standing]) -> Standing | None:
    return next((each for each in found if not each.allows), None)
