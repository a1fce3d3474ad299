"""Gemini's generateContent, requests to models: which words they are asked in, and what cannot be said."""

import re
from typing import Any

import orjson
import pytest

from translator.dialect import Encoded, Target
from translator.dialects import gemini
from translator.families import family_of
from translator.losses import CannotSay
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
SIGNATURE = "QUJDREVGRw=="
SKIP = "skip_thought_signature_validator"
PICTURE = {"inlineData": {"mimeType": "image/png", "data": PNG}}


def encoded(*messages: Message, model: str = "gemini-2.5-flash", **facts: Any) -> Encoded:
    request = Request("m", messages or (Message(Role.USER, (Text("hi"),)),), **facts)
    return gemini.encode_request(request, Target(model, family_of(model, "gemini")))


def contents(*messages: Message, model: str = "gemini-2.5-flash") -> Any:
    return encoded(*messages, model=model).body["contents"]


def config(model: str = "gemini-2.5-flash", **facts: Any) -> tuple[Any, list[str]]:
    written = encoded(model=model, **facts)
    return written.body.get("generationConfig", {}), [each.what for each in written.dropped]


CALLS = Message(Role.ASSISTANT, (ToolCall("a", "tide", '{"p":1}'), ToolCall("b", "wind", "")))


def test_results_stand_in_one_content_in_the_order_of_the_calls_and_before_all_else() -> None:
    picture = Media(MediaKind.IMAGE, "image/png", data=PNG)
    written = contents(
        Message(Role.USER, (Text("go"),)),
        CALLS,
        Message(Role.USER, (Text("In feet."), ToolResult("b", (Text("calm"), picture)))),
        Message(Role.USER, (ToolResult("a", (Text('{"m":2}'),), is_error=False),)),
    )
    assert [content["role"] for content in written] == ["user", "model", "user"]
    assert written[1]["parts"] == [
        {"functionCall": {"id": "a", "name": "tide", "args": {"p": 1}}},
        {"functionCall": {"id": "b", "name": "wind", "args": {}}},
    ]
    assert written[2]["parts"] == [
        {"functionResponse": {"id": "a", "name": "tide", "response": {"m": 2}}},
        {"functionResponse": {"id": "b", "name": "wind", "response": {"output": "calm"}}},
        PICTURE,
        {"text": "In feet."},
    ]


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (ToolResult("a", (Text("2.4 m"),)), {"output": "2.4 m"}),
        (ToolResult("a", ()), {"output": ""}),
        (ToolResult("a", (Text("E42"),), is_error=True), {"error": "E42"}),
        (ToolResult("a", (Text('[{"id":1}]'),)), {"output": [{"id": 1}]}),
        (ToolResult("a", (Text('{"id":12345678901234567}'),)), {"output": '{"id":12345678901234567}'}),
        (ToolResult("a", (Text('{"cut'),)), {"output": '{"cut'}),
        (ToolResult("a", (Text("[" * 400 + "]" * 400),)), {"output": "[" * 400 + "]" * 400}),
    ],
)
def test_a_response_is_an_object_that_keeps_what_the_tool_said(result: ToolResult, response: Any) -> None:
    call = Message(Role.ASSISTANT, (ToolCall("a", "tide", "{}"),))
    written = contents(Message(Role.USER, (Text("go"),)), call, Message(Role.USER, (result,)))
    assert written[2]["parts"][0]["functionResponse"]["response"] == response


def signatures_in(written: Any) -> list[str | None]:
    return [part.get("thoughtSignature") for content in written for part in content["parts"]]


@pytest.mark.parametrize(
    ("model", "first", "expected"),
    [
        ("gemini-3-pro-preview", None, [None, SKIP, None, None, None]),
        ("gemini-3-pro-preview", Signature("claude", "Eq=="), [None, SKIP, None, None, None]),
        ("gemini-3-pro-preview", Signature("gemini", SIGNATURE), [None, SIGNATURE, None, None, None]),
        ("gemini-2.5-flash", None, [None] * 5),
        ("gemini-2.5-flash", Signature("gemini", SIGNATURE), [None, SIGNATURE, None, None, None]),
    ],
)
def test_only_gemini_3_is_told_that_a_call_is_not_its_own(model: str, first: Signature | None, expected: Any) -> None:
    calls = Message(Role.ASSISTANT, (ToolCall("a", "tide", "{}", signature=first), ToolCall("b", "wind", "{}")))
    assert signatures_in(contents(Message(Role.USER, (Text("go"),)), calls, model=model)) == expected


def test_earlier_turns_are_not_marked() -> None:
    later = Message(Role.USER, (Text("And now?"),))
    written = contents(Message(Role.USER, (Text("go"),)), CALLS, Message(Role.ASSISTANT, (Text("ok"),)), later)
    assert set(signatures_in(written)) == {None}


def test_thoughts_go_back_only_under_google_s_own_signature() -> None:
    thoughts = (
        Reasoning("mine", Signature("gemini", SIGNATURE)),
        *(Reasoning("theirs", Signature("claude", "Eq==")), Reasoning("unsigned")),
        Text("Noon.", Signature("gemini", "QUJD")),
    )
    written = contents(Message(Role.USER, (Text("?"),)), Message(Role.ASSISTANT, thoughts))
    assert written[1]["parts"] == [
        {"text": "mine", "thought": True, "thoughtSignature": SIGNATURE},
        {"text": "Noon.", "thoughtSignature": "QUJD"},
    ]


def test_a_conversation_never_opens_with_a_call_and_is_never_empty() -> None:
    assert contents(CALLS)[0]["role"] == "user"
    alone = encoded(Message(Role.USER, (Text(""),)), system=(Text("Say hello."),))
    assert alone.body == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}
    with pytest.raises(CannotSay):
        encoded(Message(Role.USER, ()))


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Media(MediaKind.IMAGE, "image/png", data=PNG), PICTURE),
        (
            Media(MediaKind.IMAGE, url="https://x.example/a"),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.example/a"}},
        ),
        (Media(MediaKind.DOCUMENT, "text/plain", data="aGk=", name="a.txt"), {"text": "a.txt\n\nhi"}),
        (Media(MediaKind.AUDIO, "audio/wav", data="UklG"), {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}}),
        (
            Media(MediaKind.IMAGE, "image/png", file_id="gs://a/b"),
            {"fileData": {"mimeType": "image/png", "fileUri": "gs://a/b"}},
        ),
    ],
)
def test_media_are_said(media: Media, expected: dict[str, Any]) -> None:
    assert contents(Message(Role.USER, (media,)))[0]["parts"] == [expected]


@pytest.mark.parametrize(
    "media",
    [
        Media(MediaKind.DOCUMENT, "application/msword", data="AAAA", at="messages[0].content[1]"),
        Media(MediaKind.IMAGE, "image/png", file_id="file-abc", at="messages[0].content[1]"),
    ],
)
def test_media_that_gemini_cannot_read_are_refused_by_their_place(media: Media) -> None:
    with pytest.raises(CannotSay) as caught:
        contents(Message(Role.USER, (media,)))
    assert caught.value.param == "messages[0].content[1]"


SCHEMA = {"type": "object", "properties": {"p": {"type": ["string", "null"]}}, "additionalProperties": False}


def test_tools_are_declared_under_legal_names_and_called_back_under_their_own() -> None:
    tools = (Tool("srv/tide", "Tide.", SCHEMA), Tool("now"), Tool("web_search", kind=ToolKind.WEB_SEARCH))
    written = encoded(tools=tools, tool_choice=ToolChoice(Choice.REQUIRED, ("srv/tide",)))
    first, second = written.body["tools"][0]["functionDeclarations"]
    properties = {"p": {"type": "STRING", "nullable": True}}
    assert first == {
        "name": first["name"],
        "description": "Tide.",
        "parameters": {"type": "OBJECT", "properties": properties},
    }
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}", first["name"])
    assert second == {"name": "now"}
    calling = {"mode": "ANY", "allowedFunctionNames": [first["name"]]}
    assert written.body["toolConfig"] == {"functionCallingConfig": calling}
    assert [each.what for each in written.dropped] == ["web_search"]
    assert written.toolbox.restored(ToolCall("c", first["name"])).name == "srv/tide"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        (ToolChoice(Choice.AUTO), {"mode": "AUTO"}),
        (ToolChoice(Choice.NONE), {"mode": "NONE"}),
        (ToolChoice(Choice.REQUIRED), {"mode": "ANY"}),
        (ToolChoice(Choice.AUTO, ("now",)), {"mode": "VALIDATED", "allowedFunctionNames": ["now"]}),
        (ToolChoice(Choice.REQUIRED, ("gone",)), {"mode": "ANY"}),
    ],
)
def test_a_choice_of_tools_is_said(choice: ToolChoice | None, expected: Any) -> None:
    written = encoded(tools=(Tool("now"),), tool_choice=choice)
    assert written.body.get("toolConfig") == (expected and {"functionCallingConfig": expected})
    assert encoded(tool_choice=choice).body.keys() == {"contents"}


def test_a_search_alone_is_google_s() -> None:
    search = Tool("web_search", kind=ToolKind.WEB_SEARCH)
    assert encoded(tools=(search,)).body["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize(
    ("model", "wish", "expected", "lost"),
    [
        ("gemini-2.5-flash", Thinking(True, Effort.HIGH), {"thinkingBudget": 24576, "includeThoughts": True}, []),
        ("gemini-2.5-flash", Thinking(True), {"thinkingBudget": -1, "includeThoughts": True}, []),
        ("gemini-2.5-flash", Thinking(True, budget=99, is_shown=False), {"thinkingBudget": 99}, []),
        ("gemini-2.5-flash", Thinking(False), {"thinkingBudget": 0}, []),
        ("gemini-2.5-pro", Thinking(False), {"thinkingBudget": 128}, ["thinking"]),
        ("gemini-3-pro-preview", Thinking(True, Effort.LOW), {"thinkingLevel": "LOW", "includeThoughts": True}, []),
        ("gemini-3-pro-preview", Thinking(True, budget=9000), {"thinkingLevel": "MEDIUM", "includeThoughts": True}, []),
        ("gemini-3-pro-preview", Thinking(True), {"includeThoughts": True}, []),
        ("gemini-3-flash-preview", Thinking(False), {"thinkingLevel": "MINIMAL"}, ["thinking"]),
        ("gemini-2.0-flash", Thinking(True, Effort.LOW), None, ["thinking"]),
        ("gemini-2.0-flash", Thinking(False), None, []),
    ],
)
def test_each_generation_is_asked_to_think_in_its_own_way(model: str, wish: Thinking, expected: Any, lost: Any) -> None:
    written, dropped = config(model, thinking=wish)
    assert (written.get("thinkingConfig"), dropped) == (expected, lost)


def test_thinking_leaves_room_for_the_answer() -> None:
    written, _ = config(thinking=Thinking(True, Effort.HIGH), knobs={Knob.MAX_TOKENS: 1000})
    assert written["thinkingConfig"]["thinkingBudget"] == 800


def test_settings_are_said_within_google_s_bounds_and_the_rest_is_told() -> None:
    knobs = {
        Knob.MAX_TOKENS: 900_000,
        Knob.TEMPERATURE: 1.5,
        Knob.TOP_P: 0.5,
        Knob.TOP_K: 3,
        Knob.SEED: 2**40 + 7,
        Knob.STOP: tuple("abcdef"),
        Knob.LOGPROBS: True,
        Knob.TOP_LOGPROBS: 3,
        Knob.CHOICES: 2,
        Knob.USER: "u",
        Knob.PARALLEL_TOOL_CALLS: True,
        Knob.LOGIT_BIAS: {"1": 2},
        Knob.PRESENCE_PENALTY: 1,
    }
    written, dropped = config(knobs=knobs)
    assert written == {
        "maxOutputTokens": 65_536,
        "temperature": 1.5,
        "topP": 0.5,
        "topK": 3,
        "seed": 7,
        "stopSequences": tuple("abcde"),
        "responseLogprobs": True,
        "logprobs": 3,
        "presencePenalty": 1,
    }
    assert sorted(dropped) == ["logit_bias", "max_tokens", "n", "seed", "stop", "user"]


def test_a_format_is_said_unless_the_model_cannot_have_it_beside_functions() -> None:
    output = OutputFormat({"type": "object", "properties": {"n": {"const": "a"}}})
    expected = {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"n": {"type": "STRING", "enum": ["a"]}}},
    }
    assert config(output=output) == (expected, [])
    assert config(output=output, tools=(Tool("now"),)) == ({}, [])
    assert config("gemini-3-pro-preview", output=output, tools=(Tool("now"),)) == (expected, [])


def test_a_model_that_cannot_be_held_to_a_format_is_asked_for_it() -> None:
    output = OutputFormat({"type": "object", "properties": {"vessel": {}}})
    body = encoded(output=output, tools=(Tool("now"),)).body
    assert '"vessel"' in body["systemInstruction"]["parts"][-1]["text"]


def test_equal_requests_are_equal_bytes_and_what_the_client_lost_is_passed_on() -> None:
    told = {"contents": {"parts": [{"text": "hi"}, PICTURE]}, "tools": [{"functionDeclarations": [{"name": "f"}]}]}
    request = gemini.decode_request({**told, "labels": {"a": "b"}}, "m")
    target = Target("gemini-2.5-flash", family_of("gemini-2.5-flash", "gemini"))
    first, second = (gemini.encode_request(request, target) for _ in range(2))
    assert orjson.dumps(first.body) == orjson.dumps(second.body)
    assert first.dropped[0].what == "labels"
    assert "model" not in first.body
