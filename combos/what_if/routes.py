"""Job: in which order a recorded request would have been asked for along another route.

Law: no health, no clock, no chance: draws come from one seed and turns count from 0, so that the same question has the
same answer. What strategies ask of a target is what this replay itself has sent there, and what the period recorded.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from django.db.models import Sum

from billing.models import DailyUsage
from billing.what_if.costs import Rules, Stop, Target
from billing.what_if.recorded import Selection
from combos.resolver import NestedRoute, ResolvedTarget, Route, Step
from combos.snapshot import ComboFacts
from combos.strategies import NEEDS_TURN, STRATEGIES, Facts, Strategy

SEED = 20_128
NEVER_MEASURED = float("inf")


MEASURES = frozenset({Strategy.FASTEST, Strategy.AUTO})
"""Strategies that look at how quick targets were."""
SETTLED = frozenset({Strategy.PRIORITY, Strategy.FILL_FIRST, Strategy.COST_OPTIMIZED, *MEASURES})
"""Strategies whose order is the same each time, when nothing is known of now."""


def latencies(selection: Selection) -> dict[Target, float]:
    """Milliseconds until the first word, on average over the days of a period, by provider and model."""
    first, last = (moment.date() for moment in (selection.since, selection.until))
    days = DailyUsage.objects.filter(day__gte=first, day__lte=last, first_events__gt=0)
    sums = days.order_by().values_list("provider", "model").annotate(Sum("first_event_ms"), Sum("first_events"))
    return {(provider, model): total / count for provider, model, total, count in sums}


class Replayer:
    """Sends recorded requests along one route. `strategy` stands in place of the outermost combo's own."""

    def __init__(
        self, route: Route, strategy: Strategy | None, rules: Rules, latencies: Mapping[Target, float]
    ) -> None:
        self._route = route
        self._strategy = strategy
        self._prices = rules.prices
        self._latencies = latencies
        self._draw = random.Random(SEED)  # noqa: S311 - the same draws each time are the point
        self._turns: Counter[str] = Counter()
        self._given: Counter[Target] = Counter()
        self._chains = [stop_of(each) for each in route.chain]
        self._made: dict[int, Stop] = {}
        is_settled = SETTLED.issuperset(strategies(route, strategy))
        self._always = self._next() if is_settled else None

    @classmethod
    def along(
        cls, route: Route | None, strategy: Strategy | None, rules: Rules, selection: Selection
    ) -> "Replayer | None":
        if route is None:
            return None
        looks = not MEASURES.isdisjoint(strategies(route, strategy))
        return cls(route, strategy, rules, latencies(selection) if looks else {})

    def stops(self) -> list[Stop]:
        """Everybody whom the next request would ask, in order, each once."""
        return self._always or self._next()

    def _next(self) -> list[Stop]:
        found = list(dict.fromkeys([*self._ordered(), *self._chains]))
        if found:
            self._given[found[0].target] += 1
        return found

    def _ordered(self) -> Iterator[Stop]:
        combo = self._route.combo
        if combo is None:
            return (self._stop(target) for target in self._route.targets)
        return self._of_combo(combo, self._strategy or combo.strategy, self._route.steps)

    def _of_combo(
        self, combo: ComboFacts, strategy: Strategy, steps: Sequence[Step], around: int | None = None
    ) -> Iterator[Stop]:
        """`around`: as in `combos.candidates`, whose turn a combo within another one has."""
        turn = 0
        if strategy in NEEDS_TURN:
            turn = self._turn(combo) if around is None else around
            around = turn // len(steps)
        for step in STRATEGIES[strategy](steps, self._facts(strategy, turn)):
            if isinstance(step, NestedRoute):
                yield from self._of_combo(step.combo, step.combo.strategy, step.steps, around)
            else:
                yield self._stop(step)

    def _turn(self, combo: ComboFacts) -> int:
        self._turns[combo.name] += 1
        return self._turns[combo.name] - 1

    def _stop(self, target: ResolvedTarget) -> Stop:
        return self._made.get(id(target)) or self._made.setdefault(id(target), stop_of(target))

    def _facts(self, strategy: Strategy, turn: int) -> Facts[Step]:
        unmeasured = NEVER_MEASURED if strategy is Strategy.FASTEST else None
        return Facts(
            draw=self._draw,
            turn=turn,
            weight=lambda step: step.weight,
            price=self._price,
            requests=self._requests,
            latency_ms=lambda step: self._latency(step, unmeasured),
        )

    def _price(self, step: Step) -> Decimal | None:
        if isinstance(step, NestedRoute):
            return min((price for price in map(self._price, step.steps) if price is not None), default=None)
        price = self._prices.get((step.provider.slug, step.model.id))
        return price.input if price else None

    def _requests(self, step: Step) -> int:
        if isinstance(step, NestedRoute):
            return sum(map(self._requests, step.steps))
        return self._given[step.provider.slug, step.model.id]

    def _latency(self, step: Step, unmeasured: float | None) -> float | None:
        if isinstance(step, NestedRoute):
            known = (self._latency(each, None) for each in step.steps)
            return min((each for each in known if each is not None), default=unmeasured)
        return self._latencies.get((step.provider.slug, step.model.id), unmeasured)


def strategies(route: Route, instead: Strategy | None) -> Iterator[Strategy]:
    """Those that decide along a route."""
    if route.combo is not None:
        yield instead or route.combo.strategy
        yield from _of_nested(route.steps)


def _of_nested(steps: Sequence[Step]) -> Iterator[Strategy]:
    for step in steps:
        if isinstance(step, NestedRoute):
            yield step.combo.strategy
            yield from _of_nested(step.steps)


def stop_of(target: ResolvedTarget) -> Stop:
    """Through the connection it is pinned to, else the provider's first; without one, as the vendor usually bills."""
    provider, pinned = target.provider, target.target.connection_id
    found = next((each for each in provider.connections if pinned in (None, each.id)), None)
    if found is not None:
        return Stop(provider.slug, target.model.id, found.is_flat)
    return Stop(provider.slug, target.model.id, provider.vendor is not None and provider.vendor.flat_rate)
