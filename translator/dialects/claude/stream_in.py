"""Anthropic's stream events to ours (docs.claude.com/en/docs/build-with-claude/streaming).

Blocks of the vendor's own tools become nothing. Blocks are numbered anew: some servers give each the index 0, or forget
to begin one. Thinking and text are told apart by the delta, so that the one never becomes the other.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
import orjson

from translator import signatures
from translator.dialects.claude.errors import EMPTY, complaint
from translator.dialects.claude.usage import Counts, decode_usage, merged
from translator.dialects.claude.vocabulary import MAKER, finish_of, maker_of
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.losses import UpstreamComplaint
from translator.messages import Part, Reasoning, Signature, Text, ToolCall
from translator.relay import CUT


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Content(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"")


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: _Content | None = None
    message: _Message | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode

_Opening: TypeAlias = Callable[[_Content, str], tuple[Part, str]]
"""From a block as it begins, and whose signatures it bears: our part, and what of it was said at once."""


def _open_text(content: _Content, maker: str) -> tuple[Part, str]:
    return Text(""), content.text or ""


def _open_thinking(content: _Content, maker: str) -> tuple[Part, str]:
    return Reasoning(""), content.thinking or ""


def _open_redacted(content: _Content, maker: str) -> tuple[Part, str]:
    signature = signatures.untagged(content.data, maker) if content.data else None
    return Reasoning("", signature, is_redacted=True), ""


def _open_call(content: _Content, maker: str) -> tuple[Part, str]:
    return ToolCall(content.id or "", content.name or ""), ""


_OPENINGS: Mapping[str, _Opening] = {
    "text": _open_text,
    "thinking": _open_thinking,
    "redacted_thinking": _open_redacted,
    "tool_use": _open_call,
}
_SAYS: Mapping[str, str] = {"text": "text_delta", "thinking": "thinking_delta", "tool_use": "input_json_delta"}
"""The deltas that say more of a block, by its type."""
_UNANNOUNCED: Mapping[str, str] = {"text_delta": "text", "thinking_delta": "thinking"}
"""Blocks that a delta alone can begin."""


class _Block:
    """A block of the vendor's that is open. One that becomes nothing has the number -1."""

    __slots__ = ("has_said", "input", "number", "says", "signature")

    def __init__(self, number: int, says: str | None, input: bytes = b"", signature: str = "") -> None:
        self.number = number
        self.says = says
        """The type of the deltas that say more of it."""
        self.input = input
        """Arguments that came whole with the beginning; they count if no delta brings any."""
        self.signature = signature
        self.has_said = False


class StreamDecoder:
    __slots__ = ("_blocks", "_counts", "_has_begun", "_is_over", "_maker", "_next", "_sequence", "_stop_reason")

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._counts: Counts = {}
        self._has_begun = False
        self._is_over = False
        self._maker = MAKER
        self._next = 0
        self._sequence: str | None = None
        self._stop_reason: str | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Raises UpstreamComplaint for an error."""
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return []
        if self._is_over:
            return []
        if event.error is not None or event.type == "error":
            raise complaint(event.error)
        handler = _HANDLERS.get(event.type)
        return handler(self, event) if handler else []

    def finish(self) -> list[Event]:
        """Raises UpstreamComplaint when the upstream closed in the middle."""
        if self._is_over:
            return []
        if self._stop_reason is None:
            raise UpstreamComplaint(502, CUT)
        return self._end()

    def _start(self, event: _Event) -> list[Event]:
        message = event.message or _Message()
        self._counts = merged(self._counts, message.usage)
        self._maker = maker_of(message.model or "")
        return self._begin(message.id or "", message.model or "")

    def _begin(self, id: str = "", model: str = "") -> list[Event]:
        if self._has_begun:
            return []
        self._has_begun = True
        return [Begin(id, model, decode_usage(self._counts))]

    def _open(self, event: _Event) -> list[Event]:
        content = event.content_block or _Content()
        events = [*self._begin(), *self._close(event)]
        opening = _OPENINGS.get(content.type)
        if opening is None:
            self._blocks[event.index] = _Block(-1, None)
            return events
        number, says = self._next, _SAYS.get(content.type)
        self._next += 1
        self._blocks[event.index] = _Block(number, says, bytes(content.input), content.signature or "")
        part, said = opening(content, self._maker)
        return [*events, Open(number, part), *([Delta(number, said)] if said else ())]

    def _more(self, event: _Event) -> list[Event]:
        delta = event.delta
        if delta is None:
            return []
        block = self._blocks.get(event.index)
        if block is None or block.says != delta.type:
            return self._aside(event, delta, block)
        text = delta.text or delta.thinking or delta.partial_json
        if not text:
            return []
        block.has_said = True
        return [Delta(block.number, text)]

    def _aside(self, event: _Event, delta: _Delta, block: _Block | None) -> list[Event]:
        """A delta that does not say more of its block: a signature, or one whose block was not announced."""
        if delta.type == "signature_delta" and block is not None:
            block.signature = delta.signature or block.signature
        kind = _UNANNOUNCED.get(delta.type)
        if kind is None or (block is not None and block.number < 0):
            return []
        event.content_block = _Content(kind)
        return [*self._open(event), *self._more(event)]

    def _close(self, event: _Event) -> list[Event]:
        block = self._blocks.pop(event.index, None)
        return self._closed(block) if block is not None and block.number >= 0 else []

    def _closed(self, block: _Block) -> list[Event]:
        signature = self._signature(block)
        if block.says != "input_json_delta" or block.has_said or _is_empty(block.input):
            return [Close(block.number, signature)]
        return [Delta(block.number, _arguments(block.input)), Close(block.number)]

    def _signature(self, block: _Block) -> Signature | None:
        return signatures.read(block.signature, self._maker)

    def _note(self, event: _Event) -> list[Event]:
        self._counts = merged(self._counts, event.usage)
        if event.delta is not None:
            self._stop_reason = self._stop_reason or event.delta.stop_reason
            self._sequence = self._sequence or event.delta.stop_sequence
        return self._begin()

    def _stop(self, event: _Event) -> list[Event]:
        if self._stop_reason is None and self._next == 0:
            raise UpstreamComplaint(502, EMPTY)
        return self._end()

    def _end(self) -> list[Event]:
        self._is_over = True
        closed = [each for block in self._blocks.values() if block.number >= 0 for each in self._closed(block)]
        finish = finish_of(self._stop_reason)
        return [*self._begin(), *closed, End(finish, decode_usage(self._counts), self._sequence)]


_HANDLERS: Mapping[str, Callable[[StreamDecoder, _Event], list[Event]]] = {
    "message_start": StreamDecoder._start,
    "content_block_start": StreamDecoder._open,
    "content_block_delta": StreamDecoder._more,
    "content_block_stop": StreamDecoder._close,
    "message_delta": StreamDecoder._note,
    "message_stop": StreamDecoder._stop,
}


def _is_empty(input: bytes) -> bool:
    return input.strip() in (b"", b"{}", b"null", b'""')


def _arguments(input: bytes) -> str:
    """As JSON text, also where a server sends the text of the object as a string."""
    return orjson.loads(input) if input.startswith(b'"') else input.decode()
