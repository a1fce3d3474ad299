"""A client's request as one candidate gets it, and that candidate's answer on the way back to the client.

Where both speak one dialect, the client's bytes go out with a few members edited, and the answer's come back as they
are. Otherwise both are translated. What an upstream streams unasked is put together for a client that wants one piece,
and taken apart the other way round.
"""

import dataclasses
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import orjson

from combos.candidates import Candidate
from translator import crossing, echoes, quirks, sse
from translator.crossing import StreamCrossing, StreamReader
from translator.dialect import ClientRequest, Dialect, Reply
from translator.dialects import DIALECTS, responses
from translator.events import fold, unfold
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Part, Request
from translator.quirks import Streaming
from translator.relay import CUT, Relay
from translator.toolbox import Toolbox
from translator.usage import Usage

STREAM = "text/event-stream"
NO_TOOLS = Toolbox()
_UNPRINTABLE = re.compile(r"[^ -~]")
MOST_CHARACTERS_OF_DROPPED = 1000


@dataclass(frozen=True, slots=True)
class Spoken:
    """An answer that is whole: the client's bytes, what it used, and what was said where it was translated."""

    body: bytes
    usage: Usage | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    asked: ClientRequest
    dialect: Dialect
    """The upstream's."""
    body: bytes
    streams: bool
    """Whether the upstream is asked for a stream."""
    dropped: tuple[str, ...]
    toolbox: Toolbox
    reply: Reply

    @property
    def is_same(self) -> bool:
        return self.dialect is self.asked.dialect

    def stream(self) -> Relay | StreamCrossing:
        """For an upstream that streams to a client that does."""
        if self.is_same:
            return Relay(DIALECTS[self.dialect], self.asked)
        return StreamCrossing(self.dialect, self.asked.dialect, self.toolbox, self.reply)

    def reader(self) -> StreamReader:
        """For an upstream that streams to a client that does not."""
        return StreamReader(self.dialect, self.toolbox, self.reply.id)

    def spoken(self, raw: bytes) -> Spoken:
        """A whole answer for a client that wants one. Raises UpstreamComplaint."""
        if self.is_same:
            return Spoken(raw, crossing.read_usage(self.dialect, raw))
        return self._in_one_piece(self._read(raw))

    def put_together(self, reader: StreamReader, raw: bytes) -> Spoken:
        """A whole stream for a client that wants one piece. Raises UpstreamComplaint."""
        answer = fold([*reader.feed(raw), *reader.finish()])
        if self.is_same and self.dialect is Dialect.RESPONSES:
            return Spoken(_final_response(raw), answer.usage, answer.parts)
        return self._in_one_piece(answer)

    def taken_apart(self, raw: bytes) -> Spoken:
        """A whole answer for a client that wants a stream. Raises UpstreamComplaint."""
        answer = self._read(raw)
        encoder = DIALECTS[self.asked.dialect].make_stream_encoder(self.reply)
        return Spoken(b"".join(map(encoder.feed, unfold(answer))), answer.usage, answer.parts)

    def _read(self, raw: bytes) -> Answer:
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise UpstreamComplaint(502, "the answer is no JSON object: " + raw[:200].decode("utf-8", "replace"))
        return crossing.read_whole(self.dialect, value, self.toolbox, self.reply.id)

    def _in_one_piece(self, answer: Answer) -> Spoken:
        encoded = DIALECTS[self.asked.dialect].encode_response(answer, self.reply)
        try:
            return Spoken(orjson.dumps(encoded), answer.usage, answer.parts)
        except orjson.JSONEncodeError as error:
            raise UpstreamComplaint(502, f"the answer cannot be written: {error}") from None


def _final_response(raw: bytes) -> bytes:
    """The answer's own JSON, which says more than our understanding of it. Raises UpstreamComplaint."""
    folding = responses.Folding()
    for frame in sse.split(raw):
        folding.feed(sse.data(frame))
    if folding.response is None:
        raise UpstreamComplaint(502, CUT)
    return folding.response


def addressed(asked: ClientRequest, candidate: Candidate, reply_id: str, *, with_reasoning: bool = True) -> Outgoing:
    """The client's own bytes, for a candidate of the client's dialect."""
    dialect, model = candidate.endpoint.dialect, candidate.model.upstream_id
    family = crossing.target_of(dialect, model).family
    streams = _streams(asked, candidate)
    sent = asked if streams is asked.is_streaming else dataclasses.replace(asked, is_streaming=streams)
    changes = DIALECTS[dialect].addressed(sent, model, candidate.endpoint.stream_usage)
    changes |= echoes.edits(dialect, asked.body, family.maker, with_own=with_reasoning)
    edits = quirks.edits(asked.body, _quirks(candidate))
    removals = edits.removals
    if sent is not asked and dialect is not Dialect.GEMINI:
        changes["stream"] = orjson.dumps(streams)
        removals = removals if streams else [*removals, "stream_options"]
    body = asked.body.with_members(changes | edits.changes, removals)
    return Outgoing(asked, dialect, body, streams, tuple(edits.dropped), NO_TOOLS, reply_of(asked, reply_id))


def translated(asked: ClientRequest, request: Request, candidate: Candidate, reply_id: str) -> Outgoing:
    """The request in the candidate's dialect. Raises CannotSay."""
    dialect = candidate.endpoint.dialect
    streams = _streams(asked, candidate)
    sent = msgspec.structs.replace(request, is_streaming=streams)
    encoded = crossing.cross_request(sent, dialect, candidate.model.upstream_id)
    body, dropped = quirks.applied(encoded.body, _quirks(candidate))
    names = (*(each.what for each in encoded.dropped), *dropped)
    return Outgoing(
        asked,
        dialect,
        orjson.dumps(body),
        streams,
        tuple(dict.fromkeys(names)),
        encoded.toolbox,
        reply_of(asked, reply_id),
    )


def _quirks(candidate: Candidate) -> quirks.Quirks:
    model = candidate.model
    known = model.id in candidate.provider.models
    return model.quirks if known else candidate.provider.quirks_of(model.upstream_id)


def _streams(asked: ClientRequest, candidate: Candidate) -> bool:
    match candidate.endpoint.streaming:
        case Streaming.ONLY:
            return True
        case Streaming.NEVER:
            return False
    return asked.is_streaming


def reply_of(asked: ClientRequest, reply_id: str) -> Reply:
    return Reply(reply_id, int(time.time()), asked.model, asked.shows_usage, asked.body.value)


def header_of(dropped: Iterable[str]) -> str:
    """What was dropped, as a header can carry it."""
    return _UNPRINTABLE.sub("?", ", ".join(dropped))[:MOST_CHARACTERS_OF_DROPPED]
