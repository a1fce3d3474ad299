"""Clients that hang up while they wait: nothing they held is lost, and nobody is asked for them any more."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import upstream as play
from tests.crowd import Waiting
from tests.fleet import Fleet
from tests.gateway import wait_until
from tests.upstream import ScriptedUpstream

ONCE = {"maxRetries": 0}
NO_LIMIT = {"requestsPerMinute": None, "minTimeBetweenRequests": None, "concurrentRequests": None}


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Iterator[Fleet]:
    """With one second in the queue, at most."""
    built_fleet.gateway.api("PATCH", "/resilience", {"defaults": {"queueTimeout": 1000}})
    yield built_fleet
    limit(built_fleet, **NO_LIMIT)
    built_fleet.gateway.api("PATCH", "/resilience", {"defaults": {"queueTimeout": 30000}})


def limit(fleet: Fleet, **limits: Any) -> None:
    fleet.gateway.api("POST", "/rate-limits", {"connectionId": fleet.connections["one"]} | limits)


def all_answer(fleet: Fleet, model: str, count: int = 3) -> bool:
    return all(fleet.gateway.chat(model).status_code == 200 for _ in range(count))


def test_in_the_queue_of_a_connection(fleet: Fleet) -> None:
    limit(fleet, concurrentRequests=1)
    fleet.upstream.script(play.hang_before_headers(), key="sk-one")
    first = Waiting(fleet.gateway, "one/m")
    fleet.upstream.wait_for_calls(1)
    queued = [Waiting(fleet.gateway, "one/m") for _ in range(5)]
    time.sleep(0.3)
    for each in queued:
        each.hang_up()
    first.hang_up()
    wait_until(lambda: fleet.gateway.chat("one/m").status_code == 200, 5, "room")
    assert all_answer(fleet, "one/m")
    assert len(fleet.asked()) == 5, "nobody was asked for those who left"


def test_in_the_queue_of_a_combo_with_room_at_the_connection_in_hand(fleet: Fleet) -> None:
    limit(fleet, concurrentRequests=2)
    fleet.combo("t", "one/m", config=ONCE | {"concurrencyPerModel": 1, "queueTimeoutMs": 20000})
    fleet.gateway.api("PATCH", "/resilience", {"defaults": {"queueTimeout": 20000}})
    fleet.upstream.script(play.hang_before_headers(), key="sk-one")
    first = Waiting(fleet.gateway, "t")
    fleet.upstream.wait_for_calls(1)
    queued = Waiting(fleet.gateway, "t")
    time.sleep(0.3)
    queued.hang_up()
    time.sleep(0.3)
    fleet.gateway.api("PATCH", "/resilience", {"defaults": {"queueTimeout": 1000}})
    assert fleet.gateway.chat("one/m").status_code == 200, "the second of two places is free"
    first.hang_up()
    assert all_answer(fleet, "t")


def test_in_the_pause_before_another_round(fleet: Fleet) -> None:
    fleet.combo("t", "one/m", "two/m", config={"maxRetries": 1, "retryDelayMs": 1000})
    fleet.tell("one", play.json(500))
    fleet.tell("two", play.json(500))
    waiting = Waiting(fleet.gateway, "t")
    fleet.upstream.wait_for_calls(2)
    waiting.hang_up()
    time.sleep(1.3)
    assert fleet.asked() == ["one", "two"]


@pytest.mark.parametrize("stream", [False, True])
def test_before_the_first_word_the_place_is_had_again_at_once(fleet: Fleet, stream: bool) -> None:
    limit(fleet, concurrentRequests=1)
    for behaviour in (play.hang_before_headers(), play.hang_after_headers(play.sse([])), play.hang_after(1)):
        fleet.upstream.script(behaviour, key="sk-one")
        before = len(fleet.upstream.calls)
        waiting = Waiting(fleet.gateway, "one/m", stream=stream)
        call = fleet.upstream.wait_for_calls(before + 1)[-1]
        time.sleep(0.2)
        waiting.hang_up()
        fleet.upstream.wait_until_peer_closed(call)
        assert fleet.gateway.chat("one/m").status_code == 200
