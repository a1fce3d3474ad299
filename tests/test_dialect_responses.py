"""The Responses API's words there and back: whole requests, Codex's own, broken ones, histories and errors."""

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.responses_wire import CALL, REPLY, SEARCH, TEXT, THOUGHT, checked, decoded, encoded, response, restored
from tests.strategies import examples
from translator.dialect import ClientRequest, Dialect, Target
from translator.dialects import responses
from translator.families import family_of
from translator.json_body import JsonBody
from translator.losses import InvalidRequest, UpstreamComplaint
from translator.messages import Media, Request, ToolResult

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
RECORDED = Path(__file__).parent / "clients" / "recorded"
CLOSED = {
    "type": "object",
    "properties": {"port": {"type": "string"}},
    "required": ["port"],
    "additionalProperties": False,
}
PICTURE = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
NOTICE = {"type": "input_file", "filename": "n.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjEK"}
REFUSAL = {"type": "refusal", "refusal": "No."}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
ACTION = {"type": "exec", "command": ["ls"], "env": {}}

REQUEST = ClientRequest(Dialect.RESPONSES, JsonBody.parse(b"{}"), "m", is_streaming=True)

RICH: dict[str, Any] = {
    "model": "gpt-5",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "See"}, PICTURE]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "E"},
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Oh."}, {"type": "refusal", "refusal": "No."}],
        },
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"port":"Faro"}'},
        {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "x"},
        {"type": "local_shell_call", "call_id": "c", "action": ACTION},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
        {"type": "local_shell_call_output", "id": "c", "output": "3"},
        {"role": "developer", "content": "Never guess."},
        {"role": "user", "content": [NOTICE]},
    ],
    "tools": [
        {"type": "web_search"},
        {"type": "function", "name": "f", "description": "d", "parameters": CLOSED, "strict": True},
        {"type": "custom", "name": "patch", "format": GRAMMAR},
        {"type": "local_shell"},
    ],
    "tool_choice": {"type": "custom", "name": "patch"},
    "parallel_tool_calls": False,
    "max_output_tokens": 300,
    "user": "u",
    "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": CLOSED, "strict": True}},
    "reasoning": {"effort": "high", "summary": "auto"},
    "stream": True,
}


def told(request: Request) -> tuple[dict[str, Any], list[str]]:
    encoded = responses.encode_request(request, Target("gpt-5", family_of("gpt-5", "responses")))
    return encoded.body, [loss.what for loss in encoded.dropped]


def test_a_request_keeps_its_meaning_there_and_back() -> None:
    first = responses.decode_request(RICH)
    body, dropped = told(first)
    again = responses.decode_request(body)
    assert not dropped
    assert list(map(_bare, _parts(again))) == list(map(_bare, _parts(first)))
    for name in ("system", "tools", "tool_choice", "knobs", "thinking", "output", "is_streaming"):
        assert getattr(again, name) == getattr(first, name), name
    assert told(again)[0] == body


def _parts(request: Request) -> list[Any]:
    return [part for message in request.messages for part in message.parts]


def _bare(part: Any) -> Any:
    """Without the places of media, and the names of results that one of the two did not know."""
    if isinstance(part, ToolResult):
        return (part.call_id, part.content)
    return (part.kind, part.mime, part.data, part.name) if isinstance(part, Media) else part


@pytest.mark.parametrize("path", sorted(RECORDED.glob("codex*.json")), ids=lambda path: path.stem)
def test_codex_is_understood(path: Path) -> None:
    request = responses.decode_request(orjson.loads(path.read_bytes())["body"])
    assert {loss.what for loss in request.leftovers} <= {"tool_search"}
    assert request.system
    assert request.tools
    assert orjson.dumps(told(request)[0]) == orjson.dumps(told(request)[0])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=5)
    | st.sampled_from(["message", "function", "auto"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "id", "role", "x"]), inner),
    max_leaves=4,
)


@st.composite
def broken(draw: st.DrawFn, whole: Any) -> Any:
    """The same with one member of it, anywhere, replaced by another value."""
    if draw(st.integers(0, 4)) == 0 or not isinstance(whole, dict | list) or not whole:
        return draw(json_values)
    value = copy.copy(whole)
    key = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
    value[key] = draw(broken(value[key]))
    return value


@given(broken(RICH).filter(lambda value: isinstance(value, dict)))
@examples(400)
def test_whatever_is_written_is_read_or_refused(body: Any) -> None:
    try:
        told(responses.decode_request(body))
    except InvalidRequest as error:
        refused = error.message
        assert refused


ITEMS = (THOUGHT, TEXT, CALL, SEARCH)
EVENTS = [
    {"type": "response.created", "response": {"id": "resp_1"}},
    *({"type": "response.output_item.added", "output_index": place, "item": item} for place, item in enumerate(ITEMS)),
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Noon."},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "One."},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
    *({"type": "response.output_item.done", "output_index": place, "item": item} for place, item in enumerate(ITEMS)),
    {"type": "response.completed", "response": response(*ITEMS)},
]


@given(broken(response(*ITEMS)).filter(lambda value: isinstance(value, dict)))
@examples(200)
def test_whatever_a_vendor_answers_is_an_answer_or_a_complaint(value: Any) -> None:
    with suppress(UpstreamComplaint):
        responses.read_answer(orjson.dumps(value))
    with suppress(UpstreamComplaint):
        responses.encode_response(responses.decode_response(value), REPLY)


@given(broken(EVENTS).filter(lambda value: isinstance(value, list)))
@examples(400)
def test_whatever_a_vendor_streams_is_an_answer_or_a_complaint(value: Any) -> None:
    data = [orjson.dumps(event) for event in value]
    with suppress(UpstreamComplaint):
        checked(encoded(restored(decoded(data))))
    with suppress(UpstreamComplaint):
        peek = responses.make_peek(REQUEST)
        assert all(isinstance(peek.keeps(event), bool) for event in data)
    with suppress(UpstreamComplaint):
        for event in data:
            responses.Folding().feed(event)


def test_the_answer_before_is_more_of_the_input() -> None:
    unsigned = {**THOUGHT, "encrypted_content": None}
    history = responses.input_items({"input": "Tide?"}) + responses.output_items(
        response(unsigned, THOUGHT, SEARCH, TEXT, CALL)
    )
    assert [item["type"] for item in history] == [
        "message",
        "reasoning",
        "web_search_call",
        "message",
        "function_call",
    ]
    assert [item.get("id") for item in history] == [None, None, "ws_1", None, None]
    parts = _parts(responses.decode_request({"model": "m", "input": history}))
    assert [type(part).__name__ for part in parts] == ["Text", "Reasoning", "Text", "ToolCall"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (529, "server_error"),
    ],
)
def test_errors_are_openais(status: int, kind: str) -> None:
    error = orjson.loads(responses.encode_error(status, "No.", "some_code", "input"))["error"]
    assert error == {"message": "No.", "type": kind, "param": "input", "code": "some_code"}
