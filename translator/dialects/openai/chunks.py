"""One event of a chat stream as it comes over the wire, with the members that mean something to us."""

from typing import Any, Protocol

import msgspec
from msgspec import Struct

DONE = b"[DONE]"


class Function(Struct):
    name: Any = None
    arguments: Any = None


class Custom(Struct):
    name: Any = None
    input: Any = None


class Fragment(Struct):
    """A piece of a tool call."""

    index: Any = None
    id: Any = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None


class Delta(Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: list[Fragment] | None = None
    function_call: Function | None = None
    images: Any = None
    audio: Any = None
    extra_content: Any = None


class Choice(Struct):
    index: Any = None
    delta: Delta | None = None
    finish_reason: Any = None
    usage: Any = None


class Chunk(Struct):
    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    type: Any = None
    code: Any = None
    message: Any = None
    msg: Any = None


class Told(Protocol):
    """What any reading of a chunk knows."""

    choices: Any
    usage: Any
    error: Any
    type: Any
    code: Any
    message: Any
    msg: Any


def is_complaint(chunk: Told) -> bool:
    """An error in any of the shapes that servers give it."""
    if chunk.error:
        return True
    return chunk.choices is None and chunk.usage is None and bool(chunk.code or chunk.msg or chunk.type == "error")


def facts_of(chunk: Told) -> dict[str, Any]:
    return {"error": chunk.error, "code": chunk.code, "message": chunk.message, "msg": chunk.msg}


decode_chunk = msgspec.json.Decoder(Chunk).decode
