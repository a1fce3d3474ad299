"""Job: the geometry of the charts on the pages of usage: stacked bars over time, shares, a year of squares.

Law: pure numbers for inline SVG; no HTML, no query. A provider has one colour on every chart, whatever else is shown.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zlib import crc32

COLOURS = 10
"""`.omni-colour-0` to `-9` in dashboard.css, told apart by the colour-blind too."""
REST = "rest"
HEIGHT = 100
STEP = 10
MOST_SERIES = 8

Number = int | Decimal


def colours(known: Collection[str], shown: Iterable[str]) -> dict[str, str]:
    """A colour for each name: its own by hash, or the next free one, first for those that are `known` for long.

    Two share one only where there are more names than colours. The empty name is nobody's: grey.
    """
    taken: dict[str, str] = {"": REST}
    for name in [*sorted(known), *sorted(set(shown) - set(known))]:
        if name not in taken:
            taken[name] = _free(crc32(name.encode()) % COLOURS, taken)
    return taken


def _free(wanted: int, taken: Mapping[str, str]) -> str:
    used = set(taken.values())
    places = [str((wanted + step) % COLOURS) for step in range(COLOURS)]
    return next((place for place in places if place not in used), str(wanted))


# Bars over time.


@dataclass(frozen=True, slots=True)
class Segment:
    colour: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    title: str
    segments: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    colour: str
    total: str


@dataclass(frozen=True, slots=True)
class Chart:
    bars: Sequence[Bar]
    series: Sequence[Series]
    top: str
    """What a bar as high as the chart stands for."""
    labels: Sequence[str]
    """Below the first, the middle and the last bar."""

    @property
    def width(self) -> int:
        return len(self.bars) * STEP


Point = tuple[str, Mapping[str, Number]]
"""A label, and the numbers by name."""


def stacked(points: Sequence[Point], colour_of: Mapping[str, str], write: Callable[[Number], str], rest: str) -> Chart:
    """One bar a point. The greatest names have a part of their own, the others are `rest` together."""
    greatest = _greatest(points)
    names = greatest if len(greatest) <= MOST_SERIES else [*greatest[: MOST_SERIES - 1], None]
    most = max((sum(numbers.values()) for _label, numbers in points), default=0)
    bars = [_bar(place, point, names, colour_of, most, write, rest) for place, point in enumerate(points)]
    series = [
        Series(rest if name is None else name, _colour(name, colour_of), write(_sum_of(name, names, points)))
        for name in names
    ]
    labels = [points[place][0] for place in sorted({0, len(points) // 2, len(points) - 1})] if points else []
    return Chart(bars, series, write(most), labels)


def _greatest(points: Sequence[Point]) -> list[str | None]:
    sums: dict[str, Number] = {}
    for _label, numbers in points:
        for name, number in numbers.items():
            sums[name] = sums.get(name, 0) + number
    return [name for name, total in sorted(sums.items(), key=lambda item: (-item[1], item[0])) if total]


def _part_of(name: str | None, names: Collection[str | None], numbers: Mapping[str, Number]) -> Number:
    if name is not None:
        return numbers.get(name, 0)
    return sum(number for each, number in numbers.items() if each not in names)


def _sum_of(name: str | None, names: Collection[str | None], points: Sequence[Point]) -> Number:
    return sum(_part_of(name, names, numbers) for _label, numbers in points)


def _colour(name: str | None, colour_of: Mapping[str, str]) -> str:
    return REST if name is None else colour_of.get(name, REST)


def _bar(
    place: int,
    point: Point,
    names: Sequence[str | None],
    colour_of: Mapping[str, str],
    most: Number,
    write: Callable[[Number], str],
    rest: str,
) -> Bar:
    label, numbers = point
    segments: list[Segment] = []
    below = 0.0
    told: list[str] = []
    for name in names:
        number = _part_of(name, names, numbers)
        if not number:
            continue
        height = float(number) / float(most) * HEIGHT
        below += height
        segments.append(Segment(_colour(name, colour_of), round(HEIGHT - below, 2), round(height, 2)))
        told.append(f"{rest if name is None else name} {write(number)}")
    whole = write(sum(numbers.values()))
    title = f"{label}: {whole}" + (f" ({', '.join(told)})" if len(told) > 1 else "")
    return Bar(place * STEP, title, segments)


# Days, weeks, months.

MOST_DAYS = 100
MOST_WEEKS = 110


def bucket(day: date, length: int) -> date:
    """The first day of what stands for it in a chart over that many days: itself, its Monday, or its month's first."""
    if length <= MOST_DAYS:
        return day
    if length <= MOST_WEEKS * 7:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1)


def buckets(first: date, last: date) -> list[date]:
    """All of them, oldest first."""
    length = (last - first).days + 1
    return sorted({bucket(first + timedelta(days=place), length) for place in range(length)})


# A year of squares.

SQUARE = 12
LEVELS = 4


@dataclass(frozen=True, slots=True)
class Square:
    x: int
    y: int
    level: int
    """0: nothing; 1 to 4: to which quarter of the busy days it belongs."""
    title: str


def year(counts: Mapping[date, int], today: date, write: Callable[[date, int], str]) -> list[Square]:
    """A column a week, a row a weekday, Monday on top; the last column is this week."""
    first = today - timedelta(days=364)
    start = first - timedelta(days=first.weekday())
    busy = sorted(filter(None, counts.values()))
    found = []
    for place in range((today - start).days + 1):
        day = start + timedelta(days=place)
        if day >= first:
            count = counts.get(day, 0)
            x, y = place // 7 * SQUARE, place % 7 * SQUARE
            found.append(Square(x, y, _level(count, busy), write(day, count)))
    return found


def _level(count: int, busy: Sequence[int]) -> int:
    """One single great day does not make all others look alike."""
    return -(-bisect_right(busy, count) * LEVELS // len(busy)) if count else 0
