"""Requests in the Responses API's words: what a client's says, and what a vendor is told."""

from typing import Any

import pytest

from translator.dialect import Target
from translator.dialects import responses
from translator.families import family_of
from translator.json_body import JsonBody
from translator.losses import CannotSay, InvalidRequest
from translator.messages import (
    Choice,
    Effort,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Reasoning,
    Request,
    Role,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjEK"
SCHEMA = {"type": "object", "properties": {"port": {"type": "string"}}}
CLOSED = {**SCHEMA, "required": ["port"], "additionalProperties": False}


def asked(*items: Any, **members: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items) or "Tide?", **members}


def read(*items: Any, **members: Any) -> Request:
    return responses.decode_request(asked(*items, **members))


def told(request: Request, model: str = "gpt-5") -> tuple[dict[str, Any], list[str]]:
    encoded = responses.encode_request(request, Target(model, family_of(model, "responses")))
    return encoded.body, [loss.what for loss in encoded.dropped]


def says(*parts: Any, role: Role = Role.USER) -> Message:
    return Message(role, parts)


HELLO = Request("m", (says(Text("Hello.")),))


# -- from clients -----------------------------------------------------------------------------------------------------


def test_what_stands_before_the_conversation_is_its_system_prompt() -> None:
    items = [
        {"role": "developer", "content": "Two."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "X"},
    ]
    request = read(*items, instructions="One.")
    assert request.system == (Text("One."), Text("Two."))
    assert request.messages == (says(Text("Hi")), says(Text("X"), role=Role.SYSTEM))


def test_what_a_model_said_in_a_row_is_one_turn_and_so_are_the_results() -> None:
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    patch = {"type": "custom_tool_call", "call_id": "b", "name": "p", "namespace": "ns", "input": "x"}
    request = read(
        {"role": "user", "content": "go"},
        {"type": "reasoning", "summary": [], "content": None, "encrypted_content": "E"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Both."}]},
        call,
        patch,
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
    )
    calls = (ToolCall("a", "f", "{}"), ToolCall("b", "p", "x", ToolKind.FREEFORM, "ns"))
    thought = Reasoning("", Signature("openai", "E"))
    assert request.messages[1] == Message(Role.ASSISTANT, (thought, Text("Both."), *calls))
    assert request.messages[2].parts == (ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),)))


def test_reasoning_without_text_and_signature_is_nothing() -> None:
    assert read({"role": "user", "content": "go"}, {"type": "reasoning", "summary": []}).messages == (says(Text("go")),)


def test_a_local_shell_result_finds_its_call_by_the_id_of_the_item() -> None:
    action = {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5}
    request = read(
        {"type": "local_shell_call", "id": "lsh_1", "call_id": "c", "status": "completed", "action": action},
        {"type": "local_shell_call_output", "id": "lsh_1", "output": "a.txt"},
    )
    call = ToolCall("c", "local_shell", '{"command":["ls"],"timeout_ms":5}', ToolKind.LOCAL_SHELL)
    assert request.messages[0].parts == (call,)
    assert request.messages[1].parts == (ToolResult("c", (Text("a.txt"),), name="local_shell"),)


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (
            {"type": "input_image", "image_url": f"data:image/jpeg;base64,{PNG}", "detail": "low"},
            ("image/png", PNG, ""),
        ),
        (
            {"type": "input_image", "image_url": {"url": "https://e.net/a.jpg"}},
            ("image/jpeg", "", "https://e.net/a.jpg"),
        ),
        ({"type": "input_file", "filename": "n.pdf", "file_data": PDF}, ("application/pdf", PDF, "")),
        ({"type": "input_file", "file_url": "https://e.net/n.pdf"}, ("application/pdf", "", "https://e.net/n.pdf")),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, ("audio/mpeg", "AAAA", "")),
    ],
    ids=["image", "nested image", "bare file", "linked file", "sound"],
)
def test_media_is_read(part: dict[str, Any], found: tuple[str, str, str]) -> None:
    (media,) = read({"role": "user", "content": [part]}).messages[0].parts
    assert isinstance(media, Media)
    assert (media.mime, media.data, media.url, media.at) == (*found, "input[0].content[0]")


def test_tools_of_every_kind_are_read() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    inner = [{"type": "function", "name": "berths", "strict": False, "parameters": SCHEMA}]
    request = read(
        {"role": "user", "content": "go"},
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [{"type": "custom", "name": "exec", "format": grammar}],
        },
        tools=[
            {"type": "function", "name": "loose", "parameters": SCHEMA},
            {"type": "function", "name": "closed", "parameters": CLOSED},
            {"type": "namespace", "name": "mcp__port", "description": "", "tools": inner},
            {"type": "web_search", "search_context_size": "low"},
            {"type": "local_shell"},
            {"type": "tool_search", "execution": "client"},
        ],
    )
    assert request.tools == (
        Tool("loose", schema=SCHEMA),
        Tool("closed", schema=CLOSED, strict=True),
        Tool("berths", schema=SCHEMA, strict=False, namespace="mcp__port"),
        Tool("web_search", kind=ToolKind.WEB_SEARCH),
        Tool("local_shell", kind=ToolKind.LOCAL_SHELL),
        Tool("exec", kind=ToolKind.FREEFORM, grammar={"syntax": "lark", "definition": "start: X"}),
    )
    assert [loss.what for loss in request.leftovers] == ["tool_search"]


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("required", ToolChoice(Choice.REQUIRED)),
        ({"type": "function", "name": "f"}, ToolChoice(Choice.REQUIRED, ("f",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice(Choice.AUTO, ("f",)),
        ),
        ({"type": "web_search_preview"}, ToolChoice(Choice.AUTO)),
    ],
    ids=["word", "one", "some", "hosted"],
)
def test_a_choice_is_read(choice: Any, found: ToolChoice) -> None:
    assert read(tools=[{"type": "function", "name": "f"}], tool_choice=choice).tool_choice == found


def test_settings_are_read_and_what_has_no_word_is_left_over() -> None:
    request = read(
        max_output_tokens=300,
        top_logprobs=2,
        parallel_tool_calls=False,
        safety_identifier="u",
        text={"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": CLOSED, "strict": True}},
        reasoning={"effort": "high", "summary": "auto"},
        store=False,
        include=["reasoning.encrypted_content"],
        client_metadata={"a": "b"},
        metadata={"a": "b"},
        max_tool_calls=3,
    )
    assert request.knobs == {
        Knob.MAX_TOKENS: 300,
        Knob.TOP_LOGPROBS: 2,
        Knob.PARALLEL_TOOL_CALLS: False,
        Knob.USER: "u",
        Knob.VERBOSITY: "low",
    }
    assert request.thinking == Thinking(is_on=True, effort=Effort.HIGH, is_shown=True)
    assert request.output == OutputFormat(CLOSED, "n", strict=True)
    assert [loss.what for loss in request.leftovers] == ["metadata", "max_tool_calls"]


def test_items_of_a_vendor_alone_are_dropped_and_named_once() -> None:
    request = read(
        {"type": "compaction", "id": "c"}, {"id": "msg_1"}, {"role": "user", "content": "Go"}, {"id": "msg_2"}
    )
    assert [loss.what for loss in request.leftovers] == ["compaction", "item_reference"]


WRONG: dict[str, dict[str, Any]] = {
    "input": {"model": "m"},
    "input[0]": asked("text"),
    "input[0].type": asked({"content": "?"}),
    "input[0].role": asked({"role": "tool", "content": "?"}),
    "input[0].content": asked({"role": "user"}),
    "input[0].content[0].type": asked({"role": "user", "content": [{"type": "output_video"}]}),
    "input[0].content[0].text": asked({"role": "user", "content": [{"type": "input_text"}]}),
    "input[0].content[0].image_url": asked({"role": "user", "content": [{"type": "input_image"}]}),
    "input[0].call_id": asked({"type": "function_call", "name": "f", "arguments": "{}"}),
    "input[0].name": asked({"type": "function_call", "call_id": "c", "name": "", "arguments": "{}"}),
    "input[0].output": asked({"type": "function_call_output", "call_id": "c", "output": 1}),
    "tools[0].type": asked(tools=[{"name": "f"}]),
    "tools[0].name": asked(tools=[{"type": "function"}]),
    "tools[0].tools[0].name": asked(tools=[{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]),
    "tool_choice": asked(tool_choice="any"),
    "tool_choice.name": asked(tool_choice={"type": "function", "name": "f"}),
    "max_output_tokens": asked(max_output_tokens=0),
    "temperature": asked(temperature="hot"),
    "reasoning.effort": asked(reasoning={"effort": "much"}),
    "text.format.type": asked(text={"format": {"type": "xml"}}),
    "text.format.schema": asked(text={"format": {"type": "json_schema", "name": "n"}}),
    "background": asked(background=True),
    "previous_response_id": asked(previous_response_id="resp_1"),
    "conversation": asked(conversation="conv_1"),
    "stream": asked(stream="yes"),
}


@pytest.mark.parametrize("param", WRONG)
def test_what_is_wrong_is_named(param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        responses.decode_request(WRONG[param])
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"input":"x"}', "model"),
        (b'{"model":"m","input":[]}', "input"),
        (b'{"model":"m","input":"x","stream":1}', "stream"),
        (b'{"model":"m","input":"x","input":"y"}', None),
    ],
    ids=["no model", "no input", "stream", "twice"],
)
def test_what_every_request_has_is_checked_first(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        responses.read_request(JsonBody.parse(body))
    assert caught.value.param == param


def test_only_the_body_says_whether_to_stream() -> None:
    assert not responses.read_request(JsonBody.parse(b'{"model":"m","input":"x"}')).is_streaming
    assert responses.read_request(JsonBody.parse(b'{"model":"m","input":"x","stream":true}')).is_streaming


# -- to vendors -------------------------------------------------------------------------------------------------------


def test_functions_are_flat_and_strict_only_where_their_schema_is() -> None:
    tools = (Tool("a", schema=CLOSED, strict=True), Tool("b", schema=SCHEMA, strict=True), Tool("c", "Nothing."))
    body, _ = told(Request("m", HELLO.messages, tools=tools))
    assert body["tools"] == [
        {"type": "function", "name": "a", "parameters": CLOSED, "strict": True},
        {"type": "function", "name": "b", "parameters": SCHEMA, "strict": False},
        {"type": "function", "name": "c", "parameters": {"type": "object", "properties": {}}}
        | {"description": "Nothing.", "strict": False},
    ]


def test_reasoning_goes_back_to_its_maker_signed_and_before_what_it_led_to() -> None:
    own, foreign = Reasoning("One.", Signature("openai", "E")), Reasoning("Two.", Signature("claude", "C"))
    said = says(own, foreign, Reasoning("unsigned"), Text("Yes."), own, role=Role.ASSISTANT)
    body, _ = told(Request("m", (*HELLO.messages, said, *HELLO.messages)))
    assert [item["type"] for item in body["input"]] == ["message", "reasoning", "message", "message"]
    assert body["input"][1] == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "One."}],
        "encrypted_content": "E",
    }


def test_results_are_texts_or_lists_and_errors_say_so() -> None:
    picture = Media(MediaKind.IMAGE, "image/png", data=PNG)
    calls = [ToolCall(str(number), "f", "{}") for number in range(3)]
    results = [
        ToolResult("0", (Text("a"), Text("b"))),
        ToolResult("1", (Text("no such file"),), is_error=True),
        ToolResult("2", (Text("see"), picture)),
    ]
    body, _ = told(Request("m", (says(*calls, role=Role.ASSISTANT), says(*results))))
    first, second, third = (item["output"] for item in body["input"][3:])
    assert (first, second) == ("a\nb", "Error: no such file")
    assert [part["type"] for part in third] == ["input_text", "input_image"]


@pytest.mark.parametrize(
    ("model", "wish", "reasoning", "lost"),
    [
        ("gpt-5", Thinking(True, Effort.MAX), {"effort": "high", "summary": "auto"}, []),
        ("gpt-5", Thinking(True, budget=12_000, is_shown=False), {"effort": "medium"}, []),
        ("gpt-5", Thinking(False), {"effort": "minimal"}, ["thinking"]),
        ("gpt-5.2", Thinking(False), {"effort": "none"}, []),
        ("gpt-4.1", Thinking(True, Effort.LOW), None, ["thinking"]),
        ("house-model", Thinking(True, budget=12_000), None, ["thinking"]),
        ("house-model", Thinking(True, Effort.LOW), {"effort": "low", "summary": "auto"}, []),
    ],
)
def test_thinking_is_asked_for_as_the_family_takes_it(
    model: str, wish: Thinking, reasoning: Any, lost: list[str]
) -> None:
    body, dropped = told(Request("m", HELLO.messages, thinking=wish), model)
    assert (body.get("reasoning"), dropped) == (reasoning, lost)
    assert body["store"] is False


def test_encrypted_reasoning_is_asked_for_only_where_it_exists() -> None:
    assert told(HELLO, "gpt-5")[0]["include"] == ["reasoning.encrypted_content"]
    assert "include" not in told(HELLO, "gpt-4.1")[0]
    assert "include" not in told(HELLO, "house-model")[0]


def test_settings_without_a_word_are_reported() -> None:
    knobs = {Knob.STOP: ("x",), Knob.SEED: 1, Knob.TOP_K: 5, Knob.CHOICES: 1, Knob.MAX_TOKENS: 1, Knob.TEMPERATURE: 1}
    body, dropped = told(Request("m", HELLO.messages, knobs=knobs))
    assert dropped == ["stop", "seed", "top_k", "temperature"]
    assert body["max_output_tokens"] == 16


def test_a_long_identifier_becomes_a_short_one_that_stays_the_same() -> None:
    bodies = [told(Request("m", HELLO.messages, knobs={Knob.USER: "u" * 150}))[0] for _ in range(2)]
    assert len(bodies[0]["user"]) == 64
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("kind", [MediaKind.AUDIO, MediaKind.VIDEO])
def test_what_cannot_be_said_is_refused_by_its_place(kind: MediaKind) -> None:
    with pytest.raises(CannotSay) as caught:
        told(Request("m", (says(Media(kind, data="AAAA", at="messages[0].content[1]")),)))
    assert caught.value.param == "messages[0].content[1]"


def test_a_system_prompt_alone_is_said_by_the_user() -> None:
    body, _ = told(Request("m", (), (Text("You are a pilot."),)))
    assert "instructions" not in body
    assert body["input"][0]["content"] == [{"type": "input_text", "text": "You are a pilot."}]
