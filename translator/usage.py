"""Token counts, as the vendor will bill them."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer. `uncached_input + cache_read + cache_write` is the whole prompt.

    The others are parts: `reasoning` and `audio_output` of the output, `cache_write_1h` of the cache write (the rest is
    kept for five minutes), `audio_input` and `image_input` of the uncached input. Vendors disagree about what their
    input count includes; each dialect converts at its own edge. `is_estimated` marks counts of ours, made because the
    vendor sent none. `vendor_cost` is what the vendor itself says that the answer costs, in US dollars.
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
