"""Ollama's `/api/chat`: what is read of a client's request, and how an answer is written for it."""

from typing import Any

import orjson
import pytest

from translator import restoring
from translator.dialect import Reply
from translator.dialects import ollama
from translator.events import unfold
from translator.json_body import JsonBody
from translator.losses import InvalidRequest
from translator.messages import (
    Answer,
    Effort,
    Finish,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Request,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from translator.toolbox import Toolbox
from translator.usage import Usage

Json = dict[str, Any]

PNG = "iVBORw0KGgo="
REPLY = Reply("abc", 1_760_000_000, "llama")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def decoded(*messages: Json, **members: Any) -> Request:
    return ollama.decode_request(
        {"model": "m", "messages": [*messages] or [{"role": "user", "content": "x"}]} | members
    )


def test_a_conversation_is_read_with_pictures_thoughts_and_calls() -> None:
    request = decoded(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look.", "images": [PNG]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hm.",
            "tool_calls": [{"function": {"name": "tide", "arguments": {"n": 1}}}],
        },
        {"role": "tool", "tool_name": "tide", "content": "2.4 m"},
    )
    picture = Media(MediaKind.IMAGE, "image/png", data=PNG, at="messages[1].images[0]")
    assert request.system == (Text("Be brief."),)
    assert request.messages == (
        Message(Role.USER, (Text("Look."), picture)),
        Message(Role.ASSISTANT, (Reasoning("Hm."), ToolCall("", "tide", '{"n":1}'))),
        Message(Role.USER, (ToolResult("", (Text("2.4 m"),), name="tide"),)),
    )


def test_options_are_settings_and_the_rest_is_left_over() -> None:
    options = {"temperature": 1.5, "num_predict": 9, "stop": "END", "top_k": 4, "num_ctx": 8192}
    request = decoded(options=options, keep_alive="5m", truncate=True)
    assert request.knobs == {Knob.TEMPERATURE: 1.5, Knob.MAX_TOKENS: 9, Knob.STOP: ("END",), Knob.TOP_K: 4}
    assert {loss.what for loss in request.leftovers} == {"options.num_ctx", "truncate"}
    assert decoded(options={"num_predict": -1}).knobs == {}


@pytest.mark.parametrize(
    ("think", "expected"),
    [
        (None, None),
        (True, Thinking(is_on=True, is_shown=True)),
        (False, Thinking(is_on=False)),
        ("high", Thinking(is_on=True, effort=Effort.HIGH, is_shown=True)),
    ],
)
def test_thinking_is_a_switch_or_a_word(think: Any, expected: Thinking | None) -> None:
    assert decoded(think=think).thinking == expected


@pytest.mark.parametrize(
    ("form", "expected"), [("json", OutputFormat()), (SCHEMA, OutputFormat(SCHEMA)), ("", None), (None, None)]
)
def test_a_format_is_a_word_or_a_schema(form: Any, expected: OutputFormat | None) -> None:
    assert decoded(format=form).output == expected


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "images": [3]}]}, "messages[0].images[0]"),
        ({"messages": [{"role": "user", "images": ["@"]}]}, "messages[0].images[0]"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function.name"),
        ({"options": {"temperature": "warm"}}, "options.temperature"),
        ({"think": "very"}, "think"),
        ({"think": 3}, "think"),
        ({"format": "xml"}, "format"),
        ({"format": 3}, "format"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ],
    ids=str,
)
def test_a_wrong_request_is_named_by_its_path(members: Json, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ollama.decode_request({"model": "m", "messages": [{"role": "user", "content": "x"}]} | members)
    assert refused.value.param == param


@pytest.mark.parametrize(("stream", "is_streaming"), [({}, True), ({"stream": False}, False), ({"stream": True}, True)])
def test_answers_are_streamed_unless_the_client_says_no(stream: Json, is_streaming: bool) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]} | stream
    assert ollama.read_request(JsonBody.parse(orjson.dumps(body))).is_streaming is is_streaming
    assert ollama.decode_request(body).is_streaming is is_streaming


PARTS: tuple[Part, ...] = (
    Reasoning("a"),
    Reasoning("b"),
    Text("Noon."),
    Refusal(" No more."),
    Media(MediaKind.IMAGE, "image/png", data=PNG),
    ToolCall("c", "f", '{"n":1}'),
    ToolCall("d", "g", '{"n":'),
)
ANSWER = Answer("i", "m", PARTS, Finish.LENGTH, Usage(1, 2, 3, 9))
MESSAGE = {
    "role": "assistant",
    "content": "Noon. No more.",
    "thinking": "a\n\nb",
    "tool_calls": [
        {"id": "c", "function": {"index": 0, "name": "f", "arguments": {"n": 1}}},
        {"id": "d", "function": {"index": 1, "name": "g", "arguments": {"raw": '{"n":'}}},
    ],
}
HEAD = {"model": "m", "created_at": "2025-10-09T08:53:20Z"}


def test_an_answer_is_one_object_with_its_counts() -> None:
    body = ollama.encode_response(ANSWER, REPLY)
    assert body["message"] == MESSAGE
    assert HEAD.items() <= body.items()
    assert (body["done"], body["done_reason"]) == (True, "length")
    assert (body["prompt_eval_count"], body["eval_count"]) == (6, 9)


def test_a_stream_is_the_answer_line_by_line() -> None:
    encoder = ollama.make_stream_encoder(REPLY)
    told = restoring.restore(unfold(ANSWER), Toolbox(), "abc")
    lines = [orjson.loads(line) for line in b"".join(map(encoder.feed, told)).splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert all(HEAD.items() <= line.items() for line in lines)
    assert _added([line["message"] for line in lines]) == MESSAGE
    assert lines[-1].keys() == ollama.encode_response(ANSWER, REPLY).keys()


def _added(messages: list[Json]) -> Json:
    """The message that a client makes of those of a stream."""
    whole: Json = {"role": "assistant"}
    for message in messages:
        for name, value in message.items():
            if name != "role":
                whole[name] = whole[name] + value if name in whole else value
    return whole


def test_an_error_is_a_message_and_in_a_stream_a_line() -> None:
    assert ollama.encode_error(404, "no such model") == b'{"error":"no such model"}'
    assert ollama.make_stream_encoder(REPLY).fail(502, "gone") == b'{"error":"gone"}\n'


def test_nothing_goes_out_to_upstreams_in_this_dialect() -> None:
    with pytest.raises(NotImplementedError):
        ollama.decode_response({})
