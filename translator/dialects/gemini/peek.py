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


class _LateCandidate(Struct):
    finishReason: str | None = None  # noqa: N815


class _LateChunk(Struct):
    """What still matters of a chunk once something was said: no parts."""

    candidates: list[_LateCandidate] | None = None
    usageMetadata: Raw = Raw(b"")  # noqa: N815
    promptFeedback: _Feedback | None = None  # noqa: N815
    error: Any = None


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: Raw = Raw(b"")  # noqa: N815
    promptFeedback: _Feedback | None = None  # noqa: N815
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_decode_late = msgspec.json.Decoder(_LateChunk).decode
_decode_counts = msgspec.json.Decoder(Counts | None).decode


class _Peek:
    keeps_comments = False
    __slots__ = ("_counts", "events", "failure", "has_spoken", "is_done", "is_finished")

    def __init__(self) -> None:
        self.has_spoken = False
        self.is_finished = False
        self.is_done = False
        """Only an error ends a stream; whatever follows a finish reason may still count."""
        self._counts: Raw = Raw(b"")
        """The last ones, which are read when they are wanted: each event brings some."""
        self.failure: str | None = None
        self.events = 0

    def keeps(self, data: bytes) -> bool:
        try:
            chunk = _decode_late(data) if self.has_spoken else _decode(data)
        except GARBAGE:
            return False
        if chunk.error:
            return self._complain(chunk.error)
        self.events += 1
        self._counts = chunk.usageMetadata or self._counts
        if chunk.promptFeedback is not None and chunk.promptFeedback.blockReason:
            self.has_spoken = self.is_finished = True
        for candidate in chunk.candidates or ():
            self._note(candidate)
        return True

    @property
    def usage(self) -> Usage | None:
        try:
            return decode_usage(_decode_counts(self._counts)) if self._counts else None
        except GARBAGE:
            return None

    def _note(self, candidate: _Candidate | _LateCandidate) -> None:
        if candidate.finishReason:
            self.has_spoken = self.is_finished = True
        elif not self.has_spoken and isinstance(candidate, _Candidate) and candidate.content is not None:
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
