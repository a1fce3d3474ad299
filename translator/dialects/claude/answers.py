"""Whole answers: Anthropic's message object, read and written.

What cannot be written: pictures a model drew. They are left out, since their base64 must not become text.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from translator import signatures
from translator.dialect import Reply
from translator.dialects.claude.errors import EMPTY, complaint
from translator.dialects.claude.usage import decode_usage, encode_usage
from translator.dialects.claude.vocabulary import (
    MAKER,
    STOP_REASONS,
    CallIds,
    finish_of,
    input_of,
    maker_of,
    message_id,
)
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Finish, Part, Reasoning, Refusal, Signature, Text, ToolCall
from translator.usage import Usage

NO_MESSAGE = "the answer is not a message"

# -- reading ----------------------------------------------------------------------------------------------------------


def decode_response(value: Mapping[str, Any]) -> Answer:
    """Raises UpstreamComplaint: an error in the place of an answer, or nothing at all."""
    content, stop_reason = value.get("content"), value.get("stop_reason")
    if not isinstance(content, list) or value.get("type") == "error":
        raise complaint(value.get("error"), NO_MESSAGE)
    if not content and stop_reason is None:
        raise UpstreamComplaint(502, EMPTY)
    model, usage, sequence = _text(value, "model"), value.get("usage"), value.get("stop_sequence")
    maker = maker_of(model)
    parts = (part for block in content if isinstance(block, dict) and (part := _part(block, maker)) is not None)
    return Answer(
        id=_text(value, "id"),
        model=model,
        parts=tuple(parts),
        finish=finish_of(stop_reason if isinstance(stop_reason, str) else None),
        usage=decode_usage(usage if isinstance(usage, dict) else None),
        stop_sequence=sequence if isinstance(sequence, str) else None,
    )


def _part(block: Mapping[str, Any], maker: str) -> Part | None:
    """None for what only concerns the vendor: its own tools and their results."""
    match block.get("type"):
        case "text":
            return Text(_text(block, "text"))
        case "thinking":
            return Reasoning(_text(block, "thinking"), signatures.read(_text(block, "signature"), maker))
        case "redacted_thinking" if _text(block, "data"):
            return Reasoning("", signatures.untagged(_text(block, "data"), maker), is_redacted=True)
        case "tool_use":
            return ToolCall(_text(block, "id"), _text(block, "name"), _arguments(block.get("input")))
        case _:
            return None


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _arguments(found: Any) -> str:
    if isinstance(found, str):
        return found
    try:
        return orjson.dumps({} if found is None else found).decode()
    except orjson.JSONEncodeError:
        raise UpstreamComplaint(502, "the arguments of a call are nested too deep") from None


class _Whole(msgspec.Struct):
    type: Any = None
    content: list[msgspec.Raw] | None = None
    stop_reason: Any = None
    usage: dict[str, Any] | None = None
    error: Any = None


_decode_whole = msgspec.json.Decoder(_Whole).decode


def read_answer(raw: bytes) -> Usage | None:
    """The usage of a whole answer that is passed on as it is. Raises UpstreamComplaint when it is none."""
    try:
        whole = _decode_whole(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamComplaint(502, _excerpt(raw)) from None
    if whole.content is None or whole.type == "error" or not (whole.content or whole.stop_reason):
        raise complaint(whole.error, _excerpt(raw))
    return decode_usage(whole.usage)


def _excerpt(raw: bytes) -> str:
    return f"{NO_MESSAGE}: {raw[:200].decode('utf-8', 'replace') or '(empty)'}"


# -- writing ----------------------------------------------------------------------------------------------------------


def encode_response(answer: Answer, reply: Reply) -> dict[str, Any]:
    ids = CallIds()
    blocks = (_block(part, ids) for part in answer.parts)
    return {
        "id": message_id(answer.id, reply.id),
        "type": "message",
        "role": "assistant",
        "model": answer.model or reply.model,
        "content": [block for block in blocks if block is not None],
        "stop_reason": STOP_REASONS[answer.finish],
        "stop_sequence": answer.stop_sequence if answer.finish is Finish.STOP_SEQUENCE else None,
        "usage": encode_usage(answer.usage),
    }


def _block(part: Part, ids: CallIds) -> dict[str, Any] | None:
    match part:
        case Text(text) | Refusal(text) if text:
            return {"type": "text", "text": text}
        case Reasoning(is_redacted=True):
            return {"type": "redacted_thinking", "data": signed(part.signature)} if part.signature else None
        case Reasoning(text):
            return {"type": "thinking", "thinking": text, "signature": signed(part.signature)}
        case ToolCall():
            return {"type": "tool_use", "id": ids.legal(part.id), "name": part.name, "input": input_of(part.arguments)}
        case _:
            return None


def signed(signature: Signature | None) -> str:
    """Never empty, since clients throw away thoughts that are not signed."""
    return signatures.tagged(signature, MAKER) if signature else signatures.UNSIGNED
