"""Requests of Chat Completions: how one is written for each kind of model."""

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from tests.openai_wire import (
    ANY,
    CLAUDE,
    FULL,
    GEMINI,
    PDF,
    PNG,
    SCHEMA,
    Json,
    asked,
    assistant,
    dropped,
    user,
    written,
)
from translator.dialects import openai
from translator.dialects.openai.requests_out import WITH_FREEFORM, encode
from translator.json_body import JsonBody
from translator.losses import CannotSay
from translator.messages import (
    Choice,
    Effort,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
)


def test_a_request_written_and_read_again_means_the_same() -> None:
    request = openai.decode_request(FULL)
    again = openai.decode_request(orjson.loads(orjson.dumps(encode(request, ANY, WITH_FREEFORM).body)))
    assert again.leftovers == ()
    assert _without_names(again) == _without_names(request)


def _without_names(request: Request) -> Request:
    """Strictness that follows from the schema and names of results are said in one of the two alone."""
    messages = tuple(Message(message.role, tuple(map(_bare, message.parts))) for message in request.messages)
    return replace(request, messages=messages)


def _bare(part: Part) -> Part:
    return replace(part, name="") if isinstance(part, ToolResult) else part


def test_equal_requests_give_equal_bytes() -> None:
    bodies = {orjson.dumps(encode(openai.decode_request(FULL), ANY, WITH_FREEFORM).body) for _ in range(3)}
    assert len(bodies) == 1


def test_tool_messages_follow_their_calls_and_pictures_follow_those() -> None:
    picture = Media(MediaKind.IMAGE, "image/png", data=PNG)
    body = written(
        asked(
            assistant(ToolCall("a", "f"), ToolCall("b", "f", '{"n":1}')),
            user(ToolResult("b", ()), ToolResult("a", (Text("one"), picture, Text("two"))), Text("Now?")),
        )
    )
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    assert body["messages"] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "f", "arguments": '{"n":1}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "one\ntwo"},
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {"role": "user", "content": [shown, {"type": "text", "text": "Now?"}]},
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"), [("", {}), ("[1]", {"raw": "[1]"}), ('{"p": "Por', {"raw": '{"p": "Por'}), ("{}", {})]
)
def test_arguments_are_always_an_object(arguments: str, expected: Json) -> None:
    call = written(asked(assistant(ToolCall("a", "f", arguments))))["messages"][0]["tool_calls"][0]
    assert orjson.loads(call["function"]["arguments"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no file", "Error: no file"),
        ("", "Error"),
        ("Error: no", "Error: no"),
        ("<tool_use_error>no", "<tool_use_error>no"),
    ],
)
def test_a_failed_call_says_so_in_words(text: str, expected: str) -> None:
    result = ToolResult("a", (Text(text),), is_error=True)
    assert written(asked(assistant(ToolCall("a", "f")), user(result)))["messages"][1]["content"] == expected


def test_an_id_that_is_too_long_is_shortened_in_call_and_result_alike() -> None:
    long_id = "toolu_" + "x" * 60
    messages = written(asked(assistant(ToolCall(long_id, "f")), user(ToolResult(long_id, ()))))["messages"]
    assert messages[0]["tool_calls"][0]["id"] == messages[1]["tool_call_id"]
    assert len(messages[1]["tool_call_id"]) <= 40


def test_reasoning_goes_back_within_its_tool_loop_to_models_that_want_it() -> None:
    history = (
        user(Text("a")),
        assistant(Reasoning("old"), Text("b")),
        user(Text("c")),
        assistant(Reasoning("new"), ToolCall("i", "f")),
        user(ToolResult("i", ())),
    )
    thoughts = [message.get("reasoning_content") for message in written(asked(*history), "deepseek-chat")["messages"]]
    assert thoughts == [None, None, None, "new", None]
    assert b"new" not in orjson.dumps(written(asked(*history), "gpt-5"))


def test_only_its_own_makers_signatures_reach_a_model() -> None:
    history = (assistant(Reasoning("t", CLAUDE), ToolCall("a", "f", signature=GEMINI)),)
    assert written(asked(*history), "gemini-2.5-pro")["messages"][0]["tool_calls"][0]["extra_content"] == {
        "google": {"thought_signature": "Q2xp"}
    }
    assert b"Q2xp" not in orjson.dumps(written(asked(*history)))
    assert b"Eq==" not in orjson.dumps(written(asked(*history), "gemini-2.5-pro"))


def test_a_document_goes_out_as_words_or_as_a_file() -> None:
    text = Media(MediaKind.DOCUMENT, "text/plain", data="Tm90aWNl", name="n")
    pdf = Media(MediaKind.DOCUMENT, "application/pdf", data=PDF)
    content = written(asked(user(text, pdf)))["messages"][0]["content"]
    assert content[0] == {"type": "text", "text": "n\n\nNotice"}
    assert content[1]["file"] == {"filename": "document.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}


@pytest.mark.parametrize(
    "media",
    [
        Media(MediaKind.DOCUMENT, "application/pdf", url="https://a/b.pdf", at="here"),
        Media(MediaKind.AUDIO, "audio/flac", data="AAAA", at="here"),
        Media(MediaKind.VIDEO, "video/mp4", url="https://a/b", at="here"),
        Media(MediaKind.IMAGE, "image/heic", data="AAAA", at="here"),
        Media(MediaKind.IMAGE, file_id="file-1", at="here"),
    ],
    ids=lambda media: media.mime or media.file_id,
)
def test_what_has_no_place_is_refused_by_name(media: Media) -> None:
    with pytest.raises(CannotSay) as refused:
        written(asked(user(media)))
    assert refused.value.param == "here"


KNOBS = {
    Knob.TEMPERATURE: 0.5,
    Knob.TOP_K: 4,
    Knob.STOP: ("1", "2", "3", "4", "5"),
    Knob.CHOICES: 2,
    Knob.USER: "u" * 70,
    Knob.MAX_TOKENS: 9,
    Knob.VERBOSITY: "low",
    Knob.PARALLEL_TOOL_CALLS: True,
}


@pytest.mark.parametrize(
    ("model", "names", "lost"),
    [
        ("gpt-4.1", {"temperature", "stop", "max_completion_tokens", "user"}, {"top_k", "n", "stop", "verbosity"}),
        (
            "gpt-5",
            {"max_completion_tokens", "user", "verbosity"},
            {"top_k", "n", "stop", "temperature"},
        ),
        ("llama-4", {"temperature", "stop", "max_tokens", "user"}, {"top_k", "n", "stop", "verbosity"}),
    ],
)
def test_each_model_is_told_what_it_takes(model: str, names: set[str], lost: set[str]) -> None:
    request = asked(knobs=KNOBS)
    body = written(request, model)
    assert body.keys() - {"model", "messages"} == names
    assert dropped(request, model) == lost
    assert len(body.get("stop", ())) <= 4
    assert len(body["user"]) == 64


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "is_told"),
    [
        ("gpt-5", Thinking(is_on=True, effort=Effort.MAX), "high", True),
        ("gpt-5", Thinking(is_on=False), "minimal", False),
        ("gpt-5.1", Thinking(is_on=False), "none", True),
        ("gpt-5.2", Thinking(is_on=True, budget=40_000), "xhigh", True),
        ("gpt-4.1", Thinking(is_on=True, effort=Effort.HIGH), None, False),
        ("gpt-4.1", Thinking(is_on=False), None, True),
        ("a-server", Thinking(is_on=True, effort=Effort.HIGH), "high", True),
        ("a-server", Thinking(is_on=True, budget=9_000), None, False),
        ("a-server", Thinking(is_on=False), None, True),
    ],
)
def test_effort_is_said_in_the_words_of_the_model(
    model: str, thinking: Thinking, effort: str | None, is_told: bool
) -> None:
    request = asked(thinking=thinking)
    assert written(request, model).get("reasoning_effort") == effort
    assert dropped(request, model) == (set() if is_told else {"reasoning_effort"})


def test_a_search_that_runs_elsewhere_is_not_offered_and_not_chosen() -> None:
    tools = (Tool("web_search", kind=ToolKind.WEB_SEARCH),)
    request = asked(tools=tools, tool_choice=ToolChoice(Choice.AUTO), knobs={Knob.PARALLEL_TOOL_CALLS: True})
    assert written(request).keys() == {"model", "messages"}
    assert dropped(request) == {"tools.web_search"}


@pytest.mark.parametrize(
    ("names", "model", "expected", "offered"),
    [
        (("a",), "gpt-5", {"type": "function", "function": {"name": "a"}}, 3),
        ((), "gpt-5", "required", 3),
        (("a", "b"), "llama-4", "required", 2),
        (
            ("a", "b"),
            "gpt-5",
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": name}} for name in "ab"],
                },
            },
            3,
        ),
    ],
)
def test_a_choice_among_some_tools_is_kept(names: tuple[str, ...], model: str, expected: Any, offered: int) -> None:
    tools = tuple(Tool(name, schema=SCHEMA) for name in "abc")
    body = written(asked(tools=tools, tool_choice=ToolChoice(Choice.REQUIRED, names)), model)
    assert (body["tool_choice"], len(body["tools"])) == (expected, offered)


def test_strict_is_promised_only_where_the_schema_keeps_its_rules() -> None:
    loose = {"type": "object", "properties": {"n": {"type": "integer"}}}
    tools = (Tool("a", schema=SCHEMA, strict=True), Tool("b", schema=loose, strict=True), Tool("c", schema=SCHEMA))
    assert [tool["function"].get("strict") for tool in written(asked(tools=tools))["tools"]] == [True, None, None]
    assert written(asked(output=OutputFormat(loose, strict=True)))["response_format"]["json_schema"] == {
        "name": "answer",
        "schema": loose,
    }


def test_a_model_that_is_held_to_no_schema_is_told_it_in_words() -> None:
    body = written(asked(output=OutputFormat(SCHEMA)), "deepseek-chat")
    assert body["response_format"] == {"type": "json_object"}
    assert '"integer"' in body["messages"][0]["content"]


def test_a_refusal_is_told_from_text_only_at_openai() -> None:
    history = asked(assistant(Refusal("No.")))
    assert written(history)["messages"] == [{"role": "assistant", "content": None, "refusal": "No."}]
    assert written(history, "llama-4")["messages"] == [{"role": "assistant", "content": "No."}]


def test_streams_ask_for_usage_whatever_the_client_did() -> None:
    for options in (None, {"include_usage": False, "x": 1}):
        raw = orjson.dumps({"model": "a", "messages": [{"role": "user"}], "stream": True, "stream_options": options})
        changes = openai.addressed(openai.read_request(JsonBody.parse(raw)), "b", asks_usage=True)
        assert changes["model"] == b'"b"'
        assert orjson.loads(changes["stream_options"])["include_usage"] is True
    assert openai.addressed(openai.read_request(JsonBody.parse(raw)), "b", asks_usage=False).keys() == {"model"}
