"""Four workers that share one Redis, for all tests of a session; and what those need to know of them."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.conftest import MakeGateway
from tests.fleet import Fleet
from tests.gateway import GatewayProcess, wait_until
from tests.own_redis import OwnRedis
from tests.upstream import ScriptedUpstream

T = TypeVar("T")

NO_LIMIT = {"requestsPerMinute": None, "minTimeBetweenRequests": None, "concurrentRequests": None}


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def four(make_gateway: MakeGateway, redis: OwnRedis, upstream_server: ScriptedUpstream) -> Fleet:
    gateway = make_gateway(workers=4, REDIS_URL=redis.url).start()
    wait_until(lambda: len(gateway.pids("web")) == 4, 30, "the start of four workers")
    return Fleet(gateway, upstream_server).build()


@pytest.fixture
def fleet(four: Fleet, upstream: ScriptedUpstream) -> Iterator[Fleet]:
    """With nothing resting and no settings but the product's own."""
    wait_until(lambda: is_complete(four.gateway), 60, "four workers that share")
    yield four
    upstream.reset()
    four.gateway.api("PATCH", "/settings", {"fallbackStrategy": "fill-first", "stickyRoundRobinLimit": 3})
    limits = NO_LIMIT | {"queueTimeout": 30000}
    four.gateway.api("PATCH", "/resilience", {"profiles": {"one": None}, "defaults": limits})
    four.gateway.forget_failures()


def is_complete(gateway: GatewayProcess) -> bool:
    return gateway.is_ready() and len(gateway.pids("web")) == 4


def times_said(fleet: Fleet, word: str) -> int:
    return sum("shared state" in line and word in line for line in fleet.gateway.log.splitlines())


def while_shared(fleet: Fleet, attempt: Callable[[], T]) -> T:
    """Again where Redis was late meanwhile, as on a machine that is busy with other things: workers are alone then."""
    for _ in range(4):
        lost = times_said(fleet, "is away")
        found = attempt()
        if times_said(fleet, "is away") == lost:
            return found
        time.sleep(1)
    raise AssertionError("Redis was late at every attempt.")
