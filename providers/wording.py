"""How states and times are written on every page: a word with a colour, `3 h ago` with the exact time on hover."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

Text = str | Promise

STEPS: tuple[tuple[timedelta, Callable[[int], str]], ...] = (
    (timedelta(days=365), lambda count: ngettext("%d y", "%d y", count)),
    (timedelta(days=30), lambda count: ngettext("%d month", "%d months", count)),
    (timedelta(days=1), lambda count: ngettext("%d day", "%d days", count)),
    (timedelta(hours=1), lambda count: ngettext("%d h", "%d h", count)),
    (timedelta(minutes=1), lambda count: ngettext("%d min", "%d min", count)),
    (timedelta(seconds=1), lambda count: ngettext("%d s", "%d s", count)),
)


def chip(word: Text, tone: str = "plain") -> SafeString:
    """A state: a word and a colour. Tones: good, warn, bad, plain."""
    return format_html('<span class="omni-chip omni-{}">{}</span>', tone, word)


def clipped(name: Text) -> SafeString:
    """A name that may be long: cut where the column ends, whole on hover."""
    return format_html('<span class="omni-model" title="{0}">{0}</span>', name)


def on_off(is_on: bool, on: Text, off: Text) -> SafeString:
    return chip(on, "good") if is_on else chip(off, "plain")


def span(length: timedelta) -> str:
    """In the largest unit that fits: `3 h`."""
    for step, phrase in STEPS:
        if length >= step:
            count = length // step
            return phrase(count) % count
    return gettext("0 s")


def relative(moment: datetime, now: datetime) -> str:
    if abs(moment - now) < timedelta(seconds=2):
        return gettext("just now")
    if moment > now:
        return gettext("in %(span)s") % {"span": span(moment - now)}
    return gettext("%(span)s ago") % {"span": span(now - moment)}


def exact(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s") + " " + timezone.get_current_timezone_name()


def ago(moment: datetime | None) -> SafeString | str:
    """`3 h ago`, with the exact time on hover."""
    if moment is None:
        return "—"
    words = relative(moment, timezone.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), words)


def countdown(moment: datetime) -> SafeString | str:
    """`in 2:07:23`, which ticks; from a day on `in 3 days`. The exact time on hover."""
    left = moment - timezone.now()
    if not timedelta(0) < left < timedelta(days=1):
        return ago(moment)
    seconds = round(left.total_seconds())
    phrase = '<time datetime="{}" title="{}">{} <span data-countdown="{}">{}</span></time>'
    return format_html(phrase, moment.isoformat(), exact(moment), gettext("in"), seconds, _clock(seconds))


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
