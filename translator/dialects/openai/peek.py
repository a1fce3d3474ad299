"""A look into a chat stream whose bytes go on to a chat client as they are."""

from typing import Any

import msgspec

from translator.dialect import ClientRequest
from translator.dialects.openai.chunks import DONE, Choice, Chunk, decode_chunk, facts_of, is_complaint
from translator.dialects.openai.errors import complaint, encode_stream_error
from translator.dialects.openai.finishes import read_finish
from translator.dialects.openai.usage import latest
from translator.losses import UpstreamComplaint
from translator.usage import Usage


class _LateChoice(msgspec.Struct):
    finish_reason: Any = None
    usage: Any = None


class _LateChunk(msgspec.Struct):
    """What still matters of a chunk once something was said: no deltas."""

    choices: list[_LateChoice] | None = None
    usage: Any = None
    error: Any = None
    type: Any = None
    code: Any = None
    message: Any = None
    msg: Any = None


_decode_late = msgspec.json.Decoder(_LateChunk).decode


def _is_in_the_middle(chunk: Chunk | _LateChunk) -> bool:
    """Whether it only says more, as nearly all do."""
    if chunk.usage or chunk.error or not chunk.choices or len(chunk.choices) > 1:
        return False
    (choice,) = chunk.choices
    return choice.finish_reason is None and not choice.usage


class Peek:
    """Every event is looked into, for usage, errors and the end, and because garbage would break the client."""

    keeps_comments = True
    __slots__ = ("_shows_usage", "events", "failure", "has_spoken", "is_done", "is_finished", "usage")

    def __init__(self, shows_usage: bool) -> None:
        self._shows_usage = shows_usage
        self.has_spoken = False
        self.is_finished = False
        self.is_done = False
        self.usage: Usage | None = None
        self.failure: str | None = None
        self.events = 0

    def keeps(self, data: bytes) -> bool:
        if data.startswith(b"[") and data.strip() == DONE:
            self.is_done = self.is_finished = True
            return True
        try:
            chunk = _decode_late(data) if self.has_spoken else decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        self.events += 1
        if self.has_spoken and _is_in_the_middle(chunk):
            return True
        if is_complaint(chunk):
            return self._fail(complaint(facts_of(chunk), data))
        try:
            return self._notes(chunk)
        except UpstreamComplaint as failed:
            return self._fail(failed)

    def _notes(self, chunk: Chunk | _LateChunk) -> bool:
        if chunk.usage:
            self.usage = latest(self.usage, chunk.usage)
        for choice in chunk.choices or ():
            self._note(choice)
        if chunk.usage is None:
            return chunk.choices is not None
        return bool(chunk.choices) or self._shows_usage

    def _note(self, choice: Choice | _LateChoice) -> None:
        if choice.usage:
            self.usage = latest(self.usage, choice.usage)
        if choice.finish_reason is not None and read_finish(choice.finish_reason) is not None:
            self.has_spoken = self.is_finished = True
        if not self.has_spoken and isinstance(choice, Choice) and (said := choice.delta) is not None:
            words = said.content or said.reasoning_content or said.reasoning or said.refusal
            self.has_spoken = bool(words or said.tool_calls or said.function_call or said.images or said.audio)

    def _fail(self, failed: UpstreamComplaint) -> bool:
        """The event goes on, as the client's own kind of error, when it is too late for another."""
        if not self.has_spoken:
            raise failed
        self.failure = failed.message
        self.is_done = True
        return True

    def fail(self, status: int, message: str) -> bytes:
        return encode_stream_error(status, message)


def make_peek(request: ClientRequest) -> Peek:
    return Peek(request.shows_usage)
