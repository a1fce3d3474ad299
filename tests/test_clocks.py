"""Upstreams that hang: four clocks, of which each ends the waiting, and nobody else has to wait along."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import aiohttp
import httpx
import pytest

from providers.failures import UpstreamError
from providers.transport import Network, Reach
from providers.upstream import Call as Sent
from providers.upstream import Upstream
from tests import upstream as play
from tests import wire
from tests.calls import Call
from tests.conftest import MakeGateway
from tests.gateway import GatewayProcess
from tests.talk import DIALECTS, PREFIXES, assert_error, nodes_of, post, says
from tests.upstream import Behaviour, ScriptedUpstream

LIMITS = {"connect": 1, "first_event": 1, "gap": 1, "whole_answer": 2, "stream": 3}
SLACK = 2.5
"""Seconds that a busy machine may need beyond the clock."""


@pytest.fixture(scope="module")
def deaf() -> Iterator[str]:
    """The URL of a server whose queue of connections is full: the kernel drops whoever comes next."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for peer in (first, second):
            peer.setblocking(False)
            peer.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def hasty(make_gateway: MakeGateway, upstream_server: ScriptedUpstream, deaf: str) -> GatewayProcess:
    """A gateway of little patience. `<prefix>/bad` is asked alone, `first-<prefix>` has a second target."""
    gateway = make_gateway().start()
    settings = ", ".join(f"{name}_timeout_seconds={seconds}" for name, seconds in LIMITS.items())
    prefixes = [*PREFIXES.values(), "deaf"]
    code = (
        "from providers.models import UpstreamSettings as S; S.objects.all().delete()\n"
        f"S.objects.create(pk=1, {settings})\n"
        "from combos.models import Combo, ComboTarget as T\n"
        f"for p in {prefixes}:\n"
        "    c = Combo.objects.create(name='first-' + p)\n"
        "    [T.objects.create(combo=c, position=n, model=m) for n, m in enumerate([p + '/bad', 'o/good'])]\n"
    )
    nodes_of(gateway, upstream_server)
    gateway.add_node("deaf", deaf)
    gateway.manage("shell", "-v0", "-c", code)
    gateway.settle()
    return gateway


def endless(*frames: bytes) -> Behaviour:
    """These, three in each second, for longer than any clock here."""
    return play.sse(list(frames) * 40, gap=0.3)


HANGS: dict[str, tuple[str, Behaviour]] = {
    "no accept": ("deaf", play.DEFAULT),
    "no headers": ("o", play.hang_before_headers()),
    "no tokens": ("o", play.hang_after_headers()),
    "half a body": ("o", play.hang_after(1)),
    "a trickle": ("o", play.slow_body(3)),
}


def at_once(*requests: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(requests)) as pool:
        return [future.result() for future in [pool.submit(request) for request in requests]]


@pytest.mark.parametrize("hang", HANGS)
def test_who_hangs_before_a_word_is_given_up(hasty: GatewayProcess, upstream: ScriptedUpstream, hang: str) -> None:
    prefix, behaviour = HANGS[hang]
    upstream.always(behaviour, model="bad")
    upstream.always(says("Hel", "lo."), model="good")
    started = monotonic()
    alone, whole, second, streamed = at_once(
        lambda: post(hasty, "openai", f"{prefix}/bad", stream=True),
        lambda: post(hasty, "openai", f"{prefix}/bad"),
        lambda: post(hasty, "openai", f"first-{prefix}"),
        lambda: post(hasty, "openai", f"first-{prefix}", stream=True),
    )
    assert monotonic() - started < LIMITS["whole_answer"] + SLACK
    assert "in time" in assert_error(alone, "openai", 504)
    assert "in time" in assert_error(whole, "openai", 504)
    assert second.json()["choices"][0]["message"]["content"] == "Hello."
    assert streamed.content.endswith(b"data: [DONE]\n\n")
    for call in upstream.calls:
        if call.model == "bad":
            upstream.wait_until_peer_closed(call, timeout=1)


SIGNS_OF_LIFE: dict[str, tuple[bytes, ...]] = {
    "openai": (b": processing\n\n", wire.openai_chunks()[0]),
    "claude": (b": ping\n\n", wire.frame({"type": "ping"}, "ping")),
    "gemini": (b": ping\n\n", wire.frame({"candidates": [], "usageMetadata": {}})),
    "responses": (b": ping\n\n", wire.frame({"type": "keepalive", "sequence_number": 1}, "keepalive")),
}


@pytest.fixture(autouse=True)
def well(hasty: GatewayProcess) -> None:
    """Whatever hung before."""
    hasty.forget_failures()


@pytest.mark.parametrize("client", ["openai", "claude"])
@pytest.mark.parametrize("speaker", DIALECTS)
def test_pings_and_roles_do_not_stop_the_clock_of_the_first_event(
    hasty: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
) -> None:
    upstream.always(endless(*SIGNS_OF_LIFE[speaker]))
    started = monotonic()
    answer = post(hasty, client, f"{PREFIXES[speaker]}/bad", stream=True)
    assert "in time" in assert_error(answer, client, 504)
    assert LIMITS["first_event"] <= monotonic() - started < LIMITS["first_event"] + SLACK


@pytest.mark.parametrize("speaker", DIALECTS)
@pytest.mark.parametrize(
    ("pace", "seconds"), [({"gap": 0.15}, LIMITS["stream"]), ({"ending": play.Ending.HANG}, LIMITS["gap"])]
)
def test_a_stream_that_stalls_or_never_ends_is_ended_with_an_error(
    hasty: GatewayProcess, upstream: ScriptedUpstream, speaker: str, pace: dict[str, Any], seconds: int
) -> None:
    words = says(*["word "] * 60)

    def paced(call: Call) -> Behaviour:
        told = words(call)
        return Behaviour(pieces=told.pieces, streams=True, after=40, **pace)

    upstream.always(paced)
    started = monotonic()
    answer = post(hasty, "claude", f"{PREFIXES[speaker]}/bad", stream=True)
    assert seconds - 0.1 <= monotonic() - started < seconds + SLACK
    assert b"word " in answer.content
    assert b"in time" in answer.content
    assert b"message_stop" not in answer.content


def test_who_hangs_holds_up_nobody_else(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    """Of a gateway with all its patience, so that the hung ones are there until their clients leave."""
    upstream.always(play.hang_after_headers(), model="bad")

    async def ask(client: aiohttp.ClientSession, model: str) -> int:
        body = {"model": f"up/{model}", "messages": [{"role": "user", "content": "hello"}], "stream": True}
        async with client.post(f"{gateway.url}/chat/completions", json=body) as answer:
            await answer.read()
            return answer.status

    async def all_of_them() -> tuple[list[int], int]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            hung = [asyncio.create_task(ask(client, "bad")) for _ in range(200)]
            await asyncio.to_thread(upstream.wait_for_calls, 200, 30)
            good = await asyncio.gather(*(ask(client, "good") for _ in range(50)))
            still_hung = sum(task.cancel() for task in hung)
            await asyncio.gather(*hung, return_exceptions=True)
            return good, still_hung

    assert asyncio.run(all_of_them()) == ([200] * 50, 200)


class SlowNames:
    """A system that takes its time with names of `.slow`, until it is let go."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.look_up = socket.getaddrinfo

    def getaddrinfo(self, host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith(".slow"):
            self.is_over.wait(30)
        return self.look_up("127.0.0.1", *arguments, **options)


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowNames]:
    names = SlowNames()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.is_over.set()


def test_a_name_that_is_not_found_in_time_holds_up_nobody_else(
    slow_names: SlowNames, upstream: ScriptedUpstream
) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'

    async def ask(network: Upstream, host: str) -> tuple[int, float]:
        url = httpx.URL(f"http://{host}:{upstream.port}/v1/chat/completions")
        started = monotonic()
        try:
            exchange = await network.send(Sent(url, httpx.Headers(), body, Reach.PRIVATE, connect=1, gap=5), total=10)
            await exchange.whole_body()
        except UpstreamError as failure:
            return failure.status, monotonic() - started
        return 200, monotonic() - started

    async def all_of_them() -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        network = Upstream({"http": Network()})
        slow = [asyncio.create_task(ask(network, f"host{number % 40}.slow")) for number in range(200)]
        await asyncio.sleep(0)
        good = await asyncio.gather(*(ask(network, f"host{number}.quick") for number in range(20)))
        given_up = await asyncio.gather(*slow)
        await network.aclose()
        return given_up, good

    given_up, good = asyncio.run(all_of_them())
    assert {status for status, _ in good} == {200}
    assert {status for status, _ in given_up} == {504}
    assert max(seconds for _, seconds in good) < 1
    assert max(seconds for _, seconds in given_up) < 1 + SLACK
