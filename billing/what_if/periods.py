"""Job: the periods people write down: `30d`, or from one day to another, in the configured time zone.

Law: pure; the last day is part of the period.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from billing.what_if.costs import Unfit

UNITS = {"h": "hours", "d": "days", "w": "weeks"}
LAST = re.compile(r"([0-9]{1,5})([hdw])")
USUAL = "30d"
YEARS = range(2000, 2201)


@dataclass(frozen=True, slots=True)
class Span:
    since: datetime
    until: datetime


def span_of(first: str, last_day: str, last: str, now: datetime, zone: ZoneInfo) -> Span:
    """Of what was written of each; the last 30 days where nothing was. Raises Unfit."""
    if not first and not last_day:
        return Span(now - length_of(last or USUAL), now)
    if last:
        raise Unfit("last", _("Give either a length, such as 30d, or days from and to."))
    since = _midnight(day_of(first, "since"), zone) if first else None
    until = _midnight(day_of(last_day, "until") + timedelta(days=1), zone) if last_day else now
    if since is None:
        raise Unfit("since", _("Say from which day on, such as %(day)s.") % {"day": now.date().replace(day=1)})
    if since >= until:
        raise Unfit("until", _("The period ends before it begins: from %(first)s.") % {"first": first})
    return Span(since, until)


def length_of(text: str) -> timedelta:
    """Of `24h`, `30d`, `4w`. Raises Unfit."""
    found = LAST.fullmatch(text.strip())
    length = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < length <= timedelta(days=3660):
        message = _("“%(text)s” is no length of time. Write 24h, 30d or 4w, up to ten years.")
        raise Unfit("last", message % {"text": text[:60]})
    return length


def day_of(text: str, field: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise Unfit(field, _("“%(text)s” is no day. Write it as 2026-11-01.") % {"text": text[:60]})
    return day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
