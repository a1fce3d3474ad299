"""Looks into Anthropic's stream on its way to a client of the same dialect; see `relay`."""

from typing import Any

import msgspec

from translator.dialect import ClientRequest
from translator.dialects.claude.errors import EMPTY, complaint, encode_stream_error
from translator.dialects.claude.usage import Counts, decode_usage, merged
from translator.losses import UpstreamComplaint
from translator.usage import Usage


class _Delta(msgspec.Struct):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


class _Content(msgspec.Struct):
    type: str = ""


class _Message(msgspec.Struct):
    usage: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    type: str = ""
    delta: _Delta | None = None
    content_block: _Content | None = None
    message: _Message | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_SPEAKING_BLOCKS = frozenset({"tool_use", "redacted_thinking"})


class Peek:
    keeps_comments = True
    __slots__ = ("_counts", "_is_broken", "events", "failure", "has_spoken", "is_done", "is_finished", "usage")

    def __init__(self) -> None:
        self._counts: Counts = {}
        self._is_broken = False
        self.has_spoken = False
        self.is_finished = False
        self.is_done = False
        self.usage: Usage | None = None
        self.failure: str | None = None
        self.events = 0

    def keeps(self, data: bytes) -> bool:
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        if self._is_broken:
            return False
        if event.type == "content_block_delta":
            self._hear(event.delta)
        elif event.error is not None or event.type == "error":
            return self._complain(event)
        else:
            self._note(event)
        return True

    def _hear(self, delta: _Delta | None) -> None:
        if delta is not None and (delta.text or delta.thinking or delta.partial_json or delta.signature):
            self.has_spoken = True
            self.events += 1

    def _note(self, event: _Event) -> None:
        if event.content_block is not None:
            self.has_spoken |= event.content_block.type in _SPEAKING_BLOCKS
        if event.message is not None:
            self._count(event.message.usage)
        if event.usage is not None:
            self._count(event.usage)
        self.is_done = event.type == "message_stop"
        if self.is_done and not self.is_finished and not self.has_spoken:
            raise UpstreamComplaint(502, EMPTY)
        if self.is_done or (event.delta is not None and event.delta.stop_reason):
            self.is_finished = self.has_spoken = True

    def _count(self, counts: Counts | None) -> None:
        self._counts = merged(self._counts, counts)
        self.usage = decode_usage(self._counts) or self.usage

    def _complain(self, event: _Event) -> bool:
        """An error in another shape than Anthropic's is not passed on: what follows the stream says it instead."""
        found = complaint(event.error)
        if not self.has_spoken:
            raise found
        self.failure = found.message
        self.is_done = is_well_formed = event.type == "error" and isinstance(event.error, dict)
        self._is_broken = not is_well_formed
        self.is_finished = False
        return is_well_formed

    def fail(self, status: int, message: str) -> bytes:
        return encode_stream_error(status, message)


def make_peek(request: ClientRequest) -> Peek:
    return Peek()
