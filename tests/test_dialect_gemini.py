"""Gemini's generateContent, requests of clients: what is read of them, and what is refused."""

import copy
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from translator.dialect import Target
from translator.dialects import gemini
from translator.families import family_of
from translator.json_body import JsonBody
from translator.losses import InvalidRequest
from translator.messages import (
    Choice,
    Effort,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Part,
    Reasoning,
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
from translator.signatures import tagged_base64

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
RECORDED = sorted((Path(__file__).parent / "clients" / "recorded").glob("gemini-cli-*.json"))
SIGNATURE = "QUJDREVGRw=="
SKIP = "skip_thought_signature_validator"
PICTURE = {"inlineData": {"mimeType": "image/png", "data": PNG}}


def asked(*parts: dict[str, Any], role: str = "user", **members: Any) -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": list(parts) or [{"text": "hi"}]}], **members}


def read(*parts: dict[str, Any], role: str = "user") -> tuple[Part, ...]:
    return gemini.decode_request(asked(*parts, role=role)).messages[0].parts


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"text": "hi"}, Text("hi")),
        ({"text": "so", "thoughtSignature": SIGNATURE}, Text("so", Signature("gemini", SIGNATURE))),
        (
            {"text": "hm", "thought": True, "thought_signature": SIGNATURE},
            Reasoning("hm", Signature("gemini", SIGNATURE)),
        ),
        (
            {"functionCall": {"name": "tide", "args": {"p": [1, None]}}, "thoughtSignature": SKIP},
            ToolCall("", "tide", '{"p":[1,null]}'),
        ),
        (
            {"function_call": {"id": "c1", "name": "tide"}, "thoughtSignature": SIGNATURE},
            ToolCall("c1", "tide", "{}", signature=Signature("gemini", SIGNATURE)),
        ),
        ({"functionResponse": {"name": "t", "response": {"output": "2.4"}}}, ToolResult("", (Text("2.4"),), name="t")),
        ({"functionResponse": {"name": "t", "response": {"result": "2.4"}}}, ToolResult("", (Text("2.4"),), name="t")),
        (
            {"functionResponse": {"id": "c", "name": "t", "response": {"error": "E42"}}},
            ToolResult("c", (Text("E42"),), is_error=True, name="t"),
        ),
        (
            {"functionResponse": {"name": "t", "response": {"output": "a", "more": 1}}},
            ToolResult("", (Text('{"output":"a","more":1}'),), name="t"),
        ),
        (
            {"fileData": {"fileUri": "https://charts.example.net/bay.jpg"}},
            Media(
                MediaKind.IMAGE,
                "image/jpeg",
                url="https://charts.example.net/bay.jpg",
                at="contents[0].parts[0].fileData",
            ),
        ),
        (
            {
                "file_data": {
                    "file_uri": "https://generativelanguage.googleapis.com/v1beta/files/a",
                    "mime_type": "video/mp4",
                }
            },
            Media(
                MediaKind.VIDEO,
                "video/mp4",
                file_id="https://generativelanguage.googleapis.com/v1beta/files/a",
                at="contents[0].parts[0].fileData",
            ),
        ),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_a_part_is_read(part: dict[str, Any], expected: Part) -> None:
    assert read(part, role="model") == (expected,)


def test_base64_is_read_in_either_spelling_and_its_bytes_tell_the_type() -> None:
    spelled = PNG.replace("+", "-").replace("/", "_").rstrip("=")
    (part,) = read({"inline_data": {"mime_type": "image/jpeg", "data": spelled}})
    assert part == Media(MediaKind.IMAGE, "image/png", data=PNG, at="contents[0].parts[0].inlineData")


def test_a_picture_behind_a_response_belongs_to_it() -> None:
    response = {"functionResponse": {"name": "snap", "response": {"output": "see"}}}
    result, words = read(response, PICTURE, {"text": "Well?"})
    assert isinstance(result, ToolResult) and [type(part) for part in result.content] == [Text, Media]
    assert words == Text("Well?")


def test_pieces_of_a_stream_that_a_client_kept_become_one_thought_and_one_text() -> None:
    tagged = tagged_base64(Signature("claude", "EqCC=="), "gemini")
    pieces = [
        *({"text": "First ", "thought": True}, {"text": "weigh.", "thought": True}),
        *({"text": "", "thought": True, "thoughtSignature": tagged}, {"text": "No"}, {"text": "on."}),
    ]
    kept = {
        "contents": [{"role": "user", "parts": [{"text": "?"}]}, *({"role": "model", "parts": [p]} for p in pieces)]
    }
    assert gemini.decode_request(kept).messages[1].parts == (
        Reasoning("First weigh.", Signature("claude", "EqCC==")),
        Text("Noon."),
    )


def test_both_spellings_mean_the_same() -> None:
    camel = asked(
        systemInstruction={"parts": [{"text": "Be brief."}]},
        generationConfig={"maxOutputTokens": 9, "thinkingConfig": {"thinkingBudget": 5, "includeThoughts": False}},
        tools=[{"functionDeclarations": [{"name": "t", "parameters": {"type": "OBJECT"}}]}, {"googleSearch": {}}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["t"]}},
        safetySettings=[{"category": "c"}],
    )
    snake = orjson.loads(
        re.sub(rb'(?<=[a-z])([A-Z])(?=[a-zA-Z]+":)', lambda m: b"_" + m[1].lower(), orjson.dumps(camel))
    )
    assert snake != camel
    request = gemini.decode_request(camel)
    assert gemini.decode_request(snake) == request
    assert request.system == (Text("Be brief."),)
    assert request.tools == (Tool("t", schema={"type": "object"}), Tool("web_search", kind=ToolKind.WEB_SEARCH))
    assert request.tool_choice == ToolChoice(Choice.REQUIRED, ("t",))
    assert request.thinking == Thinking(True, budget=5, is_shown=False)
    assert [each.what for each in request.leftovers] == ["safetySettings"]


def test_google_s_own_short_forms_are_read() -> None:
    short = {"contents": {"parts": {"text": "Hello"}}, "system_instruction": {"parts": {"text": "You are a cat."}}}
    request = gemini.decode_request(short)
    assert request.messages == (Message(Role.USER, (Text("Hello"),)),)
    assert request.system == (Text("You are a cat."),)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"thinkingBudget": 0}, Thinking(False)),
        ({"thinkingBudget": -1}, Thinking(True)),
        ({"thinkingBudget": 12000, "includeThoughts": True}, Thinking(True, budget=12000, is_shown=True)),
        ({"thinkingLevel": "low"}, Thinking(True, Effort.LOW)),
        ({"thinkingLevel": "HIGH"}, Thinking(True, Effort.HIGH)),
        ({"includeThoughts": True}, Thinking(True, is_shown=True)),
        ({"includeThoughts": False}, None),
        ({}, None),
    ],
)
def test_a_wish_to_think_is_read(wish: dict[str, Any], expected: Thinking | None) -> None:
    assert gemini.decode_request(asked(generationConfig={"thinkingConfig": wish})).thinking == expected


@pytest.mark.parametrize(
    ("settings_", "expected"),
    [
        ({"responseMimeType": "application/json"}, OutputFormat()),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}},
            OutputFormat({"type": "object"}),
        ),
        ({"responseMimeType": "application/json", "_responseJsonSchema": {"a": 1}}, OutputFormat({"a": 1})),
        ({"responseMimeType": "text/plain"}, None),
    ],
)
def test_an_output_format_is_read(settings_: dict[str, Any], expected: OutputFormat | None) -> None:
    request = gemini.decode_request(asked(generationConfig=settings_))
    assert request.output == expected and not request.leftovers


def test_what_only_google_knows_is_told() -> None:
    request = gemini.decode_request(
        asked(
            {"text": "hi"},
            {"executableCode": {"code": "1"}},
            cachedContent="cachedContents/x",
            labels={"team": "a"},
            tools=[{"codeExecution": {}}],
            generationConfig={
                "speechConfig": {},
                "responseModalities": ["TEXT", "AUDIO"],
                "responseMimeType": "text/x.enum",
            },
        )
    )
    assert [each.what for each in request.leftovers] == [
        "contents[0].parts[1].executableCode",
        "tools[0].codeExecution",
        "generationConfig.speechConfig",
        "generationConfig.responseModalities",
        "generationConfig.responseMimeType",
        "cachedContent",
        "labels",
    ]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("contents", {}),
    ("contents", {"contents": []}),
    ("contents", {"contents": "hi"}),
    ("contents[0]", {"contents": ["hi"]}),
    ("contents[0].role", asked(role="system")),
    ("contents[0].parts", {"contents": [{"role": "user", "parts": "hi"}]}),
    ("contents[0].parts[0]", asked({})),
    ("contents[0].parts[1].text", asked({"text": "a"}, {"text": 1})),
    ("contents[0].parts[0].inlineData", asked({"inlineData": {"mimeType": "image/png", "data": "@@"}})),
    ("contents[0].parts[0].inlineData.mimeType", asked({"inlineData": {"data": PNG}})),
    ("contents[0].parts[0].fileData.fileUri", asked({"fileData": {}})),
    ("contents[0].parts[0].functionCall.name", asked({"functionCall": {"name": ""}})),
    ("contents[0].parts[0].functionCall.args", asked({"functionCall": {"name": "f", "args": "{}"}})),
    ("contents[0].parts[0].functionResponse.response", asked({"functionResponse": {"name": "f", "response": "x"}})),
    ("generationConfig.maxOutputTokens", asked(generationConfig={"maxOutputTokens": 0})),
    ("generationConfig.temperature", asked(generationConfig={"temperature": "warm"})),
    ("generationConfig.stopSequences[1]", asked(generationConfig={"stopSequences": ["a", 1]})),
    (
        "generationConfig.thinkingConfig.thinkingBudget",
        asked(generationConfig={"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "low"}}),
    ),
    (
        "generationConfig.thinkingConfig.thinkingLevel",
        asked(generationConfig={"thinkingConfig": {"thinkingLevel": "x"}}),
    ),
    ("tools[0].functionDeclarations[0].name", asked(tools=[{"functionDeclarations": [{}]}])),
    ("toolConfig.functionCallingConfig.mode", asked(toolConfig={"functionCallingConfig": {"mode": "SOME"}})),
]


@pytest.mark.parametrize(("member", "request_"), WRONG, ids=[member for member, _ in WRONG])
def test_a_wrong_member_is_named(member: str, request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        gemini.decode_request(request_)
    assert caught.value.param == member


def test_the_model_and_the_mode_stand_in_the_path() -> None:
    read_ = gemini.read_request(JsonBody.parse(orjson.dumps(asked())), "gemini-2.5-pro", True)
    assert (read_.model, read_.is_streaming) == ("gemini-2.5-pro", True)
    assert gemini.addressed(read_, "other", True) == {}


@pytest.mark.parametrize(
    "request_",
    [{"contents": []}, *(asked(generationConfig={"maxOutputTokens": most}) for most in (0, -1, 2**31, "many", 1.5))],
)
def test_what_no_model_can_answer_is_refused_before_one_is_asked(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        gemini.read_request(JsonBody.parse(orjson.dumps(request_)), "m")


EVERYTHING = asked(
    *({"text": "a"}, PICTURE, {"fileData": {"fileUri": "gs://a/b", "mimeType": "image/png"}}),
    systemInstruction={"parts": [{"text": "s"}]},
    tools=[{"functionDeclarations": [{"name": "f", "description": "d", "parameters": {"type": "OBJECT"}}]}],
    toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    generationConfig={
        "maxOutputTokens": 5,
        "temperature": 0.5,
        "topK": 3,
        "stopSequences": ["x"],
        "seed": 4,
        "candidateCount": 2,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}},
        "thinkingConfig": {"thinkingBudget": 9, "includeThoughts": True},
    },
)
EVERYTHING["contents"] += [
    {"role": "model", "parts": [{"text": "t", "thought": True, "thoughtSignature": SIGNATURE}]},
    {"role": "model", "parts": [{"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}}]},
    {"role": "user", "parts": [{"functionResponse": {"id": "c", "name": "f", "response": {"error": "e"}}}, PICTURE]},
]
_strange = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, member in inner for place in places(member, (*path, key))]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(places(EVERYTHING)), _strange)
def test_any_object_is_read_or_refused(place: tuple[Any, ...], strange: Any) -> None:
    value = copy.deepcopy(EVERYTHING)
    parent = value
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = strange
    try:
        request = gemini.decode_request(value, "m")
        gemini.encode_request(request, Target("gemini-3-pro", family_of("gemini-3-pro", "gemini")))
    except InvalidRequest as refused:
        named = refused.param
    else:
        named = "nothing"
    assert named


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-3-pro-preview"])
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_gemini_cli_sends_is_said_again_with_the_same_meaning(path: Path, model: str) -> None:
    body = orjson.loads(path.read_bytes())["body"]
    first = gemini.decode_request(body, model)
    assert not first.leftovers
    written = gemini.encode_request(first, Target(model, family_of(model, "gemini")))
    again = gemini.encode_request(gemini.decode_request(written.body, model), Target(model, family_of(model, "gemini")))
    assert again.body == written.body
    assert not written.dropped
