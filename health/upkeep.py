"""What goes on besides requests: leases are renewed, workers hear of each other, orders are carried out."""

import asyncio
import logging
import math
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from health import events, orders
from health.claims import Claims
from health.clock import Clock
from health.events import HealthReset
from health.knowledge import Knowledge, Rule
from health.models import Deed
from health.permits import Permits
from health.pulses import Pulses
from health.records import Kind, Record, place_of, written
from health.shared_state import SharedState, SharedStateGone
from health.snapshot import Order

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
TIDY_BEATS = 60
REMEMBERED_SECONDS = 3600.0
"""So long after its end a record still says how often something failed before."""


class Upkeep:
    def __init__(
        self,
        knowledge: Knowledge,
        shared: SharedState | None,
        permits: Permits,
        claims: Claims,
        pulses: Pulses,
    ) -> None:
        self._knowledge, self._shared, self._permits = knowledge, shared, permits
        self._claims, self._pulses = claims, pulses
        self._carried_out: set[object] = set()
        self._beating: asyncio.Task[None] | None = None
        if shared is not None:
            shared.on_push = self._push

    def start(self) -> None:
        self._beating = asyncio.create_task(self._beat(), name="health-beat")

    async def stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])

    def remember(self, records: Iterable[tuple[Kind, str, Record]]) -> None:
        """What was known before this worker started."""
        for kind, key, record in records:
            self._knowledge.board.put(kind, key, written(record))

    async def carry_out(self, given: Sequence[Order]) -> None:
        """Each once. What happened after an order was given stays."""
        for order in given:
            if order.id in self._carried_out:
                continue
            self._carried_out.add(order.id)
            await self._forget(order)
            if order.deed is Deed.RESET_ALL:
                events.publish(HealthReset())
        self._carried_out &= {order.id for order in given}

    async def _forget(self, order: Order) -> None:
        age = self._clock.age(order.ordered_at.timestamp())
        for kind, key, _ in list(self._knowledge.board.all()):
            if orders.concerns(order, kind, key):
                await self._knowledge.change(kind, key, _older_than(age))

    async def end_rests(self, connections: Collection[UUID]) -> None:
        for kind, key, _ in list(self._knowledge.board.all()) if connections else ():
            if kind is Kind.REST and place_of(key)[0] in connections:
                await self._knowledge.change(kind, key, _nothing)

    async def _push(self, everything: bool) -> None:
        """Tell a shared state that is back what it missed, or all that it lost."""
        if self._shared is not None and self._claims.holds:
            await self._shared.renew(self._claims.holds.values(), were_lost=True)
        await self._knowledge.push(everything)
        await self._claims.give_back_owed()

    async def _beat(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(min(BEAT_SECONDS, self._permits.lease_seconds / 3))
            beats += 1
            try:
                await self._once(beats)
            except SharedStateGone:
                self._pulses.alone()
            except Exception:  # The outermost edge of the task: leases must go on being renewed.
                log.exception("the upkeep of health failed")

    async def _once(self, beats: int) -> None:
        holds = list(self._claims.holds.values())
        self._permits.renew(holds)
        if beats % TIDY_BEATS == 0:
            await self._tidy()
        if self._shared is None:
            return
        if holds:
            await self._shared.renew(holds)
        told = await self._shared.exchange_pulses(self._pulses.told())
        await self._shared.forget_pulses(self._pulses.hear(told, self._shared.worker))

    async def _tidy(self) -> None:
        self._permits.tidy()
        self._pulses.tidy()
        for kind, key, _ in list(self._knowledge.board.all()):
            await self._knowledge.change(kind, key, _worth_keeping)

    @property
    def _clock(self) -> Clock:
        return self._knowledge.board.clock


def _nothing(record: Record | None, left: float, now: float) -> None:
    return None


def _older_than(age: float) -> Rule:
    return lambda record, left, now: None if record is None or now - record.since >= age else record


def _worth_keeping(record: Record | None, left: float, now: float) -> Record | None:
    over = math.inf if record is None else now - max(record.since, record.until)
    return None if over > REMEMBERED_SECONDS else record
