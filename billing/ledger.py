"""What every request used and cost: priced when it ends, written to the journal, kept in the database."""

import logging
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
from django.db import DataError, IntegrityError, close_old_connections

from billing import request_log
from billing.models import CostSource, UsageRecord
from billing.prices import Price, cost
from translator.usage import Usage

log = logging.getLogger(__name__)

NOTHING = Usage()
COST_PLACES = Decimal("1e-10")
BATCH = 500


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
    is_streaming: bool = False
    attempts: int = 0
    error: str = ""
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
    """Insert rows that are not there yet. Called on the journal's thread, with a connection of its own."""
    records = [UsageRecord(**msgspec.structs.asdict(row)) for row in rows]
    close_old_connections()
    try:
        UsageRecord.objects.bulk_create(records, batch_size=BATCH, ignore_conflicts=True)
    except (DataError, IntegrityError):
        _store_one_by_one(records)
    finally:
        close_old_connections()
    request_log.write(rows)


def _store_one_by_one(records: list[UsageRecord]) -> None:
    """One row that the database refuses must not keep the others waiting for ever."""
    for record in records:
        try:
            UsageRecord.objects.bulk_create([record], ignore_conflicts=True)
        except (DataError, IntegrityError) as error:
            log.critical("usage row %s is refused by the database: %s", record.request_id, error)


def now() -> datetime:
    return datetime.now(UTC)
