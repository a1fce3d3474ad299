"""What the Responses API says, as the tests of its dialect need it: whole answers, events, and a judge of streams."""

from collections.abc import Iterable
from functools import cache
from typing import Any, get_args

import orjson
from openai.types.responses import Response, ResponseStreamEvent

from translator import sse
from translator.dialect import Reply
from translator.dialects import responses
from translator.events import Event
from translator.restoring import Restorer
from translator.toolbox import Toolbox

REPLY = Reply("0123456789abcdef", 1_760_000_000, "house/model")
USAGE = {
    "input_tokens": 1540,
    "input_tokens_details": {"cached_tokens": 1200, "cache_write_tokens": 40},
    "output_tokens": 55,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 1595,
}
TEXT: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "Noon."}],
}
CALL: dict[str, Any] = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "tide",
    "arguments": '{"port":"Faro"}',
}
PATCH: dict[str, Any] = {"type": "custom_tool_call", "call_id": "call_2", "name": "apply_patch", "input": "*** Begin"}
SHELL: dict[str, Any] = {
    "id": "lsh_1",
    "type": "local_shell_call",
    "status": "completed",
    "call_id": "call_3",
    "action": {"type": "exec", "command": ["ls", "-a"], "env": {}},
}
THOUGHT: dict[str, Any] = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}],
    "encrypted_content": "gAAAA==",
}
REFUSED: dict[str, Any] = {
    **TEXT,
    "id": "msg_2",
    "content": [{"type": "refusal", "refusal": "I can't help with that."}],
}
SEARCH: dict[str, Any] = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {}}


def response(*output: dict[str, Any], **members: Any) -> dict[str, Any]:
    facts = {"id": "resp_1", "object": "response", "model": "gpt-5", "status": "completed", "output": list(output)}
    return {**facts, "usage": USAGE, **members}


def event(type: str, **members: Any) -> bytes:
    return orjson.dumps({"type": type, "sequence_number": 0, **members})


def piece(type: str, place: int, **members: Any) -> bytes:
    return event(f"response.{type}", output_index=place, item_id="changes", **members)


def added(place: int, item: dict[str, Any]) -> bytes:
    return event("response.output_item.added", output_index=place, item=item)


def done(place: int, item: dict[str, Any]) -> bytes:
    return event("response.output_item.done", output_index=place, item=item)


CREATED = event("response.created", response={"id": "resp_1", "model": "gpt-5", "status": "in_progress"})


def completed(*output: dict[str, Any], **members: Any) -> bytes:
    return event("response.completed", response=response(*output, **members))


def decoded(events: Iterable[bytes]) -> list[Event]:
    decoder = responses.StreamDecoder()
    said = [event for data in events for event in decoder.feed(data)]
    return said + decoder.finish()


def restored(events: Iterable[Event]) -> list[Event]:
    restorer = Restorer(Toolbox(), REPLY.id)
    return [told for event in events for told in restorer.feed(event)]


def encoded(events: Iterable[Event], reply: Reply = REPLY) -> bytes:
    encoder = responses.make_stream_encoder(reply)
    return b"".join(map(encoder.feed, events))


@cache
def _models() -> dict[str, Any]:
    models = get_args(get_args(ResponseStreamEvent)[0])
    return {name: model for model in models for name in get_args(model.model_fields["type"].annotation)}


def check_response(value: dict[str, Any]) -> None:
    """By the types of OpenAI's own SDK."""
    Response.model_validate_json(orjson.dumps(value), strict=True)


def checked(stream: bytes) -> list[dict[str, Any]]:
    """The events of a client's stream, each of which must be as the SDK has it, and in its place."""
    frames = sse.split(stream)
    events: list[dict[str, Any]] = [orjson.loads(sse.data(frame)) for frame in frames]
    for number, (frame, event) in enumerate(zip(frames, events, strict=True)):
        assert frame.startswith(b"event: %s\ndata: {" % event["type"].encode())
        assert event["sequence_number"] == number
        _models()[event["type"]].model_validate_json(sse.data(frame), strict=True)
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    _check_items(events[2:-1])
    return events


def _check_items(events: list[dict[str, Any]]) -> None:
    """One item after the other, from `added` to `done`; its pieces add up to what it is in the end."""
    number, item, said = -1, None, ""
    for event in events:
        assert event["output_index"] == (number + 1 if item is None else number)
        if event["type"] == "response.output_item.added":
            number, item, said = number + 1, event["item"], ""
            continue
        assert item is not None
        if event["type"] == "response.output_item.done":
            assert (event["item"]["id"], event["item"]["type"]) == (item["id"], item["type"])
            assert said in (_words(event["item"]), "")
            item = None
            continue
        assert event["item_id"] == item["id"]
        said += event["delta"] if event["type"].endswith(".delta") else ""


def _words(item: dict[str, Any]) -> str:
    parts = item.get("content") or item.get("summary") or [{}]
    texts = (item.get("arguments"), item.get("input"), parts[0].get("text"), parts[0].get("refusal"))
    return next((text for text in texts if text), "")
