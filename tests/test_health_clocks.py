"""Health over time, on a clock that the test turns: no sleeping, and clocks that jump."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.clock import Clock
from health.health import Health
from health.permits import Hold, Permits, Wish
from health.records import Kind, place_key, written
from health.slots import Claim, Limits, SkipReason, Slot
from health.snapshot import HealthFacts
from providers.failures import FailureKind
from tests.health import NEUTRAL, SUCCESS, ask, failing, open_breaker, reason, run, slot


@dataclass
class Hands:
    """The two clocks of a machine. Only the first is sure to go forward."""

    monotonic: float = 1000.0
    wall: float = field(default_factory=time.time)

    def clock(self) -> Clock:
        return Clock(lambda: self.monotonic, lambda: self.wall)

    def turn(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


def alone(hands: Hands) -> Health:
    return Health(HealthFacts(), clock=hands.clock())


class TestTimePasses:
    def test_a_rest_ends_and_the_next_one_is_twice_as_long(self) -> None:
        async def work() -> None:
            hands = Hands()
            health, asked = alone(hands), slot()
            for seconds in (1, 2, 4):
                await ask(health, asked, failing(FailureKind.RATE_LIMIT, 429))
                hands.turn(seconds - 0.01)
                assert await reason(health, asked) is SkipReason.COOLING
                hands.turn(0.02)
                assert await reason(health, asked) is None

        run(work())

    def test_a_success_starts_the_lengths_again(self) -> None:
        async def work() -> None:
            hands = Hands()
            health, asked = alone(hands), slot()
            for _ in range(2):
                await ask(health, asked, failing(FailureKind.RATE_LIMIT, 429))
                hands.turn(1.01)
                await ask(health, asked, SUCCESS)

        run(work())

    def test_a_probe_that_is_never_reported_gives_way_when_its_lease_ends(self) -> None:
        async def work() -> None:
            hands = Hands()
            health, asked = alone(hands), slot()
            await open_breaker(health, asked)
            hands.turn(asked.profile.breaker_seconds)
            assert isinstance(await health.claim([asked]), Claim)
            hands.turn(29)
            assert await reason(health, asked) is SkipReason.PROBING
            hands.turn(2)
            claim = await health.claim([asked])
            assert isinstance(claim, Claim)
            assert claim.is_probe

        run(work())

    def test_a_minute_later_there_is_room_again(self) -> None:
        async def work() -> None:
            hands = Hands()
            health, asked = alone(hands), slot(Limits(requests_per_minute=2))
            await ask(health, asked, SUCCESS)
            hands.turn(30)
            await ask(health, asked, SUCCESS)
            skip = health.glance(asked)
            assert skip is not None
            assert skip.reason is SkipReason.RATE_LIMITED
            assert skip.seconds == 30
            assert skip.detail == "its rate limit has room again in 0:30"
            hands.turn(30)
            assert await reason(health, asked) is None

        run(work())

    def test_five_minutes_later_vitals_have_forgotten(self) -> None:
        async def work() -> None:
            hands = Hands()
            health, asked = alone(hands), slot()
            await ask(health, asked, SUCCESS)
            hands.turn(400)
            vitals = health.vitals(asked)
            assert (vitals.requests, vitals.idle_seconds) == (0, 400)

        run(work())

    def test_a_client_that_hung_up_counts_neither_way(self) -> None:
        async def work() -> None:
            health, asked = alone(Hands()), slot()
            await ask(health, asked, NEUTRAL)
            vitals = health.vitals(asked)
            assert (vitals.requests, vitals.failures, vitals.in_flight) == (0, 0, 0)

        run(work())


class TestClocksThatJump:
    @pytest.mark.parametrize("jump", [-3600.0, 3600.0])
    def test_the_wall_clock_moves_nothing_that_is_running(self, jump: float) -> None:
        async def work() -> None:
            hands = Hands()
            health, asked = alone(hands), slot()
            await ask(health, asked, failing(FailureKind.RATE_LIMIT, 429, retry_after=10))
            hands.wall += jump
            hands.turn(9)
            assert await reason(health, asked) is SkipReason.COOLING
            hands.turn(2)
            assert await reason(health, asked) is None

        run(work())

    @pytest.mark.parametrize(("jump", "left"), [(-3600.0, 10.0), (3600.0, 0.0), (0.0, 10.0)])
    def test_what_was_written_before_a_jump_lasts_no_longer_than_it_was_meant_to(
        self, jump: float, left: float
    ) -> None:
        async def work() -> None:
            hands = Hands()
            before, asked = alone(hands), slot()
            await ask(before, asked, failing(FailureKind.RATE_LIMIT, 429, retry_after=10))
            (view,) = before._board.rests.values()
            hands.wall += jump
            after = alone(hands)
            after._board.put(Kind.REST, place_key(asked.connection, asked.model), written(view.record))
            skip = after.glance(asked)
            assert (skip.seconds if skip else 0.0) == pytest.approx(left, abs=0.5)

        run(work())


class TestLaws:
    @given(
        st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.integers(0, 9)), min_size=1, max_size=80),
        st.integers(1, 6),
        st.integers(1, 4),
        st.sampled_from([None, 0.5, 3.0]),
    )
    def test_no_limit_is_ever_exceeded(
        self, steps: Sequence[tuple[float, bool, int]], per_minute: int, concurrent: int, gap: float | None
    ) -> None:
        hands = Hands()
        permits, asked = Permits(hands.clock(), lease_seconds=1e9), slot(Limits(per_minute, gap, concurrent))
        held: list[str] = []
        uses: list[float] = []
        for number, (seconds, gives_back, which) in enumerate(steps):
            hands.turn(seconds)
            if gives_back and held:
                permits.give_back(Hold(held.pop(which % len(held)), asked.connection, None))
            if not isinstance(permits.take([wish(asked)], str(number)), tuple):
                held.append(str(number))
                uses.append(hands.monotonic)
            assert len(held) <= concurrent
            assert len([use for use in uses if use > hands.monotonic - 60]) <= per_minute
        if gap is not None:
            assert all(later - earlier >= gap for earlier, later in itertools.pairwise(uses))

    @given(st.lists(st.floats(0, 40), min_size=1, max_size=60))
    def test_whoever_waits_as_long_as_they_are_told_gets_in(self, steps: Sequence[float]) -> None:
        hands = Hands()
        permits, asked = Permits(hands.clock()), slot(Limits(3, 2.0))
        for number, seconds in enumerate(steps):
            hands.turn(seconds)
            answer = permits.take([wish(asked)], str(number))
            if isinstance(answer, tuple):
                assert answer[0].seconds is not None
                hands.turn(answer[0].seconds + 1e-6)
                assert not isinstance(permits.take([wish(asked)], str(number)), tuple)


def wish(asked: Slot) -> Wish:
    return Wish(asked.provider, "", False, asked.connection, asked.limits, None)
