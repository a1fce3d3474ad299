"""Job: telling once for each window that a budget is nearly used up, and that it is used up.

Law: the database remembers what was told, so that of several workers one tells it, also after a restart. A limit of
nothing was meant so, and is never told.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import IntegrityError

from billing.budgets.allowances import Allowance, Allowances, first_day_of
from billing.budgets.standing import WHOSE, mark_of
from billing.budgets.windows import day_after
from billing.calendar import beginning
from billing.models import BudgetNotice, Mark
from billing.money import dollars, plain

log = logging.getLogger(__name__)

KEPT_DAYS = 400

SAID = {Mark.WARNED: "is nearly used up", Mark.USED_UP: "is used up"}


@dataclass(frozen=True, slots=True)
class Notice:
    """A budget has come to a mark. `spent` is in ten-billionths of a dollar."""

    allowance: Allowance
    window: date
    mark: Mark
    spent: int
    begins_anew: datetime

    @property
    def percent(self) -> int:
        return 100 * self.spent // self.allowance.limit

    def __str__(self) -> str:
        whose = WHOSE[self.allowance.level].format(subject=self.allowance.subject)
        return (
            f"the {self.allowance.period} budget of {whose} {SAID[self.mark]}: {dollars(self.spent):.4f} of "
            f"{plain(self.allowance.limit_usd)} US$. It begins anew at {self.begins_anew:%Y-%m-%d %H:%M %Z}."
        )


def reached(allowances: Allowances, spent: Mapping[tuple[int, str], int]) -> Iterator[Notice]:
    """What is worth telling of these sums, told or not."""
    by_id = {each.id: each for each in allowances.all}
    for (budget_id, window), amount in spent.items():
        allowance = by_id.get(budget_id)
        if allowance is None or not allowance.limit:
            continue
        if (mark := mark_of(amount, allowance.limit, allowance.warn_percent)) is not None:
            first = first_day_of(window)
            ends = beginning(day_after(allowance.period, first), allowances.zone).astimezone(allowances.zone)
            yield Notice(allowance, first, mark, amount, ends)


def tell(notices: Iterable[Notice]) -> list[Notice]:
    """Log those that nobody has told yet, and return them."""
    new = [each for each in notices if _note(each)]
    for each in new:
        log.warning("%s", each)
    return new


def _note(notice: Notice) -> bool:
    try:
        return BudgetNotice.objects.get_or_create(
            budget_id=notice.allowance.id, window=notice.window, mark=notice.mark
        )[1]
    except IntegrityError:  # The budget was removed meanwhile.
        return False


def forget_old() -> int:
    """What was told of windows long ago. How many were removed."""
    before = datetime.now(UTC).date() - timedelta(days=KEPT_DAYS)
    return BudgetNotice.objects.filter(window__lt=before).delete()[0]
