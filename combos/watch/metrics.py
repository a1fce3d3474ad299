"""How combos did: what their requests came to, from the sums of each day.

Of the day on which a combo began anew the requests themselves are counted, from that moment on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing.calendar import day_of
from billing.models import DailyUsage, UsageRecord
from billing.usage import days
from billing.usage.rows import CLIENT_HUNG_UP
from combos.models import Combo

OK = Q(status__lt=400)
WENT_ON = Q(attempts__gt=1)
DAY = timedelta(hours=24)

COUNTS = ("asked", "answered", "went_on", "milliseconds")
OF_REQUESTS = {
    "asked": Count("pk"),
    "answered": Count("pk", filter=OK),
    "went_on": Count("pk", filter=WENT_ON),
    "milliseconds": Sum("total_ms"),
}
OF_DAYS = {
    "asked": Sum(F("requests") - F("hung_up")),
    "answered": Sum(F("requests") - F("hung_up") - F("failed")),
    "went_on": Sum("fell_back"),
    "milliseconds": Sum("total_ms"),
}
"""Clients that hung up are not counted; the time they waited is, as their days do not tell it apart."""


@dataclass(frozen=True, slots=True)
class Figures:
    requests: int
    successes: int
    fallbacks: int
    """Requests that more than one candidate was asked for."""
    average_ms: float | None

    @property
    def success_rate(self) -> float | None:
        return _share(self.successes, self.requests)

    @property
    def fallback_rate(self) -> float | None:
        return _share(self.fallbacks, self.requests)

    @property
    def whole_ms(self) -> int | None:
        return None if self.average_ms is None else round(self.average_ms)


@dataclass(frozen=True, slots=True)
class Metrics:
    combo: str
    since: datetime | None
    total: Figures
    by_model: dict[str, Figures] = field(default_factory=dict)
    """By who answered, or was asked last."""

    @property
    def lines(self) -> list[tuple[str, Figures]]:
        """Each model's, the busiest first; "" is all of them together, and stands last."""
        busiest = sorted(self.by_model.items(), key=lambda each: -each[1].requests)
        return [*busiest, ("", self.total)] if len(busiest) != 1 else busiest


def of(combo: Combo) -> Metrics:
    by_model: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for group in _groups(combo):
        name = f"{group['provider']}/{group['model']}" if group["provider"] else ""
        by_model[name].update({count: group[count] or 0 for count in COUNTS})
    total = sum(by_model.values(), Counter())
    by_model.pop("", None)
    answered = {name: _figures(counts) for name, counts in by_model.items() if counts["asked"]}
    return Metrics(combo.name, combo.metrics_since, _figures(total), answered)


def _groups(combo: Combo) -> Iterator[Mapping[str, Any]]:
    """Counts by who answered, or was asked last; of none where nobody was."""
    usage = DailyUsage.objects.filter(combo=combo.name)
    if (since := combo.metrics_since) is not None:
        zone = days.time_zone()
        tomorrow = day_of(since, zone) + timedelta(days=1)
        usage = usage.filter(day__gte=tomorrow)
        yield from _counted(combo, since, datetime.combine(tomorrow, time(), zone))
    yield from _grouped(usage).annotate(**OF_DAYS)


def _counted(combo: Combo, since: datetime, until: datetime) -> Iterable[Mapping[str, Any]]:
    rows = UsageRecord.objects.filter(combo=combo.name, started_at__gte=since, started_at__lt=until)
    counted: Iterable[Mapping[str, Any]] = _grouped(rows.exclude(status=CLIENT_HUNG_UP)).annotate(**OF_REQUESTS)
    return counted


def _grouped(rows: Any) -> Any:
    """Not of no combo: in these words, so that SQLite follows the index of those that asked for one."""
    return rows.exclude(combo="").order_by().values("provider", "model")


def with_day(combos: "QuerySet[Combo]") -> "QuerySet[Combo]":
    """With `day_requests`, `day_successes` and `day_fallbacks`: the counts of the last 24 hours."""
    rows = UsageRecord.objects.filter(combo=OuterRef("name"), started_at__gte=timezone.now() - DAY)
    rows = rows.exclude(status=CLIENT_HUNG_UP).exclude(combo="").order_by()

    def number(condition: Q) -> Coalesce:
        counted = rows.filter(condition).values("combo").annotate(number=Count("pk")).values("number")
        return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))

    return combos.annotate(day_requests=number(Q()), day_successes=number(OK), day_fallbacks=number(WENT_ON))


def begin_anew(combos: Iterable[Combo]) -> None:
    """From now on only later requests count. The rows stay."""
    Combo.objects.filter(pk__in=[combo.pk for combo in combos]).update(metrics_since=timezone.now())


def _figures(counts: Mapping[str, int]) -> Figures:
    requests = counts["asked"]
    average = counts["milliseconds"] / requests if requests else None
    return Figures(requests, counts["answered"], counts["went_on"], average)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
