"""Job: the sums of each day, kept while rows are stored, so that pages and budgets never add up a million of them.

Law: a request counts in the day it began, in the configured time zone, where it ended; an attempt, its tokens and its
cost count where it was made. Sums only grow: removing old requests takes nothing away from them.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from billing.calendar import day_of
from billing.models import BillingSettings, CostSource, DailyUsage
from billing.models.usage import NOBODY
from billing.money import ZERO
from billing.usage.rows import CLIENT_HUNG_UP, SUMS, Attempt, UsageRow

PLACE = ("day", "api_key_id", "provider", "model", "connection", "combo", "dialect", "user_id", "team_id")
"""What tells the rows of a day apart."""
NAMES = ("api_key_name", "user_name", "team_name")
COUNTS = (
    "requests",
    "failed",
    "hung_up",
    "fell_back",
    "attempts",
    "failed_attempts",
    "unpriced",
    "estimated",
    "total_ms",
    "first_events",
    "first_event_ms",
)
COLUMNS = (*PLACE, *NAMES, *COUNTS, *SUMS)

Sums = dict[str, Any]
Places = dict[tuple[Any, ...], tuple[tuple[str, ...], Sums]]


def time_zone() -> ZoneInfo:
    """The one that days begin in."""
    return ZoneInfo(BillingSettings.load().time_zone)


def hold(mode: str) -> None:
    """Until the transaction ends, so that nobody sums days anew (`rebuilding`) between the reading of the time zone
    and the sums that follow it. SQLite lets one transaction write at a time, and needs no more.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(DailyUsage._meta.db_table)} IN {mode} MODE")


@transaction.atomic(savepoint=False)
def add(rows: Sequence[UsageRow]) -> None:
    """Add these requests to the sums of their days. Within the transaction that stores them."""
    hold("ROW EXCLUSIVE")
    zone = time_zone()
    places: Places = {}
    for row in rows:
        _add_request(places, row, zone)
        for attempt in row.made:
            _add_attempt(_sums(places, row, zone, attempt), attempt)
    _upsert(places)


def _add_request(places: Places, row: UsageRow, zone: ZoneInfo) -> None:
    sums = _sums(places, row, zone, row)
    sums["requests"] += 1
    sums["total_ms"] += row.total_ms
    sums["hung_up"] += row.status == CLIENT_HUNG_UP
    sums["failed"] += row.status >= 400 and row.status != CLIENT_HUNG_UP
    sums["fell_back"] += len(row.made) > 1
    if row.first_event_ms is not None:
        sums["first_events"] += 1
        sums["first_event_ms"] += row.first_event_ms


def _add_attempt(sums: Sums, attempt: Attempt) -> None:
    sums["attempts"] += 1
    sums["failed_attempts"] += attempt.status >= 400 and attempt.status != CLIENT_HUNG_UP
    sums["unpriced"] += attempt.cost_source == CostSource.UNKNOWN
    sums["estimated"] += attempt.is_estimated
    for name in SUMS:
        sums[name] += getattr(attempt, name)


def _sums(places: Places, row: UsageRow, zone: ZoneInfo, asked: UsageRow | Attempt) -> Sums:
    place = (
        day_of(row.started_at, zone),
        row.api_key_id or NOBODY,
        asked.provider,
        asked.model,
        asked.connection,
        row.combo,
        row.dialect,
        row.user_id or 0,
        row.team_id or 0,
    )
    names = (row.api_key_name, row.user_name, row.team_name)
    known = places.get(place)
    if known is None:
        known = places[place] = (names, {name: _zero(name) for name in (*COUNTS, *SUMS)})
    return known[1]


def _zero(name: str) -> int | Decimal:
    return ZERO if name.endswith("_usd") else 0


def _upsert(places: Places) -> None:
    """In one order, so that workers who add to the same rows wait for each other and never in a circle."""
    lines = sorted((_line(place, names, sums) for place, (names, sums) in places.items()), key=lambda line: line[:9])
    with connection.cursor() as cursor:
        cursor.executemany(_statement(), [_adapted(line) for line in lines])


def _line(place: tuple[Any, ...], names: tuple[str, ...], sums: Sums) -> list[Any]:
    return [*place, *names, *(sums[name] for name in (*COUNTS, *SUMS))]


def _adapted(line: Iterable[Any]) -> list[Any]:
    fields: list[Any] = [DailyUsage._meta.get_field(name) for name in COLUMNS]
    return [field.get_db_prep_save(value, connection) for field, value in zip(fields, line, strict=True)]


@cache
def _statement() -> str:
    quote = connection.ops.quote_name
    table = quote(DailyUsage._meta.db_table)
    columns = ", ".join(map(quote, COLUMNS))
    values = ", ".join(["%s"] * len(COLUMNS))
    place = ", ".join(map(quote, PLACE))
    names = [f"{quote(name)} = excluded.{quote(name)}" for name in NAMES]
    sums = [f"{quote(name)} = {table}.{quote(name)} + excluded.{quote(name)}" for name in (*COUNTS, *SUMS)]
    return (
        f"INSERT INTO {table} ({columns}) VALUES ({values}) "  # noqa: S608 - our own names
        f"ON CONFLICT ({place}) DO UPDATE SET {', '.join([*names, *sums])}"
    )
