"""What is set and reset through the management API changes what requests do, within a second."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import upstream as scripted
from tests.conftest import MakeGateway
from tests.gateway import GatewayProcess, wait_until
from tests.upstream import ScriptedUpstream

WITHIN = 1.5
"""A second, and a busy machine's allowance."""


@pytest.fixture(scope="module")
def started(make_gateway: MakeGateway, upstream_server: ScriptedUpstream) -> GatewayProcess:
    gateway = make_gateway().start()
    gateway.add_node("up", upstream_server.base_url)
    return gateway


@pytest.fixture
def gateway(started: GatewayProcess, upstream: ScriptedUpstream) -> Iterator[GatewayProcess]:
    """With nothing open, resting or refused, and the product's own numbers."""
    yield started
    started.api("PATCH", "/resilience", {"profiles": {"up": None}, "defaults": NO_LIMIT})
    started.api("POST", "/resilience/reset")
    started.settle()


NO_LIMIT = {
    "requestsPerMinute": None,
    "minTimeBetweenRequests": None,
    "concurrentRequests": None,
    "queueLength": 100,
    "queueTimeout": 30000,
}


def breaker(gateway: GatewayProcess) -> Any:
    rows = gateway.api("GET", "/resilience")["circuitBreakers"]
    return next(row for row in rows if row["name"] == "up")


def fail_twice(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    """So that the breaker opens, with a threshold of 2."""
    gateway.api("PATCH", "/resilience", {"profiles": {"up": {"circuitBreakerThreshold": 2}}})
    gateway.settle()
    upstream.always(scripted.json(500, {"error": {"message": "boom"}}))
    for _ in range(2):
        assert gateway.chat("up/m").status_code == 500


def test_a_lower_threshold_opens_the_breaker_sooner(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    fail_twice(gateway, upstream)
    answer = gateway.chat("up/m")
    assert (answer.status_code, len(upstream.calls)) == (503, 2)
    assert "breaker is open" in answer.text
    shown = wait_until(lambda: found if (found := breaker(gateway))["state"] == "OPEN" else None, WITHIN, "the row")
    assert (shown["failureCount"], 0 < shown["seconds"] <= 30) == (2, True)


@pytest.mark.parametrize("what", [None, {"provider": "up"}], ids=["everything", "the provider"])
def test_after_a_reset_the_provider_is_asked_again(
    gateway: GatewayProcess, upstream: ScriptedUpstream, what: Any
) -> None:
    fail_twice(gateway, upstream)
    upstream.reset()
    gateway.api("POST", "/resilience/reset", what)
    wait_until(lambda: gateway.chat("up/m").status_code == 200, WITHIN, "an answer")
    wait_until(lambda: breaker(gateway)["state"] == "CLOSED", WITHIN, "the end of the row")


def test_a_rest_that_is_reset_is_over(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.script(scripted.json(429, {"error": {"message": "slow down"}}, {"retry-after": "600"}))
    assert gateway.chat("up/m").status_code == 429
    assert gateway.chat("up/m").status_code == 429
    assert len(upstream.calls) == 1
    [rest] = wait_until(lambda: gateway.api("GET", "/resilience")["cooldowns"], WITHIN, "the row")
    assert (rest["model"], rest["status"], 500 < rest["seconds"] <= 630) == ("m", 429, True)
    gateway.api("POST", "/resilience/reset", {"connectionId": rest["connectionId"], "model": "m"})
    wait_until(lambda: gateway.chat("up/m").status_code == 200, WITHIN, "an answer")


def test_a_limit_for_all_refuses_the_third_request(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    gateway.api("PATCH", "/resilience", {"defaults": {"requestsPerMinute": 2, "queueTimeout": 0}})
    gateway.settle()
    assert [gateway.chat("up/m").status_code for _ in range(3)] == [200, 200, 429]
    gateway.api("PATCH", "/resilience", {"defaults": {"requestsPerMinute": None}})
    wait_until(lambda: gateway.chat("up/m").status_code == 200, WITHIN, "an answer")


def test_a_connections_own_gap_makes_requests_wait(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    [own] = [row for row in gateway.api("GET", "/rate-limits")["connections"] if row["provider"] == "up"]
    about = {"connectionId": own["connectionId"]}
    gateway.api("POST", "/rate-limits", about | {"minTimeBetweenRequests": 700})
    gateway.settle()
    began = time.monotonic()
    assert [gateway.chat("up/m").status_code for _ in range(2)] == [200, 200]
    assert time.monotonic() - began >= 0.7
    gateway.api("POST", "/rate-limits", about | {"minTimeBetweenRequests": None})


ENDPOINTS = [
    ("POST", "/v1/chat/completions", {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}),
    ("POST", "/v1/messages", {"model": "up/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    ("GET", "/v1/models", None),
]


def called(gateway: GatewayProcess, key: str, method: str, path: str, body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.request(method, gateway.root + path, json=body, headers=headers, timeout=20)


def refused(gateway: GatewayProcess) -> list[str]:
    return [row["identifier"] for row in gateway.api("GET", "/policies")["lockedIdentifiers"]]


def test_who_guesses_keys_is_refused_until_unlocked_and_a_good_key_never(gateway: GatewayProcess) -> None:
    good = gateway.make_key("good")
    gateway.settle()
    first = ENDPOINTS[0]
    assert [called(gateway, "sk-or-guess", *first).status_code for _ in range(5)] == [401] * 5
    for endpoint in ENDPOINTS:
        answer = called(gateway, "sk-or-guess", *endpoint)
        assert (answer.status_code, 800 < int(answer.headers["retry-after"]) <= 900) == (429, True), answer.text
        assert "Too many wrong API keys came from 127.0.0.1" in answer.json()["error"]["message"]
        assert called(gateway, good, *endpoint).status_code == 200
    assert gateway.chat("up/m").status_code == 200
    wait_until(lambda: refused(gateway) == ["address 127.0.0.1"], WITHIN, "the row")
    gateway.api("POST", "/policies", {"action": "unlock", "identifier": "address 127.0.0.1"})
    wait_until(lambda: called(gateway, "sk-or-guess", *first).status_code == 401, WITHIN, "the unlocking")
    assert refused(gateway) == []


def test_a_policy_that_is_switched_off_refuses_nobody(gateway: GatewayProcess) -> None:
    for _ in range(6):
        last = called(gateway, "sk-or-guess", *ENDPOINTS[0])
    assert last.status_code == 429
    gateway.api("POST", "/policies", {"action": "configure", "policy": "api_key", "enabled": False})
    wait_until(lambda: called(gateway, "sk-or-guess", *ENDPOINTS[0]).status_code == 401, WITHIN, "the change")
    gateway.api("POST", "/policies", {"action": "configure", "policy": "api_key", "enabled": True})


def test_who_guesses_admin_keys_is_refused_and_a_good_one_never(gateway: GatewayProcess) -> None:
    guesses = [called(gateway, "sk-or-guess", "GET", "/api/keys", None) for _ in range(6)]
    assert [answer.status_code for answer in guesses] == [401] * 5 + [429]
    assert 800 < int(guesses[-1].headers["retry-after"]) <= 900
    assert guesses[-1].json()["error"]["code"] == "locked_out"
    assert refused(gateway) == ["address 127.0.0.1 at /api"]
    gateway.api("POST", "/policies", {"action": "unlock", "identifier": "address 127.0.0.1 at /api"})
    assert called(gateway, "sk-or-guess", "GET", "/api/keys", None).status_code == 401
