"""What is reported of a request is what happened: the times of each leg and of the whole, endings, who was asked."""

import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests import upstream as play
from tests import wire
from tests.calls import Call
from tests.crowd import Waiting
from tests.fleet import Fleet
from tests.gateway import TRUST, wait_until
from tests.upstream import ScriptedUpstream

ONCE = {"maxRetries": 0}
EARLY_MS, LATE_MS = 5, 250
"""A timer may be rounded, and a busy machine is late; never the other way round."""
SEEN_LATE_MS = 100
"""A busy vendor notices that late that it has sent everything."""
CLOSE_MS = 25
"""How far figures of the same moment may lie apart."""


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Fleet:
    """Each node was asked before: the first call of a process connects, which is none of what is timed here."""
    for node in ("one", "two", "three"):
        built_fleet.ask(f"{node}/m")
    return built_fleet


def told(fleet: Fleet, combo: str, count: int = 1) -> list[dict[str, Any]]:
    """The requests of a combo as the API tells them, newest first."""

    def listed() -> Any:
        found = fleet.gateway.api("GET", f"/usage/call-logs?combo={combo}")["logs"]
        return found if len(found) >= count else None

    logs = wait_until(listed, 15, f"{count} requests of {combo}")
    return [fleet.gateway.api("GET", f"/usage/call-logs/{each['id']}") for each in logs]


def around(milliseconds: int, truth: float, early: float = EARLY_MS) -> bool:
    return truth - early <= milliseconds <= truth + LATE_MS


def lasted(call: Call) -> float:
    assert call.ended_at is not None
    return 1000 * (call.ended_at - call.started_at)


def test_times_are_those_of_each_leg_and_the_first_token_is_the_clients(fleet: Fleet) -> None:
    fleet.combo("p6-times", "one/m", "two/m", config=ONCE)
    fleet.tell("one", play.json(500, {"error": {"message": "slow"}}, delay=0.3))
    fleet.tell("two", play.sse(wire.openai_chunks("a", "b", "c"), delay=0.2, first_gap=0.7, gap=0.05))
    fleet.gateway.chat("p6-times", stream=True)
    first_call, second_call = (call for call in fleet.upstream.calls if call.method == "POST")
    (request,) = told(fleet, "p6-times")
    failed, answered = request["made"]
    assert around(failed["totalMs"], lasted(first_call), SEEN_LATE_MS)
    assert around(failed["totalMs"], 300)
    assert failed["firstTokenMs"] is None
    assert around(answered["headerMs"], 200)
    assert around(answered["firstTokenMs"], 900), "not the headers, and not the leg that failed before"
    assert around(answered["interTokenMs"], 50)
    assert (failed["interTokenMs"], request["interTokenMs"]) == (None, answered["interTokenMs"])
    assert around(answered["totalMs"], lasted(second_call), SEEN_LATE_MS)
    assert answered["headerMs"] < answered["firstTokenMs"] < answered["totalMs"]
    assert abs(request["firstTokenMs"] - failed["totalMs"] - answered["firstTokenMs"]) <= CLOSE_MS
    assert abs(request["totalMs"] - failed["totalMs"] - answered["totalMs"]) <= CLOSE_MS


def test_a_client_that_hangs_up_is_a_499_and_no_failure(fleet: Fleet) -> None:
    fleet.combo("p6-left", "one/m", config=ONCE)
    fleet.tell("one", play.sse(wire.openai_chunks(*"abcdefgh"), gap=0.2))
    body = {"model": "p6-left", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    with httpx.stream("POST", f"{fleet.gateway.url}/chat/completions", json=body, verify=TRUST) as answer:
        pieces = answer.iter_bytes()
        next(pieces)
        began = time.monotonic()
        time.sleep(0.3)
    stayed = 1000 * (time.monotonic() - began)
    (request,) = told(fleet, "p6-left")
    assert (request["status"], [each["status"] for each in request["made"]]) == (499, [499])
    assert around(request["totalMs"] - request["firstTokenMs"], stayed - CLOSE_MS)
    totals = fleet.gateway.api("GET", "/usage/analytics?combo=p6-left")["totals"]
    assert (totals["requests"], totals["failed"], totals["hungUp"], totals["failedAttempts"]) == (1, 0, 1, 0)


def test_a_client_that_leaves_while_it_waits_is_a_499_too(fleet: Fleet) -> None:
    fleet.combo("p6-waited", "one/m", config=ONCE)
    fleet.tell("one", play.hang_before_headers())
    waiting = Waiting(fleet.gateway, "p6-waited")
    fleet.upstream.wait_for_calls(1)
    waiting.hang_up()
    (request,) = told(fleet, "p6-waited")
    assert (request["status"], request["headerMs"], request["firstTokenMs"]) == (499, None, None)


def test_a_stream_that_its_vendor_cuts_is_a_502(fleet: Fleet) -> None:
    fleet.combo("p6-cut", "one/m", config=ONCE)
    fleet.tell("one", play.rst_after(2, play.sse(wire.openai_chunks("a", "b", "c"))))
    fleet.gateway.chat("p6-cut", stream=True)
    (request,) = told(fleet, "p6-cut")
    assert (request["status"], [each["status"] for each in request["made"]]) == (502, [502])


def test_who_was_asked_adds_up_to_what_was_asked_of_them(fleet: Fleet) -> None:
    fleet.combo("p6-count", "one/m", "two/m", "three/m", config=ONCE)
    script = {"one": [200, 500, 200, 429, 503, 200], "two": [500, 200, 503], "three": [200, 200]}
    for who, statuses in script.items():
        fleet.upstream.script(*(play.json(status) for status in statuses), key=f"sk-{who}")
    for _ in range(6):
        fleet.gateway.chat("p6-count")
        fleet.gateway.forget_failures()
    asked = Counter(fleet.asked())
    requests = told(fleet, "p6-count", 6)
    found = fleet.gateway.api("GET", "/usage/analytics?combo=p6-count")
    assert {each["name"]: each["attempts"] for each in found["byProvider"]} == asked
    assert Counter(made["provider"] for request in requests for made in request["made"]) == asked
    assert found["totals"]["fellBack"] == sum(len(request["made"]) > 1 for request in requests)
    assert found["totals"]["attempts"] == sum(asked.values())


def test_a_table_is_sent_by_the_real_server(fleet: Fleet) -> None:
    fleet.gateway.chat("one/m")
    wait_until(lambda: fleet.gateway.api("GET", "/usage/history?limit=1")["history"], 15, "a request")
    headers = {"authorization": f"Bearer {fleet.gateway.admin_key}"}
    answer = httpx.get(f"{fleet.gateway.root}/api/usage/call-logs.csv", headers=headers, verify=TRUST)
    assert answer.status_code == 200
    assert answer.content.startswith(b"\xef\xbb\xbftime,request id,status")
