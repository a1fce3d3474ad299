"""A stream of `/api/chat`: one JSON object a line, the last of them `done`."""

from typing import Any

import orjson

from translator.dialect import Reply
from translator.dialects.ollama.answers import ending, head, written
from translator.dialects.ollama.errors import encode_stream_error
from translator.dialects.openai.vocabulary import PARAGRAPH
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.messages import Part, Reasoning, Text, ToolCall

END_MARK = b""
KEEP_ALIVE = b""
"""Its clients take every line for JSON."""


class StreamEncoder:
    """Takes one block at a time, in order. A call is said when it is whole, since its arguments are an object."""

    __slots__ = ("_arguments", "_calls", "_has_thought", "_head", "_part", "_reply", "_separator")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._head: dict[str, Any] = head("", reply)
        self._part: Part = Text("")
        self._separator = ""
        self._has_thought = False
        self._arguments: list[str] = []
        self._calls = 0

    def feed(self, event: Event) -> bytes:
        match event:
            case Begin():
                self._head = head(event.model, self._reply)
                return b""
            case Open():
                self._open(event.part)
                return b""
            case Delta():
                return self._delta(event.text)
            case Close():
                return self._close()
            case End():
                return self._line({}, ending(event.finish, event.usage))

    def fail(self, status: int, message: str) -> bytes:
        return encode_stream_error(status, message)

    def _line(self, said: dict[str, Any], more: dict[str, Any] | None = None) -> bytes:
        message = {"role": "assistant", "content": "", **said}
        return orjson.dumps({**self._head, "message": message, **(more or {"done": False})}) + b"\n"

    def _open(self, part: Part) -> None:
        self._part = part
        self._arguments = []
        self._separator = PARAGRAPH if isinstance(part, Reasoning) and self._has_thought else ""

    def _delta(self, text: str) -> bytes:
        if isinstance(self._part, ToolCall):
            self._arguments.append(text)
            return b""
        text, self._separator = self._separator + text, ""
        if isinstance(self._part, Reasoning):
            self._has_thought = True
            return self._line({"thinking": text})
        return self._line({"content": text})

    def _close(self) -> bytes:
        if not isinstance(self._part, ToolCall):
            return b""
        call = ToolCall(self._part.id, self._part.name, "".join(self._arguments))
        self._calls += 1
        return self._line({"tool_calls": [written(call, self._calls - 1)]})


def make_stream_encoder(reply: Reply) -> StreamEncoder:
    return StreamEncoder(reply)
