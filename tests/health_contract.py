"""What health promises, whether one worker keeps it in memory or several share it in Redis."""

import asyncio
from dataclasses import replace

import pytest

from health.health import Health
from health.models import PolicyName
from health.slots import Claim, Outcome, Refused, SkipReason, Slot
from health.snapshot import HealthFacts, Policy
from providers.failures import FailureKind, Scope
from providers.hints import RateHints
from tests.health import (
    NEUTRAL,
    PROFILE,
    SUCCESS,
    Workers,
    ask,
    failing,
    granted,
    open_breaker,
    reason,
    run,
    slot,
    until,
    until_granted,
)


class HealthContract:
    """A subclass gives the fixture `workers`."""

    # Breakers

    def test_enough_failures_in_a_row_open_the_breaker_for_every_worker(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await open_breaker(all_of_them[0], asked)
                assert await reason(all_of_them[0], asked) is SkipReason.BREAKER_OPEN
                await until(lambda: _glance(all_of_them[-1], asked) is SkipReason.BREAKER_OPEN)

        run(work())

    def test_a_success_in_between_starts_the_count_again(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot()
                for outcome in (failing(), failing(), SUCCESS, failing(), failing()):
                    await ask(first, asked, outcome)
                assert await reason(first, asked) is None

        run(work())

    def test_of_a_hundred_at_once_exactly_one_probes(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await open_breaker(all_of_them[0], asked)
                probe = await until_granted(all_of_them[0], asked)
                await all_of_them[0].report(probe, failing())
                await asyncio.sleep(PROFILE.breaker_seconds + 0.01)
                answers = await asyncio.gather(
                    *(all_of_them[number % len(all_of_them)].claim([asked]) for number in range(100))
                )
                (claim,) = granted(answers)
                assert claim.is_probe
                reasons = {each.skips[0].reason for each in answers if isinstance(each, Refused)}
                assert reasons <= {SkipReason.PROBING, SkipReason.BREAKER_OPEN}

        run(work())

    def test_probes_that_fail_at_once_let_no_crowd_through(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await open_breaker(all_of_them[0], asked)
                await asyncio.sleep(PROFILE.breaker_seconds + 0.01)

                async def try_it(health: Health) -> int:
                    answer = await health.claim([asked])
                    if isinstance(answer, Claim):
                        await health.report(answer, failing())
                        return 1
                    return 0

                asked_upstream = await asyncio.gather(*(try_it(all_of_them[n % len(all_of_them)]) for n in range(100)))
                assert sum(asked_upstream) == 1

        run(work())

    def test_a_good_probe_closes_the_breaker_for_every_worker(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await open_breaker(all_of_them[0], asked)
                probe = await until_granted(all_of_them[-1], asked)
                await all_of_them[-1].report(probe, SUCCESS)
                for each in all_of_them:
                    assert await reason(each, asked) is None

        run(work())

    def test_a_bad_probe_opens_it_again(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot()
                await open_breaker(first, asked)
                probe = await until_granted(first, asked)
                await first.report(probe, failing())
                assert await reason(first, asked) is SkipReason.BREAKER_OPEN

        run(work())

    @pytest.mark.parametrize(
        "outcome",
        [NEUTRAL, failing(FailureKind.CALLERS_FAULT, 400), failing(FailureKind.CONTEXT_TOO_LONG, 400)],
        ids=["the client hung up", "the caller's fault", "too long"],
    )
    def test_a_probe_that_proves_nothing_lets_the_next_one_probe(self, workers: Workers, outcome: Outcome) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await open_breaker(all_of_them[0], asked)
                probe = await until_granted(all_of_them[0], asked)
                assert await reason(all_of_them[-1], asked) in (SkipReason.PROBING, SkipReason.BREAKER_OPEN)
                await all_of_them[0].report(probe, outcome)
                again = await until_granted(all_of_them[-1], asked)
                assert again.is_probe

        run(work())

    def test_a_success_from_before_does_not_close_an_open_breaker(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot(profile=replace(PROFILE, breaker_seconds=30))
                slow = await first.claim([asked])
                assert isinstance(slow, Claim)
                await open_breaker(first, asked)
                await first.report(slow, SUCCESS)
                assert await reason(first, asked) is SkipReason.BREAKER_OPEN

        run(work())

    @pytest.mark.parametrize("kind", [FailureKind.CREDENTIAL, FailureKind.QUOTA, FailureKind.RATE_LIMIT])
    def test_what_one_login_may_not_says_nothing_about_the_provider(self, workers: Workers, kind: FailureKind) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                for _ in range(10):
                    await ask(first, slot(), failing(kind, 401))
                assert await reason(first, slot()) is None

        run(work())

    def test_a_threshold_of_zero_never_opens(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot(profile=replace(PROFILE, failure_threshold=0))
                for _ in range(20):
                    await ask(first, asked, failing())
                assert await reason(first, asked) is None

        run(work())

    # Rests

    def test_a_429_rests_that_model_of_that_connection_for_every_worker(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await ask(all_of_them[0], asked, failing(FailureKind.RATE_LIMIT, 429, retry_after=7))
                await until(lambda: all(_glance(each, asked) is SkipReason.COOLING for each in all_of_them))
                refused = await all_of_them[-1].claim([asked])
                assert isinstance(refused, Refused)
                assert 6 < (refused.skips[0].seconds or 0) <= 7
                assert refused.skips[0].detail == "cooling for 0:07 after rate limit (429)"
                assert await reason(all_of_them[-1], replace(asked, model="another")) is None

        run(work())

    def test_a_429_of_the_account_rests_the_whole_connection(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot()
                await ask(first, asked, failing(FailureKind.RATE_LIMIT, 429, 7, Scope.ACCOUNT))
                assert await reason(first, replace(asked, model="another")) is SkipReason.COOLING

        run(work())

    def test_after_two_server_errors_another_connection_is_preferred(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                shaken, sound = slot(), slot()
                await ask(first, shaken, failing())
                await ask(first, shaken, failing())
                claim = await first.claim([shaken, sound])
                assert isinstance(claim, Claim)
                assert claim.slot is sound
                assert claim.index == 1

        run(work())

    def test_after_two_server_errors_the_only_connection_is_still_asked(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot()
                await ask(first, asked, failing())
                await ask(first, asked, failing())
                skip = first.glance(asked)
                assert skip is not None
                assert skip.is_soft
                assert await reason(first, asked) is None

        run(work())

    def test_a_success_ends_the_rest_and_what_led_to_it(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await ask(all_of_them[0], asked, failing())
                await ask(all_of_them[0], asked, SUCCESS)
                await until(lambda: all(_glance(each, asked) is None for each in all_of_them))

        run(work())

    def test_a_success_that_began_before_a_429_does_not_end_its_rest(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot()
                slow = await first.claim([asked])
                assert isinstance(slow, Claim)
                await ask(first, asked, failing(FailureKind.RATE_LIMIT, 429, 7))
                await first.report(slow, SUCCESS)
                assert await reason(first, asked) is SkipReason.COOLING

        run(work())

    def test_a_limit_that_is_used_up_is_left_alone_until_it_begins_anew(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot()
                await ask(first, asked, replace(SUCCESS, hints=RateHints(100, 0, 20.0)))
                assert await reason(first, asked) is SkipReason.COOLING

        run(work())

    def test_a_limit_that_is_nearly_used_up_is_counted_down_together(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot()
                await ask(all_of_them[0], asked, replace(SUCCESS, hints=RateHints(100, 5, 20.0)))
                await until(lambda: all(not each._judge.is_plain(asked) for each in all_of_them))
                answers = [await all_of_them[number % len(all_of_them)].claim([asked]) for number in range(12)]
                assert len(granted(answers)) == 5
                refused = [each for each in answers if isinstance(each, Refused)]
                assert {each.skips[0].reason for each in refused} == {SkipReason.RATE_LIMITED}

        run(work())

    # Turns, vitals, lockouts

    def test_turns_are_without_holes_over_all_workers(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                turns = await asyncio.gather(*(all_of_them[n % len(all_of_them)].turn("combo") for n in range(200)))
                assert sorted(turns) == list(range(200))
                assert await all_of_them[-1].turn("another") == 0

        run(work())

    def test_vitals_count_what_all_workers_did(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot(profile=replace(PROFILE, failure_threshold=0))
                assert all_of_them[0].vitals(asked).idle_seconds is None
                for each in all_of_them:
                    await ask(each, asked, SUCCESS)
                    await ask(each, asked, failing())
                    await each.claim([asked])
                count = len(all_of_them)
                await until(lambda: all_of_them[-1].vitals(asked).in_flight == count)
                vitals = all_of_them[-1].vitals(asked)
                assert (vitals.requests, vitals.failures, vitals.latency_ms) == (2 * count, count, 100.0)
                assert (vitals.idle_seconds or 0) < 5

        run(work())

    def test_who_fails_too_often_is_refused_by_every_worker(self, workers: Workers) -> None:
        async def work() -> None:
            facts = HealthFacts(policies={PolicyName.API_KEY: Policy(3, 60.0, 120.0)})
            async with workers.started(facts) as all_of_them:
                for number in range(3):
                    all_of_them[number % len(all_of_them)].lockouts.failed(PolicyName.API_KEY, "address 10.0.0.9")
                await until(lambda: all(each.lockouts.check("address 10.0.0.9") for each in all_of_them))
                assert 100 < (all_of_them[0].lockouts.check("address 10.0.0.9") or 0) <= 120
                assert all_of_them[0].lockouts.check("address 10.0.0.8") is None

        run(work())


def _glance(health: Health, asked: Slot) -> SkipReason | None:
    skip = health.glance(asked)
    return skip.reason if skip else None
