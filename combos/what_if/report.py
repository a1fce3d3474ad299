"""Job: the answer to a "what if" as it is shown: sums of all the requests, lines by day, model and name, in order.

Law: no words and no rounding but that of a sample, which is scaled to the whole here and nowhere else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from billing.money import dollars
from billing.what_if.costs import Apart, Pair, Sum
from combos.what_if.simulation import Found

MOST_BARS = 62

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Side:
    """Before, or after."""

    requests: int
    tokens: int
    cost: Decimal
    list_cost: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    before: Side
    after: Side

    @property
    def saved(self) -> Decimal:
        """Less than nothing where it would have cost more."""
        return self.before.cost - self.after.cost

    @property
    def saved_share(self) -> float | None:
        return float(self.saved / self.before.cost) if self.before.cost else None


@dataclass(frozen=True, slots=True)
class Missing:
    """Requests that are in no sum, and why."""

    why: Apart
    model: str
    requests: int
    tokens: int
    cost: Decimal
    """As recorded; of what had no price then it is not known."""


@dataclass(frozen=True, slots=True)
class Report:
    found: Found
    total: Line
    days: tuple[Line, ...]
    """Every day of the period, the oldest first."""
    models: tuple[Line, ...]
    """The dearest first."""
    asked: tuple[Line, ...]
    """By the name that was asked for: who moves the sum most, first."""
    apart: tuple[Missing, ...]

    @property
    def requests_apart(self) -> int:
        return sum(each.requests for each in self.apart)


def report_of(found: Found) -> Report:
    tally = found.tally
    models = _lines(found, tally.by_model, "/".join)
    asked = _lines(found, tally.by_asked, str)
    apart = (_missing(found, why, "/".join(target), whole) for (why, target), whole in tally.apart.items())
    return Report(
        found=found,
        total=_line(found, "", tally.total),
        days=tuple(_line(found, day.isoformat(), tally.by_day.get(day) or Pair()) for day in _days(tally.by_day)),
        models=tuple(sorted(models, key=lambda line: (-max(line.before.cost, line.after.cost), line.name))),
        asked=tuple(sorted(asked, key=lambda line: (-abs(line.saved), line.name))),
        apart=tuple(sorted(apart, key=lambda each: (-each.requests, each.model))),
    )


def _lines(found: Found, pairs: Mapping[K, Pair], name: Callable[[K], str]) -> list[Line]:
    return [_line(found, name(key), pair) for key, pair in pairs.items()]


def _line(found: Found, name: str, pair: Pair) -> Line:
    return Line(name, _side(found, pair.before), _side(found, pair.after))


def _side(found: Found, whole: Sum) -> Side:
    requests, tokens = found.scaled(whole.requests), found.scaled(whole.tokens)
    return Side(requests, tokens, dollars(found.scaled(whole.cost)), dollars(found.scaled(whole.list_cost)))


def _missing(found: Found, why: Apart, model: str, whole: Sum) -> Missing:
    side = _side(found, whole)
    return Missing(why, model, side.requests, side.tokens, side.cost)


def _days(known: Iterable[date]) -> list[date]:
    """From the first that has requests to the last."""
    days = sorted(known)
    if not days:
        return []
    return [days[0] + timedelta(days=place) for place in range((days[-1] - days[0]).days + 1)]


@dataclass(frozen=True, slots=True)
class Bars:
    """One day, or several in a row, of the chart; heights are hundredths of the highest."""

    place: int
    name: str
    before: Decimal
    after: Decimal
    before_height: float
    after_height: float

    @property
    def x(self) -> int:
        return self.place * 10

    @property
    def before_y(self) -> float:
        return round(100 - self.before_height, 2)

    @property
    def after_y(self) -> float:
        return round(100 - self.after_height, 2)


def chart_of(days: tuple[Line, ...]) -> list[Bars]:
    """As many days to a pair of bars as leaves at most `MOST_BARS` of them."""
    length = -(-len(days) // MOST_BARS) or 1
    groups = [days[start : start + length] for start in range(0, len(days), length)]
    sums = [(_name(group), _sum(group, "before"), _sum(group, "after")) for group in groups]
    most = max((max(before, after) for _, before, after in sums), default=Decimal(0)) or Decimal(1)
    return [
        Bars(place, name, before, after, round(float(100 * before / most), 2), round(float(100 * after / most), 2))
        for place, (name, before, after) in enumerate(sums)
    ]


def _name(group: tuple[Line, ...]) -> str:
    return group[0].name if len(group) == 1 else f"{group[0].name} to {group[-1].name}"


def _sum(group: tuple[Line, ...], side: str) -> Decimal:
    return sum((getattr(line, side).cost for line in group), start=Decimal(0))
