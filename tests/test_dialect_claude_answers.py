"""Anthropic Messages, whole answers: to us and from us, and errors."""

import json
from typing import Any

import orjson
import pytest

from tests.claude_wire import CONTENT, COUNTS, MODEL, REPLY, USAGE, message
from translator.dialects import claude
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Finish, Media, MediaKind, Part, Reasoning, Refusal, Signature, Text, ToolCall

PARTS = (
    Reasoning("Look.", Signature("claude", "S1")),
    Reasoning("", Signature("claude", "R1"), is_redacted=True),
    Text("Searching."),
    ToolCall("toolu_1", "tide", '{"port":"Porto"}'),
    ToolCall("toolu_2", "wind", "{}"),
)


def test_a_whole_answer_is_read_and_written_again() -> None:
    answer = claude.decode_response(message(*CONTENT, stop_reason="tool_use"))
    assert answer == Answer("msg_1", MODEL, PARTS, Finish.TOOL_CALLS, USAGE)
    kept = [block for block in CONTENT if "tool_result" not in block["type"] and "server" not in block["type"]]
    kept[2] = {"type": "text", "text": "Searching."}
    assert claude.encode_response(answer, REPLY) == message(*kept, stop_reason="tool_use")


@pytest.mark.parametrize(
    ("reason", "finish", "said"),
    [
        ("end_turn", Finish.STOP, "end_turn"),
        ("max_tokens", Finish.LENGTH, "max_tokens"),
        ("model_context_window_exceeded", Finish.LENGTH, "max_tokens"),
        ("tool_use", Finish.TOOL_CALLS, "tool_use"),
        ("refusal", Finish.FILTER, "refusal"),
        ("pause_turn", Finish.PAUSE, "pause_turn"),
        ("length", Finish.LENGTH, "max_tokens"),
        ("something new", Finish.FILTER, "refusal"),
    ],
)
def test_why_a_model_stopped_is_never_taken_for_a_normal_end(reason: str, finish: Finish, said: str) -> None:
    answer = claude.decode_response(message({"type": "text", "text": "a"}, stop_reason=reason))
    assert answer.finish is finish
    assert claude.encode_response(answer, REPLY)["stop_reason"] == said


def test_a_stop_sequence_is_told_only_where_it_was_the_reason() -> None:
    answer = claude.decode_response(message(stop_reason="stop_sequence", stop_sequence="END"))
    assert claude.encode_response(answer, REPLY)["stop_sequence"] == "END"
    called = Answer("", "", (ToolCall("a", "b"),), Finish.TOOL_CALLS, stop_sequence="END")
    assert claude.encode_response(called, REPLY)["stop_sequence"] is None


WRITTEN: dict[str, tuple[Part, dict[str, Any] | None]] = {
    "refusal": (Refusal("No."), {"type": "text", "text": "No."}),
    "unsigned thoughts": (Reasoning("hm"), {"type": "thinking", "thinking": "hm", "signature": "omniroute.1.."}),
    "another's thoughts": (
        Reasoning("hm", Signature("gemini", "G1")),
        {"type": "thinking", "thinking": "hm", "signature": "omniroute.1.gemini.G1"},
    ),
    "another's secret": (
        Reasoning("", Signature("openai", "E1"), is_redacted=True),
        {"type": "redacted_thinking", "data": "omniroute.1.openai.E1"},
    ),
    "odd id": (ToolCall("f.x:0", "f", "{}"), {"type": "tool_use", "id": "f_x_0", "name": "f", "input": {}}),
    "no arguments": (ToolCall("a", "f", ""), {"type": "tool_use", "id": "a", "name": "f", "input": {}}),
    "cut arguments": (
        ToolCall("a", "f", '{"p'),
        {"type": "tool_use", "id": "a", "name": "f", "input": {"partial_json": '{"p'}},
    ),
    "bottomless arguments": (
        ToolCall("a", "f", '{"a":' * 300 + "1" + "}" * 300),
        {"type": "tool_use", "id": "a", "name": "f", "input": {"partial_json": '{"a":' * 300 + "1" + "}" * 300}},
    ),
    "picture": (Media(MediaKind.IMAGE, "image/png", data="AAAA"), None),
}


@pytest.mark.parametrize(("part", "block"), WRITTEN.values(), ids=WRITTEN)
def test_a_part_is_written_as_its_block(part: Part, block: dict[str, Any] | None) -> None:
    answer = Answer("x", "", (part,), Finish.STOP)
    written = claude.encode_response(answer, REPLY)
    assert written["content"] == ([block] if block else [])
    assert (written["id"], written["model"]) == ("msg_abc", "house/model")
    assert written["usage"] == dict.fromkeys(COUNTS, 0)


def test_thoughts_of_another_maker_behind_this_dialect_are_told_from_claudes() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "S"}
    answer = claude.decode_response(message(thought, model="glm-4.7"))
    assert answer.parts == (Reasoning("hm", Signature("glm@claude", "S")),)


COMPLAINTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "overloaded": ({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, 529, "Busy"),
    "OpenAI's shape": ({"error": {"code": 429, "message": "Slow"}}, 429, "Slow"),
    "a word": ({"error": "Oops"}, 502, "Oops"),
    "no message": ({"choices": []}, 502, "the answer is not a message"),
    "empty": (message(stop_reason=None), 502, "the answer is empty"),
}


@pytest.mark.parametrize(("value", "status", "said"), COMPLAINTS.values(), ids=COMPLAINTS)
def test_an_error_in_the_place_of_an_answer_is_a_complaint(value: dict[str, Any], status: int, said: str) -> None:
    with pytest.raises(UpstreamComplaint) as complained:
        claude.decode_response(value)
    assert (complained.value.status, complained.value.message) == (status, said)
    with pytest.raises(UpstreamComplaint) as complained:
        claude.read_answer(orjson.dumps(value))
    assert complained.value.status == status


def test_the_usage_of_an_answer_that_is_passed_on_is_read() -> None:
    assert claude.read_answer(orjson.dumps(message())) == USAGE
    assert claude.read_answer(orjson.dumps(message(usage=None))) is None
    with pytest.raises(UpstreamComplaint):
        claude.read_answer(b"<html>")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (499, "invalid_request_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_errors_have_anthropics_words(status: int, kind: str) -> None:
    told = json.loads(claude.encode_error(status, "Said.", "code", "param"))
    assert told == {"type": "error", "error": {"type": kind, "message": "Said."}}
