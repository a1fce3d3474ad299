"""How combos did: what their requests came to, from the usage rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing.models import UsageRecord
from billing.requests import CLIENT_HUNG_UP
from combos.models import Combo

OK = Q(status__lt=400)
WENT_ON = Q(attempts__gt=1)
DAY = timedelta(hours=24)


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
    rows = UsageRecord.objects.filter(combo=combo.name).exclude(status=CLIENT_HUNG_UP)
    if combo.metrics_since is not None:
        rows = rows.filter(started_at__gte=combo.metrics_since)
    by_model = {
        f"{group['provider']}/{group['model']}": _figures(group)
        for group in _summed(rows.exclude(provider="").order_by().values("provider", "model"))
    }
    (total,) = _summed(rows.order_by().values("combo")) or [EMPTY]
    return Metrics(combo.name, combo.metrics_since, _figures(total), by_model)


def with_day(combos: "QuerySet[Combo]") -> "QuerySet[Combo]":
    """With `day_requests`, `day_successes` and `day_fallbacks`: the counts of the last 24 hours."""
    rows = UsageRecord.objects.filter(combo=OuterRef("name"), started_at__gte=timezone.now() - DAY)
    rows = rows.exclude(status=CLIENT_HUNG_UP).order_by()

    def number(condition: Q) -> Coalesce:
        counted = rows.filter(condition).values("combo").annotate(number=Count("pk")).values("number")
        return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))

    return combos.annotate(day_requests=number(Q()), day_successes=number(OK), day_fallbacks=number(WENT_ON))


def begin_anew(combos: Iterable[Combo]) -> None:
    """From now on only later requests count. The rows stay."""
    Combo.objects.filter(pk__in=[combo.pk for combo in combos]).update(metrics_since=timezone.now())


EMPTY: dict[str, Any] = {"requests": 0, "successes": 0, "fallbacks": 0, "average_ms": None}


def _summed(groups: "QuerySet[UsageRecord, Any]") -> list[dict[str, Any]]:
    return list(
        groups.annotate(
            requests=Count("pk"),
            successes=Count("pk", filter=OK),
            fallbacks=Count("pk", filter=WENT_ON),
            average_ms=Avg("total_ms", filter=OK),
        )
    )


def _figures(group: dict[str, Any]) -> Figures:
    return Figures(group["requests"], group["successes"], group["fallbacks"], group["average_ms"])


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
