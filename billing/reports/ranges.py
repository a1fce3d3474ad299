"""Job: which days a report is about: `7d`, `ytd`, or from one day to another; which moments a list of requests is.

Law: pure. Days are whole ones of the configured time zone; a range by name ends with today and counts it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.calendar import beginning
from providers.api_access import ApiRefusal


class WrongAsked(ApiRefusal):
    """What was asked for cannot be: a 400 of the API, a notice of a page. `param` is its name in the URL."""


def _back(days: int) -> Callable[[date], date]:
    return lambda today: today - timedelta(days=days - 1)


RANGES: dict[str, tuple[str | Promise, Callable[[date], date | None]]] = {
    "1d": (_("Today"), _back(1)),
    "7d": (_("7 days"), _back(7)),
    "30d": (_("30 days"), _back(30)),
    "90d": (_("90 days"), _back(90)),
    "ytd": (_("This year"), lambda today: today.replace(month=1, day=1)),
    "all": (_("All time"), lambda today: None),
}
"""Name: its words, and the first day of it. None: the first day of all."""
USUAL = "30d"


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both ends included. Without a name it was given by its days."""

    name: str
    first: date | None
    last: date

    @property
    def condition(self) -> Q:
        """Which rows of DailyUsage it holds."""
        return Q(day__lte=self.last) & (Q(day__gte=self.first) if self.first else Q())

    def moments(self, zone: ZoneInfo) -> Q:
        """Which rows of UsageRecord it holds."""
        until = Q(started_at__lt=beginning(self.last + timedelta(days=1), zone))
        return until & (Q(started_at__gte=beginning(self.first, zone)) if self.first else Q())

    def last_days(self, most: int) -> "Span":
        """Its end, no more than so many days of it."""
        begins = self.last - timedelta(days=most - 1)
        return replace(self, first=max(begins, self.first or begins))

    @property
    def asked(self) -> dict[str, str]:
        """As it stands in a URL."""
        if self.name or self.first is None:
            return {"range": self.name}
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}

    @property
    def words(self) -> str:
        """`30 days`, `2026-11-01 to 2026-11-07`."""
        if self.name:
            return str(RANGES[self.name][0])
        return gettext("%(first)s to %(last)s") % {"first": self.first, "last": self.last}


def span_of(name: str, first: str, last: str, today: date) -> Span:
    """The days that were asked for; empty texts were not given. Raises WrongAsked."""
    if first or last:
        return _between(first, last, today)
    known = RANGES.get(name or USUAL)
    if known is None:
        raise WrongAsked(f"There is no range “{name}”. Take one of {', '.join(RANGES)}, or give from and to.", "range")
    return Span(name or USUAL, known[1](today), today)


def _between(first: str, last: str, today: date) -> Span:
    if not first:
        raise WrongAsked("Give the first day too: from=2026-11-01.", "from")
    start = day_in(first, "from")
    end = day_in(last, "to") if last else max(start, today)
    if start > end:
        raise WrongAsked(f"The last day, {end}, is before the first, {start}.", "to")
    return Span("", start, end)


def day_in(text: str, param: str) -> date:
    """Raises WrongAsked."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise WrongAsked(f"“{text[:40]}” is no day. Write one as 2026-11-01.", param) from None
    return _within_the_calendar(found, param)


def _within_the_calendar(day: date, param: str) -> date:
    if not 1971 <= day.year <= 9000:
        raise WrongAsked(f"{param} is in the year {day.year}: give one from 1971 to 9000.", param)
    return day


def moment_in(text: str, param: str, zone: ZoneInfo) -> datetime:
    """`2026-11-01`, which is the beginning of that day, or `2026-11-01T10:00:00Z`. Raises WrongAsked."""
    if len(text) <= len("2026-11-01"):
        return beginning(day_in(text, param), zone)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"“{text[:40]}” is no time. Write one as 2026-11-01 or 2026-11-01T10:00:00Z."
        raise WrongAsked(message, param) from None
    _within_the_calendar(found.date(), param)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
