"""Ten thousand requests of every kind, and a worker killed amid them: the books agree to the last token and cent."""

import ast
import math
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest
from redis import Redis

from tests import books
from tests import upstream as play
from tests.books import PRICES, Books, Errand, Outcome
from tests.conftest import MakeGateway
from tests.fleet import Fleet
from tests.gateway import wait_until
from tests.own_redis import OwnRedis
from tests.services.conftest import is_complete
from tests.upstream import ScriptedUpstream
from tests.wire import Usage

REQUESTS = 10_000
KILLED_AT_ONCE = 40
A_MILLION = Decimal(1_000_000)

SHARES = {
    ("one/whole", False): 30,
    ("one/stream", True): 25,
    ("two/bad", False): 6,
    ("two/down", False): 6,
    ("fall", False): 10,
    ("three/cut", True): 8,
    ("three/torn", False): 3,
    ("nobody/knows", False): 4,
    ("one/long", True): 8,  # the client hangs up
}
BEHAVIOURS = {
    "bad": play.json(400),
    "down": play.json(500),
    "first": play.json(500),
    "cut": play.rst_after(3),
    "torn": play.close_after(4),
    "long": play.slow_body(4000),
    "slow": play.hang_after(2),
}
MODELS = ("whole", "stream", *BEHAVIOURS)
VENDOR = Usage()
CALL = (VENDOR.input * PRICES["input"] + VENDOR.output * PRICES["output"]) / A_MILLION
POOR_LIMIT = CALL * 50
DEAREST_CALL = Decimal("0.01")


NODES = ("one", "two", "three")
ALWAYS_THERE = {"circuitBreakerThreshold": 1000, "transientCooldown": 1, "maxBackoffLevel": 0}
"""A provider that is left alone is called by nobody, and then there is nothing to count."""


@pytest.fixture
def fleet(make_gateway: MakeGateway, redis: OwnRedis, upstream: ScriptedUpstream) -> Iterator[Fleet]:
    gateway = make_gateway(workers=4, REDIS_URL=redis.url).start()
    wait_until(lambda: len(gateway.pids("web")) == 4, 30, "the start of four workers")
    fleet = Fleet(gateway, upstream).build()
    gateway.api("PATCH", "/resilience", {"profiles": {"providers": dict.fromkeys(NODES, ALWAYS_THERE)}})
    books.set_prices(gateway, *((node, model) for node in NODES for model in MODELS))
    fleet.combo("fall", "two/first", "one/whole")
    for model, behaviour in BEHAVIOURS.items():
        upstream.always(behaviour, model=model)
    yield fleet
    gateway.stop(signal.SIGKILL)


@pytest.fixture
def keys(fleet: Fleet) -> dict[str, str]:
    """A key that may spend anything, one that may spend what fifty calls cost, and everybody's common budget."""
    made = {name: fleet.gateway.make_key(name) for name in ("rich", "poor")}
    books.set_budget(fleet.gateway, 1000, "monthly", key="rich")
    books.set_budget(fleet.gateway, POOR_LIMIT, key="poor")
    books.set_budget(fleet.gateway, 5000, "weekly")
    return made


def errands(keys: dict[str, str], count: int, dice: random.Random) -> list[Errand]:
    kinds = dice.choices(list(SHARES), weights=list(SHARES.values()), k=count)
    whose = dice.choices(["", keys["rich"], keys["poor"]], weights=[30, 60, 10], k=count)
    return [
        Errand(model, key, streams, hangs_up_after=dice.choice([1, 900]) if model == "one/long" else None)
        for (model, streams), key in zip(kinds, whose, strict=True)
    ]


def nothing_held(fleet: Fleet, redis: OwnRedis) -> dict[str, int] | None:
    """What is spent of each budget as the workers know it together, once they hold nothing back of it."""
    code = "from billing.models import *; print({b.pk: str(b.api_key or 'everybody') for b in Budget.objects.all()})"
    names: dict[int, str] = ast.literal_eval(books.set_up(fleet.gateway, code))
    ours = books.windows_in_redis(fleet.gateway)
    with Redis.from_url(redis.url, decode_responses=True) as client:
        windows = {name: client.hgetall(name) for name in client.scan_iter(f"{ours}*")}
    if any(int(window["open"]) or int(window["running"]) for window in windows.values()):
        return None
    return {names[int(name.split(":")[-2])]: int(window["stored"]) for name, window in windows.items()}


def test_the_books_agree_with_the_vendor_to_the_last_token_and_cent(
    fleet: Fleet, keys: dict[str, str], redis: OwnRedis
) -> None:
    dice = random.Random(20261128)
    half = REQUESTS // 2
    seen = books.run(fleet.gateway, errands(keys, half, dice))
    killed = kill_a_worker_amid(fleet, keys["rich"])
    again = books.run(fleet.gateway, errands(keys, half, dice))
    told = Counter(call.model for call in fleet.upstream.calls if call.method == "POST")
    found = wait_until(lambda: settled(fleet, sum(told.values())), 90, "the end of the books")
    assert found.requests["rows"] == sum((seen.statuses + again.statuses + killed.statuses).values())
    assert_attempts_match(found, told)
    assert_sums_match(found)
    assert found.by_status[200] >= found.requests["rows"] // 2
    assert found.interrupted == killed.statuses[0]
    assert killed.statuses[0] > 0
    held = wait_until(lambda: nothing_held(fleet, redis), 30, "the end of every reservation")
    assert_budgets_match(found, held, keys)
    assert (seen.by_key[keys["poor"]] + again.by_key[keys["poor"]])[429] > 0
    assert (seen.by_key[keys["rich"]] + again.by_key[keys["rich"]])[429] == 0
    assert_speed_is_that_of_all_workers(fleet)


def assert_speed_is_that_of_all_workers(fleet: Fleet) -> None:
    answered = (
        "U.objects.filter(model='stream', status__lt=400).order_by('total_ms').values_list('total_ms', flat=True)"
    )
    code = f"from billing.models import UsageRecord as U; print(list({answered}))"
    took: list[int] = ast.literal_eval(books.set_up(fleet.gateway, code))
    told = fleet.gateway.api("GET", "/usage/speed?model=stream")
    ranks = {name: took[math.ceil(share * len(took)) - 1] for name, share in (("p50", 0.5), ("p95", 0.95))}
    assert (told["requests"], told["totalMs"]) == (len(took), ranks)


def kill_a_worker_amid(fleet: Fleet, key: str) -> Outcome:
    """While every request of these is with the vendor, so that both sides know of the same ones."""
    before = len(fleet.upstream.calls)
    victim = fleet.gateway.pids("web")[0]

    def kill() -> None:
        fleet.upstream.wait_for_calls(before + KILLED_AT_ONCE, 30)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in fleet.gateway.pids("web") and is_complete(fleet.gateway), 60, "a new worker")
        fleet.upstream.cut_off()

    killer = threading.Thread(target=kill)
    killer.start()
    seen = books.run(fleet.gateway, [Errand("one/slow", key, is_streaming=True)] * KILLED_AT_ONCE)
    killer.join()
    return seen


def settled(fleet: Fleet, calls: int) -> Books | None:
    found = Books.read(fleet.gateway)
    return found if found.attempts["rows"] >= calls else None


def assert_attempts_match(found: Books, told: Counter[str]) -> None:
    """Every call that the vendor got, and no other, failed ones too."""
    by_model: Counter[str] = Counter()
    for (_, model), count in found.by_model.items():
        by_model[model] += count
    assert by_model == told


def assert_sums_match(found: Books) -> None:
    assert found.requests["cost"] == found.attempts["cost"] == found.days["cost"] == sum(found.by_key.values())
    for kind in ("input", "output"):
        assert found.requests[kind] == found.attempts[kind] == found.days[kind]
    assert (found.days["rows"], found.days["calls"]) == (found.requests["rows"], found.attempts["rows"])
    for model in ("whole", "stream"):
        count, prompt, answer = found.good[model]
        assert (prompt, answer) == (count * VENDOR.input, count * VENDOR.output)
    worth = (found.requests["input"] * PRICES["input"] + found.requests["output"] * PRICES["output"]) / A_MILLION
    assert found.requests["cost"] == worth


def assert_budgets_match(found: Books, held: dict[str, int], keys: dict[str, str]) -> None:
    spent = {name: Decimal(units).scaleb(-10) for name, units in held.items()}
    assert spent == {name: found.by_key[name] for name in keys} | {"everybody": found.requests["cost"]}
    assert spent["poor"] <= POOR_LIMIT + DEAREST_CALL
