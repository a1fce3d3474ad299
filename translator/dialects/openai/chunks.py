"""One event of a chat stream as it comes over the wire, with the members that mean something to us."""

from typing import Any

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

    def is_complaint(self) -> bool:
        """An error in any of the shapes that servers give it."""
        if self.error:
            return True
        return self.choices is None and self.usage is None and bool(self.code or self.msg or self.type == "error")

    def complaint(self) -> dict[str, Any]:
        return {"error": self.error, "code": self.code, "message": self.message, "msg": self.msg}


decode_chunk = msgspec.json.Decoder(Chunk).decode
