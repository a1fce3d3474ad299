"""The health of everything that can be asked, as one worker knows it: the one thing `combos` talks to.

`claim` a slot, ask, `report` how it went. A slot without limits, of a provider without failures, is claimed from memory
alone; everything else is settled with all workers (`health.shared`), or, while that is away, with what this one knows.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from health import events, outcomes, rows
from health.board import Board
from health.claims import Claims
from health.clock import Clock
from health.events import SharedStateFound, SharedStateLost
from health.judging import Judge
from health.knowledge import Knowledge, Rule
from health.lockouts import Lockouts
from health.permits import LEASE_SECONDS, Permits
from health.pulses import Pulses
from health.records import Kind, Record
from health.rows import Rows
from health.shared_state import SharedState, SharedStateGone
from health.slots import Claim, Outcome, Refused, Skip, Slot, Vitals
from health.snapshot import HealthFacts
from health.turns import Turns
from health.upkeep import Upkeep

log = logging.getLogger(__name__)

NO_SCRIPTS: Mapping[str, str] = {}


def make(facts: HealthFacts, scripts: Mapping[str, str]) -> "Health":
    """This worker's, as the settings want it: shared in Redis where there is one, kept in the database."""
    return Health(facts, redis_url=settings.REDIS_URL, secret=settings.SECRET_KEY, rows=Rows(), scripts=scripts)


def in_redis(url: str, secret: str, board: Board, lease_seconds: float, scripts: Mapping[str, str]) -> SharedState:
    """Imported when it is wanted alone: the client takes 10 MiB, which one worker has no use for."""
    from health.shared import Shared, prefix_of
    from health.wire import connect

    return Shared(connect(url), prefix_of(secret), board, lease_seconds, scripts)


class Health:
    """One object per worker. `claim`, then `report` exactly once; everything else only looks."""

    def __init__(
        self,
        facts: HealthFacts,
        *,
        redis_url: str = "",
        secret: str = "",
        rows: Rows | None = None,
        clock: Clock | None = None,
        lease_seconds: float = LEASE_SECONDS,
        scripts: Mapping[str, str] = NO_SCRIPTS,
    ) -> None:
        """`scripts`: what others want to have done in one step in the shared state, for `run_together`."""
        self._clock = clock or Clock()
        self._board = Board(self._clock)
        self._shared = in_redis(redis_url, secret, self._board, lease_seconds, scripts) if redis_url else None
        self._rows = rows
        self._knowledge = Knowledge(self._board, self._shared, rows)
        permits = Permits(self._clock, lease_seconds)
        self._judge = Judge(self._board, permits)
        self._claims = Claims(self._judge, self._shared, self._spawn)
        self._pulses = Pulses(self._clock)
        self._turns = Turns(self._shared)
        self._upkeep = Upkeep(self._knowledge, self._shared, permits, self._claims, self._pulses)
        self._tasks: set[asyncio.Task[None]] = set()
        self.lockouts = Lockouts(self._knowledge, self._spawn)
        self._take_in(facts)
        if self._shared is not None:
            self._shared.on_turn = _told

    async def start(self) -> None:
        """Read what is kept, and find the other workers."""
        if self._rows is not None:
            self._upkeep.remember(await sync_to_async(_read, thread_sensitive=False)(self._clock))
            self._rows.start()
        if self._shared is not None:
            await self._shared.start()
        self._upkeep.start()
        await self._upkeep.carry_out(self.facts.orders)

    async def stop(self) -> None:
        await self._upkeep.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._shared is not None:
            await self._shared.stop()
        if self._rows is not None:
            await sync_to_async(self._rows.stop, thread_sensitive=False)()

    async def apply(self, facts: HealthFacts) -> None:
        """A new configuration, and the orders in it, which are carried out when this returns.

        A connection that has another secret than before begins anew: what was refused was the old one.
        """
        known = self.facts.logins
        self._take_in(facts)
        await self._upkeep.carry_out(facts.orders)
        await self._upkeep.end_rests({each for each, login in facts.logins.items() if known.get(each, login) != login})

    @property
    def is_shared(self) -> bool:
        """Whether several workers know things together."""
        return self._shared is not None

    async def run_together(self, script: str, *arguments: object) -> Any:
        """The answer of a script that this was made with; None while the shared state is away."""
        if self._shared is None:
            return None
        try:
            return await self._shared.run(script, *arguments)
        except SharedStateGone:
            return None

    def glance(self, slot: Slot) -> Skip | None:
        """Why the slot would be passed over now, as far as this worker knows."""
        return self._judge.glance(slot)

    def vitals(self, slot: Slot) -> Vitals:
        return self._pulses.vitals(slot)

    def vitals_of_model(self, provider: str, model: str) -> Vitals:
        """Over all connections of the provider."""
        return self._pulses.vitals_of_model(provider, model)

    def idle_seconds(self, connection: UUID) -> float | None:
        """Since the connection was last asked anything; None: never, as far as anybody remembers."""
        return self._pulses.idle_seconds(connection)

    def upcoming_turn(self, key: str) -> int:
        """The turn that a request would get now, as far as this worker knows."""
        return self._turns.upcoming(key)

    async def turn(self, key: str) -> int:
        """0, 1, 2, ...: one sequence per key over all workers."""
        return await self._turns.next(key)

    async def recall(self, key: str) -> str | None:
        """What any worker remembered under the key; None while there is no shared state."""
        if self._shared is None or not self._shared.is_found:
            return None
        with contextlib.suppress(SharedStateGone):
            return await self._shared.recall(key)
        return None

    def remember(self, key: str, text: str, seconds: int) -> None:
        """For the other workers, who may hear of it or not. Returns at once."""
        if self._shared is not None and self._shared.is_found:
            self._spawn(self._remember(key, text, seconds))

    async def _remember(self, key: str, text: str, seconds: int) -> None:
        assert self._shared is not None
        with contextlib.suppress(SharedStateGone):
            await self._shared.remember(key, text, seconds)

    async def claim(self, slots: Sequence[Slot], patience: float = 0.0) -> Claim | Refused:
        """The first slot that may be used. Where all lack room alone, wait in line, `patience` seconds at most."""
        answer = await self._claims.claim(slots, patience)
        if isinstance(answer, Claim):
            self._pulses.begin(answer.slot)
        return answer

    async def report(self, claim: Claim, outcome: Outcome) -> None:
        """How it went. What was held for the claim is returned, also when the caller is cancelled meanwhile."""
        self._pulses.end(claim.slot, outcome)
        if outcome.failure is None and outcome.hints is None and not claim.lease and self._judge.is_plain(claim.slot):
            return  # Most requests: nothing was held, and nothing is known that a success would end.
        claimed = claim.since + self._clock.offset
        changes = list(outcomes.changes(claim, outcome, self._board, claimed, random.random()))  # noqa: S311
        if changes or claim.lease:
            await asyncio.shield(self._spawn(self._settle(claim, changes)))

    async def spoke(self, claim: Claim) -> None:
        """A probe got its first word: that is good news enough, however long the answer goes on."""
        good = Outcome(None)
        claimed = claim.since + self._clock.offset
        for kind, key, rule in outcomes.changes(claim, good, self._board, claimed, 0.0):
            await self._knowledge.change(kind, key, rule)

    async def _settle(self, claim: Claim, changes: Sequence[tuple[Kind, str, Rule]]) -> None:
        try:
            for kind, key, rule in changes:
                await self._knowledge.change(kind, key, rule)
        finally:
            await self._claims.give_back(claim.lease)

    def _take_in(self, facts: HealthFacts) -> None:
        self.facts = self.lockouts.facts = facts
        self._claims.longest_line = facts.queue_length

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work that outlives the request it comes from, and that `stop` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _read(clock: Clock) -> list[tuple[Kind, str, Record]]:
    try:
        return rows.read(clock)
    finally:
        connection.close()


def _told(why: str | None) -> None:
    if why is None:
        log.info("the shared state is there: workers know of each other")
        events.publish(SharedStateFound())
    else:
        log.warning("the shared state in Redis is away, each worker goes on with what it knows: %s", why)
        events.publish(SharedStateLost(why))
