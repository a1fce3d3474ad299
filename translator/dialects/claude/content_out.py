"""Parts written as content blocks. Media that the Messages API has no block for raises CannotSay."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from translator import media
from translator.dialects.claude.content_in import PDF
from translator.dialects.claude.vocabulary import input_of
from translator.losses import Dropped
from translator.messages import (
    Cache,
    Media,
    MediaKind,
    Part,
    Reasoning,
    Refusal,
    Role,
    Signature,
    Text,
    ToolCall,
    ToolResult,
)

Block: TypeAlias = dict[str, Any]
CACHE = "cache_control"
THINKING = frozenset({"thinking", "redacted_thinking"})
FAILED_SILENTLY = "The tool failed and gave no message."
"""Anthropic refuses an error without content."""

_WHO = "the Messages API"
_IMAGES: Mapping[str, str] = {name: name for name in ("image/jpeg", "image/png", "image/gif", "image/webp")} | {
    "image/jpg": "image/jpeg"
}


def is_blank(part: Part) -> bool:
    """Anthropic refuses text blocks that hold nothing but white space."""
    return isinstance(part, Text | Refusal) and not part.text.strip()


def blocks_of(parts: Iterable[Part], role: Role, dropped: list[Dropped]) -> list[Block]:
    return [block for part in parts if (block := _block(part, role, dropped)) is not None]


def text_block(text: str, cache: Cache | None = None) -> Block:
    return marked({"type": "text", "text": text}, cache)


def _block(part: Part, role: Role, dropped: list[Dropped]) -> Block | None:
    match part:
        case Text() | Refusal() if is_blank(part):
            return None
        case Text(text, _, cache):
            return text_block(text, cache)
        case Refusal(text):
            return text_block(text)
        case Reasoning(text, signature, is_redacted):
            return _thinking(text, signature, is_redacted)
        case ToolCall(id, name, arguments):
            return {"type": "tool_use", "id": id, "name": name, "input": input_of(arguments)}
        case ToolResult():
            return _result(part, dropped)
        case Media() if role is Role.ASSISTANT:
            raise media.refuse(part, _WHO, "in an assistant's turn")
        case Media():
            return _media(part)


def marked(block: Block, cache: Cache | None) -> Block:
    if cache is not None:
        block[CACHE] = {"type": "ephemeral", "ttl": cache.ttl} if cache.ttl else {"type": "ephemeral"}
    return block


def _thinking(text: str, signature: Signature | None, is_redacted: bool) -> Block | None:
    """As it stood when it was signed; nothing for thoughts without a signature, which Anthropic refuses."""
    if signature is None:
        return None
    if is_redacted:
        return {"type": "redacted_thinking", "data": signature.value}
    return {"type": "thinking", "thinking": text, "signature": signature.value}


def _result(result: ToolResult, dropped: list[Dropped]) -> Block:
    content = blocks_of(result.content, Role.USER, dropped)
    is_error = result.is_error and all(block["type"] == "text" for block in content)
    if result.is_error and not is_error:
        dropped.append(Dropped("is_error", "a failed tool's result can hold text alone"))
    if is_error and not content:
        content = [text_block(FAILED_SILENTLY)]
    block: Block = {"type": "tool_result", "tool_use_id": result.call_id}
    if content:
        is_plain = len(content) == 1 and content[0].keys() == {"type", "text"}
        block["content"] = content[0]["text"] if is_plain else content
    if is_error:
        block["is_error"] = True
    return marked(block, result.cache)


# -- media ------------------------------------------------------------------------------------------------------------


def _media(item: Media) -> Block | None:
    if item.file_id:
        raise media.refuse(item, _WHO, "by the id of another vendor's file")
    match item.kind:
        case MediaKind.IMAGE:
            return _image(item)
        case MediaKind.DOCUMENT:
            return _document(item)
        case _:
            raise media.refuse(item, _WHO)


def _image(item: Media) -> Block:
    if item.url:
        return marked({"type": "image", "source": {"type": "url", "url": item.url}}, item.cache)
    mime = _IMAGES.get(item.mime)
    if mime is None:
        raise media.refuse(item, _WHO)
    return marked({"type": "image", "source": {"type": "base64", "media_type": mime, "data": item.data}}, item.cache)


def _document(item: Media) -> Block | None:
    """None for a text that says nothing."""
    source = _document_source(item)
    if source["type"] == "text" and not source["data"].strip():
        return None
    block: Block = {"type": "document", "source": source}
    if item.name:
        block["title"] = item.name
    return marked(block, item.cache)


def _document_source(item: Media) -> Block:
    if item.url and item.mime in ("", PDF):
        return {"type": "url", "url": item.url}
    if item.url:
        raise media.refuse(item, _WHO, "by URL")
    if item.mime == PDF:
        return {"type": "base64", "media_type": PDF, "data": item.data}
    if media.is_text(item):
        words = base64.b64decode(item.data).decode("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": words}
    raise media.refuse(item, _WHO)
