"""Who gets a slot: the first of a sequence that may be used, now or after waiting in line.

Softly resting slots are had when no other is. What a claim holds is renewed while its request lives and returned when
it is reported; a request that is cancelled while it claims returns what it may have been granted.
"""

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from health import events, words
from health.breaker import BreakerState
from health.events import BreakerChanged
from health.judging import Judge
from health.lines import Lines, Waiter
from health.permits import Answer, Granted, Hold, Stale, Wish
from health.shared_state import SharedState, SharedStateGone
from health.slots import Claim, Refused, Skip, SkipReason, Slot

TRIES = 5
MOST_ASKED = 32
"""Slots in one question to the shared state."""
MOST_OWED = 1000
"""The oldest ones: what is granted later, while the shared state is away, it never held."""
LOOK_AGAIN_SECONDS = 0.25
"""Room may have been made without a word: a lease that ended, a message that was lost."""
PASSES = frozenset({SkipReason.RATE_LIMITED, SkipReason.FULL})
"""Refusals that waiting helps against."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Claims:
    def __init__(self, judge: Judge, shared: SharedState | None, spawn: Spawn) -> None:
        self.holds: dict[str, Hold] = {}
        self.longest_line = 100
        self._owed: list[Hold] = []
        self._judge, self._shared, self._spawn = judge, shared, spawn
        self._lines = Lines()
        self._name = uuid.uuid4().hex[:12]
        self._numbers = itertools.count()
        if shared is not None:
            shared.on_room = self._room_elsewhere

    async def claim(self, slots: Sequence[Slot], patience: float) -> Claim | Refused:
        claim = self._at_once(slots)
        if claim is not None:
            return claim
        answer = await self._attempt(slots, None)
        if isinstance(answer, Claim) or patience <= 0 or not _is_worth_waiting(answer, patience):
            return answer
        return await self._wait(slots, patience, answer)

    def plain(self, slot: Slot, index: int = 0) -> Claim:
        return Claim(slot, index, "", False, self._judge.board.clock.monotonic())

    async def give_back(self, lease: str) -> None:
        """What the claim held."""
        hold = self.holds.pop(lease, None)
        if hold is None:
            return
        self._judge.permits.give_back(hold)
        await self._give_back_shared([hold])
        if hold.connection is not None:
            self._lines.wake(hold.connection)

    def _at_once(self, slots: Sequence[Slot]) -> Claim | None:
        """Where nothing has to be settled with anybody before the first slot that will do."""
        for index, slot in enumerate(slots):
            if self._judge.is_plain(slot):
                return self.plain(slot, index)
            if self._judge.standing(slot) is None:
                return None
        return None

    async def _attempt(self, slots: Sequence[Slot], waiter: Waiter | None) -> Claim | Refused:
        for _ in range(TRIES):
            answer = await self._once(slots, waiter)
            if not isinstance(answer, Stale):
                return answer
        return Refused((words.UNSETTLED,) * len(slots))

    async def _once(self, slots: Sequence[Slot], waiter: Waiter | None) -> Claim | Refused | Stale:
        skips = [self._skip(slot, waiter) for slot in slots]
        free = [index for index, skip in enumerate(skips) if skip is None]
        soft = [index for index, skip in enumerate(skips) if skip is not None and skip.is_soft]
        for index in range(0, len(free) + len(soft), MOST_ASKED):
            asked = [*free, *soft][index : index + MOST_ASKED]
            answer = await self._ask(slots, asked, skips, waiter is not None)
            if answer is not None:
                return answer
        return Refused(tuple(skip or words.UNSETTLED for skip in skips))

    def _skip(self, slot: Slot, waiter: Waiter | None) -> Skip | None:
        if not self._lines.is_ahead(slot.connection, waiter):
            return words.OTHERS_WAIT
        return self._judge.standing(slot)

    async def _ask(
        self, slots: Sequence[Slot], asked: Sequence[int], skips: list[Skip | None], waits: bool
    ) -> Claim | Stale | None:
        """Try those in their order. Where there is no room, that is written down as their skip."""
        wishes: list[Wish] = []
        for index in asked:
            if not self._judge.needs_asking(slots[index]):
                if not wishes:
                    return self.plain(slots[index], index)
                wishes.append(self._judge.wish(slots[index]))
                break
            wishes.append(self._judge.wish(slots[index], waits))
        lease = f"{self._name}:{next(self._numbers)}"
        answer = await self._take(wishes, lease)
        if isinstance(answer, Granted):
            index = asked[answer.index]
            return self._granted(slots[index], index, wishes[answer.index], lease)
        if isinstance(answer, Stale):
            return answer
        for index, denial in zip(asked, answer, strict=False):
            skips[index] = words.denied(denial)
        return None

    async def _take(self, wishes: Sequence[Wish], lease: str) -> Answer:
        permits = self._judge.permits
        if self._shared is None or not self._shared.is_found:
            return permits.take(wishes, lease)
        try:
            answer = await self._shared.take(wishes, lease)
        except SharedStateGone:
            return permits.take(wishes, lease)
        except asyncio.CancelledError:
            self._spawn(self._give_back_shared([_hold(wish, lease) for wish in wishes]))
            raise
        if isinstance(answer, Granted):
            permits.note(wishes[answer.index], lease)
        return answer

    def _granted(self, slot: Slot, index: int, wish: Wish, lease: str) -> Claim:
        hold = _hold(wish, lease)
        if wish.is_probe:
            why = "Its time is over; one request probes."
            events.publish(
                BreakerChanged(slot.provider, BreakerState.OPEN, BreakerState.HALF_OPEN, why, datetime.now(UTC))
            )
        if hold.connection is None and hold.probes is None:
            return self.plain(slot, index)
        self.holds[lease] = hold
        return Claim(slot, index, lease, wish.is_probe, self._judge.board.clock.monotonic())

    async def give_back_owed(self) -> None:
        """What could not be returned while the shared state was away: it would be held until its lease ends."""
        owed, self._owed = self._owed, []
        await self._give_back_shared(owed)

    async def _give_back_shared(self, holds: Iterable[Hold]) -> None:
        if self._shared is None:
            return
        for hold in holds:
            if hold.connection is None and hold.probes is None:
                continue
            try:
                await self._shared.give_back(hold)
            except SharedStateGone:
                if len(self._owed) < MOST_OWED:
                    self._owed.append(hold)

    async def _wait(self, slots: Sequence[Slot], patience: float, refused: Refused) -> Claim | Refused:
        connections = [slot.connection for slot in slots]
        if not self._lines.have_room(connections, self.longest_line):
            return refused
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        with self._lines.join(connections) as waiter:
            while (left := deadline - loop.time()) > 0:
                await _news(waiter, min(left, _next_look(refused) if self._lines.may_try(waiter) else left))
                if not self._lines.may_try(waiter):
                    continue
                answer = await self._attempt(slots, waiter)
                if isinstance(answer, Claim) or not _is_worth_waiting(answer, deadline - loop.time()):
                    return answer
                refused = answer
        return refused

    def _room_elsewhere(self, connection: str) -> None:
        self._lines.wake(UUID(connection))


def _hold(wish: Wish, lease: str) -> Hold:
    connection = wish.connection if wish.limits.concurrent else None
    return Hold(lease, connection, wish.provider if wish.is_probe else None)


def _is_worth_waiting(refused: Refused, patience: float) -> bool:
    """Whether room may come somewhere in that time, and nothing but room is missing."""
    lacks_room = all(skip.reason in PASSES for skip in refused.skips)
    return lacks_room and any(skip.seconds is None or skip.seconds <= patience for skip in refused.skips)


def _next_look(refused: Refused) -> float:
    """Seconds until it is worth asking again without news."""
    return min([LOOK_AGAIN_SECONDS, *(skip.seconds for skip in refused.skips if skip.seconds is not None)])


async def _news(waiter: Waiter, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiter.news.wait()
    waiter.news.clear()
