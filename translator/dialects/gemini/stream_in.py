"""An upstream's stream, understood: each event is a whole GenerateContentResponse with the parts that are new.

A call comes in one piece, so it is a block of its own, however many there are; text goes on until another kind of part
comes. No mark ends a stream: it is whole when a finish reason was seen and the upstream closed.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from translator import media
from translator.dialects.gemini.errors import complaint
from translator.dialects.gemini.usage import Counts, decode_usage
from translator.dialects.gemini.vocabulary import FAILURES, finish_of, maker_of
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.losses import InvalidRequest, UpstreamComplaint
from translator.messages import Finish, Media, Part, Reasoning, Signature, Text, ToolCall
from translator.relay import CUT
from translator.signatures import untagged_base64


class _Call(Struct):
    id: str | None = None
    name: str | None = None
    args: Raw = Raw(b"")


class _Blob(Struct):
    mimeType: str | None = None  # noqa: N815
    data: str | None = None


class _Part(Struct):
    text: str | None = None
    thought: bool | None = None
    thoughtSignature: str | None = None  # noqa: N815
    functionCall: _Call | None = None  # noqa: N815
    inlineData: _Blob | None = None  # noqa: N815


class _Content(Struct):
    parts: list[_Part] | None = None


class _Candidate(Struct):
    content: _Content | None = None
    finishReason: str | None = None  # noqa: N815
    finishMessage: str | None = None  # noqa: N815
    index: int | None = None


class _Feedback(Struct):
    blockReason: str | None = None  # noqa: N815


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: Counts | None = None  # noqa: N815
    modelVersion: str | None = None  # noqa: N815
    responseId: str | None = None  # noqa: N815
    promptFeedback: _Feedback | None = None  # noqa: N815
    error: Any = None
    response: Raw = Raw(b"")
    """The whole of it, from endpoints that wrap their answers."""


GARBAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading raises: no JSON, another shape, or brackets without end."""

_decode = msgspec.json.Decoder(_Chunk).decode
_decode_list = msgspec.json.Decoder(list[_Chunk]).decode


def chunk_of(data: bytes) -> _Chunk | None:
    """What one event says; None where it is garbage."""
    try:
        if not data.isascii():
            data.decode()  # Arguments are kept undecoded, so nobody else would notice.
        chunk = _decode(data) if data[:1] != b"[" else next(iter(_decode_list(data)), None)
        return chunk_of(bytes(chunk.response)) if chunk is not None and chunk.response else chunk
    except GARBAGE:
        return None


class StreamDecoder:
    __slots__ = ("_begun", "_counts", "_finish", "_index", "_maker", "_open")

    def __init__(self) -> None:
        self._begun = False
        self._index = -1
        """Of the block that was opened last."""
        self._open: type[Text] | type[Reasoning] | None = None
        """What kind of block is still open, if any."""
        self._maker = ""
        self._finish: Finish | None = None
        self._counts: Counts | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Raises UpstreamComplaint: an error, or an answer that went wrong."""
        chunk = chunk_of(data)
        if chunk is None:
            return []
        if chunk.error:
            raise complaint(chunk.error)
        if chunk.usageMetadata:
            self._counts = chunk.usageMetadata
        events: list[Event] = [] if self._begun else [self._begin(chunk)]
        if chunk.promptFeedback is not None and chunk.promptFeedback.blockReason and self._finish is None:
            self._finish = Finish.FILTER
        for candidate in chunk.candidates or ():
            if not candidate.index:
                self._read(candidate, events)
        return events

    def finish(self) -> list[Event]:
        if self._finish is None:
            raise UpstreamComplaint(502, CUT)
        return [*self._close(), End(self._finish, decode_usage(self._counts))]

    def _begin(self, chunk: _Chunk) -> Begin:
        self._begun = True
        model = chunk.modelVersion or ""
        self._maker = maker_of(model)
        return Begin(chunk.responseId or "", model, decode_usage(chunk.usageMetadata))

    def _read(self, candidate: _Candidate, events: list[Event]) -> None:
        if candidate.content is not None:
            for part in candidate.content.parts or ():
                self._read_part(part, events)
        reason = candidate.finishReason
        if reason in FAILURES:
            said = f": {candidate.finishMessage}" if candidate.finishMessage else ""
            raise UpstreamComplaint(502, f"the model stopped with {reason}{said}")
        if reason:
            self._finish = finish_of(reason)

    def _read_part(self, part: _Part, events: list[Event]) -> None:
        signature = untagged_base64(part.thoughtSignature, self._maker) if part.thoughtSignature else None
        if part.functionCall is not None:
            if part.functionCall.name:
                self._say_whole(_tool_call(part.functionCall, signature), _arguments(part.functionCall), events)
        elif part.inlineData is not None:
            picture = None if part.thought else _media(part.inlineData)
            if picture is not None:
                self._say_whole(picture, "", events)
        elif part.text or signature is not None:
            self._say(Reasoning if part.thought else Text, part.text or "", signature, events)

    def _say(
        self, kind: type[Text] | type[Reasoning], text: str, signature: Signature | None, events: list[Event]
    ) -> None:
        """More of the open block, or of a new one. A signature ends it, for it signs what came before."""
        if not text and self._open is None:
            kind = Reasoning
        if self._open is not kind and (text or self._open is None):
            events += self._close()
            self._index += 1
            self._open = kind
            events.append(Open(self._index, kind("")))
        if text:
            events.append(Delta(self._index, text))
        if signature is not None:
            events += self._close(signature)

    def _say_whole(self, part: Part, text: str, events: list[Event]) -> None:
        events += self._close()
        self._index += 1
        events.append(Open(self._index, part))
        if text:
            events.append(Delta(self._index, text))
        events.append(Close(self._index))

    def _close(self, signature: Signature | None = None) -> list[Event]:
        if self._open is None:
            return []
        self._open = None
        return [Close(self._index, signature)]


def _tool_call(call: _Call, signature: Signature | None) -> ToolCall:
    return ToolCall(call.id or "", call.name or "", signature=signature)


def _arguments(call: _Call) -> str:
    args = bytes(call.args)
    return args.decode() if args.startswith(b"{") else "{}"


def _media(blob: _Blob) -> Media | None:
    try:
        return media.of_base64(blob.data or "", blob.mimeType or "")
    except InvalidRequest:
        return None
