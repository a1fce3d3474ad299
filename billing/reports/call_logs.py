"""Job: requests as the API and CSV files tell them: newest first, filtered, page by page.

Law: reads only, and only what `visible_to` leaves. Whoever gives no time gets the last 30 days: a search never goes
through a million rows for want of an end. A page begins after a row, not after a number of rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from billing.models import CostSource, UsageRecord
from billing.reports.asked import filters_of, filters_of_requests
from billing.reports.csv_export import Cell
from billing.reports.ranges import WrongAsked, moment_in
from billing.reports.requests import BEGINS_AN_ID, FAILED, id_begins

USUAL_TIME = timedelta(days=30)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SEARCHED = ("model_asked", "model", "error", "api_key_name")
LONGEST_SEARCH = 100
BEGINNING_OF_IDS = "req_"
ROWS_OF_A_PIECE = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after this row."""

    started_at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{(self.started_at - EPOCH) // timedelta(microseconds=1)}-{self.pk}"

    @property
    def condition(self) -> Q:
        """The rows after it. The first part alone picks the range of the index."""
        later = Q(started_at__lt=self.started_at) | Q(pk__lt=self.pk)
        return Q(started_at__lte=self.started_at) & later


def place_in(text: str) -> Place:
    """Raises WrongAsked."""
    moment, _dash, row = text.partition("-")
    if not (text.isascii() and moment.isdigit() and row.isdigit() and len(moment) <= 16 and len(row) <= 18):
        raise WrongAsked(f"“{text[:40]}” is no place in this list. Send the `next` of an answer.", "before")
    try:
        return Place(EPOCH + timedelta(microseconds=int(moment)), int(row))
    except OverflowError:
        raise WrongAsked(f"“{text[:40]}” is no place in this list. Send the `next` of an answer.", "before") from None


def place_of(record: UsageRecord) -> Place:
    return Place(record.started_at, record.pk)


@dataclass(frozen=True, slots=True)
class Page:
    records: Sequence[UsageRecord]
    next: Place | None
    """None: there is no more."""


def page(records: QuerySet[UsageRecord], before: Place | None, limit: int) -> Page:
    """One query. `limit` is at least 1."""
    rest = records.filter(before.condition) if before else records
    found = list(rest.order_by("-started_at", "-pk")[: limit + 1])
    more = len(found) > limit
    return Page(found[:limit], place_of(found[limit - 1]) if more else None)


# What is asked for.


def chosen(
    records: QuerySet[UsageRecord], asked: Mapping[str, str], now: datetime, zone: ZoneInfo
) -> QuerySet[UsageRecord]:
    """Those with the filters of `billing.reports.asked`, `status`, `search`, `from` and `to`. Raises WrongAsked."""
    columns = filters_of(asked)
    return records.filter(
        _time(asked.get("from") or "", asked.get("to") or "", now, zone),
        _status(asked.get("status") or ""),
        _search((asked.get("search") or "").strip()),
        **filters_of_requests(columns),
    )


def _time(first: str, last: str, now: datetime, zone: ZoneInfo) -> Q:
    end = moment_in(last, "to", zone) if last else None
    start = moment_in(first, "from", zone) if first else (end or now) - USUAL_TIME
    if end is not None and end < start:
        raise WrongAsked(f"to, {last}, is before from, {first}.", "to")
    return Q(started_at__gte=start) & (Q(started_at__lt=end) if end else Q())


STATUSES = {"": Q(), "ok": Q(status__lt=400), "error": FAILED}


def _status(text: str) -> Q:
    if text in STATUSES:
        return STATUSES[text]
    if text.isascii() and text.isdigit() and len(text) == 3:
        return Q(status=int(text))
    raise WrongAsked(f"“{text[:40]}” is no status. Take ok, error, or a number such as 429.", "status")


def _search(text: str) -> Q:
    """The beginning of a request's id, or a part of a model, key or error.

    What begins like an id is looked for nowhere else. SQLite uses an index for a range, but not for a prefix;
    PostgreSQL has one for prefixes, and collations in which a range is something else.
    """
    if len(text) > LONGEST_SEARCH or not text.isprintable():
        raise WrongAsked(f"Search for at most {LONGEST_SEARCH} printable characters.", "search")
    if not text:
        return Q()
    if text.startswith(BEGINS_AN_ID):
        return id_begins(text)
    return reduce(or_, (Q(**{f"{column}__icontains": text}) for column in SEARCHED))


# As a table.

HEADER = (
    "time", "request id", "status", "API key", "user", "team", "dialect", "asked for", "combo", "provider", "account",
    "model", "attempts", "streamed", "input tokens", "of them cache read", "of them cache write", "output tokens",
    "of them reasoning", "cost US$", "list price US$", "saved by cache US$", "estimated", "cost from", "headers ms",
    "first token ms", "between tokens ms", "total ms", "error",
)  # fmt: skip


def cells(record: UsageRecord) -> Sequence[Cell]:
    is_known = record.cost_source != CostSource.UNKNOWN
    return (
        record.started_at,
        record.request_id,
        record.status,
        record.api_key_name,
        record.user_name,
        record.team_name,
        record.dialect,
        record.model_asked,
        record.combo,
        record.provider,
        record.connection,
        record.model,
        record.attempts,
        record.is_streaming,
        record.input_tokens,
        record.cache_read_tokens,
        record.cache_write_tokens,
        record.output_tokens,
        record.reasoning_tokens,
        record.cost_usd if is_known else None,
        record.list_cost_usd if is_known else None,
        record.cache_saved_usd,
        record.is_estimated,
        record.cost_source,
        record.header_ms,
        record.first_event_ms,
        record.gap_ms,
        record.total_ms,
        record.error,
    )


def piece_of(records: QuerySet[UsageRecord]) -> Any:
    """For `billing.reports.csv_export.response`."""

    def after(place: Place | None) -> tuple[list[Sequence[Cell]], Place | None]:
        found = page(records, place, ROWS_OF_A_PIECE)
        return [cells(record) for record in found.records], found.next

    return after
