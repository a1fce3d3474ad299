"""Job: what the pages Usage and Costs show, from `billing.reports.reports`, as a person reads it.

Law: what is shown stands in the URL: the range, the filters, what the chart shows. A bad one is said, never obeyed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from billing.calendar import beginning, day_of
from billing.figures import count, money, percent
from billing.models import DailyUsage, UsageRecord
from billing.reports import charts, reports
from billing.reports.asked import DIMENSIONS, FILTERS, filters_of, filters_of_requests
from billing.reports.charts import Chart, Point
from billing.reports.ranges import RANGES, USUAL, Span, WrongAsked, span_of
from billing.reports.reports import Part, Report
from billing.reports.speed import MOST_DAYS, SpeedOfModel, speeds
from billing.usage import days
from providers.models import ProviderConnection

MOST_ROWS = 10
CHARTS: dict[str, tuple[str | Promise, Callable[[Any], str]]] = {
    "cost": (_("Cost"), money),
    "requests": (_("Requests"), count),
    "tokens": (_("Tokens"), count),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that changes one thing about the page."""

    title: str | Promise
    link: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What the URL asks for, as far as it can be."""

    span: Span
    filters: Mapping[str, str]
    chart: str
    zone: ZoneInfo
    today: date
    wrong: str = ""
    """Why something of it was not taken."""

    def link(self, **changes: str) -> str:
        """This page with other filters; an empty one goes."""
        asked = {**self.span.asked, "chart": self.chart, **self.filters} | changes
        if {"range"} <= changes.keys():
            asked = {name: value for name, value in asked.items() if name not in ("from", "to")}
        return "?" + urlencode({name: value for name, value in asked.items() if value})

    @property
    def query(self) -> str:
        """For the API, which has the same filters."""
        return urlencode({**self.span.asked, **self.filters})


def view_of(request: HttpRequest) -> View:
    """With the usual range and no filter, where those of the URL are wrong."""
    zone = days.time_zone()
    today = day_of(timezone.now(), zone)
    asked = {name: str(value).strip() for name, value in request.GET.items() if str(value).strip()}
    filters = {name: value for name, value in asked.items() if name in FILTERS}
    chart = asked.get("chart", "cost") if asked.get("chart") in CHARTS else "cost"
    try:
        filters_of(filters)
        span = span_of(asked.get("range", ""), asked.get("from", ""), asked.get("to", ""), today)
    except WrongAsked as wrong:
        return View(span_of(USUAL, "", "", today), {}, chart, zone, today, wrong.message)
    return View(span, filters, chart, zone, today)


def usage_of(request: HttpRequest, view: View) -> QuerySet[DailyUsage]:
    """All days."""
    return DailyUsage.objects.visible_to(request.user).filter(**filters_of(view.filters))


def requests_of(request: HttpRequest, view: View, span: Span) -> QuerySet[UsageRecord]:
    """Those that are still kept."""
    records = UsageRecord.objects.visible_to(request.user).filter(span.moments(view.zone))
    return records.filter(**filters_of_requests(filters_of(view.filters)))


# Usage.


def usage_facts(request: HttpRequest) -> dict[str, Any]:
    view = view_of(request)
    usage = usage_of(request, view)
    within = usage.filter(view.span.condition)
    sees_all = request.user.has_perm("billing.view_every_usagerecord")
    names = ["provider", "model", "apiKey", "combo", *(["user", "team"] if sees_all else [])]
    if "provider" in view.filters:
        names.append("account")
    found = reports.report(within, names)
    colour_of = colours_of(found)
    active = reports.activity(usage, view.today)
    found_speeds = speeds(requests_of(request, view, view.span.last_days(MOST_DAYS)))
    return shell(view, found) | {
        "chart": _chart(view, within, request, colour_of) if not found.is_empty else None,
        "chart_choices": [
            Choice(title, view.link(chart=name), name == view.chart) for name, (title, _write) in CHARTS.items()
        ],
        "parts": [breakdown(name, found, view, colour_of) for name in names if _is_told(found.parts[name])],
        "speeds": found_speeds,
        "speed_rows": [_speed_row(each, view, colour_of) for each in found_speeds.models],
        "year": charts.year(active, view.today, _square),
        "year_requests": sum(active.values()),
    }


def shell(view: View, found: Report) -> dict[str, Any]:
    """What both pages begin with."""
    return {
        "view": view,
        "total": found.total,
        "is_empty": found.is_empty,
        "ranges": [
            Choice(words, view.link(range=name), name == view.span.name) for name, (words, _f) in RANGES.items()
        ],
        "chosen": [Choice(_chip(name, value, found), view.link(**{name: ""})) for name, value in view.filters.items()],
        "csv": "usage/export.csv?" + view.query,
    }


def _chip(name: str, value: str, found: Report) -> str:
    """`API keys: laptop`"""
    title = DIMENSIONS[name].title
    for part in found.parts.get(name, ()):
        if part.filters.get(name) == value and len(part.filters) == 1:
            return f"{title}: {part.name}"
    return f"{title}: {value}"


def _is_told(parts: Sequence[Part]) -> bool:
    """Nothing is broken down where all of it is nobody's."""
    return any(any(value != "none" for value in part.filters.values()) for part in parts)


def colours_of(found: Report) -> dict[str, str]:
    known = ProviderConnection.objects.order_by("provider_id").values_list("provider_id", flat=True).distinct()
    return charts.colours(list(known), [part.id[0] for part in found.parts["provider"]])


def _square(day: date, number: int) -> str:
    requests = ngettext("%(number)s request", "%(number)s requests", number) % {"number": f"{number:,}"}
    return f"{date_format(day, 'Y-m-d')}: {requests}"


# The chart.


def _chart(view: View, within: QuerySet[DailyUsage], request: HttpRequest, colour_of: Mapping[str, str]) -> Chart:
    _title, write = CHARTS[view.chart]
    points = _hours(view, request) or _days(view, within)
    nobody = gettext("nobody")
    named = [(label, {name or nobody: number for name, number in numbers.items()}) for label, numbers in points]
    return charts.stacked(named, colour_of, write, gettext("others"))


def _days(view: View, within: QuerySet[DailyUsage]) -> list[Point]:
    moments = reports.by_day(within, view.chart)
    if not moments:
        return []
    first, last = view.span.first or moments[0].start, min(view.span.last, max(view.today, moments[-1].start))
    length = (last - first).days + 1
    sums: dict[Any, dict[str, Any]] = {start: {} for start in charts.buckets(first, last)}
    for moment in moments:
        _add(sums[charts.bucket(moment.start, length)], moment.provider, moment.amount)
    return [(start.isoformat(), numbers) for start, numbers in sums.items()]


def _hours(view: View, request: HttpRequest) -> list[Point]:
    """Of a single day whose requests are still kept; else none."""
    if view.span.first is None or view.span.first != view.span.last:
        return []
    moments = reports.by_hour(requests_of(request, view, view.span), beginning(view.span.first, view.zone), view.chart)
    sums: dict[int, dict[str, Any]] = {hour: {} for hour in range(24)}
    for moment in moments:
        _add(sums[moment.start.astimezone(view.zone).hour], moment.provider, moment.amount)
    return [(f"{hour:02}:00", numbers) for hour, numbers in sums.items()] if moments else []


def _add(numbers: dict[str, Any], name: str, number: Any) -> None:
    numbers[name] = numbers.get(name, 0) + number


# Speed.


@dataclass(frozen=True, slots=True)
class SpeedRow:
    of: SpeedOfModel
    link: str
    colour: str


def _speed_row(each: SpeedOfModel, view: View, colour_of: Mapping[str, str]) -> SpeedRow:
    link = view.link(provider=each.provider, model=each.model)
    return SpeedRow(each, link, colour_of.get(each.provider, charts.REST))


# Parts.


@dataclass(frozen=True, slots=True)
class Row:
    part: Part
    link: str
    colour: str
    share: float
    """Of the whole cost, or of all requests where nothing cost anything; in percent."""
    share_words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Breakdown:
    title: str | Promise
    rows: Sequence[Row]
    others: int
    """How many are not shown."""
    csv: str


def breakdown(name: str, found: Report, view: View, colour_of: Mapping[str, str]) -> Breakdown:
    parts = found.parts[name]
    rows = [_row(part, found, view, colour_of) for part in parts[:MOST_ROWS]]
    csv = f"usage/export.csv?by={name}&{view.query}"
    return Breakdown(DIMENSIONS[name].title, rows, max(0, len(parts) - MOST_ROWS), csv)


def _row(part: Part, found: Report, view: View, colour_of: Mapping[str, str]) -> Row:
    share = _share(part, found)
    chosen = all(view.filters.get(name) == value for name, value in part.filters.items())
    link = view.link(**(dict.fromkeys(part.filters, "") if chosen else dict(part.filters)))
    colour = colour_of.get(str(part.id[0]), charts.REST) if "provider" in part.filters else "plain"
    return Row(part, link, colour, round(100 * share, 1), percent(share), chosen)


def _share(part: Part, found: Report) -> float:
    if found.total.cost_usd:
        return float(part.figures.cost_usd / found.total.cost_usd)
    return part.figures.requests / found.total.requests if found.total.requests else 0.0
