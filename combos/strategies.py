"""In which order to ask: one table of pure orderings for the targets of a combo, one for the accounts of a provider.

A strategy orders, it does not choose: fallback is the rest of the list. It knows neither models nor connections; what
it needs to know of an item, the caller's `Facts` say. Chance and turns are arguments.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

T = TypeVar("T")


class Strategy(TextChoices):
    """How a combo orders its targets."""

    PRIORITY = "priority", _("Priority")
    ROUND_ROBIN = "round-robin", _("Round robin")
    RANDOM = "random", _("Random")
    WEIGHTED = "weighted", _("Weighted")
    LEAST_USED = "least-used", _("Least used")
    COST_OPTIMIZED = "cost-optimized", _("Cost optimized")
    FILL_FIRST = "fill-first", _("Fill first")
    P2C = "p2c", _("Power of two choices")
    FASTEST = "fastest", _("Fastest")
    AUTO = "auto", _("Auto")


class AccountStrategy(TextChoices):
    """How the connections of one provider are ordered."""

    FILL_FIRST = "fill-first", _("Fill first")
    ROUND_ROBIN = "round-robin", _("Round robin")
    P2C = "p2c", _("Power of two choices")
    RANDOM = "random", _("Random")
    LEAST_USED = "least-used", _("Least used")
    COST_OPTIMIZED = "cost-optimized", _("Cost optimized")


def _nothing(item: Any) -> None:
    return None


def _zero(item: Any) -> int:
    return 0


def _one(item: Any) -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Facts(Generic[T]):
    """What orderings ask about items. Counts are recent ones: of about the last five minutes, over all workers."""

    draw: random.Random = field(default_factory=random.Random)
    turn: int = 0
    """The shared turn of this combo or provider: 0, 1, 2, ... Only strategies in `NEEDS_TURN` look at it."""
    sticky: int = 1
    """So many turns go to one item before the next has its own."""
    weight: Callable[[T], int] = _one
    priority: Callable[[T], int] = _zero
    """The lowest number comes first."""
    price: Callable[[T], Decimal | None] = _nothing
    """US dollars for a million input tokens; None if nobody knows."""
    requests: Callable[[T], int] = _zero
    failures: Callable[[T], int] = _zero
    in_flight: Callable[[T], int] = _zero
    latency_ms: Callable[[T], float | None] = _nothing
    """Until the first word, on average; None if nothing was measured lately."""
    idle_seconds: Callable[[T], float | None] = _nothing
    """Since it was last used; None if it never was."""


Order = Callable[[Sequence[T], Facts[T]], list[T]]


def as_listed(items: Sequence[T], facts: Facts[T]) -> list[T]:
    return list(items)


def by_priority(items: Sequence[T], facts: Facts[T]) -> list[T]:
    return sorted(items, key=facts.priority)


def in_turns(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """From the item whose turn it is, around to the one before it."""
    first = facts.turn // facts.sticky % len(items) if items else 0
    return [*items[first:], *items[:first]]


def shuffled(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """Fisher and Yates: every order is as likely as any other."""
    mixed = list(items)
    facts.draw.shuffle(mixed)
    return mixed


def by_weight(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """One draw, in proportion to the weights; then the rest, the heaviest first. Weight 0 is never asked."""
    left = sorted((item for item in items if facts.weight(item) > 0), key=lambda item: -facts.weight(item))
    if not left:
        return []
    drawn = facts.draw.choices(range(len(left)), [facts.weight(item) for item in left])[0]
    return [left.pop(drawn), *left]


def least_used(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """Fewest requests; those under way right now decide between equals, since counts come a second late."""
    return sorted(items, key=lambda item: (facts.requests(item), facts.in_flight(item)))


def longest_idle(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """What was never used comes first."""

    def idle(item: T) -> float:
        seconds = facts.idle_seconds(item)
        return float("inf") if seconds is None else seconds

    return sorted(items, key=lambda item: -idle(item))


def cheapest(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """By the price of input; what has no price comes last."""

    def price(item: T) -> tuple[bool, Decimal]:
        known = facts.price(item)
        return known is None, known or Decimal(0)

    return sorted(items, key=price)


def healthier_of_two(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """Two at random, the one with fewer failures (then: with less to do) first; then the rest as it stands."""
    if len(items) < 2:
        return list(items)
    drawn = facts.draw.sample(range(len(items)), 2)
    drawn.sort(key=lambda place: (facts.failures(items[place]), facts.in_flight(items[place])))
    return [*(items[place] for place in drawn), *(item for place, item in enumerate(items) if place not in drawn)]


def fastest(items: Sequence[T], facts: Facts[T]) -> list[T]:
    """The quickest first word. What was never measured comes first once, so that it is; then last, while it is not."""

    def latency(item: T) -> tuple[int, float]:
        known = facts.latency_ms(item)
        if known is not None:
            return 1, known
        was_tried = facts.in_flight(item) > 0 or facts.failures(item) > 0
        return (2 if was_tried else 0), 0.0

    return sorted(items, key=latency)


@dataclass(frozen=True, slots=True)
class Score:
    """How good an item looks: between 0 and 1, the sum of its parts."""

    total: float
    parts: Mapping[str, float]


SHARES = {"success": 0.4, "latency": 0.25, "price": 0.2, "load": 0.15}
"""The most that each part can add to a score."""
UNKNOWN = 0.5
USUAL_LATENCY_MS = 1000.0
USUAL_PRICE = 1.0
"""At the usual latency and price a part has half of its share, as it has when nothing is known."""


def score(item: T, facts: Facts[T]) -> Score:
    requests, failures = facts.requests(item), facts.failures(item)
    latency, price = facts.latency_ms(item), facts.price(item)
    good = {
        "success": (max(requests - failures, 0) + 1) / (max(requests, failures) + 1),
        "latency": UNKNOWN if latency is None else USUAL_LATENCY_MS / (USUAL_LATENCY_MS + latency),
        "price": UNKNOWN if price is None else USUAL_PRICE / (USUAL_PRICE + float(price)),
        "load": 1 / (1 + facts.in_flight(item)),
    }
    parts = {name: share * good[name] for name, share in SHARES.items()}
    return Score(sum(parts.values()), parts)


def best_scored(items: Sequence[T], facts: Facts[T]) -> list[T]:
    return sorted(items, key=lambda item: -score(item, facts).total)


STRATEGIES: Mapping[Strategy, Order[Any]] = {
    Strategy.PRIORITY: as_listed,
    Strategy.ROUND_ROBIN: in_turns,
    Strategy.RANDOM: shuffled,
    Strategy.WEIGHTED: by_weight,
    Strategy.LEAST_USED: least_used,
    Strategy.COST_OPTIMIZED: cheapest,
    Strategy.FILL_FIRST: by_priority,
    Strategy.P2C: healthier_of_two,
    Strategy.FASTEST: fastest,
    Strategy.AUTO: best_scored,
}

ACCOUNT_STRATEGIES: Mapping[AccountStrategy, Order[Any]] = {
    AccountStrategy.FILL_FIRST: by_priority,
    AccountStrategy.ROUND_ROBIN: in_turns,
    AccountStrategy.P2C: healthier_of_two,
    AccountStrategy.RANDOM: shuffled,
    AccountStrategy.LEAST_USED: longest_idle,
    AccountStrategy.COST_OPTIMIZED: by_priority,
}

NEEDS_TURN: frozenset[str] = frozenset({Strategy.ROUND_ROBIN, AccountStrategy.ROUND_ROBIN})
"""Those for which the caller fetches a turn; every turn is a question to the shared state."""

SPREADS: frozenset[str] = frozenset(
    {
        Strategy.ROUND_ROBIN,
        Strategy.RANDOM,
        Strategy.WEIGHTED,
        Strategy.LEAST_USED,
        Strategy.P2C,
        Strategy.FASTEST,
        Strategy.AUTO,
    }
)
"""Those under which a conversation may stay with the target it had: any order would do, and its prompt is cached."""

MEANINGS: Mapping[Strategy, str | Promise] = {
    Strategy.PRIORITY: _("As listed: the first always, the next only when it fails."),
    Strategy.ROUND_ROBIN: _("Each request begins with the next target, in turn."),
    Strategy.RANDOM: _("A new order for each request."),
    Strategy.WEIGHTED: _("In proportion to the weights; a target of weight 0 is never asked."),
    Strategy.LEAST_USED: _("The target with the fewest requests of late."),
    Strategy.COST_OPTIMIZED: _("The lowest price for input; targets without a price come last."),
    Strategy.FILL_FIRST: _("The first takes everything until it is used up or at its limit."),
    Strategy.P2C: _("Two at random, the healthier of them first."),
    Strategy.FASTEST: _("The quickest first word of late; new targets are tried once."),
    Strategy.AUTO: _("The best score of success, latency, price and load."),
}

ACCOUNT_MEANINGS: Mapping[AccountStrategy, str | Promise] = {
    AccountStrategy.FILL_FIRST: _("The connection with the lowest priority number takes everything while it can."),
    AccountStrategy.ROUND_ROBIN: _("Each takes some requests in turn, as many as the sticky limit says."),
    AccountStrategy.P2C: _("Two at random, the healthier of them first."),
    AccountStrategy.RANDOM: _("A new order for each request."),
    AccountStrategy.LEAST_USED: _("The one that has rested longest; a new one first."),
    AccountStrategy.COST_OPTIMIZED: _("The lowest priority number first: give it to the cheapest connection."),
}
