"""Job: how long the latest requests took: to the first token, between tokens, to the end, and tokens in a second.

Law: percentiles are taken of the requests themselves, whichever worker had them, since percentiles cannot be added up.
Only requests that were answered count. So that it costs the same however many there are, the latest so many are looked
at, and looked for in so many days.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from django.db.models import QuerySet

from billing.models import UsageRecord

MOST = 5_000
"""Requests that are looked at, the latest."""
MOST_DAYS = 7
MOST_MODELS = 10


class _Taken(NamedTuple):
    """One request, as it is read."""

    provider: str
    model: str
    first_event_ms: int | None
    gap_ms: int | None
    total_ms: int
    output_tokens: int

    @property
    def tokens_per_second(self) -> float | None:
        """While it was spoken. Of an answer that came in one piece nobody knows how long it took to write."""
        if self.gap_ms is None or self.first_event_ms is None or self.total_ms <= self.first_event_ms:
            return None
        return 1000 * self.output_tokens / (self.total_ms - self.first_event_ms)


@dataclass(frozen=True, slots=True)
class Spread:
    """What half of the requests, and 19 of 20, stayed within."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Of so many requests. Milliseconds; None where none of them tells."""

    requests: int
    first_ms: Spread | None
    gap_ms: Spread | None
    total_ms: Spread | None
    tokens_per_second: float | None
    """Of the one in the middle."""


@dataclass(frozen=True, slots=True)
class SpeedOfModel:
    provider: str
    model: str
    speed: Speed


@dataclass(frozen=True, slots=True)
class Speeds:
    all: Speed
    models: Sequence[SpeedOfModel]
    """Those that were asked most, at most `MOST_MODELS`."""


def speeds(records: QuerySet[UsageRecord]) -> Speeds:
    """One query."""
    answered = records.filter(status__lt=400).order_by("-started_at")
    taken = [_Taken(*row) for row in answered.values_list(*_Taken._fields)[:MOST]]
    groups: dict[tuple[str, str], list[_Taken]] = defaultdict(list)
    for each in taken:
        groups[each.provider, each.model].append(each)
    most = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))[:MOST_MODELS]
    return Speeds(_speed(taken), [SpeedOfModel(*place, _speed(group)) for place, group in most])


def _speed(taken: Sequence[_Taken]) -> Speed:
    rates = _spread(each.tokens_per_second for each in taken)
    return Speed(
        requests=len(taken),
        first_ms=_spread(each.first_event_ms for each in taken),
        gap_ms=_spread(each.gap_ms for each in taken),
        total_ms=_spread(each.total_ms for each in taken),
        tokens_per_second=rates.p50 if rates else None,
    )


def _spread(numbers: Iterable[float | None]) -> Spread | None:
    known = sorted(number for number in numbers if number is not None)
    return Spread(_at(known, 0.50), _at(known, 0.95)) if known else None


def _at(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: one of the numbers, never one in between."""
    return ordered[ceil(share * len(ordered)) - 1]
