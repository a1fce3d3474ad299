"""The line of candidates of one request: each is handed out once, in order, with a claim on it.

Passed over for now, in this order of second chances: what only rests after a passing failure, what has no room (it is
waited for, in line, while the combo's patience lasts), and what failed in a way that may pass, after a pause. What is
cooling, broken or switched off is not asked at all; `skipped` says why.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from uuid import NAMESPACE_OID, uuid5

from combos.candidates import Candidate, Orderer, Placed
from combos.conversations.affinity import Bound
from health.slots import Claim, Limits, Outcome, Refused, Skip, SkipReason, Slot
from providers import capabilities
from providers.capabilities import Needs

NO_ROOM = frozenset({SkipReason.RATE_LIMITED, SkipReason.FULL})
OF_ALL = frozenset({SkipReason.BREAKER_OPEN, SkipReason.UNABLE})
"""Why a candidate is passed over that is as true of the other connections of its target."""
MOST_LOOKED_AT = 16
"""At once. Whether they have room is one question to the shared state, so it is not one alone."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A candidate whose turn it is. Without a claim it is asked although health advises against it."""

    candidate: Candidate
    claim: Claim | None
    room: Claim | None = None
    """Its place among the requests that its combo lets at this model at once."""


@dataclass(frozen=True, slots=True)
class Skipped:
    candidate: Candidate
    skip: Skip

    def __str__(self) -> str:
        return f"{self.candidate}: {self.skip.detail}"


class Line:
    """`count` is how many candidates were found so far, `first` the first target."""

    __slots__ = (
        "_cold",
        "_coming",
        "_full",
        "_gone",
        "_ready",
        "_resting",
        "_unminded",
        "bound",
        "count",
        "first",
        "health",
        "needs",
        "orderer",
        "placed",
    )

    def __init__(self, orderer: Orderer, placed: list[Placed], bound: Bound | None = None) -> None:
        self.orderer = orderer
        self.health = orderer.health
        self.placed = placed
        self.first = placed[0]
        self.bound = bound
        self.count = 0
        self.needs: Needs | None = None
        """What the request needs of a model, once one has refused it for want of something."""
        self._coming: Iterator[Candidate] = iter(())
        """Of the target that is reached, those that were not looked at yet."""
        self._ready: list[Candidate] = []
        self._unminded: list[Candidate] = []
        self._resting: list[Candidate] = []
        self._full: list[Skipped] = []
        self._cold: list[Skipped] = []
        self._gone: set[tuple[str, str]] = set()

    @property
    def skipped(self) -> list[Skipped]:
        return [*self._cold, *self._full]

    async def next(self, patience: float) -> Taken | None:
        """Whoever is to be asked now; None when nobody is left. `patience`: seconds to wait for room, at most."""
        while (taken := await self._next_claimed(patience)) is not None:
            try:
                room = await self._room_in_combo(taken.candidate, patience)
            except asyncio.CancelledError:  # The client hung up while it waited for the second half of its place.
                await self.give_back(taken)
                raise
            if not isinstance(room, Refused):
                return taken if room is None else replace(taken, room=room)
            self._cold.append(Skipped(taken.candidate, room.skips[0]))
            await self.give_back(taken)
        return None

    async def give_back(self, taken: Taken) -> None:
        """It will not be asked after all."""
        for claim in (taken.claim, taken.room):
            if claim is not None:
                await self.health.report(claim, Outcome(None, is_neutral=True))

    async def _room_in_combo(self, candidate: Candidate, patience: float) -> Claim | Refused | None:
        combo = candidate.combo
        if combo is None or combo.config.concurrency_per_model is None:
            return None
        place = uuid5(NAMESPACE_OID, f"{combo.name}\0{candidate.name}")
        limits = Limits(concurrent=combo.config.concurrency_per_model)
        slot = Slot(f"combo {combo.name}", place, candidate.model.id, limits, candidate.slot.profile)
        return await self.health.claim([slot], min(patience, combo.config.queue_timeout_ms / 1000))

    async def _next_claimed(self, patience: float) -> Taken | None:
        while True:
            if taken := await self._take(self._ready):
                return taken
            if self._unminded:
                return Taken(self._unminded.pop(0), None)
            if not await self._look_further():
                break
        return await self._take(self._resting) or await self._wait(patience)

    async def _look_further(self) -> bool:
        """At a few candidates more; whether there was anything left to look at."""
        before = self.count
        self._sort_out(islice(self._coming, MOST_LOOKED_AT))
        if self.count > before:
            return True
        if not self.placed:
            return False
        placed = self.placed.pop(0)
        if (placed.target.provider.slug, placed.target.model.id) not in self._gone:
            self._coming = await self.orderer.connections(placed, self.bound)
        return True

    def _sort_out(self, found: Iterable[Candidate]) -> None:
        for candidate in found:
            self.count += 1
            if _model_of(candidate) in self._gone:
                continue
            skip = self._lack(candidate) or self.health.glance(candidate.slot)
            if skip is None:
                self._ready.append(candidate)
            elif skip.reason in NO_ROOM or skip.reason is SkipReason.UNABLE or minds_health(candidate):
                self._set_aside(candidate, skip)
                if skip.reason in OF_ALL:
                    self._coming = iter(())
                    return
            else:
                self._unminded.append(candidate)

    def _lack(self, candidate: Candidate) -> Skip | None:
        lacking = capabilities.lacks(candidate.model, self.needs) if self.needs else []
        return Skip(SkipReason.UNABLE, None, f"it lacks {', '.join(lacking)}", 400) if lacking else None

    def look_for(self, needs: Needs) -> None:
        """From now on pass over models that are known to lack something of this."""
        self.needs = needs
        for waiting in (self._ready, self._resting):
            unable = [(each, skip) for each in waiting if (skip := self._lack(each))]
            waiting[:] = [each for each in waiting if all(each is not other for other, _ in unable)]
            self._cold += [Skipped(each, skip) for each, skip in unable]

    def _set_aside(self, candidate: Candidate, skip: Skip) -> None:
        if skip.is_soft:
            self._resting.append(candidate)
        elif skip.reason in NO_ROOM:
            self._full.append(Skipped(candidate, skip))
        else:
            self._cold.append(Skipped(candidate, skip))

    async def _take(self, candidates: list[Candidate], patience: float = 0.0) -> Taken | None:
        """The first that can be claimed is taken off the list; those that cannot are set aside."""
        if not candidates:
            return None
        claimed = await self.health.claim([each.slot for each in candidates], patience)
        if isinstance(claimed, Claim):
            return Taken(candidates.pop(claimed.index), claimed)
        refused, candidates[:] = list(zip(candidates, claimed.skips, strict=True)), []
        for candidate, skip in refused:
            self._set_aside(candidate, skip)
        return None

    async def _wait(self, patience: float) -> Taken | None:
        """In the line of those who wait for room at the same connections, first come, first served."""
        if not self._full:
            return None
        waiting = [each.candidate for each in self._full]
        self._full = []
        taken = await self._take(waiting, patience)
        self._ready += waiting
        return taken

    def forget_model(self, candidate: Candidate) -> None:
        """Ask nobody else for this model: it is not there, or cannot do what is wanted."""
        self._gone.add(_model_of(candidate))
        self._ready[:] = [each for each in self._ready if _model_of(each) not in self._gone]
        self._resting[:] = [each for each in self._resting if _model_of(each) not in self._gone]
        self._full[:] = [each for each in self._full if _model_of(each.candidate) not in self._gone]

    def put_back(self, candidates: list[Candidate]) -> None:
        """Another round, for these alone."""
        self._resting.extend(candidates)


def minds_health(candidate: Candidate) -> bool:
    return candidate.combo is None or candidate.combo.config.skips_unhealthy


def _model_of(candidate: Candidate) -> tuple[str, str]:
    return candidate.provider.slug, candidate.model.id
