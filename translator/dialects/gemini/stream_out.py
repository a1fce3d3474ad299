"""A client's stream. Google ends lines with CRLF, names no events and marks no end.

A call goes out whole. It waits for the next event, so that the frame with the finish reason has something to say where
nothing else follows: SDKs forget an answer in which a frame had no parts.
"""

from typing import Any

import orjson

from translator.dialect import Reply
from translator.dialects.gemini.errors import encode_stream_error
from translator.dialects.gemini.parts_out import answer_parts
from translator.dialects.gemini.usage import encode_usage
from translator.dialects.gemini.vocabulary import FINISH_REASONS
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.messages import Media, Part, Reasoning, Refusal, Signature, Text, ToolCall

END_MARK = b""
KEEP_ALIVE = b"\n"
"""Its SDKs take every line that is not empty for JSON."""
_BEFORE = b'data: {"candidates":[{"content":{"parts":['
_BETWEEN = b'],"role":"model"},"index":0}'
_NOTHING = b'{"text":""}'
_FINISHED = b'],"role":"model"},"finishReason":"%s","index":0}'


class _StreamEncoder:
    __slots__ = ("_after", "_arguments", "_facts", "_part", "_reply", "_waiting")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._facts = b""
        """What every frame says of the answer."""
        self._after = b""
        self._part: Part | None = None
        self._arguments: list[str] = []
        self._waiting = b""
        self._tell(reply.id, reply.model)

    def feed(self, event: Event) -> bytes:
        match event:
            case Delta(_, text):
                return self._more(text)
            case Open(_, part):
                self._part = part
                return b""
            case Close(_, signature):
                return self._close(self._part, signature)
            case Begin(id, model):
                self._tell(id or self._reply.id, model or self._reply.model)
                return b""
            case End():
                return self._end(event)

    def fail(self, status: int, message: str) -> bytes:
        return encode_stream_error(status, message)

    def _tell(self, id: str, model: str) -> None:
        facts = orjson.dumps({"modelVersion": model, "responseId": id})
        self._facts = b"," + facts[1:] + b"\r\n\r\n"
        self._after = _BETWEEN + b"]" + self._facts

    def _more(self, text: str) -> bytes:
        if isinstance(self._part, ToolCall):
            self._arguments.append(text)
            return b""
        part = {"text": text, "thought": True} if isinstance(self._part, Reasoning) else {"text": text}
        return self._say(orjson.dumps(part))

    def _close(self, part: Part | None, signature: Signature | None) -> bytes:
        self._part = None
        match part:
            case ToolCall():
                said, self._arguments = "".join(self._arguments), []
                call = ToolCall(part.id, part.name, part.arguments + said, signature=signature or part.signature)
                return self._wait(call)
            case Media() | Reasoning(is_redacted=True):
                return self._wait(part)
            case Text() | Reasoning() if signature or part.signature:
                return self._wait(type(part)("", signature or part.signature))
            case Refusal() | _:
                return b""

    def _wait(self, part: Part) -> bytes:
        """Hold the part back until it is known whether something follows; what waited before goes out."""
        due = self._flush()
        self._waiting = b",".join(map(orjson.dumps, answer_parts(part)))
        return due

    def _flush(self) -> bytes:
        waiting, self._waiting = self._waiting, b""
        return _BEFORE + waiting + self._after if waiting else b""

    def _say(self, part: bytes) -> bytes:
        return self._flush() + _BEFORE + part + self._after

    def _end(self, event: End) -> bytes:
        last, self._waiting = self._waiting or _NOTHING, b""
        finished = _FINISHED % FINISH_REASONS.get(event.finish, "STOP").encode()
        counts: dict[str, Any] = {} if event.usage is None else {"usageMetadata": encode_usage(event.usage)}
        usage = b"," + orjson.dumps(counts)[1:-1] if counts else b""
        return _BEFORE + last + finished + b"]" + usage + self._facts


def make_stream_encoder(reply: Reply) -> _StreamEncoder:
    return _StreamEncoder(reply)
