"""What Anthropic's API says, as the tests of its dialect need it: whole messages, and the events of a stream."""

from typing import Any

import orjson

from translator.dialect import Reply
from translator.usage import Usage

REPLY = Reply("abc", 1_760_000_000, "house/model")
MODEL = "claude-sonnet-4-5-20250929"
COUNTS = {"input_tokens": 8, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 500, "output_tokens": 11}
USAGE = Usage(8, 500, 20, 11)


def message(*content: dict[str, Any], **members: Any) -> dict[str, Any]:
    facts = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": list(content)}
    return facts | {"stop_reason": "end_turn", "stop_sequence": None, "usage": COUNTS} | members


def event(type: str, **members: Any) -> bytes:
    return orjson.dumps({"type": type, **members})


def start(**members: Any) -> bytes:
    facts = message(stop_reason=None, usage={"input_tokens": 8, "output_tokens": 1}) | members
    return event("message_start", message=facts)


def opened(index: int, type: str, **members: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": type, **members})


def delta(index: int, type: str, **members: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": type, **members})


def closed(index: int) -> bytes:
    return event("content_block_stop", index=index)


def ended(reason: str | None = "end_turn", **members: Any) -> bytes:
    return event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, **members)


STOP = event("message_stop")
HELLO = (start(), opened(0, "text", text=""), delta(0, "text_delta", text="Hello"))


CONTENT = (
    {"type": "thinking", "thinking": "Look.", "signature": "S1"},
    {"type": "redacted_thinking", "data": "R1"},
    {"type": "text", "text": "Searching.", "citations": [{}]},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    {"type": "tool_use", "id": "toolu_1", "name": "tide", "input": {"port": "Porto"}},
    {"type": "tool_use", "id": "toolu_2", "name": "wind", "input": {}},
)
