"""Job: the one place where a request asks whether it may spend, and says what it spent.

With several workers they count together, in Redis: one script to be admitted, one to settle. While Redis is away each
goes on with what it knows itself and what the database says, which it is told with the next sums.

Law: `admit` before the first vendor is called, `settle` exactly once afterwards, `stored` when its row is in the
database. What `admit` refuses, nothing was reserved for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from billing.budgets.counters import Counters, SpentUp, TooBusy, Wish

SCRIPTS = {path.stem: path.read_text() for path in (Path(__file__).parent / "scripts").glob("*.lua")}
KEPT_SECONDS = 24 * 3600
"""A window is remembered for so long after its end, for requests that began in it."""

AGAIN_SECONDS = 0.5
STOP_SECONDS = 2.0
MOST_AT_ONCE = 500

Run = Callable[..., Awaitable[Any]]
"""Runs one of `SCRIPTS` where all workers count together; answers None while that place is away."""


class Meter:
    """One per worker. Called on the event loop."""

    def __init__(self, run: Run | None = None) -> None:
        self._counters = Counters()
        self._run = run
        self.is_shared = run is not None
        """Whether what a killed worker held has to be let go of by others."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: asyncio.Task[None] | None = None
        self._untold: dict[str, str] = {}
        """Requests that the others do not know to be stored yet, and their keys."""
        self._totals: dict[tuple[int, str], int] = {}

    async def admit(self, wish: Wish) -> SpentUp | TooBusy | None:
        """None where it may begin."""
        now = time.time()
        if self._run is not None:
            said = await self._run("admit", *_arguments(wish, now))
            if said is not None:
                return _refusal(said)
        return self._counters.admit(wish, now)

    def settle(self, wish: Wish, cost: int, tokens: int) -> None:
        """`cost` in ten-billionths of a dollar. Wherever it was admitted; the second time nothing happens."""
        self._counters.settle(wish, cost, tokens)
        if self._run is not None:
            self._spawn(self._settle_together(wish, cost, tokens))

    async def _settle_together(self, wish: Wish, cost: int, tokens: int) -> None:
        assert self._run is not None
        await self._run("settle", wish.request_id, cost, tokens, wish.key)

    def stored(self, requests: Sequence[tuple[str, str]], totals: Mapping[tuple[int, str], int]) -> None:
        """The rows of these requests (id and key) are in the database, whose sums are these by now."""
        self._counters.stored((request_id for request_id, _ in requests), totals)
        if self._run is None:
            return
        self._untold.update(requests)
        self._totals |= totals
        if self._telling is None or self._telling.done():
            self._telling = self._spawn(self._tell())

    async def tell(self, requests: Sequence[tuple[str, str]], totals: Mapping[tuple[int, str], int]) -> None:
        """As `stored`; returns when all workers know."""
        self.stored(requests, totals)
        if self._telling is not None:
            await asyncio.wait([self._telling])

    async def _tell(self) -> None:
        """Until it is told: what nobody lets go of again would be held until it is too old."""
        assert self._run is not None
        while self._untold or self._totals:
            told, totals = dict(islice(self._untold.items(), MOST_AT_ONCE)), dict(self._totals)
            sums = [part for (budget, window), total in totals.items() for part in (budget, window, total)]
            named = [part for request in told.items() for part in request]
            if await self._run("stored", len(told), *named, *sums) is None:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            self._untold = {name: key for name, key in self._untold.items() if name not in told}
            self._totals = {place: total for place, total in self._totals.items() if totals.get(place) != total}

    async def sweeps(self, seconds: int) -> bool:
        """Whether this worker is the one that looks for what is held in vain, once in so many seconds."""
        return self._run is not None and await self._run("sweeps", seconds) == 1

    async def held(self, windows: Sequence[tuple[int, str]], keys: Sequence[str]) -> set[str]:
        """The requests that hold something of these budgets' windows, or of these keys' limits, for all workers."""
        found: set[str] = set()
        for start in range(0, len(windows), MOST_AT_ONCE):
            found |= await self._held(windows[start : start + MOST_AT_ONCE], ())
        for start in range(0, len(keys), MOST_AT_ONCE):
            found |= await self._held((), keys[start : start + MOST_AT_ONCE])
        return found

    async def _held(self, windows: Sequence[tuple[int, str]], keys: Sequence[str]) -> set[str]:
        assert self._run is not None
        return set(await self._run("held", len(windows), *chain.from_iterable(windows), *keys) or ())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Wait for what is still being settled, a moment at most: Redis may be away."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)


def _arguments(wish: Wish, now: float) -> list[Any]:
    demands = [
        part
        for each in wish.demands
        for part in (each.budget, each.window, each.limit, each.known, int(each.ends_at - now) + KEPT_SECONDS)
    ]
    lives = max(1, int(wish.lives_until - now))
    return [wish.request_id, wish.amount, wish.tokens, lives, wish.key, *wish.limits, *demands]


def _refusal(said: list[Any]) -> SpentUp | TooBusy | None:
    word, *rest = said
    if word == "spent":
        return SpentUp(int(rest[0]), is_reserved=int(rest[1]) == 1)
    if word == "busy":
        return TooBusy(rest[0], int(rest[1]) / 1000)
    return None
