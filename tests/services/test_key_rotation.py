"""A key is rotated while clients use it: none of them is refused before the grace ends, on no worker."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fleet import Fleet
from tests.gateway import TRUST, GatewayProcess, wait_until

GRACE_SECONDS = 6
CLIENTS = 6
WORKERS = 4
PAUSE = 0.03


@pytest.fixture
def gateway(fleet: Fleet) -> Iterator[GatewayProcess]:
    """Wrong keys lock nobody out meanwhile."""
    policy = {"action": "configure", "policy": "api_key"}
    fleet.gateway.api("POST", "/policies", policy | {"enabled": False})
    yield fleet.gateway
    fleet.gateway.api("POST", "/policies", policy | {"enabled": True})


def ask(gateway: GatewayProcess, key: str) -> int:
    """With a connection of its own, so that any worker may be the one."""
    body = {"model": "one/m", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {key}", "connection": "close"}
    return httpx.post(
        f"{gateway.url}/chat/completions", json=body, headers=headers, timeout=20, verify=TRUST
    ).status_code


def go_on(gateway: GatewayProcess, key: str, until: threading.Event) -> Counter[int]:
    """Asks again and again; how often it was answered with which status."""
    statuses: Counter[int] = Counter()
    while not until.is_set():
        statuses[ask(gateway, key)] += 1
        time.sleep(PAUSE)
    return statuses


def test_no_request_is_refused_in_the_grace_and_each_is_afterwards(gateway: GatewayProcess) -> None:
    made = gateway.api("POST", "/keys", {"name": "shop"}, 201)
    gateway.settle()
    enough = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(go_on, gateway, made["key"], enough) for _ in range(CLIENTS)]
        time.sleep(0.5)
        rotated = gateway.api("POST", f"/keys/{made['id']}/rotate", {"graceSeconds": GRACE_SECONDS})
        ends = time.monotonic() + GRACE_SECONDS
        wait_until(lambda: ask(gateway, rotated["key"]) == 200, 2, "the new key on a worker")
        gateway.settle()
        after = Counter(ask(gateway, rotated["key"]) for _ in range(10 * WORKERS))
        time.sleep(max(0.0, ends - time.monotonic() - 1))
        enough.set()
        before = sum((client.result() for client in clients), Counter[int]())
    assert set(before) == {200}
    assert before[200] > 10 * CLIENTS
    assert after == {200: 10 * WORKERS}
    time.sleep(max(0.0, ends - time.monotonic()))
    assert {ask(gateway, made["key"]) for _ in range(10 * WORKERS)} == {401}
    assert {ask(gateway, rotated["key"]) for _ in range(10)} == {200}
    total = before[200] + after[200] + 10 + 1
    rows = gateway.wait_for_usage(total, status=200, api_key_name="shop")
    assert {row["api_key_id"] for row in rows} == {made["id"]}
    shown = gateway.api("GET", f"/keys/{made['id']}")
    assert shown["formerKeys"] == []
    assert rotated["key"] not in str(shown) + gateway.log
