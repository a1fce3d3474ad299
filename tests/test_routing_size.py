"""A combo of 200 models at a provider with 200 connections: 40,000 candidates, of which a request makes a handful."""

from collections.abc import Iterator

import pytest

from tests import crowd
from tests import upstream as play
from tests.crowd import at_once, statuses
from tests.fleet import Fleet
from tests.upstream import ScriptedUpstream

MANY = 200
CONNECT = f"""
from django.db import transaction
from providers.connections import add_connection
from providers.models import Provider
provider = Provider.objects.get(name="crowd")
with transaction.atomic():
    for number in range({MANY}):
        add_connection(provider, f"sk-crowd-{{number}}", name=f"c{{number}}")
"""


@pytest.fixture(scope="module")
def crowded(built_fleet: Fleet) -> Iterator[Fleet]:
    gateway = built_fleet.gateway
    node = gateway.add_node("crowd", built_fleet.upstream.base_url, api_key=None)
    gateway.manage("shell", "-v0", "-c", CONNECT)
    built_fleet.combo("all", *(f"crowd/m{number}" for number in range(MANY)), config={"maxRetries": 0})
    gateway.settle()
    yield built_fleet
    gateway.api("DELETE", f"/provider-nodes/{node['id']}")


@pytest.fixture
def fleet(crowded: Fleet, upstream: ScriptedUpstream) -> Fleet:
    return crowded


def growth_of(fleet: Fleet, rounds: int) -> tuple[float, list[int]]:
    """Mebibytes by which the worker grew over so many times fifty requests at once, and their statuses."""
    (worker,) = fleet.gateway.pids("web")
    before, seen = crowd.resident_mebibytes(worker), []
    for _ in range(rounds):
        seen += statuses(at_once(fleet.gateway, 50, "all"))
    return crowd.resident_mebibytes(worker) - before, seen


def test_fifty_at_once_take_no_memory_to_speak_of(fleet: Fleet) -> None:
    growth, seen = growth_of(fleet, 4)
    assert set(seen) == {200}
    assert growth < 100


def test_nor_do_they_when_everything_is_down(fleet: Fleet) -> None:
    fleet.upstream.always(play.json(500))
    growth, seen = growth_of(fleet, 4)
    assert set(seen) <= {500, 503}
    assert growth < 100
    assert len(fleet.asked()) <= 50 * 8


def test_nor_when_every_connection_is_limited(fleet: Fleet) -> None:
    fleet.upstream.always(play.json(429, None, {"retry-after": "60"}))
    growth, seen = growth_of(fleet, 4)
    assert set(seen) == {429}
    assert growth < 100
