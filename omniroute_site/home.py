"""Job: the facts of the front page: does it work, who is spending what, how do I point my tool at it.

Law: a handful of queries, however many rows there are, and only what the user may see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import CharField, Count, F, Q, QuerySet, Sum
from django.db.models.functions import Cast, Substr
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.budgets import standing
from billing.budgets.bars import facts as bar_facts
from billing.budgets.spending import with_spent
from billing.budgets.standing import Standing
from billing.models import Budget, CostSource, UsageRecord
from billing.reports.requests import FAILED, outcome
from billing.usage import days
from providers.models import ProviderConnection

WINDOW = timedelta(hours=24)
LATEST = 10
MOST_BUDGETS = 8
CHART_HEIGHT = 100

USED_TOKENS = F("uncached_input_tokens") + F("cache_read_tokens") + F("cache_write_tokens") + F("output_tokens")
SUMS = {
    "requests": Count("pk"),
    "failed": Count("pk", filter=FAILED),
    "tokens": Sum(USED_TOKENS),
    "cost": Sum("cost_usd"),
    "unknown": Count("pk", filter=Q(cost_source=CostSource.UNKNOWN)),
}


@dataclass(frozen=True, slots=True)
class Hour:
    """One bar of the chart. Heights are parts of `CHART_HEIGHT`."""

    place: int
    start: datetime
    requests: int
    failed: int
    height: float
    failed_height: float

    @property
    def x(self) -> int:
        return self.place * 10 + 1

    @property
    def y(self) -> float:
        return CHART_HEIGHT - self.height

    @property
    def failed_y(self) -> float:
        return CHART_HEIGHT - self.failed_height


@dataclass(frozen=True, slots=True)
class Attention:
    """Something a person should look at."""

    text: str
    link: str


def front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's dashboard callback."""
    now = timezone.now()
    records = UsageRecord.objects.visible_to(request.user)
    counted = by_hour(records.filter(started_at__gte=now - WINDOW))
    day = totals(counted)
    latest = list(records[:LATEST]) if request.user.has_perm("billing.view_usagerecord") else []
    return context | {
        "title": _("Home"),
        "sees_everything": request.user.has_perm("billing.view_every_usagerecord"),
        "status": status(request),
        "day": day,
        "hours": hours(counted, now),
        "latest": [(record, outcome(record)) for record in latest],
        "attention": attention(request, day["unknown"], now),
        "own_budgets": own_budgets(request),
        "base_url": settings.BASE_URL + "/v1",
        "keys_link": reverse("admin:billing_apikey_add") if request.user.has_perm("billing.add_apikey") else None,
    }


def status(request: HttpRequest) -> dict[str, int] | None:
    """How many providers and connections can be used now; None for who may not see connections."""
    if not request.user.has_perm("providers.view_providerconnection"):
        return None
    usable = Q(is_active=True, provider__is_enabled=True)
    return ProviderConnection.objects.aggregate(
        providers=Count("provider", filter=usable, distinct=True), usable=Count("pk", filter=usable), all=Count("pk")
    )


def by_hour(records: QuerySet[UsageRecord]) -> dict[datetime, dict[str, Any]]:
    """The sums of each hour that has any. One pass, and without TruncHour, which is Python for each row on SQLite."""
    hour = Substr(Cast("started_at", CharField()), 1, len("2026-01-31 23"))
    rows: Any = records.order_by().annotate(hour=hour).values("hour").annotate(**SUMS)
    return {datetime.strptime(row["hour"], "%Y-%m-%d %H").replace(tzinfo=UTC): row for row in rows}


def totals(counted: Mapping[datetime, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: sum(row[name] or 0 for row in counted.values()) for name in SUMS}


def hours(counted: Mapping[datetime, Mapping[str, Any]], now: datetime) -> list[Hour]:
    """The 25 clock hours that the last 24 h touch, oldest first, also those without a request."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    starts = [this_hour - timedelta(hours=back) for back in range(24, -1, -1)]
    most = max((row["requests"] for row in counted.values()), default=0) or 1
    return [_hour(place, start, counted.get(start, {}), most) for place, start in enumerate(starts)]


def _hour(place: int, start: datetime, row: Mapping[str, Any], most: int) -> Hour:
    requests, failed = row.get("requests", 0), row.get("failed", 0)
    scale = CHART_HEIGHT / most
    return Hour(place, start, requests, failed, round(requests * scale, 1), round(failed * scale, 1))


def attention(request: HttpRequest, unpriced: int, now: datetime) -> list[Attention]:
    found: list[Attention] = []
    if request.user.has_perm("providers.view_providerconnection"):
        found += _inactive_connections()
    if request.user.has_perm("billing.view_apikey"):
        found += _spent_budgets(request, now)
    if unpriced and request.user.has_perm("billing.view_every_usagerecord"):
        found.append(_unknown_prices(unpriced))
    return found


def _inactive_connections() -> list[Attention]:
    rows = ProviderConnection.objects.filter(is_active=False).select_related("provider")[:5]
    return [
        Attention(
            _("%(provider)s, %(name)s: switched off") % {"provider": row.provider.name, "name": row.name},
            reverse("admin:providers_providerconnection_change", args=[row.pk]),
        )
        for row in rows
    ]


def _spent_budgets(request: HttpRequest, now: datetime) -> list[Attention]:
    """Those that are used up or nearly so, of every level. A limit of nothing was meant so, and is no news."""
    zone = days.time_zone()
    rows = with_spent(_budgets(request), now, zone).filter(limit_usd__gt=0)
    used_up, warned = rows.filter(standing.USED_UP), rows.filter(standing.WARNED)
    found = [*used_up[: MOST_BUDGETS + 1], *warned[: MOST_BUDGETS + 1]]
    sees_pages = request.user.has_perm("billing.view_budget")
    shown = [_spent_budget(standing.standing(row, now, zone), sees_pages) for row in found[:MOST_BUDGETS]]
    if len(found) > MOST_BUDGETS and sees_pages:
        shown.append(Attention(_("More budgets are nearly used up"), reverse("admin:billing_budget_changelist")))
    return shown


def _budgets(request: HttpRequest) -> QuerySet[Budget]:
    return Budget.objects.visible_to(request.user).select_related("api_key", "user", "team")


def _spent_budget(each: Standing, sees_pages: bool) -> Attention:
    used_up, nearly = _("%(whom)s: %(period)s budget used up"), _("%(whom)s: %(percent)d %% of the %(period)s budget")
    facts = {
        "whom": each.budget.subject_name,
        "period": each.budget.get_period_display().lower(),
        "percent": int(each.percent),
    }
    return Attention((nearly if each.allows else used_up) % facts, _page_of(each.budget, sees_pages))


def _page_of(budget: Budget, sees_pages: bool) -> str:
    """For who may not open the budget's own: that of their key, or the front page, where it is shown."""
    if sees_pages:
        return reverse("admin:billing_budget_change", args=[budget.pk])
    return (
        reverse("admin:billing_apikey_change", args=[budget.api_key.pk]) if budget.api_key else reverse("admin:index")
    )


def own_budgets(request: HttpRequest) -> list[dict[str, Any]]:
    """What holds back the keys of somebody who sees no page of budgets: their own and those of their keys."""
    if request.user.has_perm("billing.view_budget") or not request.user.has_perm("billing.view_apikey"):
        return []
    found = standing.standings(_budgets(request))
    return [bar_facts(each) for each in found[:MOST_BUDGETS]]


def _unknown_prices(number: int) -> Attention:
    """Requests whose cost nobody knows, because their model has no price."""
    text = ngettext("%d request at an unknown price, last 24 h", "%d requests at an unknown price, last 24 h", number)
    return Attention(text % number, reverse("admin:billing_pricing_changelist"))
