"""What was spent, from the sums of each day: each budget's part of its current window."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, DateField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from billing.budgets.allowances import Allowances
from billing.budgets.windows import first_day
from billing.models import Budget, DailyUsage, Level, Period
from billing.money import MoneyField, units

MONEY = MoneyField()
SUBJECTS: dict[Level, Q] = {
    Level.KEY: Q(api_key_id=OuterRef("api_key_id")),
    Level.USER: Q(user_id=OuterRef("user_id")),
    Level.TEAM: Q(team_id=OuterRef("team_id")),
    Level.GLOBAL: Q(),
}
"""Whose usage counts against a budget of that level."""


def with_spent(budgets: QuerySet[Budget], now: datetime, zone: ZoneInfo) -> QuerySet[Budget]:
    """Adds `since`, the first day of the window `now` falls into, and `spent`, in US dollars since then."""
    starts = [When(period=period, then=Value(first_day(period, now, zone))) for period in Period]
    since = Case(*starts, output_field=DateField())
    levels = [When(level=level, then=_total(whose)) for level, whose in SUBJECTS.items()]
    spent = Coalesce(Case(*levels, output_field=MONEY), Value(Decimal(0), output_field=MONEY))
    return budgets.annotate(since=since).annotate(spent=spent)


def _total(whose: Q) -> Subquery:
    days = DailyUsage.objects.filter(whose, day__gte=OuterRef("since")).order_by()
    return Subquery(days.annotate(all=Value(1)).values("all").annotate(total=Sum("cost_usd")).values("total"))


def totals(allowances: Allowances, now: datetime, of: Q | None = None) -> dict[tuple[int, str], int]:
    """What is spent of each budget in the window of now, by budget and window; `of` picks budgets."""
    if not allowances.by_subject:
        return {}
    rows = Budget.objects.all() if of is None else Budget.objects.filter(of)
    summed: Any = with_spent(rows.order_by(), now, allowances.zone)
    found = summed.values_list("pk", "since", "spent")
    return {(pk, allowances.name_of(since)): units(spent) for pk, since, spent in found}
