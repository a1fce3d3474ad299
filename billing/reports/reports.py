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

from django.db.models import Case, Count, F, Max, QuerySet, Sum, Value, When

from billing.models import DailyUsage, UsageRecord
from billing.reports.asked import DIMENSIONS, NONE, Dimension, written

ZERO = Decimal(0)
YEAR = timedelta(days=365)
HOUR = timedelta(hours=1)
LONGEST_DAY = 25
"""In hours, where clocks are turned back."""


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
    """The sums of these rows, and by each of the named dimensions, whatever these are: one query, and one for names."""
    dimensions = {name: DIMENSIONS[name] for name in names}
    columns = list(dict.fromkeys(column for each in dimensions.values() for column in each.columns))
    rows = list(usage.order_by().values_list(*columns).annotate(**SUMS))
    return Report(_total(rows), {name: _parts(usage, rows, columns, each) for name, each in dimensions.items()})


def _total(rows: Iterable[tuple[Any, ...]]) -> Figures:
    columns: list[Any] = list(zip(*rows, strict=True))[-len(MEASURES) :]
    return Figures(*[sum(column) for column in columns])


def _parts(
    usage: QuerySet[DailyUsage], rows: Iterable[tuple[Any, ...]], columns: list[str], dimension: Dimension
) -> list[Part]:
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    places = [columns.index(column) for column in dimension.columns]
    for row in rows:
        groups[tuple(row[place] for place in places)].append(row)
    names = _names(usage, dimension, groups)
    parts = [_part(dimension, identity, group, names) for identity, group in groups.items()]
    return sorted(parts, key=lambda part: (-part.figures.cost_usd, -part.figures.requests, part.name))


def _part(
    dimension: Dimension, identity: tuple[Any, ...], rows: list[tuple[Any, ...]], names: Mapping[Any, str]
) -> Part:
    values = dict(zip(dimension.columns, identity, strict=True))
    name = names.get(identity[0], "") if dimension.names else dimension.name_of(values)
    return Part(identity, name or str(dimension.nobody), dimension.asked(values), _total(rows))


def _names(usage: QuerySet[DailyUsage], dimension: Dimension, found: Iterable[tuple[Any, ...]]) -> Mapping[Any, str]:
    """Of what goes by an id: its name of now, or the last one that is quoted of what was removed."""
    if dimension.names is None:
        return {}
    (column,), (model, field, quoted) = dimension.columns, dimension.names
    ids = {identity[0] for identity in found if written(column, identity[0]) != NONE}
    names = dict(model.objects.filter(pk__in=ids).values_list("pk", field)) if ids else {}
    if gone := ids - names.keys():
        rows = usage.filter(**{f"{column}__in": gone}).order_by().values_list(column)
        names |= dict(rows.annotate(quoted=Max(quoted)))
    return names


# By day, and by hour.


def days(usage: QuerySet[DailyUsage]) -> list[tuple[date, Figures]]:
    """Oldest first; only days that had any."""
    rows: Any = usage.order_by("day").values_list("day")
    return [(day, Figures(*sums)) for day, *sums in rows.annotate(**SUMS)]


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or an hour of one, of one provider, and how much of something it had."""

    start: Any
    provider: str
    amount: int | Decimal


TOKENS = F("uncached_input_tokens") + F("cache_read_tokens") + F("cache_write_tokens") + F("output_tokens")
AMOUNTS: Mapping[str, tuple[Any, Any]] = {
    "cost": (Sum("cost_usd"), Sum("cost_usd")),
    "requests": (Sum("requests"), Count("pk")),
    "tokens": (Sum(TOKENS), Sum(TOKENS)),
}
"""What a chart can show: how it is added up of days, and of requests."""


def by_day(usage: QuerySet[DailyUsage], amount: str) -> list[Moment]:
    """Oldest first; only days and providers that had any."""
    rows: Any = usage.order_by("day", "provider").values_list("day", "provider")
    return [Moment(*row) for row in rows.annotate(amount=AMOUNTS[amount][0])]


def by_hour(records: QuerySet[UsageRecord], first: datetime, amount: str) -> list[Moment]:
    """Of the day that begins with `first`. Each request counts whole where it ended, also what it used elsewhere.

    The hours are compared by the database itself: TruncHour would call Python for each row of SQLite.
    """
    starts = [first + timedelta(hours=hour) for hour in range(LONGEST_DAY)]
    hour = Case(*(When(started_at__lt=start + HOUR, then=Value(place)) for place, start in enumerate(starts)))
    rows: Any = records.filter(started_at__gte=first, started_at__lt=starts[-1] + HOUR).order_by()
    found = rows.annotate(hour=hour).values_list("hour", "provider").annotate(amount=AMOUNTS[amount][1])
    return [Moment(starts[place], provider, number) for place, provider, number in found.order_by("hour", "provider")]


def activity(usage: QuerySet[DailyUsage], today: date) -> dict[date, int]:
    """The requests of each day of the last year that had any."""
    rows: Any = usage.filter(day__gt=today - YEAR, day__lte=today).order_by("day").values_list("day")
    return dict(rows.annotate(asked=Sum("requests")))


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
