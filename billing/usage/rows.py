"""Job: what the journal carries: a request that has begun, and one that has ended, with each of its attempts.

Law: plain values, no database. What a request used is the sum of what its attempts used.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from billing.models import CostSource
from billing.money import ZERO
from billing.prices.cost import Price, cost, saved_by_cache
from translator.usage import Usage

NOTHING = Usage()
CLIENT_HUNG_UP = 499
"""The status of a request whose client hung up; nginx made it common."""
INTERRUPTED = 500
"""The status of a request whose worker was killed, and why it failed."""
WHY_INTERRUPTED = "the gateway's worker was killed before the answer was finished"
COST_PLACES = Decimal("1e-10")


class Counted(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The columns of `billing.models.usage.Costed`."""

    uncached_input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    cost_usd: Decimal = ZERO
    list_cost_usd: Decimal = ZERO
    cache_saved_usd: Decimal = ZERO
    is_estimated: bool = False
    cost_source: str = CostSource.NOTHING.value
    price_version: int | None = None


SUMS = Counted.__struct_fields__[:12]
"""The columns that can be added up."""


class Attempt(Counted, omit_defaults=True, kw_only=True):
    """One call to a vendor. `start_ms` is when it began, after the request's own beginning."""

    provider: str
    connection: str
    model: str
    start_ms: int = 0
    status: int = 0
    kind: str = ""
    header_ms: int | None = None
    first_event_ms: int | None = None
    gap_ms: int | None = None
    total_ms: int = 0
    is_flat: bool = False
    """Whether another request through this connection costs nothing, so that its list price is only notional."""

    @property
    def prompt_tokens(self) -> int:
        return self.uncached_input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def add_usage(self, usage: Usage, price: Price | None) -> None:
        """Fill in the tokens and what they cost. Without a price the cost is unknown, which is not free."""
        if usage is NOTHING or usage == NOTHING:
            return
        self.uncached_input_tokens = usage.uncached_input
        self.cache_read_tokens = usage.cache_read
        self.cache_write_tokens = usage.cache_write
        self.cache_write_1h_tokens = usage.cache_write_1h
        self.output_tokens = usage.output
        self.reasoning_tokens = usage.reasoning
        self.audio_input_tokens = usage.audio_input
        self.audio_output_tokens = usage.audio_output
        self.image_input_tokens = usage.image_input
        self.is_estimated = usage.is_estimated
        self._add_cost(usage, price)

    def _add_cost(self, usage: Usage, price: Price | None) -> None:
        self.cost_source = CostSource.UNKNOWN.value
        if price is not None:
            self.cost_source, self.price_version = price.source, price.version or None
            self.list_cost_usd = cost(usage, price).quantize(COST_PLACES)
            if usage.cache_read or usage.cache_write:
                self.cache_saved_usd = saved_by_cache(usage, price).quantize(COST_PLACES)
        if usage.vendor_cost is not None:
            self.cost_source, self.price_version = CostSource.VENDOR.value, None
            self.list_cost_usd = usage.vendor_cost.quantize(COST_PLACES)
        self.cost_usd = ZERO if self.is_flat else self.list_cost_usd


class UsageRow(Counted, omit_defaults=True, kw_only=True):
    """A request that has ended; the columns of UsageRecord, and its attempts."""

    request_id: str
    started_at: datetime
    dialect: str
    model_asked: str
    status: int
    total_ms: int
    api_key_id: UUID | None = None
    api_key_name: str = ""
    user_id: int | None = None
    user_name: str = ""
    team_id: int | None = None
    team_name: str = ""
    provider: str = ""
    connection: str = ""
    model: str = ""
    combo: str = ""
    is_streaming: bool = False
    attempts: int = 0
    error: str = ""
    tried: list[dict[str, str | int]] = []
    header_ms: int | None = None
    first_event_ms: int | None = None
    gap_ms: int | None = None
    made: list[Attempt] = []
    """The attempts, in order."""
    body_bytes: int = 0
    """Of a request that is told as interrupted: the size of what was asked, by which its prompt is estimated."""
    is_reserved: bool = False
    """Whether the meter holds something for it until it is stored."""

    def add_up(self) -> None:
        """Make the row's own counts the sums of its attempts', and their answerer the last of them."""
        if not self.made:
            return
        last = self.made[-1]
        self.attempts = len(self.made)
        self.provider, self.connection, self.model = last.provider, last.connection, last.model
        if len(self.made) == 1:
            for name in Counted.__struct_fields__:
                setattr(self, name, getattr(last, name))
            return
        for name in SUMS:
            setattr(self, name, sum((getattr(each, name) for each in self.made), start=type(getattr(last, name))(0)))
        self.is_estimated = any(each.is_estimated for each in self.made)
        self.cost_source, self.price_version = last.cost_source, last.price_version
