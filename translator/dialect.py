"""What a dialect is: a wire format with a name, and a module that reads and writes it.

Every dialect's package has the same names with the same meaning, which `DialectModule` writes down. They are values and
functions: no Django, no sockets, no clock, no randomness. The table of them is `translator.dialects.DIALECTS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from translator.events import Event
from translator.families import Family
from translator.json_body import JsonBody
from translator.losses import Dropped
from translator.messages import Answer, Request
from translator.toolbox import Toolbox
from translator.usage import Usage


class Dialect(StrEnum):
    """The names by which catalogue, database and usage rows call the wire formats."""

    OPENAI = "openai"
    CLAUDE = "claude"
    GEMINI = "gemini"
    RESPONSES = "responses"
    OLLAMA = "ollama"
    """Spoken by clients alone; no request goes out in it."""


UPSTREAM_DIALECTS = frozenset({Dialect.OPENAI, Dialect.CLAUDE, Dialect.GEMINI, Dialect.RESPONSES})


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A client's request as far as routing and metering need it understood. `body` keeps the client's bytes."""

    dialect: Dialect
    body: JsonBody
    model: str
    is_streaming: bool
    shows_usage: bool = True
    """Whether the client expects usage at the end of a stream; only OpenAI's clients have to ask."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a request is encoded for: the vendor's own name of the model, and what that family of models takes."""

    model: str
    family: Family


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request in a target's words, what they could not say, and how its tools are called there."""

    body: dict[str, Any]
    dropped: tuple[Dropped, ...]
    toolbox: Toolbox


@dataclass(frozen=True, slots=True)
class Reply:
    """What an encoder needs beside the answer. `id` is unique, letters and digits; `created_at` is Unix time.

    `asked` is the client's body: the Responses API repeats much of it in each answer.
    """

    id: str
    created_at: int
    model: str = ""
    """Shown where the vendor does not name the model itself."""
    shows_usage: bool = True
    asked: Mapping[str, Any] = field(default_factory=dict)


class StreamDecoder(Protocol):
    """From the data of server-sent events to ours. Garbage is skipped; an error raises UpstreamComplaint."""

    def feed(self, data: bytes) -> list[Event]: ...

    def finish(self) -> list[Event]:
        """The upstream has closed: what was held back. Raises UpstreamComplaint when it closed in the middle."""
        ...


class StreamEncoder(Protocol):
    """From events in order (one block at a time, see `restoring`) to the bytes of a client's stream."""

    def feed(self, event: Event) -> bytes: ...

    def fail(self, status: int, message: str) -> bytes:
        """The end of a stream that cannot be finished, so that no client takes it for whole."""
        ...


class Peek(Protocol):
    """Looks into an upstream's stream that goes to a client of the same dialect as it is; see `relay`."""

    keeps_comments: bool
    """Whether the dialect's clients understand comments, which keep a connection alive."""
    has_spoken: bool
    """Something that a client would show was seen."""
    is_finished: bool
    """The answer is whole, though more (usage, an end mark) may follow."""
    is_done: bool
    """Nothing that follows is passed on."""
    failure: str | None
    events: int
    """Events that say something. Vendors send about one a token, so it serves as an estimate."""

    @property
    def usage(self) -> Usage | None: ...

    def keeps(self, data: bytes) -> bool:
        """Take note of one event's data; whether the event goes on to the client.

        Raises UpstreamComplaint for an error before anything was said.
        """
        ...

    def fail(self, status: int, message: str) -> bytes:
        """An error inside the stream, as `StreamEncoder.fail`."""
        ...


class DialectModule(Protocol):
    """The names every dialect's package has. Decoders raise InvalidRequest naming the member, encoders CannotSay."""

    @property
    def StreamDecoder(self) -> Callable[[], "StreamDecoder"]: ...  # noqa: N802 - it is a class

    @property
    def END_MARK(self) -> bytes:  # noqa: N802 - it is a constant
        """What ends a finished stream if the upstream left it out; empty where there is nothing."""
        ...

    @property
    def KEEP_ALIVE(self) -> bytes:  # noqa: N802 - it is a constant
        """What says to a waiting client, between two events, that somebody is there; empty where nothing is safe."""
        ...

    def read_request(self, body: JsonBody, model: str = "", is_streaming: bool | None = None) -> ClientRequest:
        """Check the members that every request has. Gemini's model and mode come from the path, as arguments."""
        ...

    def decode_request(self, value: Mapping[str, Any], model: str = "") -> Request: ...

    def encode_request(self, request: Request, target: Target) -> Encoded: ...

    def addressed(self, request: ClientRequest, model: str, asks_usage: bool) -> dict[str, bytes]:
        """Members to set in the client's own bytes, as JSON text, for an upstream of the same dialect."""
        ...

    def decode_response(self, value: Mapping[str, Any]) -> Answer:
        """Raises UpstreamComplaint: an error in the place of an answer."""
        ...

    def encode_response(self, answer: Answer, reply: Reply) -> dict[str, Any]: ...

    def read_answer(self, raw: bytes) -> Usage | None:
        """The usage of a whole answer that is passed on as it is. Raises UpstreamComplaint when it is none."""
        ...

    def make_stream_encoder(self, reply: Reply) -> StreamEncoder: ...

    def make_peek(self, request: ClientRequest) -> Peek: ...

    def encode_error(self, status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
        """The body of an error answer."""
        ...
