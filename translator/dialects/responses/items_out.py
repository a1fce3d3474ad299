"""A conversation as items of `input`. Items carry no ids: nothing is stored at the vendor that one could name."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from msgspec.structs import replace

from translator import media
from translator.dialects.responses.vocabulary import action_of, read_object
from translator.losses import CannotSay
from translator.messages import (
    Media,
    MediaKind,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)

_WHO = "the Responses API"
_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_DETAILS = frozenset({"low", "high", "auto", "original"})
_PDF = "application/pdf"
_ROLES = {Role.USER: "user", Role.SYSTEM: "developer"}
_ERROR_IS_SAID_WITHIN = 40
"""Characters from the beginning."""


class ItemWriter:
    """Writes messages in order; remembers of which kind a call was, for its result."""

    __slots__ = ("_kinds", "items")

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self._kinds: dict[str, ToolKind] = {}

    def write(self, message: Message) -> None:
        """Raises CannotSay."""
        if message.role is Role.ASSISTANT:
            self._write_assistant(message.parts)
            return
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, ToolResult):
                self._flush(_ROLES[message.role], content)
                self._write_result(part)
            elif isinstance(part, Text | Media):
                content.append(_input_part(part))
        self._flush(_ROLES[message.role], content)

    def _write_assistant(self, parts: tuple[Part, ...]) -> None:
        content: list[dict[str, Any]] = []
        for part in _without_idle_reasoning(parts):
            if isinstance(part, Text | Refusal):
                content.append(_output_part(part))
                continue
            self._flush("assistant", content)
            if isinstance(part, ToolCall):
                self._kinds[part.id] = part.kind
                self.items.append(_call(part))
            elif isinstance(part, Reasoning):
                self.items.append(_reasoning(part))
        self._flush("assistant", content)
        # A picture the model made has no place among its own items, so it is shown to it.
        self._flush("user", [_input_part(part) for part in parts if isinstance(part, Media)])

    def _flush(self, role: str, content: list[dict[str, Any]]) -> None:
        if content:
            self.items.append({"type": "message", "role": role, "content": content.copy()})
            content.clear()

    def _write_result(self, result: ToolResult) -> None:
        kind = self._kinds.get(result.call_id, ToolKind.FUNCTION)
        if kind is ToolKind.LOCAL_SHELL:
            told = _output(replace(result, content=_texts_of(result)))
            self.items.append({"type": "local_shell_call_output", "id": result.call_id, "output": told})
            return
        name = "custom_tool_call_output" if kind is ToolKind.FREEFORM else "function_call_output"
        self.items.append({"type": name, "call_id": result.call_id, "output": _output(result)})


def _without_idle_reasoning(parts: Iterable[Part]) -> Iterator[Part]:
    """Reasoning that is signed and led to something; alone, the vendor refuses it."""
    held: list[Part] = []
    for part in parts:
        if isinstance(part, Reasoning):
            if part.signature is not None:
                held.append(part)
        elif not isinstance(part, Media):
            yield from held
            held = []
            yield part


def _output_part(part: Text | Refusal) -> dict[str, Any]:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text}


def _reasoning(reasoning: Reasoning) -> dict[str, Any]:
    """Only what the target signed itself is left by now."""
    summary = [{"type": "summary_text", "text": reasoning.text}] if reasoning.text else []
    proof = reasoning.signature.value if reasoning.signature is not None else None
    return {"type": "reasoning", "summary": summary, "encrypted_content": proof}


def _call(call: ToolCall) -> dict[str, Any]:
    if call.kind is ToolKind.FREEFORM:
        return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
    if call.kind is ToolKind.LOCAL_SHELL:
        action = action_of(call.arguments)
        return {"type": "local_shell_call", "call_id": call.id, "action": action, "status": "completed"}
    arguments = call.arguments if read_object(call.arguments) is not None else _as_object(call.arguments)
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def _as_object(arguments: str) -> str:
    """Arguments that were cut, or never an object."""
    return orjson.dumps({"raw": arguments}).decode() if arguments.strip() else "{}"


def _texts_of(result: ToolResult) -> tuple[Text | Media, ...]:
    for part in result.content:
        if isinstance(part, Media):
            raise media.refuse(part, _WHO, "in the output of a shell")
    return result.content


def _output(result: ToolResult) -> str | list[dict[str, Any]]:
    """One text; or a list of parts, where there is more than texts."""
    texts = [part.text for part in result.content if isinstance(part, Text)]
    mark = "Error: " if result.is_error and not _says_error(texts) else ""
    parts = [_input_part(part) for part in result.content]
    if all(part["type"] == "input_text" for part in parts):
        return mark + "\n".join(part["text"] for part in parts)
    return [{"type": "input_text", "text": mark.rstrip(": ")}, *parts] if mark else parts


def _says_error(texts: list[str]) -> bool:
    return bool(texts) and "error" in texts[0][:_ERROR_IS_SAID_WITHIN].lower()


def _input_part(part: Text | Media) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if part.file_id:
        raise CannotSay(
            f"`{part.at}`: a file id means nothing to another vendor; send the file itself.", part.at or None
        )
    if part.kind is MediaKind.IMAGE:
        return _image(part)
    if part.kind is MediaKind.DOCUMENT:
        return _document(part)
    raise media.refuse(part, _WHO)


def _image(image: Media) -> dict[str, Any]:
    typed = media.with_mime(image, "image/png")
    if typed.data and typed.mime not in _IMAGES:
        raise media.refuse(typed, _WHO)
    detail = image.detail if image.detail in _DETAILS else "auto"
    return {"type": "input_image", "image_url": media.data_url(typed), "detail": detail}


def _document(document: Media) -> dict[str, Any]:
    if document.url:
        return {"type": "input_file", "file_url": document.url}
    if media.is_text(document):
        return {"type": "input_text", "text": media.words(document)}
    if document.mime != _PDF:
        raise media.refuse(document, _WHO)
    name = document.name or "document"
    named = name if name.lower().endswith(".pdf") else f"{name}.pdf"
    return {"type": "input_file", "filename": named, "file_data": media.data_url(document)}
