"""From one dialect to another and back: a request on its way out, its answer on the way home.

`cross_request` decodes and encodes; `cross_response` does the same for a whole answer, `StreamCrossing` for one that
comes in pieces. Where both ends speak one dialect nothing here is used: see `relay`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from msgspec.structs import replace

from translator import embedded, restoring, sse
from translator.dialect import Dialect, Encoded, Reply, StreamDecoder, StreamEncoder, Target
from translator.dialects import DIALECTS
from translator.events import Delta, End, Event, Open, fold, unfold
from translator.families import family_of
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Part, Request
from translator.schemas import in_current_words
from translator.toolbox import Toolbox
from translator.usage import Usage


def target_of(dialect: Dialect, model: str) -> Target:
    return Target(model, family_of(model, dialect))


def cross_request(request: Request, dialect: Dialect, model: str) -> Encoded:
    """The request in the words of `dialect`, for the vendor's own `model`. Raises CannotSay."""
    return DIALECTS[dialect].encode_request(_with_current_schemas(request), target_of(dialect, model))


def _with_current_schemas(request: Request) -> Request:
    tools = tuple(replace(tool, schema=in_current_words(tool.schema)) for tool in request.tools)
    output = request.output
    if output is not None:
        output = replace(output, schema=in_current_words(output.schema))
    return replace(request, tools=tools, output=output)


def read_whole(source: Dialect, value: Mapping[str, Any], toolbox: Toolbox, id: str) -> Answer:
    """A vendor's whole answer, under the client's own names. Raises UpstreamComplaint."""
    try:
        answer = DIALECTS[source].decode_response(value)
    except UpstreamComplaint as complaint:
        raise embedded.explained(complaint, value) from None
    return fold(restoring.restore(unfold(answer), toolbox, id))


def read_usage(dialect: Dialect, raw: bytes) -> Usage | None:
    """The usage of a whole answer that is passed on as it is. Raises UpstreamComplaint when it is none."""
    try:
        return DIALECTS[dialect].read_answer(raw)
    except RecursionError:
        raise UpstreamComplaint(502, "the answer is nested too deep") from None
    except UpstreamComplaint as complaint:
        raise embedded.explained(complaint, raw) from None


def cross_response(source: Dialect, target: Dialect, value: Mapping[str, Any], toolbox: Toolbox, reply: Reply) -> bytes:
    """Raises UpstreamComplaint."""
    answer = read_whole(source, value, toolbox, reply.id)
    return orjson.dumps(DIALECTS[target].encode_response(answer, reply))


class StreamReader:
    """A vendor's stream as events in order. `events` counts those that say something."""

    __slots__ = ("_decoder", "_first", "_frames", "_restorer", "events", "has_spoken", "is_done", "usage")

    def __init__(self, source: Dialect, toolbox: Toolbox, id: str) -> None:
        self._decoder: StreamDecoder = DIALECTS[source].StreamDecoder()
        self._restorer = restoring.Restorer(toolbox, id)
        self._frames = sse.FrameBuffer()
        self._first = b""
        """The first event's data, or JSON that is no event: an error in another shape, where nothing else comes."""
        self.has_spoken = False
        self.is_done = False
        self.events = 0
        self.usage: Usage | None = None

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """To be read to its end. Raises UpstreamComplaint, after the events that came before it in the same chunk."""
        try:
            frames = self._frames.feed(chunk)
        except sse.FrameTooLarge as error:
            raise UpstreamComplaint(502, str(error)) from None
        if plain := sse.plain_data(frames):
            yield from self._read(plain)
        elif frames:
            for frame in sse.split(frames):
                yield from self._read(sse.data(frame))

    def finish(self) -> Iterator[Event]:
        """The rest, in the same way. Raises UpstreamComplaint when the answer was cut."""
        if tail := self._frames.finish():
            yield from self._read(sse.data(tail))
            self._first = self._first or sse.naked(tail)
        if not self.is_done:
            yield from self._ended()

    def _read(self, data: bytes) -> list[Event]:
        if not data or self.is_done:
            return []
        self._first = self._first or data
        try:
            return self._restored(self._decoder.feed(data))
        except RecursionError:  # Brackets without end: garbage like any other.
            return []
        except UpstreamComplaint as complaint:
            raise embedded.explained(complaint, data) from None

    def _ended(self) -> list[Event]:
        try:
            return self._restored(self._decoder.finish())
        except UpstreamComplaint as cut:
            raise cut if self.has_spoken else embedded.explained(cut, self._first) from None

    def _restored(self, decoded: list[Event]) -> list[Event]:
        return [self._noted(event) for each in decoded for event in self._restorer.feed(each)]

    def _noted(self, event: Event) -> Event:
        match event:
            case Delta():
                self.events += 1
            case Open():
                self.has_spoken = True
            case End(usage=usage):
                self.has_spoken = self.is_done = True
                self.usage = usage
        return event


class StreamCrossing:
    """A stream on its way to a client of another dialect. Same use as `relay.Relay`.

    An error raises UpstreamComplaint until something was said, and becomes the client's own afterwards. `parts` are
    what was said in the end, for signatures that the client cannot carry.
    """

    __slots__ = ("_encoder", "_reader", "_said", "failure")

    def __init__(self, source: Dialect, target: Dialect, toolbox: Toolbox, reply: Reply) -> None:
        self._reader = StreamReader(source, toolbox, reply.id)
        self._encoder: StreamEncoder = DIALECTS[target].make_stream_encoder(reply)
        self._said: list[Event] = []
        self.failure: str | None = None

    @property
    def has_spoken(self) -> bool:
        return self._reader.has_spoken

    @property
    def is_done(self) -> bool:
        return self._reader.is_done or self.failure is not None

    @property
    def usage(self) -> Usage | None:
        return self._reader.usage

    @property
    def events(self) -> int:
        return self._reader.events

    @property
    def parts(self) -> tuple[Part, ...]:
        return fold(self._said).parts if self.is_done and self.failure is None else ()

    def feed(self, chunk: bytes) -> bytes:
        return self._encoded(self._reader.feed(chunk))

    def finish(self) -> bytes:
        return b"" if self.is_done else self._encoded(self._reader.finish())

    def fail(self, status: int, message: str) -> bytes:
        self.failure = message
        return self._encoder.fail(status, message)

    def _encoded(self, events: Iterable[Event]) -> bytes:
        encoded: list[bytes] = []
        try:
            for event in events:
                self._said.append(event)
                encoded.append(self._encoder.feed(event))
        except UpstreamComplaint as complaint:
            if not self.has_spoken:
                raise
            encoded.append(self.fail(complaint.status, complaint.message))
        return b"".join(encoded)
