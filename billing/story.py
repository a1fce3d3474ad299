"""What became of a request's candidates, as its page tells it: who failed, and who was passed over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from billing.figures import milliseconds
from billing.models import UsageRecord
from providers.wording import chip


@dataclass(frozen=True, slots=True)
class Event:
    """One candidate that did not answer."""

    target: str
    connection: str
    chip: SafeString
    took: str
    """Empty for one that was not asked."""
    why: str


def events(record: UsageRecord) -> Iterable[Event]:
    """In the order in which they were asked, those that were not asked last."""
    return [_passed_over(each) if "skipped" in each else _failed(each) for each in record.tried]


def _failed(told: Mapping[str, Any]) -> Event:
    word = gettext("failed %(status)s") % {"status": told.get("status", "")}
    why = ": ".join(told[name] for name in ("kind", "reason") if told.get(name))
    return Event(*_who(told), chip(word, "bad"), milliseconds(told.get("ms")), why)


def _passed_over(told: Mapping[str, Any]) -> Event:
    return Event(*_who(told), chip(gettext("passed over"), "warn"), "", told.get("reason") or told["skipped"])


def _who(told: Mapping[str, Any]) -> tuple[str, str]:
    return told.get("target", ""), told.get("connection", "")
