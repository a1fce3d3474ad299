"""Who may be asked for a request, in order: targets as the combo's strategy says, then its connections as theirs says.

A strategy orders, it does not choose: fallback is the rest of the list. The order of targets is made once; connections
are ordered when their target is reached, because most requests never get beyond the first.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import TypeVar

from combos.conversations.affinity import Bound
from combos.refusals import NoTarget, NothingConnected, NotSpoken, shortened
from combos.resolver import NestedRoute, ResolvedTarget, Route, Step
from combos.snapshot import ComboFacts, Snapshot
from combos.strategies import ACCOUNT_STRATEGIES, NEEDS_TURN, SPREADS, STRATEGIES, Facts
from health.health import Health
from health.slots import Slot, Vitals
from providers.snapshot import ConnectionFacts, Endpoint, ModelFacts, ProviderFacts

T = TypeVar("T")

DRAW = random.Random()  # noqa: S311 - it draws whom to ask, not secrets
FIRST_ASKED = "asked for"
CHAIN = "fallback chain"


@dataclass(frozen=True, slots=True)
class Candidate:
    provider: ProviderFacts
    endpoint: Endpoint
    model: ModelFacts
    connection: ConnectionFacts
    slot: Slot
    combo: ComboFacts | None = None
    """The combo that lists it, the innermost one; None for a plain model."""
    why: str = FIRST_ASKED
    """Why it stands where it does, in a few words."""

    @property
    def name(self) -> str:
        return f"{self.provider.prefix}/{self.model.id}"

    def __str__(self) -> str:
        return f"{self.provider.prefix}/{shortened(self.model.id)} ({self.connection.name})"


@dataclass(frozen=True, slots=True)
class Placed:
    """A target at its place in the line."""

    target: ResolvedTarget
    combo: ComboFacts | None = None
    why: str = FIRST_ASKED


@dataclass(frozen=True, slots=True)
class Orderer:
    """Puts targets and connections in order. `peeks`: shared turns are looked at, not taken."""

    snapshot: Snapshot
    health: Health
    draw: random.Random
    peeks: bool = False

    async def line_up(self, route: Route, bound: Bound | None = None) -> list[Placed]:
        """Every target once, the fallback chains' behind the route's own. Raises when nobody is there to ask."""
        if route.combo is None:
            placed = [Placed(target) for target in route.targets]
        else:
            placed = await self._of_combo(route.combo, route.steps, bound, route.turns)
        placed += [Placed(target, None, CHAIN) for target in route.chain]
        if not placed:
            raise NoTarget(route.name)
        return placed if len(placed) == 1 else _once_each(placed)

    async def _of_combo(
        self, combo: ComboFacts, steps: Sequence[Step], bound: Bound | None, turns: str, around: int | None = None
    ) -> list[Placed]:
        """`around`: the turn of a combo around it that goes in turns. It comes first once in a round of that one, so a
        count of its own would fall into step with the rounds, and lead to the same target each time."""
        turn, why = 0, combo.strategy.value
        if combo.strategy in NEEDS_TURN:
            turn = await self._turn(f"combo:{combo.name}{turns and ':'}{turns}") if around is None else around
            why, around = f"{why}, turn {turn}", turn // len(steps) if steps else 0
        placed: list[Placed] = []
        for step in STRATEGIES[combo.strategy](steps, self.facts_of_steps(turn)):
            if isinstance(step, NestedRoute):
                placed += await self._of_combo(step.combo, step.steps, bound, turns, around)
            else:
                placed.append(Placed(step, combo, why))
        return _bound_first(placed, bound) if combo.strategy in SPREADS else placed

    async def _turn(self, key: str) -> int:
        return self.health.upcoming_turn(key) if self.peeks else await self.health.turn(key)

    def facts_of_steps(self, turn: int) -> Facts[Step]:
        """What strategies ask of a combo's steps."""

        known: dict[int, Vitals] = {}

        def vitals(step: Step) -> Vitals:
            return known.get(id(step)) or known.setdefault(id(step), self._vitals_of(step))

        return Facts(
            draw=self.draw,
            turn=turn,
            weight=lambda step: step.weight,
            price=self._price_of,
            requests=lambda step: vitals(step).requests,
            failures=lambda step: vitals(step).failures,
            in_flight=lambda step: vitals(step).in_flight,
            latency_ms=lambda step: vitals(step).latency_ms,
            idle_seconds=lambda step: vitals(step).idle_seconds,
        )

    def _vitals_of(self, step: Step) -> Vitals:
        """Of a nested combo: the sums, and of what cannot be added the least."""
        if isinstance(step, ResolvedTarget):
            return self.health.vitals_of_model(step.provider.slug, step.model.id)
        every = [self._vitals_of(each) for each in step.steps]
        return Vitals(
            requests=sum(each.requests for each in every),
            failures=sum(each.failures for each in every),
            in_flight=sum(each.in_flight for each in every),
            latency_ms=min(_known(each.latency_ms for each in every), default=None),
            idle_seconds=min(_known(each.idle_seconds for each in every), default=None),
        )

    def _price_of(self, step: Step) -> Decimal | None:
        if isinstance(step, NestedRoute):
            return min(_known(map(self._price_of, step.steps)), default=None)
        price = self.snapshot.books.prices.get((step.provider.slug, step.model.id))
        return price.input if price else None

    async def connections(self, placed: Placed, bound: Bound | None = None) -> Iterator[Candidate]:
        """The candidates of one target, in order; none where it has no usable connection.

        Each is made when it is looked at: there may be hundreds, and most requests look no further than the first.
        """
        target, provider = placed.target, placed.target.provider
        endpoint = provider.endpoint_of(target.model)
        if endpoint is None or not provider.is_enabled:
            return iter(())
        pinned = target.target.connection_id
        found = [each for each in provider.connections if pinned is None or each.id == pinned]
        if len(found) > 1:
            return await self._in_order(placed, endpoint, found, bound)

        def made() -> list[Candidate]:
            return [self._candidate(placed, endpoint, each, placed.why) for each in found]

        if placed.combo is not None and placed.combo.strategy in NEEDS_TURN:  # Why it is asked is never the same twice.
            return iter(made())
        combo = placed.combo.name if placed.combo else ""
        return iter(self.snapshot.once((provider.slug, target.model.id, pinned, combo, placed.why), made))

    def _candidate(self, placed: Placed, endpoint: Endpoint, connection: ConnectionFacts, why: str) -> Candidate:
        target, slot = placed.target, self._slot(placed.target, connection)
        return Candidate(target.provider, endpoint, target.model, connection, slot, placed.combo, why)

    def _slot(self, target: ResolvedTarget, connection: ConnectionFacts) -> Slot:
        facts, slug = self.snapshot.health, target.provider.slug
        limits, profile = facts.limits_of(connection.id), facts.profile_of(slug)
        return Slot(slug, connection.id, target.model.id, limits, profile)

    async def _in_order(
        self, placed: Placed, endpoint: Endpoint, found: Sequence[ConnectionFacts], bound: Bound | None
    ) -> Iterator[Candidate]:
        had = next((each for each in found if bound and each.id == bound.connection), None)
        strategy = self.snapshot.routing.account_strategy
        takes_turn = strategy in NEEDS_TURN and had is None
        turn = await self._turn(f"account:{placed.target.provider.slug}") if takes_turn else 0
        ordered = ACCOUNT_STRATEGIES[strategy](found, self._facts_of_connections(placed.target, turn))
        said = f"{strategy.value}, turn {turn}" if takes_turn else strategy.value
        others = (
            self._candidate(placed, endpoint, each, placed.why if had else f"{placed.why}; accounts: {said}")
            for each in ordered
            if each is not had
        )
        if had is None:
            return others
        return chain([self._candidate(placed, endpoint, had, "the conversation was here")], others)

    def _facts_of_connections(self, target: ResolvedTarget, turn: int) -> Facts[ConnectionFacts]:
        """What strategies ask of a provider's connections."""

        def vitals(connection: ConnectionFacts) -> Vitals:
            return self.health.vitals(self._slot(target, connection))

        return Facts(
            draw=self.draw,
            turn=turn,
            sticky=self.snapshot.routing.sticky_limit,
            priority=lambda each: each.priority,
            requests=lambda each: vitals(each).requests,
            failures=lambda each: vitals(each).failures,
            in_flight=lambda each: vitals(each).in_flight,
            latency_ms=lambda each: vitals(each).latency_ms,
            idle_seconds=lambda each: self.health.idle_seconds(each.id),
        )


def _known(found: Iterable[T | None]) -> Iterable[T]:
    return (each for each in found if each is not None)


def _once_each(placed: Iterable[Placed]) -> list[Placed]:
    """A model that several combos or chains name is asked at the first of its places."""
    seen: dict[object, Placed] = {}
    for each in placed:
        seen.setdefault(each.target.place, each)
    return list(seen.values())


def _bound_first(placed: list[Placed], bound: Bound | None) -> list[Placed]:
    """Where the order is one of many that would do, the model that the conversation had comes first."""
    if bound is None:
        return placed
    return sorted(
        placed, key=lambda each: (each.target.provider.slug, each.target.model.id) != (bound.provider, bound.model)
    )


def nobody(first: Placed, dashboard: str) -> NotSpoken | NothingConnected:
    """Why there is no candidate at all: what the first target lacks."""
    provider, model = first.target.provider, first.target.model
    if not provider.speaks(model):
        return NotSpoken(provider.name, provider.wire_of(model))
    return NothingConnected(provider.name, dashboard)


def is_spread(combo: ComboFacts | None) -> bool:
    """Whether requests of this combo go to several targets while all are well."""
    return combo is not None and combo.strategy in SPREADS
