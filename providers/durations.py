"""How long vendors say: a text as it stands in a header or an error, to seconds. Pure.

Vendors write `20`, `20.5s`, `500ms`, `6m0s`, `1h2m3s`, `2 minutes`, a Unix time in seconds or milliseconds, an ISO date
or an HTTP date (RFC 9110, 5.6.7). Whatever is none of these, is over or makes no sense is None; nothing is longer than
a day, so that no vendor can silence a connection for good.
"""

import email.utils
import math
import re
from datetime import UTC, datetime

LONGEST_SECONDS = 24 * 3600
_UNIX_TIMES = 1_000_000_000
"""A number from here on is a moment."""
_UNIX_MILLISECONDS = 100_000_000_000
_LONG_AGO = 365 * 24 * 3600
"""Seconds. A moment further back was not meant for one: the vendor does wish for 30 years, and gets a day."""
_LONGEST_TEXT = 64

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_STEP = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h|d)(?:[a-z]*)[\s,]*(?:and\s+)?", re.I)
_NUMBER = re.compile(r"\+?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e\+?[0-9]{1,2})?\Z", re.I)


def seconds_until(text: str, now: datetime) -> float | None:
    """Seconds from `now` that a text of any of these shapes means."""
    text = text.strip()
    if not text or len(text) > _LONGEST_TEXT:
        return None
    if _NUMBER.match(text):
        return _of_number(float(text), now)
    spelled = _spelled_out(text)
    return bounded(spelled if spelled is not None else _of_moment(text, now))


def bounded(seconds: float | None) -> float | None:
    """At most a day; None for what lies in the past or is no number."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, LONGEST_SECONDS)


def _of_number(number: float, now: datetime) -> float | None:
    if number < _UNIX_TIMES:
        return bounded(number)
    moment = number / 1000 if number >= _UNIX_MILLISECONDS else number
    seconds = moment - _timestamp(now)
    return bounded(number if seconds < -_LONG_AGO else seconds)


def _spelled_out(text: str) -> float | None:
    """`1h2m3s` and `2 minutes and 5 seconds`; None where anything else stands in between."""
    total, position = 0.0, 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            return None
        total += float(step[1]) * _UNIT_SECONDS[step[2].lower()]
        position = step.end()
    return total


def _of_moment(text: str, now: datetime) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _of_http_date(text, now)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - _timestamp(now)


def _of_http_date(text: str, now: datetime) -> float | None:
    parsed = email.utils.parsedate_tz(text)
    try:
        return None if parsed is None else email.utils.mktime_tz(parsed) - _timestamp(now)
    except (ValueError, OverflowError):
        return None


def _timestamp(now: datetime) -> float:
    return now.replace(tzinfo=now.tzinfo or UTC).timestamp()
