"""What has to be known of a stream that goes from Gemini to a client of Gemini's as it is."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from translator.dialect import ClientRequest
from translator.dialects.gemini.errors import complaint, encode_stream_error
from translator.dialects.gemini.stream_in import GARBAGE
from translator.dialects.gemini.usage import Counts, decode_usage
from translator.usage import Usage

_SILENT = (b"", b'""', b"null")


class _Part(Struct):
    text: Raw = Raw(b"")
    functionCall: Raw = Raw(b"")  # noqa: N815
    inlineData: Raw = Raw(b"")  # noqa: N815

    def says_something(self) -> bool:
        return not (self.text in _SILENT and self.functionCall in _SILENT and self.inlineData in _SILENT)


class _Content(Struct):
    parts: list[_Part] | None = None


class _Candidate(Struct):
    content: _Content | None = None
    finishReason: str | None = None  # noqa: N815


class _Feedback(Struct):
    blockReason: str | None = None  # noqa: N815


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: Counts | None = None  # noqa: N815
    promptFeedback: _Feedback | None = None  # noqa: N815
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class _Peek:
    keeps_comments = False
    __slots__ = ("events", "failure", "has_spoken", "is_done", "is_finished", "usage")

    def __init__(self) -> None:
        self.has_spoken = False
        self.is_finished = False
        self.is_done = False
        """Only an error ends a stream; whatever follows a finish reason may still count."""
        self.usage: Usage | None = None
        self.failure: str | None = None
        self.events = 0

    def keeps(self, data: bytes) -> bool:
        try:
            chunk = _decode(data)
        except GARBAGE:
            return False
        if chunk.error:
            return self._complain(chunk.error)
        self.events += 1
        self.usage = decode_usage(chunk.usageMetadata) or self.usage
        if chunk.promptFeedback is not None and chunk.promptFeedback.blockReason:
            self.has_spoken = self.is_finished = True
        for candidate in chunk.candidates or ():
            self._note(candidate)
        return True

    def _note(self, candidate: _Candidate) -> None:
        if candidate.finishReason:
            self.has_spoken = self.is_finished = True
        elif not self.has_spoken and candidate.content is not None:
            self.has_spoken = any(part.says_something() for part in candidate.content.parts or ())

    def _complain(self, error: Any) -> bool:
        said = complaint(error)
        if not self.has_spoken:
            raise said
        self.failure, self.is_done = said.message, True
        return True

    def fail(self, status: int, message: str) -> bytes:
        return encode_stream_error(status, message)


def make_peek(request: ClientRequest) -> _Peek:
    return _Peek()
