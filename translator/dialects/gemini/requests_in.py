"""A client's request, understood. Both spellings of member names are read, camelCase and snake_case."""

from collections.abc import Iterator, Mapping
from typing import Any

from translator.dialect import ClientRequest, Dialect
from translator.dialects.gemini.parts_in import message_of, role_of
from translator.dialects.gemini.settings_in import output_format, settings, thinking
from translator.dialects.gemini.tools_in import tool_choice, tools
from translator.dialects.gemini.vocabulary import camel, part_of, parts_of
from translator.json_body import JsonBody
from translator.losses import Dropped, InvalidRequest
from translator.messages import Message, Part, Reasoning, Request, Role, Text
from translator.reading import Reader

ONLY_HERE = "nothing outside Gemini has a word for it"
_READ = frozenset({"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model"})


def read_request(body: JsonBody, model: str = "", is_streaming: bool | None = None) -> ClientRequest:
    """The model and whether to stream stand in the path, not in the body. Raises InvalidRequest."""
    reader = Reader(camel(body.value))
    for content in _contents(reader):
        role_of(content)
    settings(part_of(reader, "generationConfig"), [])
    return ClientRequest(Dialect.GEMINI, body, model, bool(is_streaming))


def decode_request(value: Mapping[str, Any], model: str = "") -> Request:
    """Raises InvalidRequest, naming the member."""
    reader = Reader(camel(value))
    dropped: list[Dropped] = []
    config = part_of(reader, "generationConfig")
    return Request(
        model=model or (reader.text("model") or "").removeprefix("models/"),
        messages=tuple(_messages(reader, dropped)),
        system=_system(reader, dropped),
        tools=tuple(tools(reader, dropped)),
        tool_choice=tool_choice(reader, dropped),
        knobs=settings(config, dropped),
        thinking=thinking(config),
        output=output_format(config, dropped),
        leftovers=(*dropped, *_unknown(reader)),
    )


def _unknown(reader: Reader) -> Iterator[Dropped]:
    return (
        Dropped(name, ONLY_HERE)
        for name, value in reader.value.items()
        if name not in _READ and value not in (None, [], {})
    )


def _contents(reader: Reader) -> list[Reader]:
    contents = parts_of(reader, "contents")
    if not contents:
        raise InvalidRequest("`contents` must be a list with at least one content.", "contents")
    return contents


def _messages(reader: Reader, dropped: list[Dropped]) -> list[Message]:
    """One for each content, except that a model's are joined: SDKs keep each chunk of a stream as a content."""
    messages: list[Message] = []
    for content in _contents(reader):
        message = message_of(content, dropped)
        if messages and message.role is Role.ASSISTANT and messages[-1].role is Role.ASSISTANT:
            message = Message(Role.ASSISTANT, messages.pop().parts + message.parts)
        if message.parts:
            messages.append(message)
    return [_with_whole_parts(message) if message.role is Role.ASSISTANT else message for message in messages]


def _with_whole_parts(message: Message) -> Message:
    """Pieces of one text or one thought are one part, so that a signature covers all that it signs."""
    joined: list[Part] = []
    for part in message.parts:
        match joined[-1] if joined else None, part:
            case Text(before, None), Text(text, signature):
                joined[-1] = Text(before + text, signature)
            case Reasoning(before, None), Reasoning(text, signature, is_redacted=False):
                joined[-1] = Reasoning(before + text, signature)
            case _:
                joined.append(part)
    return message if len(joined) == len(message.parts) else Message(message.role, tuple(joined))


def _system(reader: Reader, dropped: list[Dropped]) -> tuple[Text, ...]:
    if isinstance(reader.value.get("systemInstruction"), str):
        return tuple(map(Text, filter(None, reader.texts("systemInstruction"))))
    content = part_of(reader, "systemInstruction")
    texts = [Text(text) for part in parts_of(content, "parts") if (text := part.text("text") or "")]
    dropped += [
        Dropped(f"{part.path}.{name}", "a system prompt is text alone")
        for part in parts_of(content, "parts")
        for name in part.value
        if name not in ("text", "thought", "thoughtSignature")
    ]
    return tuple(texts)
