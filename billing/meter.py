"""Job: the one place where a request asks whether it may spend, and says what it spent.

Law: `admit` before the first vendor is called, `settle` exactly once afterwards. What `admit` refuses, nothing was
reserved for.
"""

import time
from collections.abc import Iterable, Mapping

from billing.counters import Counters, SpentUp, TooBusy, Wish


class Meter:
    """One per worker. Called on the event loop."""

    def __init__(self) -> None:
        self._counters = Counters()

    async def admit(self, wish: Wish) -> SpentUp | TooBusy | None:
        return self._counters.admit(wish, time.time())

    def settle(self, wish: Wish, cost: int, tokens: int) -> None:
        self._counters.settle(wish, cost, tokens)

    def stored(self, request_ids: Iterable[str], totals: Mapping[tuple[int, str], int]) -> None:
        """These rows are in the database, whose sums are these by now."""
        self._counters.stored(request_ids, totals)
