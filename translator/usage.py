"""Token counts, as the vendor will bill them, and how to read them where a vendor may have written anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MOST_TOKENS = 1_000_000_000
MOST_DOLLARS = 10_000
"""No answer has more, or costs more: who says so says nothing."""
TICKS_PLACES = 10


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer. `uncached_input + cache_read + cache_write` is the whole prompt.

    The others are parts: `reasoning` and `audio_output` of the output, `cache_write_1h` of the cache write (the rest is
    kept for five minutes), `audio_input` and `image_input` of the uncached input. Vendors disagree about what their
    input count includes; each dialect converts at its own edge. `is_estimated` marks counts of ours, made because the
    vendor sent none. `vendor_cost` is what the vendor itself says that the answer costs, in US dollars.

    It is true where anything was counted: who only sent zeros, or words, is estimated like who sent nothing.
    """

    uncached_input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    is_estimated: bool = False
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    vendor_cost: Decimal | None = None

    @property
    def input(self) -> int:
        return self.uncached_input + self.cache_read + self.cache_write

    def __bool__(self) -> bool:
        return bool(self.input or self.output or self.vendor_cost)


def count_of(value: Any) -> int:
    """A count of tokens; 0 where it is none: negative, a word, a truth value, not whole, or beyond belief."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 < value <= MOST_TOKENS else 0


def details_of(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The counts beneath a count; empty where there are none."""
    details = usage.get(name)
    return details if isinstance(details, dict) else {}


def cost_of(usage: Mapping[str, Any]) -> Decimal | None:
    """What the vendor says that the answer costs, in US dollars. None where it says nothing, or nothing credible.

    It is spelled `cost` (openrouter.ai/docs/use-cases/usage-accounting), `cost.total_cost` (docs.perplexity.ai) or
    `cost_in_usd_ticks` (docs.x.ai/developers/cost-tracking). A zero says nothing: who knows no price sends one too, and
    what is free says so by its price in the table.
    """
    ticks = usage.get("cost_in_usd_ticks")
    told = _dollars(ticks).scaleb(-TICKS_PLACES) if type(ticks) is int else _told(usage)
    return told if 0 < told <= MOST_DOLLARS else None


def _told(usage: Mapping[str, Any]) -> Decimal:
    """With a key of one's own at the vendor behind a reseller, `cost` is the reseller's fee alone."""
    cost = usage.get("cost")
    if isinstance(cost, dict):
        return _dollars(cost.get("total_cost"))
    behind = details_of(usage, "cost_details").get("upstream_inference_cost") if usage.get("is_byok") is True else None
    return _dollars(cost) + _dollars(behind)


def _dollars(value: Any) -> Decimal:
    """The number as it was written, not as a float keeps it; 0 where it is none."""
    amount = Decimal(repr(value)) if type(value) is float else Decimal(value if type(value) is int else 0)
    return amount if amount.is_finite() and amount > 0 else Decimal(0)
