"""The scripted upstream: the suite's one fake, a real HTTP server on loopback that does as it is told.

Job: log every request to the byte, then play the first scripted behaviour that fits, or the default answer.
Law: a behaviour is used once and in order, narrow filters before broad ones; a field that the vendor does not
document is refused before any script is looked at. Moments are `time.monotonic()`, durations are seconds.
Not here: what vendors say, which is in `tests/wire.py`.

    with ScriptedUpstream() as upstream:
        upstream.script(sse(openai_chunks("Hel", "lo"), gap=0.02), close_after(3), model="gpt")
        upstream.always(json(401), key="sk-revoked")

The same over HTTP: `POST /__script` with `{"behaviours": [{"do": "json", "status": 500}], "model": "gpt"}`,
`GET /__log`, `POST /__reset`. A coroutine waits with `await asyncio.to_thread(upstream.wait_for_calls, 2)`.
"""

import asyncio
import re
import socket
import struct
import threading
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from json import dumps
from secrets import token_hex
from time import monotonic, sleep
from typing import Any, Self

from tests import wire
from tests.calls import Call, Reader, TokenDesk, read_call
from tests.wire import Json

Headers = Mapping[str, str]

BEFORE_HEADERS = -1
GARBAGE = b"data: {this is no JSON\n\n"
RST_ON_CLOSE = struct.pack("ii", 1, 0)


class Ending(StrEnum):
    FINISH = "finish"
    HANG = "hang"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One answer: what is sent, how fast, and how it ends. Without `pieces` it is the endpoint's default."""

    status: int = 200
    headers: Headers = field(default_factory=dict)
    pieces: tuple[bytes, ...] | None = None
    streams: bool = False
    delay: float = 0.0
    first_gap: float = 0.0
    gap: float = 0.0
    ending: Ending = Ending.FINISH
    after: int | None = None
    garbage_at: int | None = None
    bytes_per_second: float = 0.0

    def head(self) -> bytes:
        length = str(sum(map(len, self.pieces or ())))
        framing = {"transfer-encoding": "chunked"} if self.streams else {"content-length": length}
        kind = "text/event-stream" if self.streams else "application/json"
        own = {name.lower(): text for name, text in self.headers.items()}
        lines = [f"{name}: {text}\r\n" for name, text in {"content-type": kind, **framing, **own}.items()]
        return f"HTTP/1.1 {self.status} Scripted\r\n{''.join(lines)}\r\n".encode("latin-1")

    def paced(self) -> Iterator[tuple[float, bytes]]:
        """The pieces to send, each with the seconds to wait before it."""
        pieces, gap = list(self.pieces or ()), self.gap
        if self.bytes_per_second:
            size = max(1, round(self.bytes_per_second / 20))
            pieces, gap = slices(b"".join(pieces), size), size / self.bytes_per_second
        elif self.after is not None and not self.streams:
            pieces = slices(b"".join(pieces), 16)
        for number, piece in enumerate(pieces[: self.after]):
            yield (gap if number else self.first_gap), piece

    async def play(self, call: Call, writer: asyncio.StreamWriter) -> bool:
        """Answer the call; true if its connection can serve another one."""
        await asyncio.sleep(self.delay)
        if self.after != BEFORE_HEADERS:
            writer.write(self.head())
            for gap, piece in self.paced():
                await asyncio.sleep(gap)
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self.streams else piece)
                await writer.drain()
                call.bytes_sent += len(piece)
        if self.ending is Ending.HANG:
            await asyncio.Event().wait()
        if self.ending is Ending.FINISH and self.streams:
            writer.write(b"0\r\n\r\n")
        if self.ending is Ending.RESET:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
            writer.transport.abort()
        call.ended_at = monotonic()
        return self.ending is Ending.FINISH and call.header("connection").lower() != "close"


DEFAULT = Behaviour()
Told = Behaviour | Callable[[Call], Behaviour]  # a callable answers what the call asks


def slices(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def json(status: int = 200, body: Any = None, headers: Headers | None = None, **pace: Any) -> Behaviour:
    """A body of its own, `str` and `bytes` as they are; without one the default answer, or error."""
    text = body if isinstance(body, str | bytes) else dumps(body)
    content = text.encode() if isinstance(text, str) else text
    return Behaviour(status, headers or {}, None if body is None else (content,), **pace)


def sse(events: Iterable[bytes | str | Json], **pace: Any) -> Behaviour:
    """Frames of `tests.wire`, or payloads yet to be framed. `pace` is any of `gap`, `first_gap`, `delay`."""
    frames = (event if isinstance(event, bytes) else wire.frame(event) for event in events)
    return Behaviour(pieces=tuple(frames), streams=True, **pace)


def sse_bytes(chunks: Iterable[bytes | str], **pace: Any) -> Behaviour:
    """Raw chunks, sent one by one, so that a frame can be cut anywhere. A `str` is taken as base64."""
    pieces = (b64decode(chunk) if isinstance(chunk, str) else chunk for chunk in chunks)
    return Behaviour(pieces=tuple(pieces), streams=True, **pace)


def redirect(url: str, status: int = 307) -> Behaviour:
    return json(status, b"", {"location": url})


def garbage_line_at(n: int, of: Behaviour = DEFAULT) -> Behaviour:
    return replace(of, garbage_at=n)


def slow_body(bytes_per_second: float, of: Behaviour = DEFAULT) -> Behaviour:
    return replace(of, bytes_per_second=bytes_per_second)


def ends(ending: Ending, n: int, of: Behaviour = DEFAULT) -> Behaviour:
    """Send `n` frames of `of` (of a body that is no stream, `n` times 16 bytes), then end like this."""
    return replace(of, after=n, ending=ending)


hang_after = partial(ends, Ending.HANG)
hang_before_headers = partial(hang_after, BEFORE_HEADERS)
hang_after_headers = partial(hang_after, 0)
rst_after = partial(ends, Ending.RESET)
close_after = partial(ends, Ending.CLOSE)  # a clean FIN, but the HTTP body lacks its end
end_after = partial(ends, Ending.FINISH)  # the HTTP body is whole, its events are not: the hardest cut to see

BEHAVIOURS: dict[str, Callable[..., Behaviour]] = {
    "json": json, "sse": sse, "sse_bytes": sse_bytes, "redirect": redirect, "slow_body": slow_body,
    "hang_before_headers": hang_before_headers, "hang_after_headers": hang_after_headers,
    "hang_after": hang_after, "rst_after": rst_after, "close_after": close_after, "end_after": end_after,
    "garbage_line_at": garbage_line_at,
}  # fmt: skip


def behaviour_from(order: Json) -> Behaviour:
    """`{"do": "close_after", "n": 3, "of": {"do": "sse", "events": [...]}}`"""
    arguments = {name: value for name, value in order.items() if name != "do"}
    if "of" in arguments:
        arguments["of"] = behaviour_from(arguments["of"])
    return BEHAVIOURS[order["do"]](**arguments)


@dataclass(frozen=True, slots=True)
class Order:
    """A behaviour and the calls it is for; without a path it leaves GETs and the token endpoint alone."""

    behaviour: Told
    stays: bool
    model: str
    key: str
    path: str

    def fits(self, call: Call) -> bool:
        asks_a_model = call.method == "POST" and not call.path.endswith("/oauth/token")
        right_place = call.path.endswith(self.path) if self.path else asks_a_model
        return right_place and self.model in call.model and self.key in ("", call.key)

    def rank(self) -> tuple[bool, int]:
        """What is meant for once comes before what stays, and narrow before broad."""
        return self.stays, -sum(map(bool, (self.model, self.key, self.path)))


class ScriptedUpstream:
    """The server, in a thread of its own. What it is told and has seen may be used from any thread."""

    def __init__(self, port: int = 0, strict: bool = True) -> None:
        self.port = port
        self.strict_by_default = strict
        self.open_connections = 0
        self.answering: set[asyncio.Task[bool]] = set()
        self.reset()

    def reset(self) -> None:
        """Forget scripts, calls and tokens, restore every default, cut off the answers that still run."""
        self.orders: list[Order] = []
        self.was_told = False
        self.calls: list[Call] = []
        self.tokens = TokenDesk()
        self.strict = self.strict_by_default
        self.allowed_fields: set[str] = set()
        self.models = ["scripted-model"]
        self.default_text = "Hello from the scripted upstream."
        self.default_thinking = ""
        self.default_calls: Sequence[wire.ToolCall] = ()
        self.default_usage = wire.Usage()
        self.cut_off()

    def cut_off(self) -> None:
        """End the answers that still run, wherever they are."""
        for task in list(self.answering):
            self.loop.call_soon_threadsafe(task.cancel)

    def start(self) -> Self:
        listening = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does not, lacking a proto
        self.port = listening.getsockname()[1]
        self.loop = asyncio.SelectorEventLoop()
        self.stopping = asyncio.Event()
        self.thread = threading.Thread(target=self.run, args=[listening], daemon=True)
        self.thread.start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on; `start` opens the same port again."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stopping.set)
            self.thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def script(self, *behaviours: Told, model: str = "", key: str = "", path: str = "") -> None:
        """Queue behaviours for calls whose model contains, whose key is, whose path ends in what is given."""
        self.was_told = True
        self.orders += [Order(behaviour, False, model, key, path) for behaviour in behaviours]

    def always(self, behaviour: Told, model: str = "", key: str = "", path: str = "") -> None:
        """Like `script`, but for good, and only when nothing is queued for the call."""
        self.was_told = True
        self.orders.append(Order(behaviour, True, model, key, path))

    def calls_to(self, ending: str) -> list[Call]:
        return [call for call in self.calls if call.path.endswith(ending)]

    def wait_until(self, claim: Callable[[], bool], timeout: float = 5.0) -> None:
        """Raises AssertionError, with what was seen, if the claim does not come true in time."""
        deadline = monotonic() + timeout
        while not claim():
            seen = [f"{call.method} {call.target}" for call in self.calls]
            assert monotonic() < deadline, f"not true within {timeout} s; calls: {seen}"
            sleep(0.002)

    def wait_for_calls(self, count: int, timeout: float = 5.0) -> list[Call]:
        self.wait_until(lambda: len(self.calls) >= count, timeout)
        return self.calls

    def wait_until_peer_closed(self, call: Call, timeout: float = 5.0) -> None:
        self.wait_until(lambda: call.peer_closed_at is not None, timeout)

    def run(self, listening: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self.serve(listening))

    async def serve(self, listening: socket.socket) -> None:
        def connected() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(Reader(), self.converse)

        server = await self.loop.create_server(connected, sock=listening)
        await self.stopping.wait()
        server.close()

    async def converse(self, reader: Any, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive from call to call."""
        writer.transport.set_write_buffer_limits(high=0)  # drained means: all of it is with the kernel
        self.open_connections += 1
        try:
            while await self.answer(await read_call(reader, writer), reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the peer has left, or the server stops
        finally:
            self.open_connections -= 1
            writer.close()

    async def answer(self, call: Call, reader: Reader, writer: asyncio.StreamWriter) -> bool:
        task = asyncio.create_task(self.behaviour_for(call).play(call, writer))
        self.answering.add(task)
        reader.left.add_done_callback(lambda _: task.cancel())
        await asyncio.wait([task])
        self.answering.discard(task)
        if reader.left.done() and call.ended_at is None:
            call.peer_closed_at = reader.left.result()
        return not task.cancelled() and task.result()

    def behaviour_for(self, call: Call) -> Behaviour:
        """The control's answer, the refusal, or the scripted behaviour with the default in its gaps."""
        if call.path.startswith("/__"):
            return self.control(call)
        call.refused = self.complaint(call)
        self.calls.append(call)
        if call.refused:
            return self.default_for(call, 400)
        behaviour = self.next_behaviour(call)
        whole = self.default_for(call, behaviour.status) if behaviour.pieces is None else behaviour
        pieces = list(whole.pieces or ())
        if behaviour.garbage_at is not None:
            pieces.insert(behaviour.garbage_at, GARBAGE)
        return replace(behaviour, status=whole.status, pieces=tuple(pieces), streams=whole.streams)

    def complaint(self, call: Call) -> str:
        endpoint = wire.endpoint_of(call.path)
        if endpoint is None or not self.strict:
            return ""
        if not call.fields and call.body.strip() != b"{}":
            return "The body is not a JSON object."
        return endpoint.complaint(call.fields, self.allowed_fields)

    def next_behaviour(self, call: Call) -> Behaviour:
        fitting = sorted((order for order in self.orders if order.fits(call)), key=Order.rank)
        if not fitting:
            return DEFAULT
        if not fitting[0].stays:
            self.orders.remove(fitting[0])
        told = fitting[0].behaviour
        return told if isinstance(told, Behaviour) else told(call)

    def default_for(self, call: Call, status: int) -> Behaviour:
        """What the vendor would say: its error for a bad status, else a good answer, streamed if so asked."""
        endpoint = wire.endpoint_of(call.path)
        if status >= 400:
            error = endpoint.error if endpoint else wire.openai_error
            return json(status, error(status, call.refused or f"scripted {status}"))
        if call.path.endswith("/oauth/token"):
            return json(*self.tokens.redeem(call))
        if call.path.endswith("/models"):
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in self.models]
            return json(200, {"object": "list", "data": listed})
        if endpoint is None:
            return json(404, wire.openai_error(404, f"nothing is served at {call.path}"))
        return self.spoken(call, endpoint)

    def spoken(self, call: Call, endpoint: wire.Endpoint) -> Behaviour:
        facts, pieces = self.facts_for(call), re.findall(r"\s*\S+", self.default_text)
        if endpoint.ending == "/embeddings":
            pieces = texts_of(call.fields.get("input"))
        is_gemini = endpoint.ending.startswith(":")
        if endpoint.chunks is None or not (is_gemini or call.fields.get("stream")):
            return json(200, endpoint.answer(*pieces, **facts))
        frames = endpoint.chunks(*pieces, **facts)
        if is_gemini and call.query.get("alt") != "sse":
            return json(200, b"[" + b",".join(frame.removeprefix(b"data: ") for frame in frames) + b"]")
        return sse(frames)

    def facts_for(self, call: Call) -> dict[str, Any]:
        """The defaults, the ids of tool calls renewed, and what the request wishes."""
        calls = [replace(tool, key=token_hex(12)) for tool in self.default_calls]
        said = {"calls": calls, "thinking": self.default_thinking, "usage": self.default_usage}
        options = call.fields.get("stream_options") or {}
        shape = {"encoding_format": call.fields.get("encoding_format", "float")}
        return {"model": call.model, **said, **shape, "include_usage": bool(options.get("include_usage"))}

    def control(self, call: Call) -> Behaviour:
        match call.method, call.path:
            case "POST", "/__script":
                told = call.json
                tell = self.always if told.pop("always", False) else self.script
                for behaviour in map(behaviour_from, told.pop("behaviours")):
                    tell(behaviour, **told)
            case "POST", "/__reset":
                self.reset()
            case "GET", "/__log":
                return json(200, [call.row() for call in self.calls])
            case _:
                return json(404, {"error": f"{call.method} {call.path} is none of the upstream's controls"})
        return json(200, {})


def texts_of(given: Any) -> list[str]:
    """The inputs of an embeddings request: one or several, each a text or a list of tokens."""
    is_one = not isinstance(given, list) or not given or isinstance(given[0], int)
    return [str(one) for one in ([given] if is_one else given)]
