"""One answer as each vendor sends it, whole and in a stream, and the 20 crossings it can take.

Job: `whole(source)`, `stream(source)`, `cross(...)`. Law: the same arguments give the same bytes, ids and all.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests import wire
from translator.crossing import StreamCrossing
from translator.dialect import ClientRequest, Dialect, Reply
from translator.dialects import DIALECTS
from translator.json_body import JsonBody
from translator.relay import Relay
from translator.toolbox import Toolbox

SOURCES = ("openai", "claude", "gemini", "responses")
TARGETS = (*SOURCES, "ollama")
CELLS = [(source, target) for source in SOURCES for target in TARGETS]
REPLY = Reply("r1", wire.CREATED, "asked-model")
CITY = 'Zürich 北🙂 "q" \\ \u2028'
CALLS = (wire.ToolCall("get_weather", {"city": CITY, "days": 3}, key="c1"), wire.ToolCall("get_time", {}, key="c2"))
SIGNED = "c2lnbmVk"
SAID: Mapping[str, Any] = {
    "thinking": "Let me think 思考.",
    "signature": SIGNED,
    "calls": CALLS,
    "usage": wire.Usage(90, 12, cached=40),
    "key": "k1",
}
PIECES = ("Hel", "lo ", "北🙂é\u2028!")
TEXT = "".join(PIECES)
WHOLE: Mapping[str, Callable[..., wire.Json]] = {
    "openai": wire.openai_answer,
    "claude": wire.claude_answer,
    "gemini": wire.gemini_answer,
    "responses": wire.responses_answer,
}
CHUNKS: Mapping[str, Callable[..., list[bytes]]] = {
    "openai": wire.openai_chunks,
    "claude": wire.claude_chunks,
    "gemini": wire.gemini_chunks,
    "responses": wire.responses_chunks,
}


def whole(source: str, *pieces: str, **facts: Any) -> wire.Json:
    return WHOLE[source](*(pieces or PIECES), **({**SAID, **facts}))


def stream(source: str, *pieces: str, **facts: Any) -> list[bytes]:
    return CHUNKS[source](*(pieces or PIECES), **({**SAID, **facts}))


def crossing(source: str, target: str, toolbox: Toolbox | None = None) -> StreamCrossing:
    return StreamCrossing(Dialect(source), Dialect(target), toolbox or Toolbox(), REPLY)


def cross(source: str, target: str, chunks: Iterable[bytes], toolbox: Toolbox | None = None) -> bytes:
    """The client's stream. Raises UpstreamComplaint."""
    made = crossing(source, target, toolbox)
    return b"".join([*map(made.feed, chunks), made.finish()])


def relay(dialect: str) -> Relay:
    """For a client that gets the upstream's bytes as they are."""
    request = ClientRequest(Dialect(dialect), JsonBody.parse(b"{}"), "m", is_streaming=True)
    return Relay(DIALECTS[Dialect(dialect)], request)


def pass_on(dialect: str, chunks: Iterable[bytes]) -> bytes:
    made = relay(dialect)
    return b"".join([*map(made.feed, chunks), made.finish()])
