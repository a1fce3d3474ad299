"""What a budget holds while requests run: laws over whatever order things happen in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.budgets.counters import Counters, Demand, Limits, SpentUp, TooBusy, Wish, room_after

LIMIT = 1000
WINDOW = (1, "2026-11-28")


def wish(name: str, amount: int = 100, **facts: object) -> Wish:
    demand = Demand(budget=1, window="2026-11-28", limit=LIMIT, known=0, ends_at=9e9)
    plain = Wish(name, amount, 10, [demand], "key", Limits(), lives_until=1000.0)
    return replace(plain, **facts)  # type: ignore[arg-type]


def known(sum_in_database: int, limit: int = LIMIT) -> list[Demand]:
    return [Demand(1, "2026-11-28", limit, sum_in_database, 9e9)]


def spent(counters: Counters) -> int:
    window = counters.windows[WINDOW]
    return window.stored + window.open


def test_ten_requests_fit_where_ten_are_paid_for_however_many_ask_at_once() -> None:
    counters = Counters()
    answers = [counters.admit(wish(str(number)), 0) for number in range(200)]
    assert answers.count(None) == 10
    assert set(answers[10:]) == {SpentUp(0, is_reserved=True)}


def test_what_was_not_used_is_there_again() -> None:
    counters = Counters()
    for number in range(10):
        counters.admit(wish(str(number)), 0)
    counters.settle(wish("0"), 20, 5)
    assert counters.admit(wish("next", 80), 0) is None
    assert counters.admit(wish("one more", 1), 0) == SpentUp(0, is_reserved=True)


def test_a_request_that_runs_alone_may_cost_more_than_is_left() -> None:
    counters = Counters()
    assert counters.admit(wish("dear", 5000), 0) is None
    assert counters.admit(wish("cheap", 1), 0) == SpentUp(0, is_reserved=True)
    counters.settle(wish("dear", 5000), 900, 1)
    assert counters.admit(wish("dear too", 5000), 0) is None
    counters.settle(wish("dear too", 5000), 100, 1)
    assert counters.admit(wish("cheap", 1), 0) == SpentUp(0, is_reserved=False)


def test_a_stored_row_is_in_the_sum_and_nowhere_else() -> None:
    counters = Counters()
    counters.admit(wish("a"), 0)
    counters.settle(wish("a"), 70, 1)
    assert spent(counters) == 70
    counters.stored(["a"], {WINDOW: 70})
    assert (spent(counters), counters.windows[WINDOW].open) == (70, 0)
    counters.settle(wish("a"), 70, 1)
    counters.stored(["a"], {WINDOW: 70})
    assert spent(counters) == 70


def test_what_this_process_never_saw_comes_with_the_sums() -> None:
    counters = Counters()
    assert counters.admit(wish("a", demands=known(990)), 0) is None
    assert counters.admit(wish("b", demands=known(990)), 0) == SpentUp(0, is_reserved=True)
    counters.stored(["a"], {WINDOW: 1000})
    assert counters.admit(wish("c", demands=known(990)), 0) == SpentUp(0, is_reserved=False)


def test_a_reservation_that_is_too_old_is_given_up() -> None:
    counters = Counters()
    counters.admit(wish("lost", 1000, lives_until=50.0), 0)
    assert counters.admit(wish("early", 10), 49) == SpentUp(0, is_reserved=True)
    assert counters.admit(wish("late", 10), 50) is None
    assert spent(counters) == 10


def test_a_refused_budget_leaves_nothing_reserved_in_the_others() -> None:
    counters = Counters()
    narrow = Demand(2, "2026-11", 50, 50, 9e9)
    assert counters.admit(wish("a", demands=[*known(0), narrow]), 0) == SpentUp(1, is_reserved=False)
    assert spent(counters) == 0


def test_a_budget_of_nothing_lets_nothing_through() -> None:
    assert Counters().admit(wish("a", 0, demands=known(0, limit=0)), 0) == SpentUp(0, is_reserved=False)


def test_windows_that_ended_are_forgotten_once_they_are_empty() -> None:
    counters = Counters()
    counters.admit(wish("a"), 0)
    tomorrow = [Demand(1, "2026-11-29", LIMIT, 0, 9e9)]
    counters.admit(wish("b", demands=tomorrow), 0)
    counters.stored(["a"], {})
    counters.admit(wish("c", demands=[Demand(1, "2026-11-30", LIMIT, 0, 9e9)]), 0)
    assert [window for _, window in counters.windows] == ["2026-11-29", "2026-11-30"]


DEEDS = st.lists(
    st.tuples(st.sampled_from(["admit", "settle", "store"]), st.integers(0, 7), st.integers(0, 300)), max_size=80
)


@given(DEEDS)
def test_whatever_happens_nothing_is_missed_or_counted_twice(deeds: list[tuple[str, int, int]]) -> None:
    """The database's sum and what is held are all that was spent and reserved, at any moment."""
    counters, database = Counters(), 0
    running: dict[str, int] = {}
    settled: dict[str, int] = {}
    stored: set[str] = set()
    for deed, number, amount in deeds:
        name = str(number)
        if deed == "admit" and name not in running | settled and name not in stored:
            before = database + sum(running.values()) + sum(settled.values())
            if counters.admit(wish(name, amount, demands=known(database)), 0) is None:
                assert before < LIMIT
                assert not running or before + amount <= LIMIT
                running[name] = amount
        elif deed == "settle" and name in running:
            del running[name]
            settled[name] = amount
            counters.settle(wish(name), amount, 1)
        elif deed == "store" and name in settled:
            database += settled.pop(name)
            stored.add(name)
            counters.stored([name], {WINDOW: database})
        if WINDOW in counters.windows:
            assert spent(counters) == database + sum(running.values()) + sum(settled.values())


class TestKeys:
    def test_requests_at_once(self) -> None:
        counters = Counters()
        two = Limits(concurrent=2)
        asked = [counters.admit(wish(name, demands=[], limits=two), 0) for name in "abc"]
        assert asked == [None, None, TooBusy("concurrent", 1.0)]
        counters.settle(wish("a", demands=[], limits=two), 0, 1)
        assert counters.admit(wish("c", demands=[], limits=two), 0) is None

    def test_requests_of_a_minute_come_back_as_it_passes(self) -> None:
        counters = Counters()
        limits = Limits(requests_per_minute=60)
        for number in range(60):
            assert counters.admit(wish(str(number), demands=[], limits=limits), 30.0) is None
        refused = counters.admit(wish("more", demands=[], limits=limits), 30.0)
        assert isinstance(refused, TooBusy)
        assert counters.admit(wish("early", demands=[], limits=limits), 30.0 + refused.seconds - 0.5) is not None
        assert counters.admit(wish("then", demands=[], limits=limits), 30.0 + refused.seconds + 0.5) is None

    def test_tokens_that_were_not_used_are_there_again(self) -> None:
        counters = Counters()
        limits = Limits(tokens_per_minute=100)
        asked = wish("a", demands=[], limits=limits, tokens=90)
        assert counters.admit(asked, 0) is None
        assert isinstance(counters.admit(wish("b", demands=[], limits=limits, tokens=20), 0), TooBusy)
        counters.settle(asked, 0, 30)
        assert counters.admit(wish("b", demands=[], limits=limits, tokens=20), 0) is None

    def test_a_request_larger_than_its_minute_is_let_through_alone(self) -> None:
        counters = Counters()
        limits = Limits(tokens_per_minute=100)
        assert counters.admit(wish("large", demands=[], limits=limits, tokens=5000), 0) is None
        assert isinstance(counters.admit(wish("next", demands=[], limits=limits, tokens=1), 0), TooBusy)

    @pytest.mark.parametrize(
        ("before", "used", "wanted", "limit", "now", "room"),
        [(0, 0, 1, 0, 0, True), (0, 59, 1, 60, 0, True), (0, 60, 1, 60, 0, False), (60, 0, 1, 60, 30, True)],
    )
    def test_a_minute_slides(self, before: int, used: int, wanted: int, limit: int, now: float, room: bool) -> None:
        assert (room_after(before, used, wanted, limit, now) is None) is room

    @given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 100), st.floats(0, 3600, exclude_max=True))
    def test_whoever_waits_as_told_finds_room(self, before: int, used: int, limit: int, now: float) -> None:
        seconds = room_after(before, used, 1, limit, now)
        if seconds is None:
            return
        then = now + seconds + 0.01
        minutes = int(then // 60) - int(now // 60)
        rolled = {0: (before, used), 1: (used, 0)}.get(minutes, (0, 0))
        assert room_after(*rolled, 1, limit, then) is None
