"""What health promises of limits and of waiting for room, with one worker and with several."""

import asyncio
import itertools
import time

from health.health import Health
from health.slots import Claim, Limits, Refused, SkipReason
from health.snapshot import HealthFacts
from tests.health import SUCCESS, Workers, granted, reason, run, slot, until, until_granted


class LimitsContract:
    """A subclass gives the fixture `workers`."""

    def test_requests_per_minute_hold_over_all_workers(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot(Limits(requests_per_minute=60))
                answers = await asyncio.gather(
                    *(all_of_them[number % len(all_of_them)].claim([asked]) for number in range(200))
                )
                assert len(granted(answers)) == 60

        run(work())

    def test_no_more_than_three_at_once_over_all_workers(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot(Limits(concurrent=3))
                under_way = most = 0

                async def use(health: Health) -> None:
                    nonlocal under_way, most
                    claim = await health.claim([asked], patience=20)
                    assert isinstance(claim, Claim)
                    under_way += 1
                    most = max(most, under_way)
                    await asyncio.sleep(0.002)
                    under_way -= 1
                    await health.report(claim, SUCCESS)

                await asyncio.gather(*(use(all_of_them[number % len(all_of_them)]) for number in range(40)))
                assert most == 3

        run(work())

    def test_the_gap_holds_over_all_workers(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as all_of_them:
                asked = slot(Limits(gap_seconds=0.1))
                moments: list[float] = []

                async def use(health: Health) -> None:
                    claim = await health.claim([asked], patience=20)
                    moments.append(time.monotonic())
                    assert isinstance(claim, Claim)
                    await health.report(claim, SUCCESS)

                await asyncio.gather(*(use(all_of_them[number % len(all_of_them)]) for number in range(8)))
                gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(moments))]
                assert sum(gaps) >= 7 * 0.1 - 0.02

        run(work())

    def test_a_limited_connection_gives_way_to_the_next(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                narrow, wide = slot(Limits(concurrent=1)), slot()
                assert [granted([await first.claim([narrow, wide])])[0].index for _ in range(3)] == [0, 1, 1]

        run(work())

    def test_who_waits_is_served_in_the_order_of_coming(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot(Limits(concurrent=1))
                served: list[int] = []

                async def use(number: int) -> None:
                    claim = await first.claim([asked], patience=10)
                    assert isinstance(claim, Claim)
                    served.append(number)
                    await asyncio.sleep(0)
                    await first.report(claim, SUCCESS)

                held = await first.claim([asked])
                assert isinstance(held, Claim)
                tasks = [asyncio.create_task(use(number)) for number in range(10)]
                await until(lambda: first._claims._lines.waiting(asked.connection) == 10)
                await first.report(held, SUCCESS)
                await asyncio.gather(*tasks)
                assert served == list(range(10))

        run(work())

    def test_a_line_that_is_full_refuses_at_once(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started(HealthFacts(queue_length=2)) as (first, *_):
                asked = slot(Limits(concurrent=1))
                await first.claim([asked])
                waiting = [asyncio.create_task(first.claim([asked], patience=0.5)) for _ in range(2)]
                await until(lambda: first._claims._lines.waiting(asked.connection) == 2)
                started = time.monotonic()
                assert isinstance(await first.claim([asked], patience=5), Refused)
                assert time.monotonic() - started < 0.3
                assert all(isinstance(each, Refused) for each in await asyncio.gather(*waiting))

        run(work())

    def test_waiting_ends_with_patience(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot(Limits(concurrent=1))
                await first.claim([asked])
                started = time.monotonic()
                assert isinstance(await first.claim([asked], patience=0.2), Refused)
                assert 0.15 < time.monotonic() - started < 1

        run(work())

    def test_who_gives_up_waiting_leaves_the_line(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot(Limits(concurrent=1))
                held = await first.claim([asked])
                assert isinstance(held, Claim)
                gone = asyncio.create_task(first.claim([asked], patience=10))
                await until(lambda: first._claims._lines.waiting(asked.connection) == 1)
                gone.cancel()
                await asyncio.wait([gone])
                await first.report(held, SUCCESS)
                assert await reason(first, asked) is None

        run(work())

    def test_what_a_claim_holds_is_returned_when_its_reporter_is_cancelled(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started() as (first, *_):
                asked = slot(Limits(concurrent=1))
                claim = await first.claim([asked])
                assert isinstance(claim, Claim)
                reporting = asyncio.create_task(first.report(claim, SUCCESS))
                await asyncio.sleep(0)
                reporting.cancel()
                await asyncio.wait([reporting])
                await until_granted(first, asked)

        run(work())

    def test_a_lease_outlives_its_deadline_while_its_worker_lives(self, workers: Workers) -> None:
        async def work() -> None:
            async with workers.started(lease_seconds=0.3) as all_of_them:
                asked = slot(Limits(concurrent=1))
                await all_of_them[0].claim([asked])
                await asyncio.sleep(0.8)
                assert await reason(all_of_them[-1], asked) is SkipReason.FULL

        run(work())
