"""Job: the deeds on budgets: setting and removing them.

Law: one budget for each subject and period. Setting it again replaces the limit, and keeps what is not said anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.models import Budget, BudgetQuerySet, Level, Period

COLUMNS = {Level.KEY: "api_key_id", Level.USER: "user_id", Level.TEAM: "team_id"}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a budget is for; everybody has no id."""

    level: Level
    id: Any = None

    @property
    def columns(self) -> dict[str, Any]:
        return {"level": self.level} | ({COLUMNS[self.level]: self.id} if self.level in COLUMNS else {})

    @property
    def budgets(self) -> BudgetQuerySet:
        return Budget.objects.filter(**self.columns)


@transaction.atomic
def set_budgets(subject: Subject, limits: Mapping[Period, Decimal | None], warn_percent: int | None = None) -> None:
    """A limit of None removes the budget of that period."""
    warned = {} if warn_percent is None else {"warn_percent": warn_percent}
    for period, limit in limits.items():
        if limit is None:
            remove(subject.budgets.filter(period=period))
        else:
            Budget.objects.update_or_create(**subject.columns, period=period, defaults={"limit_usd": limit, **warned})


@transaction.atomic
def remove(budgets: BudgetQuerySet) -> list[int]:
    """The ids of those that were there."""
    found = list(budgets.select_for_update(of=("self",)))
    ids = [budget.pk for budget in found]
    for budget in found:
        budget.delete()
    return ids
