"""A look into a vendor's stream that goes to a client as it is."""

from typing import Any

import msgspec

from translator.dialect import ClientRequest
from translator.dialects.responses.errors import complaint, encode_stream_error
from translator.dialects.responses.usage import decode_usage
from translator.dialects.responses.vocabulary import CALLS
from translator.usage import Usage

_FINISHED = frozenset({"response.completed", "response.incomplete"})
_FAILED = frozenset({"response.failed", "response.cancelled", "error"})


class _Item(msgspec.Struct):
    type: str = ""


class _Event(msgspec.Struct):
    type: str | None = None
    sequence_number: Any = None
    response: msgspec.Raw = msgspec.Raw()
    item: msgspec.Raw = msgspec.Raw()


class _Response(msgspec.Struct):
    id: Any = None
    model: Any = None
    created_at: Any = None
    usage: Any = None


class _Failure(msgspec.Struct):
    response: Any = None
    error: Any = None
    code: Any = None
    message: Any = None


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_response = msgspec.json.Decoder(_Response).decode
_decode_item = msgspec.json.Decoder(_Item).decode
_decode_failure = msgspec.json.Decoder(_Failure).decode


def make_peek(request: ClientRequest) -> "ResponsesPeek":
    return ResponsesPeek()


class ResponsesPeek:
    """See `dialect.Peek`. An answer that ended, well or not, is followed by nothing."""

    keeps_comments = True
    __slots__ = ("_begun", "_number", "events", "failure", "has_spoken", "is_done", "is_finished", "usage")

    def __init__(self) -> None:
        self._begun = _Response()
        self._number: Any = None
        """Of the last event."""
        self.has_spoken = False
        self.is_finished = False
        self.is_done = False
        self.usage: Usage | None = None
        self.failure: str | None = None
        self.events = 0

    def keeps(self, data: bytes) -> bool:
        try:
            event = _decode_event(data)
            return self._notes(event, data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False

    def _notes(self, event: _Event, data: bytes) -> bool:
        kind = event.type
        if kind is None or kind in _FAILED:
            return self._complain(data, kind)
        self.events += 1
        self._number = event.sequence_number
        if kind == "response.created":
            self._begun = _decode_response(event.response)
        elif kind.endswith(".delta"):
            self.has_spoken = True
        elif kind == "response.output_item.added":
            self.has_spoken |= _decode_item(event.item).type in CALLS
        elif kind in _FINISHED:
            self.usage = decode_usage(_decode_response(event.response).usage)
            self.has_spoken = self.is_finished = self.is_done = True
        return True

    def _complain(self, data: bytes, kind: str | None) -> bool:
        """Data without a type is an error, or garbage."""
        found = _decode_failure(data)
        nested = found.response.get("error") if isinstance(found.response, dict) else None
        error = nested or found.error
        if kind is None and not error:
            return False
        told = complaint(error or {"code": found.code, "message": found.message})
        if not self.has_spoken:
            raise told
        self.failure = told.message
        self.is_done = True
        return True

    def fail(self, status: int, message: str) -> bytes:
        """The failure of the answer that was begun, under its own name and the next number."""
        begun = self._begun
        facts = {"id": begun.id, "model": begun.model, "created_at": begun.created_at}
        number = self._number + 1 if isinstance(self._number, int) else 0
        return encode_stream_error(status, message, number, {name: fact for name, fact in facts.items() if fact})
