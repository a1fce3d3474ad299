"""What health promises with four workers that share Redis."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from health.health import Health
from health.slots import Claim, Limits, Skip, SkipReason
from tests.health import PROFILE, SUCCESS, Workers, ask, failing, open_breaker, reason, run, slot, until, until_granted
from tests.health_contract import HealthContract
from tests.health_limits import LimitsContract
from tests.redis_proxy import RedisProxy


class TestFourWorkers(HealthContract, LimitsContract):
    @pytest.fixture
    def workers(self) -> Workers:
        return Workers(os.environ["REDIS_URL"], 4)


class TestAWorkerThatIsKilled:
    """One that stops without a word: what it held is never reported."""

    def test_its_room_is_had_again_when_its_lease_ends(self) -> None:
        async def work() -> None:
            asked = slot(Limits(concurrent=1))
            async with four().started(lease_seconds=1.0) as (killed, other, *_):
                await killed.claim([asked])
                await killed.stop()
                assert await reason(other, asked) is SkipReason.FULL
                await until_granted(other, asked, seconds=5)

        run(work())

    def test_another_probes_when_its_lease_ends(self) -> None:
        async def work() -> None:
            asked = slot()
            async with four().started(lease_seconds=1.5) as (killed, other, *_):
                await open_breaker(killed, asked)
                assert (await until_granted(killed, asked)).is_probe
                await killed.stop()
                assert await reason(other, asked) is SkipReason.PROBING
                assert (await until_granted(other, asked, seconds=5)).is_probe

        run(work())

    def test_one_that_starts_later_knows_what_is_known(self) -> None:
        async def work() -> None:
            asked, workers = slot(profile=replace(PROFILE, breaker_seconds=30)), four()
            async with workers.started() as (first, *_):
                await open_breaker(first, asked)
                async with workers.started() as (later, *_):
                    assert await reason(later, asked) is SkipReason.BREAKER_OPEN

        run(work())


class TestRedisIsLost:
    def test_no_claim_fails_or_waits_long(self) -> None:
        async def work() -> None:
            longest = 0.0
            async with RedisProxy(os.environ["REDIS_URL"]) as proxy, four(proxy.url).started() as workers:
                asked = slot(Limits(requests_per_minute=9999, concurrent=500))
                is_over = asyncio.Event()

                async def use(health: Health) -> int:
                    nonlocal longest
                    uses = 0
                    while not is_over.is_set():
                        began = time.monotonic()
                        claim = await health.claim([asked])
                        longest = max(longest, time.monotonic() - began)
                        assert isinstance(claim, Claim)
                        await health.report(claim, SUCCESS)
                        await asyncio.sleep(0.005)
                        uses += 1
                    return uses

                users = [asyncio.create_task(use(workers[number % 4])) for number in range(12)]
                for lose in (proxy.cut, held_up(proxy)):
                    await lose()
                    await until(lambda: not any(found(each) for each in workers))
                    await asyncio.sleep(0.3)
                    await proxy.mend()
                    await until(lambda: all(found(each) for each in workers))
                is_over.set()
                assert min(await asyncio.gather(*users)) > 10
            assert longest < 1

        run(work())

    def test_what_happened_meanwhile_is_told_when_it_is_back(self) -> None:
        async def work() -> None:
            asked = slot(profile=replace(PROFILE, breaker_seconds=30))
            async with RedisProxy(os.environ["REDIS_URL"]) as proxy, four(proxy.url).started() as workers:
                await proxy.cut()
                await until(lambda: not any(found(each) for each in workers))
                await open_breaker(workers[0], asked)
                assert await reason(workers[0], asked) is SkipReason.BREAKER_OPEN
                assert await reason(workers[1], asked) is None
                await proxy.mend()
                await until(lambda: all(each.glance(asked) is not None for each in workers))

        run(work())

    def test_room_that_could_not_be_returned_meanwhile_is_returned_when_it_is_back(self) -> None:
        async def work() -> None:
            asked = slot(Limits(concurrent=1))
            async with RedisProxy(os.environ["REDIS_URL"]) as proxy, four(proxy.url).started() as workers:
                claim = await workers[0].claim([asked])
                assert isinstance(claim, Claim)
                await proxy.cut()
                await until(lambda: not any(found(each) for each in workers))
                await workers[0].report(claim, SUCCESS)
                await proxy.mend()
                await until(lambda: all(found(each) for each in workers))
                await until_granted(workers[1], asked, seconds=2)

        run(work())

    def test_a_redis_that_lost_everything_is_told_again(self) -> None:
        async def work() -> None:
            asked, workers = slot(profile=replace(PROFILE, breaker_seconds=30)), four()
            async with workers.started() as (first, *_):
                await open_breaker(first, asked)
                async with Redis.from_url(workers.redis_url) as redis:
                    await redis.flushdb()
                    key = f"{workers.prefix}:breaker"
                    async with asyncio.timeout(5):
                        while not await redis.hexists(key, asked.provider):
                            await asyncio.sleep(0.02)
                assert await reason(first, asked) is SkipReason.BREAKER_OPEN

        run(work())

    def test_what_happens_right_after_it_lost_everything_is_known_too(self) -> None:
        async def work() -> None:
            asked, workers = slot(profile=replace(PROFILE, breaker_seconds=30)), four()
            async with workers.started() as all_of_them:
                await ask(all_of_them[0], asked, failing())
                async with Redis.from_url(workers.redis_url) as redis:
                    await redis.flushdb()
                for _ in range(2):
                    await ask(all_of_them[0], asked, failing())
                assert await reason(all_of_them[0], asked) is SkipReason.BREAKER_OPEN
                await until(lambda: all(not_soft(each.glance(asked)) for each in all_of_them))

        run(work())

    def test_room_that_is_held_stays_held_when_redis_loses_everything(self) -> None:
        async def work() -> None:
            asked, workers = slot(Limits(concurrent=1)), four()
            async with workers.started() as (first, second, *_):
                await first.claim([asked])
                async with Redis.from_url(workers.redis_url) as redis:
                    await redis.flushdb()
                    async with asyncio.timeout(5):
                        while not await redis.exists(f"{workers.prefix}:leases:{asked.connection}"):
                            await asyncio.sleep(0.02)
                assert await reason(second, asked) is SkipReason.FULL

        run(work())

    def test_a_start_without_redis_is_a_start(self) -> None:
        async def work() -> None:
            async with four("redis://127.0.0.1:1/0").started() as (first, *_):
                await ask(first, slot(Limits(concurrent=1)), SUCCESS)

        run(work())

    def test_it_is_said_once_at_each_turn(self, caplog: pytest.LogCaptureFixture) -> None:
        async def work() -> None:
            async with RedisProxy(os.environ["REDIS_URL"]) as proxy, Workers(proxy.url, 1).started() as (only,):
                await proxy.cut()
                asked = slot(Limits(concurrent=5))
                for _ in range(20):
                    await ask(only, asked, SUCCESS)
                await until(lambda: not found(only))
                await asyncio.sleep(0.6)
                await proxy.mend()
                await until(lambda: len(said()) == 3)

        def said() -> list[str]:
            return [record.levelname for record in caplog.records if "shared state" in record.message]

        with caplog.at_level(logging.INFO, "health"):
            run(work())
        assert said() == ["INFO", "WARNING", "INFO"]


def four(url: str = "") -> Workers:
    return Workers(url or os.environ["REDIS_URL"], 4)


def not_soft(skip: Skip | None) -> bool:
    return skip is not None and not skip.is_soft


def found(health: Health) -> bool:
    return health._shared is not None and health._shared.is_found


def held_up(proxy: RedisProxy) -> Callable[[], Awaitable[None]]:
    async def lose() -> None:
        proxy.hold_up()

    return lose
