"""Parts of an answer as items of `output`, whole ones and those that only begin; and the parts that items hold."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from translator import media
from translator.dialects.responses.vocabulary import (
    CALLS,
    action_of,
    call_of,
    encrypted_of,
    read_object,
    reasoning_of,
    text,
    texts_of,
)
from translator.messages import Media, MediaKind, Part, Reasoning, Refusal, Text, ToolCall, ToolKind

_PREFIXES: Mapping[type, str] = {Text: "msg", Refusal: "msg", Reasoning: "rs", Media: "ig"}
_CALL_PREFIXES: Mapping[ToolKind, str] = {ToolKind.FREEFORM: "ctc", ToolKind.LOCAL_SHELL: "lsh"}


def item_id(part: Part, reply_id: str, number: int) -> str:
    """Unique within the answer, and as long as OpenAI's at the most."""
    prefix = _CALL_PREFIXES.get(part.kind, "fc") if isinstance(part, ToolCall) else _PREFIXES[type(part)]
    return f"{prefix}_{reply_id[:56]}{number}"


def encode_item(part: Part, id: str, status: str = "completed") -> dict[str, Any]:
    """A whole item."""
    match part:
        case Text(text):
            return message(id, [text_content(text)], status)
        case Refusal(text):
            return message(id, [refusal_content(text)], status)
        case Reasoning(text):
            return reasoning(id, text, encrypted_of(part))
        case ToolCall():
            return call(part, id, "completed" if _is_whole(part) else "incomplete")
        case Media():
            return picture(part, id)
        case _:
            raise TypeError(f"{type(part).__name__} is no part of an answer")


def message(id: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": id, "type": "message", "status": status, "role": "assistant", "content": content}


def text_content(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def refusal_content(text: str) -> dict[str, Any]:
    return {"type": "refusal", "refusal": text}


def reasoning(id: str, text: str, encrypted: str | None) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"id": id, "type": "reasoning", "summary": summary, "encrypted_content": encrypted}


def call(call: ToolCall, id: str, status: str) -> dict[str, Any]:
    return _CALLS[call.kind](call, {"id": id, "status": status, "call_id": call.id})


def _function(call: ToolCall, facts: Mapping[str, Any]) -> dict[str, Any]:
    told = {"type": "function_call", **facts, "name": call.name, "arguments": call.arguments}
    return told | _namespace(call)


def _custom(call: ToolCall, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "custom_tool_call", **facts, "name": call.name, "input": call.arguments} | _namespace(call)


def _local_shell(call: ToolCall, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "local_shell_call", **facts, "action": action_of(call.arguments)}


def _namespace(call: ToolCall) -> dict[str, str]:
    return {"namespace": call.namespace} if call.namespace else {}


_CALLS: Mapping[ToolKind, Callable[[ToolCall, Mapping[str, Any]], dict[str, Any]]] = {
    ToolKind.FUNCTION: _function,
    ToolKind.WEB_SEARCH: _function,
    ToolKind.FREEFORM: _custom,
    ToolKind.LOCAL_SHELL: _local_shell,
}


def _is_whole(call: ToolCall) -> bool:
    return call.kind is ToolKind.FREEFORM or read_object(call.arguments) is not None


def picture(image: Media, id: str, status: str = "completed") -> dict[str, Any]:
    return {"id": id, "type": "image_generation_call", "status": status, "result": image.data or None}


# -- the way back -----------------------------------------------------------------------------------------------------


def decode_item(item: Any, maker: str) -> Iterator[Part]:
    """The parts of a vendor's item, empty ones left out; none of what the vendor did on its own side."""
    if not isinstance(item, dict):
        return
    kind = text(item.get("type"))
    if kind == "message":
        yield from _message_parts(item)
    elif kind == "reasoning":
        thought = reasoning_of(texts_of(item), item.get("encrypted_content"), maker)
        if thought is not None:
            yield thought
    elif kind in CALLS:
        yield call_of(item)
    elif kind == "image_generation_call" and (image := picture_of(item)):
        yield image


def _message_parts(item: Mapping[str, Any]) -> Iterator[Part]:
    content = item.get("content")
    for part in content if isinstance(content, list) else []:
        found = content_of(part)
        if found is not None and found.text:
            yield found


def content_of(part: Any) -> Text | Refusal | None:
    match part:
        case {"type": "refusal", "refusal": str(text)}:
            return Refusal(text)
        case {"type": "output_text" | "text", "text": str(text)}:
            return Text(text)
        case _:
            return None


def picture_of(item: Mapping[str, Any]) -> Media | None:
    data = media.standard_base64(item["result"]) if isinstance(item.get("result"), str) else None
    if not data:
        return None
    form = item.get("output_format")
    mime = media.true_mime(data) or f"image/{form if isinstance(form, str) else 'png'}"
    return Media(MediaKind.IMAGE, mime, data=data)
