"""The neutral vocabulary: what a client asks and what a model answers, whichever dialect either speaks.

Richer than every dialect, so that a decoder never has to throw away what some encoder could say. Values are frozen and
quick to make. What a dialect says and no other has a word for stands in `Request.leftovers`, where every crossing
reports it. JSON that is only passed through (schemas, tool arguments) stays as it came.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import Struct

from translator.losses import Dropped
from translator.usage import Usage

Json: TypeAlias = Mapping[str, Any]


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Signature(Struct, frozen=True):
    """A maker's opaque proof over its own reasoning. It goes back to the family that made it, unchanged, or nowhere.

    `maker` is the name of a `families.Family`.
    """

    maker: str
    value: str


class Cache(Struct, frozen=True):
    """A mark that the prompt up to here should be cached. `ttl` is Anthropic's, "5m" or "1h"; None is its default."""

    ttl: str | None = None


# -- parts ------------------------------------------------------------------------------------------------------------


class Text(Struct, frozen=True):
    text: str
    signature: Signature | None = None
    cache: Cache | None = None


class Reasoning(Struct, frozen=True):
    """What a model thought. Never shown as text. A redacted one has no text, its `signature` holds all there is."""

    text: str
    signature: Signature | None = None
    is_redacted: bool = False


class Refusal(Struct, frozen=True):
    """A model's words why it will not answer, in dialects that tell them from other text."""

    text: str


class MediaKind(StrEnum):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


class Media(Struct, frozen=True):
    """A picture, sound, film or document: exactly one of `data` (standard base64), `url` and `file_id` is set.

    `at` says where it stood in the client's request (`messages[2].content[1]`), for the error of a target without a
    word for it.
    """

    kind: MediaKind
    mime: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    name: str = ""
    detail: str | None = None
    cache: Cache | None = None
    at: str = ""


class ToolKind(StrEnum):
    FUNCTION = "function"
    FREEFORM = "freeform"
    """Takes plain text instead of a JSON object: a custom tool of OpenAI's."""
    LOCAL_SHELL = "local_shell"
    WEB_SEARCH = "web_search"
    """The vendor's own search, run on its side."""


class ToolCall(Struct, frozen=True):
    """`arguments` is JSON text of an object; of a freeform tool it is the input itself. `id` may be missing."""

    id: str
    name: str
    arguments: str = ""
    kind: ToolKind = ToolKind.FUNCTION
    namespace: str = ""
    signature: Signature | None = None


class ToolResult(Struct, frozen=True):
    """`name` is the tool's, in dialects that say it; `call_id` may be missing in those that pair by order."""

    call_id: str
    content: tuple[Text | Media, ...]
    is_error: bool = False
    name: str = ""
    cache: Cache | None = None


Part: TypeAlias = Text | Reasoning | Refusal | Media | ToolCall | ToolResult


class Message(Struct, frozen=True):
    """One turn. Tool calls stand in an assistant's, their results in the user's that follows it."""

    role: Role
    parts: tuple[Part, ...]


# -- tools ------------------------------------------------------------------------------------------------------------


class Tool(Struct, frozen=True):
    """`schema` is JSON Schema, None where the tool takes nothing or is no function; `grammar` is of freeform tools.

    `strict` is None where the client did not say; what that means differs by dialect, so decoders resolve it.
    """

    name: str
    description: str = ""
    schema: Json | None = None
    kind: ToolKind = ToolKind.FUNCTION
    strict: bool | None = None
    grammar: Json | None = None
    namespace: str = ""
    cache: Cache | None = None


class Choice(StrEnum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


class ToolChoice(Struct, frozen=True):
    """Which tools the model may or must call. `names` narrows it to some; REQUIRED with one name forces that tool."""

    choice: Choice
    names: tuple[str, ...] = ()


# -- settings ---------------------------------------------------------------------------------------------------------


class Knob(StrEnum):
    """Settings that tune an answer. Those a target has no word for are dropped and reported under this name."""

    MAX_TOKENS = "max_tokens"
    TEMPERATURE = "temperature"
    TOP_P = "top_p"
    TOP_K = "top_k"
    STOP = "stop"
    SEED = "seed"
    PRESENCE_PENALTY = "presence_penalty"
    FREQUENCY_PENALTY = "frequency_penalty"
    LOGPROBS = "logprobs"
    TOP_LOGPROBS = "top_logprobs"
    LOGIT_BIAS = "logit_bias"
    CHOICES = "n"
    PARALLEL_TOOL_CALLS = "parallel_tool_calls"
    USER = "user"
    SERVICE_TIER = "service_tier"
    VERBOSITY = "verbosity"
    PROMPT_CACHE_KEY = "prompt_cache_key"


class Effort(StrEnum):
    """How hard to think, in rising order."""

    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class Thinking(Struct, frozen=True):
    """The client's wish: not at all, or so hard (`effort`), or so long (`budget`, in tokens), or as the model likes.

    `is_shown` says whether the client wants to read it; None where it did not say.
    """

    is_on: bool
    effort: Effort | None = None
    budget: int | None = None
    is_shown: bool | None = None


class OutputFormat(Struct, frozen=True):
    """The answer is to be JSON: of this schema, or any object where `schema` is None."""

    schema: Json | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


# -- the two ends -----------------------------------------------------------------------------------------------------


class Request(Struct, frozen=True):
    """`system` stands before the conversation; a message of role SYSTEM somewhere within it.

    Values of `knobs`: STOP a tuple of str, LOGIT_BIAS a mapping, PARALLEL_TOOL_CALLS and LOGPROBS bool, USER,
    SERVICE_TIER, VERBOSITY and PROMPT_CACHE_KEY str, the others numbers.
    """

    model: str
    messages: tuple[Message, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    knobs: Mapping[Knob, Any] = {}
    thinking: Thinking | None = None
    output: OutputFormat | None = None
    is_streaming: bool = False
    shows_usage: bool = False
    """Whether the client asked for usage in a stream, in the one dialect where that is asked for."""
    leftovers: tuple[Dropped, ...] = ()


class Finish(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    FILTER = "filter"
    """The vendor's or the model's refusal."""
    PAUSE = "pause"
    """The vendor's own tool loop wants to go on in another request."""


class Answer(Struct, frozen=True):
    """`id` and `model` are the vendor's, empty where it gave none; `usage` is None where it counted nothing."""

    id: str
    model: str
    parts: tuple[Part, ...]
    finish: Finish
    usage: Usage | None = None
    stop_sequence: str | None = None
