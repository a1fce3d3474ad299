"""What a client repeats that this vendor must not see, though both speak one dialect.

A conversation may have been answered by several vendors. What another one signed travels through the client under our
tag (`signatures`), and some members of an answer exist only between us and the client. The client's own bytes go on,
except for the member that holds such a thing.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import orjson

from translator import signatures
from translator.dialect import Dialect
from translator.json_body import JsonBody
from translator.messages import Signature

Json: TypeAlias = Mapping[str, Any]

_TAG = signatures.TAG.encode()
_TAG_IN_BASE64 = signatures.tagged_base64(Signature("", ""), "-")[:16].encode()
_UNKNOWN_TO_OPENAI = ("reasoning_content", "reasoning_details", "images")
_GOOGLES = "extra_content"
_OUR_FORMAT = "omniroute"
"""Of entries in `reasoning_details` that no vendor wrote."""
_THOUGHT_SIGNATURES = ("thoughtSignature", "thought_signature")
_SIGNS_OF_ECHOES: Mapping[Dialect, tuple[bytes, ...]] = {
    Dialect.CLAUDE: (_TAG, b'"signature":""', b'"signature": ""'),
    Dialect.GEMINI: (_TAG_IN_BASE64,),
    Dialect.RESPONSES: (_TAG,),
    Dialect.OPENAI: tuple(f'"{name}"'.encode() for name in (*_UNKNOWN_TO_OPENAI, _GOOGLES)),
}


def edits(dialect: Dialect, body: JsonBody, maker: str, *, with_own: bool = True) -> dict[str, bytes]:
    """Members to set, as JSON text, so that only what `maker` signed remains; nothing at all unless `with_own`."""
    if with_own and not any(sign in body.raw for sign in _SIGNS_OF_ECHOES[dialect]):
        return {}
    name, clean = _CLEANERS[dialect]
    items = body.value.get(name)
    if not isinstance(items, list):
        return {}
    cleaned = [kept for item in items if (kept := clean(item, maker, with_own)) is not None]
    return {} if cleaned == items else {name: orjson.dumps(cleaned)}


def _clean_claude(message: Any, maker: str, with_own: bool) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    kept = [block for block in content if not _is_foreign_thinking(block, maker, with_own)]
    return {**message, "content": kept} if kept else None


def _is_foreign_thinking(block: Any, maker: str, with_own: bool) -> bool:
    if not isinstance(block, dict) or block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    proof = block.get("signature") or block.get("data") or ""
    return not with_own or _is_tagged(proof) or (not proof and maker == "claude")


def _clean_gemini(content: Any, maker: str, with_own: bool) -> Any:
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return content
    kept = [part for each in parts if (part := _clean_part(each, with_own)) is not None]
    return {**content, "parts": kept} if kept else None


def _clean_part(part: Any, with_own: bool) -> Any:
    name = next(
        (name for name in ("thoughtSignature", "thought_signature") if isinstance(part, dict) and name in part), ""
    )
    if not name or (with_own and signatures.untagged_base64(str(part[name]), "").maker == ""):
        return part
    if part.get("thought") is True:
        return None
    bare = {key: value for key, value in part.items() if key != name}
    return bare or None


def _clean_item(item: Any, maker: str, with_own: bool) -> Any:
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return item
    return item if with_own and not _is_tagged(item.get("encrypted_content")) else None


def _clean_chat(message: Any, maker: str, with_own: bool) -> Any:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    gone = {*(_UNKNOWN_TO_OPENAI if maker == "openai" else ("images",)), *(() if maker == "gemini" else (_GOOGLES,))}
    kept = {name: value for name, value in message.items() if name not in gone}
    if isinstance(details := kept.get("reasoning_details"), list):
        kept["reasoning_details"] = [each for each in details if with_own and not _is_our_detail(each)]
        if not kept["reasoning_details"]:
            del kept["reasoning_details"]
    if isinstance(calls := kept.get("tool_calls"), list):
        kept["tool_calls"] = [_clean_call(call, gone) for call in calls]
    return kept


def _is_our_detail(detail: Any) -> bool:
    return isinstance(detail, dict) and detail.get("format") == _OUR_FORMAT


def _clean_call(call: Any, gone: Collection[str]) -> Any:
    return {name: value for name, value in call.items() if name not in gone} if isinstance(call, dict) else call


def _is_tagged(text: Any) -> bool:
    return isinstance(text, str) and text.startswith(signatures.TAG)


_CLEANERS: Mapping[Dialect, tuple[str, Callable[[Any, str, bool], Any]]] = {
    Dialect.CLAUDE: ("messages", _clean_claude),
    Dialect.GEMINI: ("contents", _clean_gemini),
    Dialect.RESPONSES: ("input", _clean_item),
    Dialect.OPENAI: ("messages", _clean_chat),
}
