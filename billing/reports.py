"""Job: usage added up: by provider, model, account, key, user, team, combo, dialect and day.

Law: reads only, and only what `visible_to` leaves. The sums come from the roll-ups of each day, in one pass whatever
is asked for; the requests themselves are looked at for the hours of one day alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Max, QuerySet, Sum
from django.db.models.functions import TruncHour

from billing.asked import DIMENSIONS, Dimension
from billing.models import ApiKey, DailyUsage, UsageRecord
from billing.requests import FAILED

ZERO = Decimal(0)
YEAR = timedelta(days=365)
PLACES = ("provider", "model", "connection", "api_key_id", "user_id", "team_id", "combo", "dialect")
NAMES = ("api_key_name", "user_name", "team_name")


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums. The fields are columns of DailyUsage."""

    requests: int = 0
    failed: int = 0
    hung_up: int = 0
    fell_back: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    unpriced: int = 0
    estimated: int = 0
    total_ms: int = 0
    first_events: int = 0
    first_event_ms: int = 0
    uncached_input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal = ZERO
    list_cost_usd: Decimal = ZERO
    cache_saved_usd: Decimal = ZERO

    @property
    def prompt_tokens(self) -> int:
        return self.uncached_input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens

    @property
    def flat_saved_usd(self) -> Decimal:
        """What subscriptions and free tiers made of the list price."""
        return self.list_cost_usd - self.cost_usd

    @property
    def cache_share(self) -> float | None:
        """Of the whole prompt, what the vendors had in their caches."""
        return self.cache_read_tokens / self.prompt_tokens if self.prompt_tokens else None

    @property
    def average_ms(self) -> float | None:
        return self.total_ms / self.requests if self.requests else None

    @property
    def average_first_ms(self) -> float | None:
        return self.first_event_ms / self.first_events if self.first_events else None


MEASURES = tuple(field.name for field in fields(Figures))
SUMS = {f"sum_{name}": Sum(name) for name in MEASURES}
NEWEST = {f"newest_{name}": Max(name) for name in NAMES}


@dataclass(frozen=True, slots=True)
class Part:
    """What one provider, key, user... had of it. `filters` are those of the URL that leave only it."""

    id: tuple[Any, ...]
    name: str
    filters: Mapping[str, str]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    total: Figures
    parts: Mapping[str, Sequence[Part]]
    """By dimension, the dearest first."""

    @property
    def is_empty(self) -> bool:
        return not self.total.requests and not self.total.attempts


def report(usage: QuerySet[DailyUsage], names: Iterable[str] = tuple(DIMENSIONS)) -> Report:
    """The sums of these rows, and by each of the named dimensions: two queries, whatever is asked."""
    rows = list(usage.order_by().values_list(*PLACES).annotate(**NEWEST, **SUMS))
    keys = dict(ApiKey.objects.filter(pk__in={row[3] for row in rows}).values_list("pk", "name")) if rows else {}
    return Report(_total(rows), {name: _parts(rows, DIMENSIONS[name], keys) for name in names})


def _total(rows: Iterable[tuple[Any, ...]]) -> Figures:
    columns: list[Any] = list(zip(*rows, strict=True))[len(PLACES) + len(NAMES) :]
    return Figures(*[sum(column) for column in columns])


def _parts(rows: Iterable[tuple[Any, ...]], dimension: Dimension, keys: Mapping[Any, str]) -> list[Part]:
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    places = [PLACES.index(column) for column in dimension.columns]
    for row in rows:
        groups[tuple(row[place] for place in places)].append(row)
    parts = [_part(dimension, identity, group, keys) for identity, group in groups.items()]
    return sorted(parts, key=lambda part: (-part.figures.cost_usd, -part.figures.requests, part.name))


def _part(
    dimension: Dimension, identity: tuple[Any, ...], rows: list[tuple[Any, ...]], keys: Mapping[Any, str]
) -> Part:
    names: dict[str, str] = dict(zip(NAMES, map(max, zip(*(row[8:11] for row in rows), strict=True)), strict=True))
    if dimension.columns == ("api_key_id",):
        names["api_key_name"] = keys.get(identity[0], names["api_key_name"])
    values = dict(zip(dimension.columns, identity, strict=True)) | names
    return Part(identity, dimension.name_of(values) or str(dimension.nobody), dimension.asked(values), _total(rows))


# By day, and by hour.


def days(usage: QuerySet[DailyUsage]) -> list[tuple[date, Figures]]:
    """Oldest first; only days that had any."""
    rows: Any = usage.order_by("day").values_list("day")
    return [(day, Figures(*sums)) for day, *sums in rows.annotate(**SUMS)]


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or an hour of one, of one provider."""

    start: Any
    provider: str
    requests: int
    failed: int
    tokens: int
    cost_usd: Decimal
    list_cost_usd: Decimal


TOKENS = F("uncached_input_tokens") + F("cache_read_tokens") + F("cache_write_tokens") + F("output_tokens")


def by_day(usage: QuerySet[DailyUsage]) -> list[Moment]:
    """Oldest first; only days and providers that had any."""
    rows = usage.order_by("day", "provider").values_list("day", "provider")
    sums = {name: Sum(name) for name in ("requests", "failed")}
    money = {f"sum_{name}": Sum(name) for name in ("cost_usd", "list_cost_usd")}
    found: Any = rows.annotate(**{f"sum_{name}": each for name, each in sums.items()}, tokens=Sum(TOKENS), **money)
    return [Moment(*row) for row in found]


def by_hour(records: QuerySet[UsageRecord], zone: ZoneInfo) -> list[Moment]:
    """Like `by_day`, of requests. Each counts whole where it ended, also what it used elsewhere before."""
    hours = records.order_by().annotate(hour=TruncHour("started_at", tzinfo=zone)).values_list("hour", "provider")
    found: Any = hours.annotate(
        requests=Count("pk"),
        failures=Count("pk", filter=FAILED),
        tokens=Sum(TOKENS),
        cost=Sum("cost_usd"),
        list_cost=Sum("list_cost_usd"),
    )
    return [Moment(*row) for row in found.order_by("hour", "provider")]


@dataclass(frozen=True, slots=True)
class Activity:
    requests: int
    cost_usd: Decimal


def activity(usage: QuerySet[DailyUsage], today: date) -> dict[date, Activity]:
    """The days of the last year that had any."""
    rows: Any = usage.filter(day__gt=today - YEAR, day__lte=today).order_by("day").values_list("day")
    return {day: Activity(*sums) for day, *sums in rows.annotate(asked=Sum("requests"), cost=Sum("cost_usd"))}


# The month.


@dataclass(frozen=True, slots=True)
class Month:
    """The current month: what it cost so far, and what it would cost if it went on like that."""

    so_far: Decimal
    projected: Decimal | None
    """None while there is less than a day to judge by."""


def month(usage: QuerySet[DailyUsage], now: datetime, zone: ZoneInfo) -> Month:
    here = now.astimezone(zone)
    first = here.date().replace(day=1)
    next_first = (first + timedelta(days=32)).replace(day=1)
    spent = usage.filter(day__gte=first, day__lt=next_first).aggregate(spent=Sum("cost_usd"))["spent"] or ZERO
    passed = Decimal((here.day - 1) * 86400 + here.hour * 3600 + here.minute * 60) / 86400
    if passed < 1:
        return Month(spent, None)
    return Month(spent, spent / passed * (next_first - first).days)
