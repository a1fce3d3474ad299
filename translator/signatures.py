"""Signatures over reasoning on their way through clients, who must give them back.

Vendors sign what their models thought, and want it back unchanged; another vendor refuses it. Where a client's dialect
has a place for a signature (Claude's `signature`, Gemini's `thoughtSignature`, OpenAI's `encrypted_content`), one of
another maker travels there under our tag. Where it has none, a keepsake is stored under the tool call that follows,
and found again when the client repeats the call.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping

import msgspec
import orjson
from msgspec import Struct
from msgspec.structs import replace

from translator.messages import Message, Part, Reasoning, Request, Signature, ToolCall

TAG = "omniroute.1."
_LETTERS_AND_DIGITS = re.compile(r"[^A-Za-z0-9]")
_WHOLE_FLOAT = re.compile(rb"(?<=\d)\.0(?=[,}\]])")


UNSIGNED = f"{TAG}."
"""For a place that clients insist on, over reasoning that nobody signed."""


def tagged(signature: Signature, native: str) -> str:
    """For a place that belongs to `native`: as it is if that is its maker, else under our tag."""
    return signature.value if signature.maker == native else f"{TAG}{signature.maker}.{signature.value}"


def read(text: str | None, native: str) -> Signature | None:
    """What a place that belongs to `native` holds: None where nobody signed."""
    return untagged(text, native) if text and text != UNSIGNED else None


def untagged(text: str, native: str) -> Signature:
    """What `tagged` was given."""
    if not text.startswith(TAG):
        return Signature(native, text)
    maker, _, value = text.removeprefix(TAG).partition(".")
    return Signature(maker, value)


def tagged_base64(signature: Signature, native: str) -> str:
    """As `tagged`, for a place that takes base64 alone and may spell it anew."""
    if signature.maker == native:
        return signature.value
    return base64.b64encode(tagged(signature, native).encode()).decode()


def untagged_base64(text: str, native: str) -> Signature:
    """What `tagged_base64` was given, also after a client wrote the base64 in another spelling."""
    try:
        plain = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return Signature(native, text)
    return untagged(plain, native) if plain.startswith(TAG) else Signature(native, text)


# -- keepsakes --------------------------------------------------------------------------------------------------------


class Keepsake(Struct, frozen=True):
    """What a tool call cannot take along: its own signature, and the signed reasoning that came before it."""

    signature: Signature | None = None
    reasoning: tuple[Reasoning, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Keepsake).decode


def key_of(call: ToolCall) -> str:
    """Under which a call is known again, whoever wrote its arguments anew or stripped its id of punctuation.

    Ids alone will not do: some vendors count them from zero in each answer.
    """
    try:
        arguments = orjson.dumps(orjson.loads(call.arguments or "{}"), option=orjson.OPT_SORT_KEYS)
        arguments = _WHOLE_FLOAT.sub(b"", arguments)  # As JavaScript writes 1.0.
    except orjson.JSONDecodeError:
        arguments = call.arguments.encode()
    digest = hashlib.sha256()
    for piece in (_LETTERS_AND_DIGITS.sub("", call.id), call.namespace, call.name):
        digest.update(piece.encode() + b"\0")
    digest.update(arguments)
    return digest.hexdigest()[:32]


def keepsakes(parts: Iterable[Part]) -> dict[str, bytes]:
    """What to store of an answer, by the keys of its calls."""
    kept: dict[str, bytes] = {}
    reasoning: list[Reasoning] = []
    for part in parts:
        if isinstance(part, Reasoning) and part.signature is not None:
            reasoning.append(part)
        elif isinstance(part, ToolCall):
            if part.signature is not None or reasoning:
                kept[key_of(part)] = _encode(Keepsake(part.signature, tuple(reasoning)))
            reasoning = []
    return kept


def wanted(request: Request) -> list[str]:
    """The keys of calls that the client repeated without a signature."""
    return [
        key_of(part)
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall) and part.signature is None
    ]


def restored(request: Request, found: Mapping[str, bytes]) -> Request:
    """The request with what was kept put back where it was."""
    if not found:
        return request
    return replace(request, messages=tuple(_with_kept(message, found) for message in request.messages))


def _with_kept(message: Message, found: Mapping[str, bytes]) -> Message:
    parts: list[Part] = []
    start = 0  # Of what was said since the call before.
    for part in message.parts:
        if not isinstance(part, ToolCall):
            parts.append(part)
            continue
        kept = found.get(key_of(part)) if part.signature is None else None
        keepsake = _decode(kept) if kept is not None else Keepsake(part.signature)
        said = _with_reasoning(parts[start:], keepsake.reasoning)
        parts[start:] = [*said, replace(part, signature=keepsake.signature)]
        start = len(parts)
    return Message(message.role, tuple(parts))


def _with_reasoning(said: list[Part], kept: tuple[Reasoning, ...]) -> list[Part]:
    """Thoughts stand before the words that came of them; the client's own copy of them has no signature."""
    if not kept or any(isinstance(part, Reasoning) and part.signature is not None for part in said):
        return said
    return [*kept, *(part for part in said if not isinstance(part, Reasoning))]


def only_of(request: Request, maker: str) -> Request:
    """The request without what others signed: foreign signatures, and reasoning that means nothing without its own."""
    return replace(request, messages=tuple(_only_of(message, maker) for message in request.messages))


def _only_of(message: Message, maker: str) -> Message:
    return Message(message.role, tuple(_own(part, maker) for part in message.parts if not _is_foreign(part, maker)))


def _is_foreign(part: Part, maker: str) -> bool:
    return isinstance(part, Reasoning) and part.signature is not None and part.signature.maker != maker


def _own(part: Part, maker: str) -> Part:
    signature = getattr(part, "signature", None)
    return replace(part, signature=None) if signature is not None and signature.maker != maker else part
