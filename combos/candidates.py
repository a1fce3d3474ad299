"""Who may be asked for a request, in order: targets as the combo's strategy says, then its connections as theirs says.

A strategy orders, it does not choose: fallback is the rest of the list. The order of targets is made once; connections
are ordered when their target is reached, because most requests never get beyond the first.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from combos.affinity import Bound
from combos.refusals import NothingConnected, NotSpoken, shortened
from combos.resolver import NestedRoute, ResolvedTarget, Route, Step, chains_for
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
        if route.combo is None and not self.snapshot.chains:
            return [Placed(target) for target in route.targets]
        placed = [Placed(target) for target in route.targets]
        if route.combo is not None:
            placed = await self._of_combo(route.combo, route.steps, bound)
        placed += [Placed(target, None, CHAIN) for target in chains_for(route.asked, self.snapshot)]
        return _once_each(placed)

    async def _of_combo(self, combo: ComboFacts, steps: Sequence[Step], bound: Bound | None) -> list[Placed]:
        order = STRATEGIES[combo.strategy]
        turn = await self._turn(f"combo:{combo.name}") if combo.strategy in NEEDS_TURN else 0
        why = f"{combo.strategy.value}, turn {turn}" if combo.strategy in NEEDS_TURN else combo.strategy.value
        placed: list[Placed] = []
        for step in order(steps, self.facts_of_steps(turn)):
            if isinstance(step, NestedRoute):
                placed += await self._of_combo(step.combo, step.steps, bound)
            else:
                placed.append(Placed(step, combo, why))
        return _bound_first(placed, bound) if combo.strategy in SPREADS else placed

    async def _turn(self, key: str) -> int:
        return self.health.upcoming_turn(key) if self.peeks else await self.health.turn(key)

    def facts_of_steps(self, turn: int) -> Facts[Step]:
        """What strategies ask of a combo's steps."""

        def total(count: Callable[[Vitals], int]) -> Callable[[Step], int]:
            return lambda step: sum(count(vitals) for vitals in self._vitals_of(step))

        def least(figure: Callable[[Vitals], float | None]) -> Callable[[Step], float | None]:
            return lambda step: min(_known(map(figure, self._vitals_of(step))), default=None)

        return Facts(
            draw=self.draw,
            turn=turn,
            weight=lambda step: step.weight,
            price=self._price_of,
            requests=total(lambda vitals: vitals.requests),
            failures=total(lambda vitals: vitals.failures),
            in_flight=total(lambda vitals: vitals.in_flight),
            latency_ms=least(lambda vitals: vitals.latency_ms),
            idle_seconds=least(lambda vitals: vitals.idle_seconds),
        )

    def _vitals_of(self, step: Step) -> list[Vitals]:
        return [self.health.vitals_of_model(each.provider.slug, each.model.id) for each in targets_of(step)]

    def _price_of(self, step: Step) -> Decimal | None:
        prices = self.snapshot.books.prices
        known = _known(prices.get((each.provider.slug, each.model.id)) for each in targets_of(step))
        return min((price.input for price in known), default=None)

    async def connections(self, placed: Placed, bound: Bound | None = None) -> Sequence[Candidate]:
        """The candidates of one target, in order; none where it has no usable connection."""
        if len(placed.target.provider.connections) > 1:
            found = self._candidates(placed)
            return found if len(found) < 2 else await self._in_order(placed.target.provider, found, bound)
        target, combo = placed.target, placed.combo.name if placed.combo else ""
        question = (target.provider.slug, target.model.id, target.target.connection_id, combo, placed.why)
        return self.snapshot.once(question, lambda: self._candidates(placed))

    def _candidates(self, placed: Placed) -> Sequence[Candidate]:
        target = placed.target
        endpoint = target.provider.endpoint_of(target.model)
        if endpoint is None or not target.provider.is_enabled:
            return ()
        pinned = target.target.connection_id
        return [
            Candidate(target.provider, endpoint, target.model, each, self._slot(target, each), placed.combo, placed.why)
            for each in target.provider.connections
            if pinned is None or each.id == pinned
        ]

    def _slot(self, target: ResolvedTarget, connection: ConnectionFacts) -> Slot:
        facts, slug = self.snapshot.health, target.provider.slug
        limits, profile = facts.limits_of(connection.id), facts.profile_of(slug)
        return Slot(slug, connection.id, target.model.id, limits, profile)

    async def _in_order(
        self, provider: ProviderFacts, found: Sequence[Candidate], bound: Bound | None
    ) -> list[Candidate]:
        had = next((each for each in found if bound and each.connection.id == bound.connection), None)
        routing = self.snapshot.routing
        strategy = routing.account_strategy
        takes_turn = strategy in NEEDS_TURN and had is None
        turn = await self._turn(f"account:{provider.slug}") if takes_turn else 0
        facts: Facts[Candidate] = Facts(
            draw=self.draw,
            turn=turn,
            sticky=routing.sticky_limit,
            priority=lambda each: each.connection.priority,
            requests=lambda each: self.health.vitals(each.slot).requests,
            failures=lambda each: self.health.vitals(each.slot).failures,
            in_flight=lambda each: self.health.vitals(each.slot).in_flight,
            latency_ms=lambda each: self.health.vitals(each.slot).latency_ms,
            idle_seconds=lambda each: self.health.idle_seconds(each.connection.id),
        )
        ordered: list[Candidate] = ACCOUNT_STRATEGIES[strategy](found, facts)
        if had is not None:
            return [replace(had, why="the conversation was here"), *(each for each in ordered if each is not had)]
        said = f"{strategy.value}, turn {turn}" if takes_turn else strategy.value
        return [replace(each, why=f"{each.why}; accounts: {said}") for each in ordered]


def _known(found: Iterable[T | None]) -> Iterable[T]:
    return (each for each in found if each is not None)


def targets_of(step: Step) -> Iterable[ResolvedTarget]:
    if isinstance(step, ResolvedTarget):
        yield step
        return
    for each in step.steps:
        yield from targets_of(each)


def _once_each(placed: Iterable[Placed]) -> list[Placed]:
    """A model that several combos or chains name is asked at the first of its places."""
    seen: dict[tuple[str, str, object], Placed] = {}
    for each in placed:
        target = each.target
        seen.setdefault((target.provider.slug, target.model.id, target.target.connection_id), each)
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
