"""Requests of Chat Completions: what is read of a client's."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.openai_wire import (
    CLAUDE,
    FULL,
    GEMINI,
    OPENAI,
    PDF,
    PNG,
    SCHEMA,
    Json,
    decoded,
    said,
    user,
)
from translator.crossing import target_of
from translator.dialect import Dialect
from translator.dialects import openai
from translator.json_body import JsonBody
from translator.losses import InvalidRequest
from translator.messages import (
    Cache,
    Choice,
    Effort,
    Media,
    MediaKind,
    Part,
    Reasoning,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": " "}, "model"),
        ({"model": 3}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 10**18}, "max_completion_tokens"),
        ({"stream_options": []}, "stream_options"),
    ],
)
def test_a_request_that_cannot_be_routed_names_the_member(members: Json, param: str) -> None:
    body = {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]} | members
    with pytest.raises(InvalidRequest) as refused:
        openai.read_request(JsonBody.parse(orjson.dumps(body)))
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": "x"}, "messages[0].role"),
        ({"role": "robot", "content": "x"}, "messages[0].role"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "user", "content": 3}, "messages[0].content"),
        ({"role": "user", "content": ["x"]}, "messages[0].content[0]"),
        ({"role": "user", "content": [{"text": "x"}]}, "messages[0].content[0].type"),
        ({"role": "user", "content": [{"type": "smell"}]}, "messages[0].content[0].type"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "messages[0].content[0].image_url.url"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "ftp://x"}]}, "messages[0].content[0]"),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "messages[0].content[0].file.file_data"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
        ({"role": "function", "content": "x"}, "messages[0].name"),
        ({"role": "system", "content": [{"type": "image_url", "image_url": "https://x/y"}]}, "messages[0].content"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "messages[0].tool_calls[0].function.name"),
    ],
)
def test_a_wrong_message_is_named_by_its_path(message: Json, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decoded(message)
    assert refused.value.param == param


TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": "1"}, "top_p"),
        ({"n": 0}, "n"),
        ({"stop": [3]}, "stop[0]"),
        ({"reasoning_effort": "hard"}, "reasoning_effort"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
    ],
)
def test_a_wrong_setting_is_named(members: Json, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        said(**members)
    assert refused.value.param == param


def test_leading_instructions_are_the_system_prompt_and_later_ones_stay() -> None:
    request = decoded(
        {"role": "developer", "content": "a"},
        {"role": "system", "content": [{"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": "c"},
        {"role": "system", "content": "d"},
    )
    assert request.system == (Text("a"), Text("b", cache=Cache()))
    assert [message.role for message in request.messages] == [Role.USER, Role.SYSTEM]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "input_text", "text": "x"}, Text("x")),
        (
            {"type": "image_url", "image_url": "https://a/b.png"},
            Media(MediaKind.IMAGE, "image/png", url="https://a/b.png"),
        ),
        (
            {"type": "input_image", "image_url": f"data:image/jpeg;base64,{PNG}"},
            Media(MediaKind.IMAGE, "image/png", data=PNG),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
            Media(MediaKind.AUDIO, "audio/mpeg", data="UklGRg=="),
        ),
        (
            {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
            Media(MediaKind.DOCUMENT, "application/pdf", data=PDF, name="a.pdf"),
        ),
        ({"type": "file", "file": {"file_id": "f-1"}}, Media(MediaKind.DOCUMENT, file_id="f-1")),
        (
            {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}},
            Media(MediaKind.VIDEO, "video/mp4", url="https://a/b.mp4"),
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_parts_are_read_in_every_spelling_that_clients_use(part: Json, expected: Part) -> None:
    request = decoded({"role": "user", "content": [part]})
    found = request.messages[0].parts[0]
    assert (replace(found, at="") if isinstance(found, Media) else found) == expected
    assert not isinstance(found, Media) or found.at == "messages[0].content[0]"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reasoning_effort": "none"}, Thinking(is_on=False)),
        ({"reasoning_effort": "xhigh"}, Thinking(is_on=True, effort=Effort.XHIGH)),
        ({"reasoning": {"effort": "low", "exclude": True}}, Thinking(is_on=True, effort=Effort.LOW, is_shown=False)),
        ({"reasoning": {"max_tokens": 2000}}, Thinking(is_on=True, budget=2000)),
        ({"reasoning": {"enabled": False}}, Thinking(is_on=False)),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, Thinking(is_on=True, budget=1024)),
        ({"thinking": {"type": "disabled"}}, Thinking(is_on=False)),
        ({}, None),
    ],
)
def test_thinking_is_asked_for_in_three_ways(members: Json, expected: Thinking | None) -> None:
    assert said(**members).thinking == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice(Choice.AUTO)),
        ("any", ToolChoice(Choice.REQUIRED)),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(Choice.REQUIRED, ("f",))),
        ({"type": "function", "name": "f"}, ToolChoice(Choice.REQUIRED, ("f",))),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}},
            ToolChoice(Choice.REQUIRED, ("f",)),
        ),
    ],
    ids=str,
)
def test_a_choice_is_read_in_every_spelling(choice: Any, expected: ToolChoice) -> None:
    assert said(tools=[TOOL], tool_choice=choice).tool_choice == expected


def test_the_older_spelling_of_functions_still_works() -> None:
    request = decoded(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "ok"},
        functions=[{"name": "f", "parameters": SCHEMA}],
        function_call={"name": "f"},
    )
    assert request.messages[0].parts == (ToolCall("", "f", "{}"),)
    assert request.messages[1].parts == (ToolResult("", (Text("ok"),), name="f"),)
    assert request.tool_choice == ToolChoice(Choice.REQUIRED, ("f",))


def test_what_nobody_else_knows_is_left_over_by_name() -> None:
    request = decoded(
        {"role": "user", "content": "x", "name": "ann"},
        prediction={"type": "content", "content": "x"},
        modalities=["text", "audio"],
        metadata={"run": "1"},
        tools=[{"type": "code_interpreter"}],
        store=True,
        n=1,
        logprobs=False,
        presence_penalty=0,
    )
    names = {loss.what for loss in request.leftovers}
    assert names == {"prediction", "modalities", "metadata", "tools.code_interpreter", "messages.name"}
    assert request.knobs == {}


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (
            [{"type": "reasoning.text", "text": "a", "signature": "Eq==", "format": "anthropic-claude-v1"}],
            (Reasoning("a", CLAUDE),),
        ),
        (
            [
                {"type": "reasoning.text", "text": "a", "index": 0},
                {"type": "reasoning.text", "text": "b", "index": 0},
                {"type": "reasoning.text", "signature": "omniroute.1.claude.Eq==", "index": 0},
                {"type": "reasoning.text", "text": "c", "index": 1},
            ],
            (Reasoning("ab", CLAUDE), Reasoning("c")),
        ),
        (
            [{"type": "reasoning.encrypted", "data": "omniroute.1.claude.Eq==", "format": "omniroute"}],
            (Reasoning("plain"), Reasoning("", CLAUDE, is_redacted=True)),
        ),
        (
            [
                {"type": "reasoning.summary", "summary": "s", "format": "openai-responses-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1", "index": 0},
            ],
            (Reasoning("s", OPENAI),),
        ),
        (
            [{"type": "reasoning.text", "signature": "Eq==", "format": "anthropic-claude-v1"}],
            (Reasoning("plain", CLAUDE),),
        ),
        ([3, {"type": "?"}], (Reasoning("plain"),)),
    ],
)
def test_signed_reasoning_that_a_client_repeats_is_found(details: list[Any], expected: tuple[Part, ...]) -> None:
    message = {"role": "assistant", "content": "t", "reasoning_content": "plain", "reasoning_details": details}
    assert decoded(message).messages[0].parts == (*expected, Text("t"))


def test_signatures_of_calls_come_back_in_both_places() -> None:
    calls = [
        {
            "id": "a",
            "function": {"name": "f"},
            "extra_content": {"google": {"thought_signature": "Q2xp"}},
        },
        {"id": "b", "function": {"name": "f"}},
    ]
    details = [{"type": "reasoning.encrypted", "data": "Q2xp", "id": "b", "format": "google-gemini-v1"}]
    request = decoded({"role": "assistant", "tool_calls": calls, "reasoning_details": details})
    assert [getattr(part, "signature", None) for part in request.messages[0].parts] == [GEMINI, GEMINI]


def test_cursor_sends_the_input_of_responses_to_the_chat_endpoint() -> None:
    value = {
        "model": "m",
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "tools": [{"type": "custom", "name": "patch"}],
        "stream": True,
    }
    assert openai.is_responses_body(value)
    assert not openai.is_responses_body({"messages": [], "input": "x"})
    body = openai.from_responses_body(JsonBody.parse(orjson.dumps(value)))
    assert openai.read_request(body).is_streaming
    request = openai.decode_request(body.value)
    assert (request.system, request.messages) == ((Text("Be brief."),), (user(Text("hi")),))
    assert request.tools[0].kind is ToolKind.FREEFORM


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.sampled_from(["", "text", "none", "auto"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "url"]), inner),
    max_leaves=4,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in _paths(inner, (*path, key)))]


def _changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _changed(copy[path[0]], path[1:], new)
    return copy


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(_paths(FULL)[1:]), JSON, st.sampled_from(["gpt-5", "deepseek-chat", "gemini-2.5-pro"]))
def test_any_request_is_understood_or_refused(path: tuple[Any, ...], new: Any, model: str) -> None:
    with suppress(InvalidRequest):
        request = openai.decode_request(_changed(FULL, path, new))
        orjson.dumps(openai.encode_request(request, target_of(Dialect.OPENAI, model)).body)
