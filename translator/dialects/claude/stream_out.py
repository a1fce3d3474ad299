"""Our events to Anthropic's stream: message_start, one block after the other, message_delta, message_stop.

The events come in order (`restoring`), so each block here is opened, told and closed before the next. Pictures are left
out, as in whole answers.
"""

import orjson

from translator.dialect import Reply
from translator.dialects.claude.answers import signed
from translator.dialects.claude.errors import encode_stream_error
from translator.dialects.claude.usage import encode_usage
from translator.dialects.claude.vocabulary import STOP_REASONS, CallIds, message_id
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.messages import Finish, Part, Reasoning, Refusal, Signature, Text, ToolCall

END_MARK = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
KEEP_ALIVE = b'event: ping\ndata: {"type": "ping"}\n\n'
_MORE = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
_TEXT, _THINKING = (b"text_delta", b"text"), (b"thinking_delta", b"thinking")
_ARGUMENTS, _SIGNATURE = (b"input_json_delta", b"partial_json"), (b"signature_delta", b"signature")


def _frame(kind: str, **members: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps({"type": kind, **members}))


def _delta(prefix: bytes, text: str) -> bytes:
    return prefix + orjson.dumps(text) + b"}}\n\n"


class StreamEncoder:
    __slots__ = ("_ids", "_index", "_part", "_prefix", "_reply")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._ids = CallIds()
        self._index = 0
        self._part: Part | None = None
        """What is open."""
        self._prefix = b""
        """A delta of the open block up to its text; empty while nothing is open that could say more."""

    def feed(self, event: Event) -> bytes:
        match event:
            case Delta(_, text):
                return _delta(self._prefix, text) if self._prefix else b""
            case Open(_, part):
                return self._open(part)
            case Close(_, signature):
                return self._close(signature)
            case Begin():
                return self._begin(event)
            case End():
                return self._end(event)

    def fail(self, status: int, message: str) -> bytes:
        return encode_stream_error(status, message)

    def _begin(self, event: Begin) -> bytes:
        message: dict[str, object] = {
            "id": message_id(event.id, self._reply.id),
            "type": "message",
            "role": "assistant",
            "model": event.model or self._reply.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(event.usage),
        }
        return _frame("message_start", message=message)

    def _open(self, part: Part) -> bytes:
        self._part = part
        match part:
            case Text() | Refusal():
                return self._opened({"type": "text", "text": ""}, *_TEXT)
            case Reasoning(is_redacted=False):
                return self._opened({"type": "thinking", "thinking": "", "signature": ""}, *_THINKING)
            case ToolCall(id, name):
                return self._opened(
                    {"type": "tool_use", "id": self._ids.legal(id), "name": name, "input": {}}, *_ARGUMENTS
                )
            case _:
                return b""

    def _opened(self, block: dict[str, object], kind: bytes, member: bytes) -> bytes:
        self._prefix = _MORE % (self._index, kind, member)
        return _frame("content_block_start", index=self._index, content_block=block)

    def _close(self, signature: Signature | None) -> bytes:
        part, is_open = self._part, bool(self._prefix)
        self._part, self._prefix = None, b""
        if not isinstance(part, Reasoning):
            return self._closed() if is_open else b""
        proof = signature or part.signature
        if not is_open:
            return self._redacted(signed(proof)) if proof else b""
        return _delta(_MORE % (self._index, *_SIGNATURE), signed(proof)) + self._closed()

    def _redacted(self, data: str) -> bytes:
        block = {"type": "redacted_thinking", "data": data}
        return _frame("content_block_start", index=self._index, content_block=block) + self._closed()

    def _closed(self) -> bytes:
        self._index += 1
        return _frame("content_block_stop", index=self._index - 1)

    def _end(self, event: End) -> bytes:
        sequence = event.stop_sequence if event.finish is Finish.STOP_SEQUENCE else None
        delta = {"stop_reason": STOP_REASONS[event.finish], "stop_sequence": sequence}
        return _frame("message_delta", delta=delta, usage=encode_usage(event.usage)) + END_MARK


def make_stream_encoder(reply: Reply) -> StreamEncoder:
    return StreamEncoder(reply)
