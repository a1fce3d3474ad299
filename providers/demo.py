"""A provider inside this process, so that everything can be tried without an account.

It is an httpx transport like any other way out, and speaks OpenAI Chat. The model's name says what happens: `echo`
repeats the last message, `lorem` streams a text word by word, `tool` calls a tool (the request's first, or
`get_weather`), `fail-NNN` answers with that status, `fail-midstream` breaks off in the middle.
"""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import orjson

LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo."
)
SECONDS_PER_WORD = 0.02
CHARACTERS_PER_TOKEN = 4

_numbers = itertools.count(1)

Json = dict[str, Any]


class PiecewiseStream(httpx.AsyncByteStream):
    """Pieces with a pause between them, as a model thinks."""

    def __init__(self, pieces: Iterator[bytes], pause: float) -> None:
        self._pieces = pieces
        self._pause = pause

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await asyncio.sleep(self._pause)
            yield piece


class BrokenStream(PiecewiseStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in itertools.islice(self._pieces, 4):
            await asyncio.sleep(self._pause)
            yield piece
        raise httpx.ReadError("the demo provider broke off, as its model's name promises")


class DemoTransport(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(await request.aread())
        model = asked["model"]
        if model not in ANSWERS:
            return _failure(model)
        message = ANSWERS[model](asked)
        usage = _usage(asked, message)
        if not asked.get("stream"):
            return _json(200, _completion(asked, message, usage))
        stream = BrokenStream if model == "fail-midstream" else PiecewiseStream
        pause = SECONDS_PER_WORD if model in ("lorem", "fail-midstream") else 0
        pieces = _events(asked, message, usage)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=stream(pieces, pause))


def _echo(asked: Json) -> Json:
    texts = [_text(message) for message in asked["messages"] if isinstance(message, dict)]
    return {"role": "assistant", "content": texts[-1] if texts else ""}


def _lorem(asked: Json) -> Json:
    return {"role": "assistant", "content": LOREM}


def _tool(asked: Json) -> Json:
    """Calls a tool; once its result is there, says what it was."""
    if isinstance(asked["messages"][-1], dict) and asked["messages"][-1].get("role") == "tool":
        return {"role": "assistant", "content": f"The tool said: {_text(asked['messages'][-1])}"}
    function = {"name": _first_tool(asked.get("tools")) or "get_weather", "arguments": '{"city":"Oslo"}'}
    call = {"id": f"call_demo{next(_numbers)}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _first_tool(tools: Any) -> str:
    """The first function's name; none where the request's tools are not what they should be."""
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return next((name for name in names if isinstance(name, str)), "")


ANSWERS: dict[str, Callable[[Json], Json]] = {
    "echo": _echo,
    "lorem": _lorem,
    "fail-midstream": _lorem,
    "tool": _tool,
}


def _text(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _usage(asked: Json, message: Json) -> Json:
    prompt = sum(map(_tokens, (_text(each) for each in asked["messages"] if isinstance(each, dict))))
    answer = _tokens(_text(message)) + 8 * len(message.get("tool_calls") or ())
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _head(asked: Json, kind: str) -> Json:
    name = f"chatcmpl-demo{next(_numbers)}"
    return {"id": name, "object": kind, "created": int(time.time()), "model": asked["model"]}


def _finish_reason(message: Json) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


def _completion(asked: Json, message: Json, usage: Json) -> Json:
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(message)}
    return _head(asked, "chat.completion") | {"choices": [choice], "usage": usage}


def _events(asked: Json, message: Json, usage: Json) -> Iterator[bytes]:
    head = _head(asked, "chat.completion.chunk")
    for delta in _deltas(message):
        yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": _finish_reason(message)}]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield _event(head | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _deltas(message: Json) -> Iterator[Json]:
    yield {"role": "assistant", "content": None if message.get("tool_calls") else ""}
    words = (message["content"] or "").split(" ")
    for number, word in enumerate(words if message["content"] else ()):
        yield {"content": word if number == 0 else f" {word}"}
    for index, call in enumerate(message.get("tool_calls", ())):
        yield {"tool_calls": [{"index": index, **call}]}


def _event(payload: Json) -> bytes:
    return b"data: %s\n\n" % orjson.dumps(payload)


def _failure(model: str) -> httpx.Response:
    """As `fail-NNN` says, or 404 for a model that is not there."""
    wanted = model.removeprefix("fail-")
    status = int(wanted) if re.fullmatch("[45][0-9]{2}", wanted) else 404
    said = f"fails with {status}, as its model's name promises" if status != 404 else f"has no model {model[:100]}"
    headers = {"retry-after": "2"} if status in (429, 503) else {}
    error = {"message": f"The demo provider {said}.", "type": "demo_error", "code": None}
    return _json(status, {"error": error}, headers)


def _json(status: int, payload: Json, headers: dict[str, str] | None = None) -> httpx.Response:
    response = httpx.Response(status, headers=headers, json=payload)
    return httpx.Response(status, headers=response.headers, stream=PiecewiseStream(iter([response.content]), 0))
