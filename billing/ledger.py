"""What every request used and cost: priced when it ends, written to the journal, kept in the database."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import DateTimeField, DecimalField, JSONField, UUIDField

from billing import request_log
from billing.models import CostSource, UsageRecord
from billing.prices import Price, cost
from translator.usage import Usage

log = logging.getLogger(__name__)

NOTHING = Usage()
COST_PLACES = Decimal("1e-10")


class UsageRow(msgspec.Struct, omit_defaults=True):
    """One line of the journal; the columns of UsageRecord."""

    request_id: str
    started_at: datetime
    dialect: str
    model_asked: str
    status: int
    total_ms: int
    api_key_id: UUID | None = None
    api_key_name: str = ""
    provider: str = ""
    connection: str = ""
    model: str = ""
    combo: str = ""
    is_streaming: bool = False
    attempts: int = 0
    error: str = ""
    tried: list[dict[str, str | int]] = []
    uncached_input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    is_estimated: bool = False
    cost_usd: Decimal = Decimal(0)
    cost_source: str = CostSource.NOTHING.value
    header_ms: int | None = None
    first_event_ms: int | None = None

    def add_usage(self, usage: Usage, price: Price | None) -> None:
        """Fill in the tokens and what they cost. Without a price the cost is unknown, which is not free."""
        self.uncached_input_tokens = usage.uncached_input
        self.cache_read_tokens = usage.cache_read
        self.cache_write_tokens = usage.cache_write
        self.output_tokens = usage.output
        self.reasoning_tokens = usage.reasoning
        self.is_estimated = usage.is_estimated
        if usage == NOTHING:
            return
        self.cost_source = price.source if price else CostSource.UNKNOWN.value
        self.cost_usd = cost(usage, price).quantize(COST_PLACES) if price else Decimal(0)


def store(rows: list[UsageRow]) -> None:
    """Insert rows that are not there yet, and log them where that is asked for."""
    try:
        _insert(rows)
    except (DataError, IntegrityError):
        _insert_one_by_one(rows)
    request_log.write(rows)


def store_and_disconnect(rows: list[UsageRow]) -> None:
    """For the journal's thread: a connection that broke is not met again."""
    try:
        store(rows)
    finally:
        connection.close()


def _insert(rows: list[UsageRow]) -> None:
    """The driver's own bulk insert: a sixth of what the ORM's costs, and this runs for every request."""
    values: list[Any] = [_values(row) for row in rows]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_statement(), values)


def _insert_one_by_one(rows: list[UsageRow]) -> None:
    """One row that the database refuses must not keep the others waiting for ever."""
    for row in rows:
        try:
            _insert([row])
        except (DataError, IntegrityError) as error:
            log.critical("usage row %s is refused by the database: %s", row.request_id, error)


@cache
def _statement() -> str:
    columns = ", ".join(connection.ops.quote_name(name) for name in UsageRow.__struct_fields__)
    places = ", ".join(["%s"] * len(UsageRow.__struct_fields__))
    table = connection.ops.quote_name(UsageRecord._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names


@cache
def _adapted() -> tuple[tuple[int, Callable[[Any, Any], Any]], ...]:
    """The columns whose values a database wants in a form of its own, and how to get it."""
    fields = [UsageRecord._meta.get_field(name) for name in UsageRow.__struct_fields__]
    kinds = (DateTimeField, DecimalField, JSONField, UUIDField)
    return tuple((place, field.get_db_prep_save) for place, field in enumerate(fields) if isinstance(field, kinds))


def _values(row: UsageRow) -> list[object]:
    values = list(msgspec.structs.astuple(row))
    for place, adapt in _adapted():
        values[place] = adapt(values[place], connection)
    return values


def now() -> datetime:
    return datetime.now(UTC)
