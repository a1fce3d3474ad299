"""Budgets and keys counted in Redis: the scripts do what the counters do in memory."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from billing.budgets.counters import Counters, Demand, Limits, SpentUp, TooBusy, Wish
from billing.budgets.meter import SCRIPTS, Meter
from tests.own_redis import OwnRedis

LIMIT = 1000


def in_a_loop(test: Any) -> Any:
    """The test, run to its end on an event loop of its own."""

    @wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        asyncio.run(test(*arguments, **fixtures))

    return run


UNLIMITED = Limits()


@asynccontextmanager
async def meter_at(url: str) -> AsyncIterator[tuple[Meter, Redis, str]]:
    client, prefix = Redis.from_url(url, decode_responses=True, max_connections=300), f"test:{uuid4().hex}"
    scripts = {name: client.register_script(text) for name, text in SCRIPTS.items()}

    async def run(script: str, *arguments: Any) -> Any:
        return await scripts[script](keys=[prefix], args=list(arguments))

    meter = Meter(run)
    yield meter, client, prefix
    await meter.stop()
    await client.aclose(close_connection_pool=True)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(20261128)


def wish(name: str, amount: int, known: int = 0, limits: Limits = UNLIMITED, **facts: Any) -> Wish:
    demands = [Demand(budget, "2026-11-28", LIMIT * budget, known, 9e9) for budget in (1, 2)]
    values = {"tokens": 10, "demands": demands, "key": "k", "lives_until": 9e9}
    return Wish(request_id=name, amount=amount, limits=limits, **values | facts)


@in_a_loop
async def test_whatever_happens_both_say_the_same(redis: OwnRedis, dice: random.Random) -> None:
    async with meter_at(redis.url) as (meter, client, prefix):
        alone, database = Counters(), 0
        running: dict[str, Wish] = {}
        settled: dict[str, int] = {}
        for number in range(1500):
            deed = dice.choice(["admit", "admit", "settle", "store", "again"])
            if deed == "admit":
                asked = wish(str(number), dice.choice([0, dice.randrange(400)]), database)
                answers = alone.admit(asked, 0), await meter.admit(asked)
                assert answers[0] == answers[1]
                if answers[0] is None:
                    running[asked.request_id] = asked
            elif deed in ("settle", "again") and running:
                name = dice.choice(sorted(running))
                asked = running[name] if deed == "again" else running.pop(name)
                cost = dice.choice([0, dice.randrange(300)])
                if deed == "settle":
                    settled[name] = cost
                    alone.settle(asked, cost, 5)
                    meter.settle(asked, cost, 5)
                    await meter.stop()
            elif deed == "store" and settled:
                name, cost = settled.popitem()
                database += cost
                totals = {(budget, "2026-11-28"): database for budget in (1, 2)}
                alone.stored([name], totals)
                meter.stored([(name, "k")], totals)
                await meter.stop()
            if database > LIMIT * 2:
                break
        await meter.stop()
        for budget in (1, 2):
            told = await client.hgetall(f"{prefix}:spent:{budget}:2026-11-28")
            window = alone.windows[budget, "2026-11-28"]
            assert (int(told.get("stored", 0)), int(told["open"])) == (window.stored, window.open)
            assert int(told["running"]) == len(window.running)
            assert {name[2:] for name in told if name.startswith("s:")} == set(window.settled)


@in_a_loop
async def test_two_hundred_at_once_get_ten_places(redis: OwnRedis) -> None:
    async with meter_at(redis.url) as (meter, _, _):
        answers = await asyncio.gather(*(meter.admit(wish(str(number), 100)) for number in range(200)))
        assert answers.count(None) == 10
        assert set(answers) == {None, SpentUp(0, is_reserved=True)}


@in_a_loop
async def test_a_reservation_that_is_too_old_is_given_up(redis: OwnRedis) -> None:
    async with meter_at(redis.url) as (meter, _, _):
        assert await meter.admit(wish("lost", LIMIT, lives_until=0.0)) is None
        assert await meter.admit(wish("early", 10)) == SpentUp(0, is_reserved=True)
        while await meter.admit(wish("late", 10)) is not None:
            await asyncio.sleep(0.05)


@in_a_loop
async def test_what_a_killed_worker_held_is_let_go_by_whoever_stores_its_row(redis: OwnRedis) -> None:
    async with meter_at(redis.url) as (meter, client, prefix):
        await meter.admit(wish("orphan", LIMIT, limits=Limits(concurrent=1)))
        meter.stored([("orphan", "k")], {(1, "2026-11-28"): 30})
        await meter.stop()
        told = await client.hgetall(f"{prefix}:spent:1:2026-11-28")
        assert (told["open"], told["stored"], told["running"]) == ("0", "30", "0")
        assert await meter.admit(wish("next", 100, limits=Limits(concurrent=1))) is None


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        (Limits(concurrent=3), "concurrent"),
        (Limits(requests_per_minute=3), "requests_per_minute"),
        (Limits(tokens_per_minute=30), "tokens_per_minute"),
    ],
)
@in_a_loop
async def test_the_keys_own_limits(redis: OwnRedis, limits: Limits, refused: str) -> None:
    async with meter_at(redis.url) as (meter, _, _):
        answers = [await meter.admit(wish(name, 0, limits=limits, demands=[])) for name in "abcd"]
        assert answers[:3] == [None] * 3
        assert isinstance(answers[3], TooBusy)
        assert answers[3].limit == refused
        if refused != "requests_per_minute":
            meter.settle(wish("a", 0, limits=limits, demands=[]), 0, 0)
            await meter.stop()
            assert await meter.admit(wish("e", 0, limits=limits, demands=[])) is None


@in_a_loop
async def test_nothing_is_kept_for_ever(redis: OwnRedis) -> None:
    async with meter_at(redis.url) as (meter, client, prefix):
        await meter.admit(wish("a", 10, limits=Limits(9, 90, 9)))
        names = [name async for name in client.scan_iter(f"{prefix}*")]
        assert len(names) == 5
        assert {name: ttl for name in names if (ttl := await client.ttl(name)) <= 0} == {}
