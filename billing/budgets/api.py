"""Job: the management API of budgets, in three shapes of body: the guide's, the older one, and one for every level.

Law: amounts are US dollars, as JSON numbers. Setting a budget again replaces it; null removes it, and 0 allows nothing.
Who may not see budgets sees those of their own keys all the same: they have to know why they are refused.
"""

import math
from decimal import Decimal
from typing import Annotated, Any

from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, Strict

from billing.budgets import budgeting, standing
from billing.budgets.standing import Standing
from billing.budgets.subjects import WORDS, Named, NamedKey, subject_of
from billing.budgets.windows import first_day
from billing.models import ApiKey, Budget, DailyUsage, Level, Period
from billing.usage import days
from providers.api_access import ApiRefusal, Missing, needs
from providers.api_bodies import UNCHANGED, Answer, Deleted, wire_name

router = Router(by_alias=True)

MOST = Decimal("99999999.999999")
UNIT = Decimal("0.000001")


def _dollars(value: object) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("give US dollars as a number, such as 5 or 0.25; null removes the budget")
    amount = Decimal(str(value)) if math.isfinite(value) else Decimal(-1)
    if not 0 <= amount <= MOST:
        raise ValueError(f"give US dollars from 0 to {MOST:,}")
    if amount % UNIT:
        raise ValueError(f"{amount:f} has more than six decimals")
    return amount


def _percent(value: object) -> int:
    """A share of 1, or whole percents."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
        raise ValueError("give a share such as 0.8 or a percentage such as 80, at most 100")
    percent = Decimal(str(value)) * (100 if value <= 1 else 1)
    if percent < 1 or percent % 1:
        raise ValueError(f"{percent.normalize():f} % is no whole percentage from 1 to 100")
    return int(percent)


def _whole_percent(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise ValueError("give a whole number from 1 to 100")
    return value


Amount = Annotated[Decimal | None, BeforeValidator(_dollars)]
Dollars = Annotated[Decimal, PlainSerializer(float, return_type=float)]
Span = Annotated[Period, Strict(False)]


class NewBudget(Named):
    limit: Amount = UNCHANGED
    period: Span = UNCHANGED
    warn_percent: Annotated[int, BeforeValidator(_whole_percent)] = UNCHANGED
    daily_limit_usd: Amount = UNCHANGED
    weekly_limit_usd: Amount = UNCHANGED
    monthly_limit_usd: Amount = UNCHANGED
    warning_threshold: Annotated[int, BeforeValidator(_percent)] = UNCHANGED


class Removed(Named):
    period: Span = UNCHANGED


class ShownBudget(Answer):
    id: int
    level: Level
    key_id: str | None
    user_id: int | None
    team_id: int | None
    name: str
    period: Period
    limit: Dollars
    spent: Dollars
    remaining: Dollars
    percent: Dollars
    """Of the limit."""
    warn_percent: int
    warning_reached: bool
    allowed: bool
    window_start: AwareDatetime
    resets_at: AwareDatetime


class Budgets(Answer):
    budgets: list[ShownBudget]


class OwnLimits(Answer):
    """The key's own, by period; null where there is none."""

    daily_limit_usd: Dollars | None
    weekly_limit_usd: Dollars | None
    monthly_limit_usd: Dollars | None
    warning_threshold: int


class Check(Answer):
    allowed: bool
    daily_used: Dollars
    daily_limit: Dollars | None
    warning_reached: bool
    reason: str | None


class BudgetsOfKey(Answer):
    daily_total: Dollars
    weekly_total: Dollars
    monthly_total: Dollars
    total_entries: int
    """Requests of this month."""
    budget: OwnLimits | None
    budget_check: Check
    budgets: list[ShownBudget]
    """Every one that a request with this key counts against."""
    effective: ShownBudget | None
    """The one with the least left."""


def shown(each: Standing) -> ShownBudget:
    row: Any = each.budget
    return ShownBudget(
        id=row.pk,
        level=Level(row.level),
        key_id=row.api_key_id and str(row.api_key_id),
        user_id=row.user_id,
        team_id=row.team_id,
        name=row.subject_name,
        period=Period(row.period),
        limit=row.limit_usd,
        spent=each.spent,
        remaining=each.left,
        percent=each.percent,
        warn_percent=row.warn_percent,
        warning_reached=each.mark is not None,
        allowed=each.allows,
        window_start=each.begins,
        resets_at=each.ends,
    )


@router.get("/usage/budget", auth=needs("billing.view_apikey"), response=BudgetsOfKey | Budgets)
def show_budgets(request: HttpRequest, wanted: Query[NamedKey]) -> BudgetsOfKey | Budgets:
    """Every budget that the caller may see; with `keyId`, all that holds back one key."""
    asked = wanted.sent()
    if not asked:
        return Budgets(budgets=[shown(each) for each in standing.standings(Budget.objects.visible_to(request.user))])
    key_id = subject_of(wanted).id
    key = ApiKey.objects.visible_to(request.user).select_related("owner", "team").filter(pk=key_id).first()
    if key is None:
        raise Missing(f"There is no API key {key_id} among those you may see.", wire_name(next(iter(asked))))
    return _of_key(key)


def _of_key(key: ApiKey) -> BudgetsOfKey:
    found = standing.holding(key)
    totals, requests = _used(key)
    least = standing.narrowest(found)
    own = {Period(each.budget.period): each for each in found if each.budget.level == Level.KEY}
    return BudgetsOfKey(
        daily_total=totals[Period.DAILY],
        weekly_total=totals[Period.WEEKLY],
        monthly_total=totals[Period.MONTHLY],
        total_entries=requests,
        budget=_own_limits(own) if own else None,
        budget_check=_check(found, own, totals),
        budgets=[shown(each) for each in found],
        effective=shown(least) if least else None,
    )


def _used(key: ApiKey) -> tuple[dict[Period, Decimal], int]:
    """What the key spent in each period that goes on now, and its requests of this month."""
    now, zone = timezone.now(), days.time_zone()
    begun = {period: first_day(period, now, zone) for period in Period}
    of_key = DailyUsage.objects.filter(api_key_id=key.pk, day__gte=min(begun.values()))
    by_day = of_key.order_by().values("day").annotate(cost=Sum("cost_usd"), count=Sum("requests"))
    rows = list(by_day.values_list("day", "cost", "count"))
    totals = {
        period: sum((cost for day, cost, _ in rows if day >= first), Decimal(0)) for period, first in begun.items()
    }
    return totals, sum(count for day, _, count in rows if day >= begun[Period.MONTHLY])


def _own_limits(own: dict[Period, Standing]) -> OwnLimits:
    limits = {period: own[period].budget.limit_usd if period in own else None for period in Period}
    return OwnLimits(
        daily_limit_usd=limits[Period.DAILY],
        weekly_limit_usd=limits[Period.WEEKLY],
        monthly_limit_usd=limits[Period.MONTHLY],
        warning_threshold=next(iter(own.values())).budget.warn_percent,
    )


def _check(found: list[Standing], own: dict[Period, Standing], totals: dict[Period, Decimal]) -> Check:
    refusing = standing.refusing(found)
    daily = own.get(Period.DAILY)
    return Check(
        allowed=refusing is None,
        daily_used=totals[Period.DAILY],
        daily_limit=daily.budget.limit_usd if daily else None,
        warning_reached=any(each.mark for each in found),
        reason=refusing.why_refused if refusing else None,
    )


@router.post("/usage/budget", auth=needs("billing.change_budget"), response=Budgets)
def set_budget(request: HttpRequest, body: NewBudget) -> Budgets:
    """Set the limits that are sent; null removes one. The answer is every budget of that subject."""
    limits = _limits(body)
    subject = subject_of(body)
    budgeting.set_budgets(subject, limits, body.warn_percent or body.warning_threshold)
    return Budgets(budgets=[shown(each) for each in standing.standings(subject.budgets)])


LIMITS = {
    "daily_limit_usd": Period.DAILY,
    "weekly_limit_usd": Period.WEEKLY,
    "monthly_limit_usd": Period.MONTHLY,
}


def _limits(body: NewBudget) -> dict[Period, Decimal | None]:
    sent = body.sent()
    found = {period: sent[name] for name, period in LIMITS.items() if name in sent}
    if "limit" in sent:
        if "period" not in sent:
            raise ApiRefusal(f"period: say which: {', '.join(Period.values)}.", "period")
        found[sent["period"]] = sent["limit"]
    elif "period" in sent or not found:
        raise ApiRefusal("limit: give US dollars for the period, or null to remove the budget.", "limit")
    return found


@router.delete("/usage/budget", auth=needs("billing.delete_budget"), response=Budgets)
def remove_budgets(request: HttpRequest, removed: Query[Removed]) -> Budgets:
    """Remove a subject's budget of one period, or all of its budgets. The answer is what is left."""
    subject = subject_of(removed)
    found = subject.budgets.filter(period=removed.period) if removed.period else subject.budgets
    if not budgeting.remove(found):
        which = f"{removed.period} budget" if removed.period else "budget"
        raise Missing(f"There is no {which} of {WORDS[subject.level]} {subject.id or ''}".rstrip() + ".")
    return Budgets(budgets=[shown(each) for each in standing.standings(subject.budgets)])


@router.delete("/usage/budget/{budget_id}", auth=needs("billing.delete_budget"), response=Deleted)
def remove_budget(request: HttpRequest, budget_id: int) -> Deleted:
    if not budgeting.remove(Budget.objects.filter(pk=budget_id)):
        raise Missing(f"There is no budget {budget_id}. GET /api/usage/budget lists them.")
    return Deleted(deleted=str(budget_id))
