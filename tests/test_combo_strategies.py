"""The orderings of combos and accounts: each a permutation, each by its own rule."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from combos.strategies import (
    ACCOUNT_MEANINGS,
    ACCOUNT_STRATEGIES,
    MEANINGS,
    NEEDS_TURN,
    STRATEGIES,
    AccountStrategy,
    Facts,
    Order,
    Strategy,
    score,
)

DRAWS = 10_000
POINTS = 0.03
"""How far a share may be from what it should be."""

TABLES: list[Any] = [
    *(pytest.param(order, id=f"combo {strategy}") for strategy, order in STRATEGIES.items()),
    *(pytest.param(order, id=f"account {strategy}") for strategy, order in ACCOUNT_STRATEGIES.items()),
]


def table(values: Sequence[Any]) -> Callable[[int], Any]:
    """The fact of item `n` is the `n`th value."""
    return lambda item: values[item]


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[int], Facts[int]]:
    """Some items, 0 to n, and facts about them."""
    size = draw(st.integers(0, 6))

    def some(values: st.SearchStrategy[Any]) -> Callable[[int], Any]:
        return table(draw(st.lists(values, min_size=size, max_size=size)))

    counts = st.integers(0, 50)
    facts: Facts[int] = Facts(
        draw=random.Random(draw(st.integers())),
        turn=draw(st.integers(0, 10**9)),
        sticky=draw(st.integers(1, 1000)),
        weight=some(st.integers(0, 100)),
        priority=some(st.integers(1, 100)),
        price=some(st.none() | st.decimals(0, 1000, places=4)),
        requests=some(counts),
        failures=some(counts),
        in_flight=some(counts),
        latency_ms=some(st.none() | st.floats(0, 600_000)),
        idle_seconds=some(st.none() | st.floats(0, 1e9)),
    )
    return list(range(size)), facts


@pytest.mark.parametrize("order", TABLES)
@given(situation=situations())
def test_a_strategy_gives_every_item_once(order: Order[int], situation: tuple[list[int], Facts[int]]) -> None:
    items, facts = situation
    wanted = [item for item in items if order is not STRATEGIES[Strategy.WEIGHTED] or facts.weight(item) > 0]
    assert sorted(order(items, facts)) == wanted
    assert items == list(range(len(items)))


def test_every_strategy_has_its_rows() -> None:
    assert set(STRATEGIES) == set(MEANINGS) == set(Strategy)
    assert set(ACCOUNT_STRATEGIES) == set(ACCOUNT_MEANINGS) == set(AccountStrategy)
    assert set(NEEDS_TURN) == {"round-robin"}


ITEMS = [0, 1, 2]

ORDERED: list[Any] = [
    (Strategy.PRIORITY, {}, [0, 1, 2]),
    (Strategy.PRIORITY, {"priority": table([3, 1, 2])}, [0, 1, 2]),
    (Strategy.FILL_FIRST, {}, [0, 1, 2]),
    (Strategy.FILL_FIRST, {"priority": table([3, 1, 2])}, [1, 2, 0]),
    (Strategy.ROUND_ROBIN, {"turn": 4}, [1, 2, 0]),
    (Strategy.LEAST_USED, {"requests": table([5, 2, 2]), "in_flight": table([0, 3, 1])}, [2, 1, 0]),
    (Strategy.COST_OPTIMIZED, {"price": table([None, Decimal(3), Decimal("0.5")])}, [2, 1, 0]),
    (Strategy.COST_OPTIMIZED, {"price": table([None, Decimal(0), Decimal("0.5")])}, [1, 2, 0]),
    (Strategy.FASTEST, {"latency_ms": table([900.0, 300.0, 600.0])}, [1, 2, 0]),
    (Strategy.FASTEST, {"latency_ms": table([900.0, 300.0, None])}, [2, 1, 0]),
    (Strategy.FASTEST, {"latency_ms": table([900.0, 300.0, None]), "in_flight": table([0, 0, 1])}, [1, 0, 2]),
    (Strategy.FASTEST, {"latency_ms": table([900.0, 300.0, None]), "failures": table([0, 0, 2])}, [1, 0, 2]),
    (Strategy.AUTO, {"requests": table([10, 10, 10]), "failures": table([9, 0, 4])}, [1, 2, 0]),
    (Strategy.AUTO, {"latency_ms": table([5000.0, 200.0, None])}, [1, 2, 0]),
    (Strategy.AUTO, {"price": table([Decimal(15), Decimal(0), Decimal(3)])}, [1, 2, 0]),
    (Strategy.AUTO, {"in_flight": table([9, 0, 1])}, [1, 2, 0]),
    (AccountStrategy.FILL_FIRST, {"priority": table([3, 1, 2])}, [1, 2, 0]),
    (AccountStrategy.COST_OPTIMIZED, {"priority": table([3, 1, 2])}, [1, 2, 0]),
    (AccountStrategy.LEAST_USED, {"idle_seconds": table([5.0, 60.0, None])}, [2, 1, 0]),
    (AccountStrategy.ROUND_ROBIN, {"turn": 3, "sticky": 3}, [1, 2, 0]),
]


@pytest.mark.parametrize(("strategy", "facts", "expected"), ORDERED)
def test_a_strategy_orders_by_its_rule(strategy: Any, facts: dict[str, Any], expected: list[int]) -> None:
    order = STRATEGIES[strategy] if isinstance(strategy, Strategy) else ACCOUNT_STRATEGIES[strategy]
    assert order(ITEMS, Facts(**facts)) == expected


def firsts(order: Order[int], items: Sequence[int], **facts: Any) -> Counter[int]:
    """Who came first how often, in many draws."""
    dice = random.Random(7)
    return Counter(order(items, Facts(draw=dice, turn=turn, **facts))[0] for turn in range(DRAWS))


def about(counted: Counter[Any], shares: dict[Any, float]) -> bool:
    return all(abs(counted[item] / DRAWS - share) < POINTS for item, share in shares.items())


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (70, 20, 10), (100, 0, 1), (5,)])
def test_weights_are_the_shares_of_first_places(weights: tuple[int, ...]) -> None:
    counted = firsts(STRATEGIES[Strategy.WEIGHTED], range(len(weights)), weight=table(weights))
    assert about(counted, {item: weight / sum(weights) for item, weight in enumerate(weights)})


def test_after_the_draw_the_heaviest_come_first_and_weight_0_never_comes() -> None:
    orders = {
        tuple(STRATEGIES[Strategy.WEIGHTED](range(4), Facts(random.Random(seed), weight=table([1, 0, 5, 3]))))
        for seed in range(200)
    }
    assert orders == {(0, 2, 3), (2, 3, 0), (3, 2, 0)}


def test_weights_that_are_all_0_leave_nobody() -> None:
    assert STRATEGIES[Strategy.WEIGHTED](ITEMS, Facts(weight=table([0, 0, 0]))) == []


@pytest.mark.parametrize("order", [STRATEGIES[Strategy.RANDOM], ACCOUNT_STRATEGIES[AccountStrategy.RANDOM]])
def test_a_shuffle_gives_every_order_as_often(order: Order[int]) -> None:
    dice = random.Random(7)
    counted = Counter(tuple(order(ITEMS, Facts(dice))) for _draw in range(DRAWS))
    assert about(counted, dict.fromkeys(permutations(ITEMS), 1 / 6))


@pytest.mark.parametrize("order", [STRATEGIES[Strategy.P2C], ACCOUNT_STRATEGIES[AccountStrategy.P2C]])
def test_of_two_at_random_the_healthier_comes_first(order: Order[int]) -> None:
    counted = firsts(order, ITEMS, failures=table([9, 0, 4]))
    assert about(counted, {0: 0, 1: 2 / 3, 2: 1 / 3})


def test_with_two_items_the_healthier_always_comes_first() -> None:
    assert firsts(STRATEGIES[Strategy.P2C], [0, 1], failures=table([3, 1])) == {1: DRAWS}
    assert firsts(STRATEGIES[Strategy.P2C], [0, 1], in_flight=table([3, 1])) == {1: DRAWS}


def test_equally_healthy_items_share_the_first_place() -> None:
    assert about(firsts(STRATEGIES[Strategy.P2C], [0, 1]), {0: 0.5, 1: 0.5})


@pytest.mark.parametrize("sticky", [1, 3, 1000])
def test_turns_go_around_and_stick_as_long_as_they_should(sticky: int) -> None:
    order = ACCOUNT_STRATEGIES[AccountStrategy.ROUND_ROBIN]
    said = [order(ITEMS, Facts(turn=turn, sticky=sticky))[0] for turn in range(6 * sticky)]
    assert said == [item for item in (0, 1, 2, 0, 1, 2) for _turn in range(sticky)]


def test_a_score_is_the_sum_of_its_parts_between_0_and_1() -> None:
    best = Facts(price=table([Decimal(0)]), latency_ms=table([0.0]), requests=table([9]))
    found = score(0, best)
    assert found.total == pytest.approx(1)
    assert sum(found.parts.values()) == pytest.approx(found.total)
    assert set(found.parts) == {"success", "latency", "price", "load"}


@given(situations())
def test_any_score_is_between_0_and_1_and_explained(situation: tuple[list[int], Facts[int]]) -> None:
    items, facts = situation
    for item in items:
        found = score(item, facts)
        assert 0 <= found.total <= 1
        assert found.total == pytest.approx(sum(found.parts.values()))
