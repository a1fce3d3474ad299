"""Token counts, as the vendor will bill them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Disjoint token counts of one answer, except that `reasoning` is a part of `output`.

    Vendors disagree about what their input count includes; each dialect converts at its own edge, so that
    `uncached_input + cache_read + cache_write` is the whole prompt here. `is_estimated` marks counts of ours, made
    because the vendor sent none.
    """

    uncached_input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    is_estimated: bool = False

    @property
    def input(self) -> int:
        return self.uncached_input + self.cache_read + self.cache_write
