"""What became of a request's candidates, as its page tells it: who failed, and who was passed over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from billing.figures import milliseconds
from billing.models import UsageAttempt, UsageRecord
from billing.reports.requests import outcome
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


@dataclass(frozen=True, slots=True)
class Told:
    """A call to a vendor, and what it used."""

    attempt: UsageAttempt
    outcome: SafeString
    source: str
    """Where its cost comes from."""


def attempts(record: UsageRecord) -> list[Told]:
    """Each of a request's, in order; none where they are kept no longer."""
    made = UsageAttempt.objects.filter(request_id=record.request_id).order_by("number")
    return [Told(each, outcome(each), source_of(each)) for each in made]


def source_of(row: UsageRecord | UsageAttempt) -> str:
    """`Operator, price 7, estimated`."""
    version = gettext("price version %(number)d") % {"number": row.price_version} if row.price_version else ""
    estimated = gettext("tokens estimated") if row.is_estimated else ""
    return ", ".join(filter(None, (str(row.get_cost_source_display()), version, estimated)))


def _failed(told: Mapping[str, Any]) -> Event:
    word = gettext("failed %(status)s") % {"status": told.get("status", "")}
    why = ": ".join(told[name] for name in ("kind", "reason") if told.get(name))
    return Event(*_who(told), chip(word, "bad"), milliseconds(told.get("ms")), why)


def _passed_over(told: Mapping[str, Any]) -> Event:
    return Event(*_who(told), chip(gettext("passed over"), "warn"), "", told.get("reason") or told["skipped"])


def _who(told: Mapping[str, Any]) -> tuple[str, str]:
    return told.get("target", ""), told.get("connection", "")
