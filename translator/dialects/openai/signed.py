"""Signed reasoning in Chat Completions, which has no word for it: OpenRouter's `reasoning_details`, Google's
`extra_content`.

Real ones name the maker in their `format`. Ours carry another maker's signature under our tag, and come back when the
client repeats them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from translator import signatures
from translator.messages import Reasoning, Signature

OURS = "omniroute"
_NATIVE = "openai"
_MAKERS: Mapping[str, str] = {
    "anthropic-claude-v1": "claude",
    "google-gemini-v1": "gemini",
    "openai-responses-v1": "openai",
    "azure-openai-responses-v1": "openai",
    "xai-responses-v1": "grok",
}
_REDACTING = "claude"
"""Whose encrypted reasoning stands for itself. Others encrypt what they also say in a summary."""


# -- reasoning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry of `reasoning_details`. With a `call_id` its signature belongs to that call."""

    text: str = ""
    signature: Signature | None = None
    is_redacted: bool = False
    call_id: str = ""
    index: Any = None


def details(found: Any) -> Iterable[Detail]:
    """The entries that say something; whatever else stands there is skipped."""
    for entry in found if isinstance(found, list) else ():
        reader = _READERS.get(_string(entry, "type")) if isinstance(entry, dict) else None
        if reader is not None:
            yield reader(entry)


def _plain(entry: Mapping[str, Any]) -> Detail:
    return Detail(_string(entry, "text"), _signature(entry, "signature"), index=entry.get("index"))


def _summary(entry: Mapping[str, Any]) -> Detail:
    return Detail(_string(entry, "summary"), index=entry.get("index"))


def _encrypted(entry: Mapping[str, Any]) -> Detail:
    signature = _signature(entry, "data")
    if signature is None:
        return Detail()
    is_redacted = entry.get("format") == OURS or signature.maker == _REDACTING
    call_id = _string(entry, "id") if signature.maker == "gemini" and not is_redacted else ""
    return Detail("", signature, is_redacted, call_id, entry.get("index"))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Detail]] = {
    "reasoning.text": _plain,
    "reasoning.summary": _summary,
    "reasoning.encrypted": _encrypted,
}


def _signature(entry: Mapping[str, Any], name: str) -> Signature | None:
    found = _string(entry, name)
    maker = _MAKERS.get(_string(entry, "format"), _NATIVE)
    return signatures.untagged(found, maker) if found else None


def _string(entry: Mapping[str, Any], name: str) -> str:
    found = entry.get(name)
    return found if isinstance(found, str) else ""


@dataclass(slots=True)
class Block:
    """A piece of reasoning whose entries are still being laid together, as clients keep those of a stream apart."""

    index: Any
    texts: list[str] = field(default_factory=list)
    signature: Signature | None = None
    is_redacted: bool = False

    def takes(self, detail: Detail) -> bool:
        return self.signature is None and not detail.is_redacted and detail.index in (None, self.index)

    def add(self, detail: Detail) -> None:
        self.texts.append(detail.text)
        self.signature = detail.signature
        self.is_redacted = detail.is_redacted


def read(found: Any, plain: str) -> tuple[list[Reasoning], dict[str, Signature]]:
    """What an answer or a repeated one says of its thoughts, and the signatures of its calls by their ids.

    `plain` is what it says beside the details: the same text, or all of it where the details only sign.
    """
    blocks: list[Block] = []
    calls: dict[str, Signature] = {}
    for detail in details(found):
        if detail.call_id and detail.signature:
            calls[detail.call_id] = detail.signature
            continue
        if not blocks or not blocks[-1].takes(detail):
            blocks.append(Block(detail.index))
        blocks[-1].add(detail)
    return _with_plain(_reasoning(blocks), plain), calls


def _reasoning(blocks: Iterable[Block]) -> list[Reasoning]:
    made = (Reasoning("".join(block.texts), block.signature, block.is_redacted) for block in blocks)
    return [reasoning for reasoning in made if reasoning.text or reasoning.signature]


def _with_plain(blocks: list[Reasoning], plain: str) -> list[Reasoning]:
    if not plain or any(block.text for block in blocks):
        return blocks
    if len(blocks) == 1 and not blocks[0].is_redacted:
        return [Reasoning(plain, blocks[0].signature)]
    return [Reasoning(plain), *blocks]


def detail(reasoning: Reasoning, index: int) -> dict[str, Any] | None:
    """The entry for reasoning that is signed."""
    if reasoning.signature is None:
        return None
    proof = signatures.tagged(reasoning.signature, _NATIVE)
    if reasoning.is_redacted:
        return {"type": "reasoning.encrypted", "data": proof, "format": OURS, "index": index}
    text = {"type": "reasoning.text", "text": reasoning.text, "signature": proof}
    return {**text, "format": OURS, "index": index}


# -- calls and text ---------------------------------------------------------------------------------------------------


def signature_in(extra_content: Any) -> Signature | None:
    """Google's thought signature, of a call or a text, in its own place for OpenAI's dialect."""
    google = extra_content.get("google") if isinstance(extra_content, dict) else None
    found = google.get("thought_signature") if isinstance(google, dict) else None
    return signatures.untagged_base64(found, "gemini") if isinstance(found, str) and found else None


def extra_content(signature: Signature) -> dict[str, Any]:
    return {"google": {"thought_signature": signatures.tagged_base64(signature, "gemini")}}
