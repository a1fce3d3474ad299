"""A conversation as Chat Completions takes it.

Law: the results of an assistant's calls follow it as tool messages of plain text, in the order of the calls, and what
they hold beside text stands in one user message after them. No message is without content.
"""

import re
from collections.abc import Iterable
from typing import Any, TypeGuard

import orjson
from msgspec.structs import replace

from translator import media, turns
from translator.dialects.openai import media_out, signed
from translator.dialects.openai.vocabulary import PARAGRAPH, is_openai
from translator.families import Family
from translator.messages import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Role,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)

IDS = turns.IdRule(illegal=re.compile(r"[^!-~]"), longest=40)
_ERROR = re.compile(r"\W*(\w+_)?error", re.I)


def conversation(request: Request, family: Family) -> list[dict[str, Any]]:
    """Raises CannotSay for a picture or document that has no place."""
    writer = _Writer(family)
    writer.system(request.system)
    for message in turns.in_order(_with_needed_reasoning(request.messages, family), IDS):
        writer.add(message)
    writer.flush()
    return writer.messages or [{"role": "user", "content": ""}]


def joined(texts: Iterable[str]) -> str:
    return PARAGRAPH.join(filter(None, texts))


# -- reasoning of earlier turns ---------------------------------------------------------------------------------------


def _with_needed_reasoning(messages: tuple[Message, ...], family: Family) -> Iterable[Message]:
    """Families that want their thoughts back want those of the tool loop that is going on, and no others."""
    start = _start_of_loop(messages) if family.replays_reasoning else len(messages)
    for number, message in enumerate(messages):
        yield message if number >= start else _without_reasoning(message)


def _start_of_loop(messages: tuple[Message, ...]) -> int:
    asked = (number for number, message in enumerate(messages) if _is_question(message))
    return max(asked, default=-1) + 1


def _is_question(message: Message) -> bool:
    return message.role is Role.USER and not any(isinstance(part, ToolResult) for part in message.parts)


def _without_reasoning(message: Message) -> Message:
    if not any(isinstance(part, Reasoning) for part in message.parts):
        return message
    return Message(message.role, tuple(part for part in message.parts if not isinstance(part, Reasoning)))


# -- messages ---------------------------------------------------------------------------------------------------------


class _Writer:
    def __init__(self, family: Family) -> None:
        self._family = family
        self._tells_refusals = is_openai(family)
        self._held: list[dict[str, Any]] = []
        """What earlier messages could not hold, for the next one of the user's."""
        self.messages: list[dict[str, Any]] = []

    def add(self, message: Message) -> None:
        match message.role:
            case Role.SYSTEM:
                self.flush()
                self.system(message.parts)
            case Role.ASSISTANT:
                self.flush()
                self._assistant(message.parts)
            case Role.USER:
                self._results(message.parts)
                self._user(message.parts)

    def system(self, parts: Iterable[Part]) -> None:
        found = [part for part in parts if isinstance(part, Media)]
        if found:
            raise media.refuse(found[0], media_out.WHO, "in a system message")
        if text := joined(part.text for part in parts if isinstance(part, Text)):
            self.messages.append({"role": "system", "content": text})

    def flush(self) -> None:
        if self._held:
            self.messages.append({"role": "user", "content": self._held})
            self._held = []

    def _user(self, parts: Iterable[Part]) -> None:
        said = [part for part in parts if isinstance(part, Text | Media)]
        if not self._held and all(isinstance(part, Text) for part in said):
            if text := joined(part.text for part in said if isinstance(part, Text)):
                self.messages.append({"role": "user", "content": text})
            return
        self._held += (self._part(part) for part in said)
        self.flush()

    def _part(self, part: Text | Media) -> dict[str, Any]:
        return {"type": "text", "text": part.text} if isinstance(part, Text) else media_out.part(part, self._family)

    def _results(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if isinstance(part, ToolResult):
                self.messages.append({"role": "tool", "tool_call_id": part.call_id, "content": _words(part)})
                seen = (found for found in part.content if isinstance(found, Media) and not media.is_text(found))
                self._held += (media_out.part(found, self._family) for found in seen)

    def _assistant(self, parts: tuple[Part, ...]) -> None:
        self._held += (media_out.part(part, self._family) for part in parts if isinstance(part, Media))
        refusal = joined(part.text for part in parts if isinstance(part, Refusal)) if self._tells_refusals else ""
        text = joined(part.text for part in parts if isinstance(part, Text) or self._is_plain_refusal(part))
        calls = [self._call(part) for part in parts if isinstance(part, ToolCall)]
        if not (text or refusal or calls):
            return
        thoughts = joined(part.text for part in parts if isinstance(part, Reasoning))
        optional = {"reasoning_content": thoughts, "refusal": refusal, "tool_calls": calls}
        message = {"role": "assistant", "content": text or None}
        self.messages.append(message | {name: value for name, value in optional.items() if value})

    def _is_plain_refusal(self, part: Part) -> TypeGuard[Refusal]:
        return isinstance(part, Refusal) and not self._tells_refusals

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.kind is ToolKind.FREEFORM:
            return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
        function = {"name": call.name, "arguments": object_text(call.arguments)}
        written: dict[str, Any] = {"id": call.id, "type": "function", "function": function}
        if call.signature is not None and self._family.maker == "gemini":
            written["extra_content"] = signed.extra_content(call.signature)
        return written


def object_text(arguments: str) -> str:
    """Arguments as JSON text of an object, whatever a model or a client wrote there."""
    if not arguments.strip():
        return "{}"
    try:
        found = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        found = None
    return arguments if isinstance(found, dict) else orjson.dumps({"raw": arguments}).decode()


def _words(result: ToolResult) -> str:
    """The text of a result, text documents among it; an error says that it is one."""
    said = (_text_of(part) for part in result.content)
    text = "\n".join(filter(None, said))
    if not result.is_error or _ERROR.match(text):
        return text
    return f"Error: {text}" if text else "Error"


def _text_of(part: Text | Media) -> str:
    if isinstance(part, Text):
        return part.text
    return media.words(part) if media.is_text(part) else ""


def instructed(request: Request, instruction: str) -> Request:
    """The request with one more thing to obey."""
    return replace(request, system=(*request.system, Text(instruction)))
