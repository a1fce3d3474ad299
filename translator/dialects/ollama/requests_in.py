"""A client's request for `/api/chat` (github.com/ollama/ollama/blob/main/docs/api.md), understood."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from translator import media
from translator.dialect import ClientRequest, Dialect
from translator.dialects.openai.tools_in import read_tools
from translator.json_body import JsonBody
from translator.losses import Dropped
from translator.messages import (
    Effort,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from translator.reading import Reader


def read_request(body: JsonBody, model: str = "", is_streaming: bool | None = None) -> ClientRequest:
    """The members that every request has. Answers are streamed unless the client says no.

    Raises InvalidRequest, naming the member.
    """
    reader = Reader(body.value)
    named = model or reader.text("model") or ""
    if not named.strip():
        raise reader.wrong("model", "must be the name of a model, for example `demo/echo`.")
    if not reader.items("messages"):
        raise reader.wrong("messages", "must be a list with at least one message.")
    streams = _streams(reader) if is_streaming is None else is_streaming
    return ClientRequest(Dialect.OLLAMA, body, named, is_streaming=streams)


def decode_request(value: Mapping[str, Any], model: str = "") -> Request:
    """Raises InvalidRequest, naming the member."""
    body = Reader(value)
    messages = [_message(item) for item in body.objects("messages")]
    if not messages:
        raise body.wrong("messages", "must be a list with at least one message.")
    spoken = next((number for number, said in enumerate(messages) if said.role is not Role.SYSTEM), len(messages))
    system = (part for message in messages[:spoken] for part in message.parts if isinstance(part, Text))
    tools, tools_left = read_tools(body)
    return Request(
        model or body.text("model") or "",
        tuple(messages[spoken:]),
        tuple(system),
        tools,
        knobs=_knobs(body),
        thinking=_thinking(body),
        output=_output(body),
        is_streaming=_streams(body),
        shows_usage=True,
        leftovers=(*_leftovers(body), *tools_left),
    )


def _streams(body: Reader) -> bool:
    return body.boolean("stream") is not False


# -- messages ---------------------------------------------------------------------------------------------------------


def _message(item: Reader) -> Message:
    item.required_text("role")
    read: Callable[[Reader], Message] = item.one_of("role", _ROLES)
    return read(item)


def _system(item: Reader) -> Message:
    return Message(Role.SYSTEM, _text(item))


def _user(item: Reader) -> Message:
    return Message(Role.USER, (*_text(item), *_images(item)))


def _assistant(item: Reader) -> Message:
    thought = item.text("thinking")
    parts: list[Part] = [Reasoning(thought)] if thought else []
    parts += _text(item)
    parts += _images(item)
    parts += (_call(call) for call in item.objects("tool_calls"))
    return Message(Role.ASSISTANT, tuple(parts))


def _tool(item: Reader) -> Message:
    """Results are told apart by name and order where there are no ids."""
    name = item.text("tool_name") or item.text("name") or ""
    result = ToolResult(item.text("tool_call_id") or "", (*_text(item), *_images(item)), name=name)
    return Message(Role.USER, (result,))


_ROLES: Mapping[str, Callable[[Reader], Message]] = {
    "system": _system,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
}


def _text(item: Reader) -> tuple[Text, ...]:
    said = item.text("content")
    return (Text(said),) if said else ()


def _images(item: Reader) -> Iterable[Media]:
    for number, image in enumerate(item.items("images")):
        at = f"images[{number}]"
        if not isinstance(image, str):
            raise item.wrong(at, "must be a picture in base64.")
        yield media.with_mime(media.of_base64(image, kind=MediaKind.IMAGE, at=item.at(at)), "image/jpeg")


def _call(call: Reader) -> ToolCall:
    function = call.object("function")
    arguments = function.value.get("arguments")
    text = arguments if isinstance(arguments, str) else function.json_text("arguments")
    return ToolCall(call.text("id") or "", function.required_text("name"), text)


# -- settings ---------------------------------------------------------------------------------------------------------

_KNOBS: Mapping[Knob, tuple[str, Callable[[Reader, str], Any]]] = {
    Knob.TEMPERATURE: ("temperature", lambda options, name: options.number(name, 0)),
    Knob.TOP_P: ("top_p", lambda options, name: options.number(name, 0, 1)),
    Knob.TOP_K: ("top_k", Reader.integer),
    Knob.SEED: ("seed", Reader.integer),
    Knob.PRESENCE_PENALTY: ("presence_penalty", Reader.number),
    Knob.FREQUENCY_PENALTY: ("frequency_penalty", Reader.number),
    Knob.STOP: ("stop", lambda options, name: tuple(filter(None, options.texts(name))) or None),
    Knob.MAX_TOKENS: ("num_predict", Reader.integer),
}
_OPTIONS = frozenset(name for name, _ in _KNOBS.values())
_READ = frozenset({"model", "messages", "tools", "stream", "format", "options", "think", "keep_alive"})


def _knobs(body: Reader) -> dict[Knob, Any]:
    options = body.object("options")
    found = {knob: read(options, name) for knob, (name, read) in _KNOBS.items()}
    if (found[Knob.MAX_TOKENS] or 0) < 1:
        del found[Knob.MAX_TOKENS]  # Endless, and as much as fits, are what others do by themselves.
    return {knob: value for knob, value in found.items() if value is not None}


_EFFORTS = {"low": Effort.LOW, "medium": Effort.MEDIUM, "high": Effort.HIGH, "max": Effort.MAX}


def _thinking(body: Reader) -> Thinking | None:
    think = body.value.get("think")
    if think is None or isinstance(think, bool):
        return None if think is None else Thinking(is_on=think, is_shown=think or None)
    return Thinking(is_on=True, effort=body.one_of("think", _EFFORTS), is_shown=True)


def _output(body: Reader) -> OutputFormat | None:
    form = body.value.get("format")
    if isinstance(form, str):
        return body.one_of("format", {"json": OutputFormat(), "": None})  # type: ignore[no-any-return]
    schema = body.mapping("format")
    return OutputFormat(schema) if schema else None


def _leftovers(body: Reader) -> Iterable[Dropped]:
    """How a local server is to run the model, for the most part."""
    for name, value in body.value.items():
        if name not in _READ and value:
            yield Dropped(name, "only Ollama has it")
    for name, value in body.object("options").value.items():
        if name not in _OPTIONS and value is not None:
            yield Dropped(f"options.{name}", "only Ollama has it")
