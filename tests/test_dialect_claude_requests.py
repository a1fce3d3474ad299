"""Anthropic Messages, requests to upstreams: what is written, what is reported as dropped, what is refused."""

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from translator import media
from translator.dialect import Encoded, Target
from translator.dialects import claude
from translator.families import family_of
from translator.losses import CannotSay, Dropped
from translator.messages import (
    Cache,
    Choice,
    Effort,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Reasoning,
    Refusal,
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
PDF = "JVBERi0xLjEKMSAwIG9iajw8Pj5lbmRvYmoKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+PgolJUVPRgo="
SCHEMA = {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]}
TIDE = Tool("tide", "Tide table", SCHEMA)
SEARCH = Tool("search", kind=ToolKind.WEB_SEARCH)
ASKED = Message(Role.USER, (Text("Tide?"),))
THOUGHT = Reasoning("Look it up.", Signature("claude", "S1"))
CALL = ToolCall("toolu_1", "tide", '{"port":"Porto"}')
RESULT = Message(Role.USER, (ToolResult("toolu_1", (Text("2.4 m"),)),))
LOOP = (ASKED, Message(Role.ASSISTANT, (THOUGHT, CALL)), RESULT)
GOES_ON = {"role": "user", "content": [{"type": "text", "text": "(The conversation continues.)"}]}


def asks(*messages: Message, **members: Any) -> Request:
    return Request("m", messages or (ASKED,), **members)


def encoded(request: Request, model: str = "claude-sonnet-4-5") -> Encoded:
    return claude.encode_request(request, Target(model, family_of(model, "claude")))


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def test_a_request_of_its_own_dialect_keeps_its_meaning() -> None:
    request = asks(
        ASKED,
        Message(Role.ASSISTANT, (THOUGHT, Text("Let me look."), CALL)),
        Message(Role.USER, (ToolResult("toolu_1", (Text("2.4 m"),), cache=Cache()), Text("Now?"))),
        system=(Text("Be brief.", cache=Cache("1h")),),
        tools=(TIDE,),
        tool_choice=ToolChoice(Choice.AUTO),
        knobs={Knob.MAX_TOKENS: 9000, Knob.STOP: ("END",), Knob.USER: "u", Knob.TOP_P: 0.97},
        thinking=Thinking(True, budget=2000),
        output=OutputFormat({**SCHEMA, "additionalProperties": False}, strict=True),
        is_streaming=True,
    )
    written = encoded(request)
    read_again = claude.decode_request(written.body)
    named = [replace(message, parts=_without_names(message)) for message in request.messages]
    assert written.dropped == ()
    assert read_again == replace(request, model="claude-sonnet-4-5", messages=tuple(named))
    assert orjson.dumps(encoded(request).body) == orjson.dumps(written.body)


def _without_names(message: Message) -> Any:
    return tuple(replace(part, name="") if isinstance(part, ToolResult) else part for part in message.parts)


CONVERSATIONS: dict[str, tuple[tuple[Message, ...], list[dict[str, Any]]]] = {
    "blank texts are left out": (
        (Message(Role.USER, (Text(" \n"), Text("a"))), Message(Role.ASSISTANT, (Text(""), Refusal("No.")))),
        [{"role": "user", "content": [text("a")]}, {"role": "assistant", "content": [text("No.")]}],
    ),
    "thoughts nobody signed are left out, and neighbours join": (
        (ASKED, Message(Role.ASSISTANT, (Reasoning("hm"),)), Message(Role.USER, (Text("b"),))),
        [{"role": "user", "content": [text("Tide?"), text("b")]}],
    ),
    "thoughts come first in their turn": (
        (ASKED, Message(Role.ASSISTANT, (Text("a"), THOUGHT, CALL)), RESULT),
        [
            {"role": "user", "content": [text("Tide?")]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Look it up.", "signature": "S1"},
                    text("a"),
                    {"type": "tool_use", "id": "toolu_1", "name": "tide", "input": {"port": "Porto"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "2.4 m"}]},
        ],
    ),
    "no turn ends with a thought": (
        (ASKED, Message(Role.ASSISTANT, (Text("a"), THOUGHT)), ASKED),
        [
            {"role": "user", "content": [text("Tide?")]},
            {"role": "assistant", "content": [text("a")]},
            {"role": "user", "content": [text("Tide?")]},
        ],
    ),
    "the user begins, and what is begun for the model ends without white space": (
        (Message(Role.ASSISTANT, (Text("a \n"),)),),
        [GOES_ON, {"role": "assistant", "content": [text("a")]}],
    ),
}


@pytest.mark.parametrize(("messages", "written"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_a_conversation_is_written_as_anthropic_takes_it(
    messages: tuple[Message, ...], written: list[dict[str, Any]]
) -> None:
    assert encoded(asks(*messages)).body["messages"] == written


PICTURE = Media(MediaKind.IMAGE, "image/png", data=PNG)
PICTURE_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
RESULTS: dict[str, tuple[ToolResult, dict[str, Any]]] = {
    "nothing": (ToolResult("toolu_1", (Text(" "),)), {}),
    "a picture": (ToolResult("toolu_1", (Text("here"), PICTURE)), {"content": [text("here"), PICTURE_BLOCK]}),
    "an error": (ToolResult("toolu_1", (Text("no"),), is_error=True), {"content": "no", "is_error": True}),
    "an error without words": (
        ToolResult("toolu_1", (), is_error=True),
        {"content": "The tool failed and gave no message.", "is_error": True},
    ),
    "an error with a picture": (ToolResult("toolu_1", (PICTURE,), is_error=True), {"content": [PICTURE_BLOCK]}),
}


@pytest.mark.parametrize(("result", "written"), RESULTS.values(), ids=RESULTS)
def test_a_tool_result_is_written_as_anthropic_takes_it(result: ToolResult, written: dict[str, Any]) -> None:
    request = asks(ASKED, Message(Role.ASSISTANT, (CALL,)), Message(Role.USER, (result,)))
    block = {"type": "tool_result", "tool_use_id": "toolu_1"} | written
    assert encoded(request).body["messages"][2]["content"] == [block]


MEDIA: dict[str, tuple[Media, dict[str, Any]]] = {
    "jpg": (
        Media(MediaKind.IMAGE, "image/jpg", data="AAAA"),
        {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
    ),
    "linked picture": (media.of_url("https://a.example/b.png"), {"type": "url", "url": "https://a.example/b.png"}),
    "PDF": (media.of_base64(PDF), {"type": "base64", "media_type": "application/pdf", "data": PDF}),
    "linked PDF": (media.of_url("https://a.example/b.pdf"), {"type": "url", "url": "https://a.example/b.pdf"}),
    "JSON": (media.of_text("{}", mime="application/json"), {"type": "text", "media_type": "text/plain", "data": "{}"}),
}


@pytest.mark.parametrize(("item", "source"), MEDIA.values(), ids=MEDIA)
def test_media_go_out_in_their_source(item: Media, source: dict[str, Any]) -> None:
    block = encoded(asks(Message(Role.USER, (replace(item, name="n.x"),)))).body["messages"][0]["content"][0]
    assert block["source"] == source
    assert block.get("title") == ("n.x" if block["type"] == "document" else None)


UNSAYABLE: dict[str, tuple[Role, Media]] = {
    "sound": (Role.USER, Media(MediaKind.AUDIO, "audio/wav", data="AAAA", at="messages[0]")),
    "film": (Role.USER, Media(MediaKind.VIDEO, "video/mp4", url="https://a.example/b.mp4", at="messages[0]")),
    "odd picture": (Role.USER, Media(MediaKind.IMAGE, "image/heic", data="AAAA", at="messages[0]")),
    "another vendor's file": (Role.USER, Media(MediaKind.IMAGE, file_id="file_1", at="messages[0]")),
    "linked words": (Role.USER, Media(MediaKind.DOCUMENT, "text/csv", url="https://a.example/b", at="messages[0]")),
    "a drawing of the model": (Role.ASSISTANT, replace(PICTURE, at="messages[0]")),
}


@pytest.mark.parametrize(("role", "item"), UNSAYABLE.values(), ids=UNSAYABLE)
def test_media_without_a_block_are_refused_with_their_place(role: Role, item: Media) -> None:
    with pytest.raises(CannotSay) as refused:
        encoded(asks(Message(role, (item,))))
    assert refused.value.param == "messages[0]"


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(CannotSay):
        encoded(asks(Message(Role.USER, (Text(" "),))))


# -- settings ---------------------------------------------------------------------------------------------------------

ON, HIGH = Thinking(True), Thinking(True, Effort.HIGH)
COOL = {Knob.TEMPERATURE: 0.2, Knob.TOP_P: 0.5, Knob.TOP_K: 4}
ENABLED = {"type": "enabled", "budget_tokens": 8192}
SUMMARIZED = {"type": "adaptive", "display": "summarized"}
CASES: dict[str, tuple[str, Request, dict[str, Any], list[str]]] = {
    "default length": ("claude-sonnet-4-5", asks(), {"max_tokens": 32_000}, []),
    "short models": ("claude-3-opus", asks(), {"max_tokens": 4_096}, []),
    "too long": ("claude-3-opus", asks(knobs={Knob.MAX_TOKENS: 9000}), {"max_tokens": 4_096}, ["max_tokens"]),
    "sampling": ("claude-3-5-haiku", asks(knobs=COOL), {"temperature": 0.2, "top_p": 0.5, "top_k": 4}, []),
    "one of two": ("claude-sonnet-4-5", asks(knobs=COOL), {"temperature": 0.2, "top_p": None, "top_k": 4}, ["top_p"]),
    "no sampling": ("claude-opus-4-7", asks(knobs=COOL), {"temperature": None}, ["temperature", "top_p", "top_k"]),
    "cold": ("claude-sonnet-4-5", asks(knobs={Knob.TEMPERATURE: 0}), {"temperature": 0}, []),
    "too hot": ("claude-sonnet-4-5", asks(knobs={Knob.TEMPERATURE: 1.6}), {"temperature": 1}, ["temperature"]),
    "sampling while thinking": (
        "claude-sonnet-4-5",
        asks(thinking=ON, knobs=COOL),
        {"thinking": ENABLED, "temperature": None},
        ["temperature", "top_p", "top_k"],
    ),
    "thinking off": ("claude-sonnet-4-5", asks(thinking=Thinking(False)), {"thinking": None}, []),
    "thinking off elsewhere": ("glm-4.7", asks(thinking=Thinking(False)), {"thinking": {"type": "disabled"}}, []),
    "no thinker": ("claude-3-5-haiku", asks(thinking=ON), {"thinking": None}, ["reasoning"]),
    "no room": (
        "claude-sonnet-4-5",
        asks(thinking=HIGH, knobs={Knob.MAX_TOKENS: 1000}),
        {"thinking": None, "max_tokens": 1000},
        ["reasoning"],
    ),
    "forced": (
        "claude-sonnet-4-5",
        asks(thinking=ON, tools=(TIDE,), tool_choice=ToolChoice(Choice.REQUIRED)),
        {"thinking": None, "tool_choice": {"type": "any"}},
        ["reasoning"],
    ),
    "prefilled": (
        "claude-sonnet-4-5",
        asks(ASKED, Message(Role.ASSISTANT, (Text("{"),)), thinking=ON),
        {"thinking": None},
        ["reasoning"],
    ),
    "loop with thoughts": ("claude-sonnet-4-5", asks(*LOOP, tools=(TIDE,), thinking=ON), {"thinking": ENABLED}, []),
    "loop of another's thoughts": (
        "claude-sonnet-4-5",
        asks(ASKED, Message(Role.ASSISTANT, (Reasoning("a", Signature("gemini", "G")), CALL)), RESULT, thinking=ON),
        {"thinking": None},
        ["reasoning"],
    ),
    "adaptive": (
        "claude-opus-4-6",
        asks(*LOOP, thinking=HIGH),
        {"thinking": SUMMARIZED, "output_config": {"effort": "high"}},
        [],
    ),
    "hidden": (
        "claude-opus-4-6",
        asks(thinking=Thinking(True, is_shown=False)),
        {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": None},
        [],
    ),
    "blank stops": (
        "claude-sonnet-4-5",
        asks(knobs={Knob.STOP: ("\n\n", "HALT")}),
        {"stop_sequences": ["HALT"]},
        ["stop"],
    ),
    "no words": ("claude-sonnet-4-5", asks(knobs={Knob.SEED: 1, Knob.CHOICES: 1}), {}, ["seed"]),
    "tier": ("claude-sonnet-4-5", asks(knobs={Knob.SERVICE_TIER: "flex"}), {"service_tier": None}, ["service_tier"]),
    "any object": ("claude-sonnet-4-5", asks(output=OutputFormat()), {"output_config": None}, []),
    "one at a time": (
        "claude-sonnet-4-5",
        asks(tools=(TIDE,), knobs={Knob.PARALLEL_TOOL_CALLS: False}),
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        [],
    ),
    "forced by name": (
        "claude-sonnet-4-5",
        asks(tools=(TIDE,), tool_choice=ToolChoice(Choice.REQUIRED, ("tide",))),
        {"tool_choice": {"type": "tool", "name": "tide"}},
        [],
    ),
    "one of several": (
        "claude-sonnet-4-5",
        asks(tools=(TIDE,), tool_choice=ToolChoice(Choice.REQUIRED, ("tide", "wind"))),
        {"tool_choice": {"type": "any"}},
        ["tool_choice.names"],
    ),
    "choice of nothing": (
        "claude-sonnet-4-5",
        asks(tool_choice=ToolChoice(Choice.REQUIRED)),
        {"tool_choice": None},
        [],
    ),
    "search": (
        "claude-sonnet-4-5",
        asks(tools=(SEARCH,)),
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        [],
    ),
    "search elsewhere": ("glm-4.7", asks(tools=(SEARCH,)), {"tools": None}, ["web_search"]),
    "strict": ("claude-sonnet-4-5", asks(tools=(replace(TIDE, strict=True),)), {}, ["strict"]),
}


@pytest.mark.parametrize(("model", "request_", "members", "lost"), CASES.values(), ids=CASES)
def test_settings_are_written_or_reported(
    model: str, request_: Request, members: dict[str, Any], lost: list[str]
) -> None:
    written = encoded(request_, model)
    assert {name: written.body.get(name) for name in members} == members
    assert [each.what for each in written.dropped] == lost


def test_a_schema_is_told_in_words_to_models_that_cannot_be_held_to_it() -> None:
    written = encoded(asks(system=(Text("Be brief."),), output=OutputFormat(SCHEMA)), "claude-3-5-haiku").body
    assert written["system"][0] == text("Be brief.")
    assert '"port"' in written["system"][1]["text"] and "output_config" not in written


def test_of_a_function_and_a_search_of_one_name_the_function_is_kept() -> None:
    search = replace(SEARCH, name="web_search")
    written = encoded(asks(tools=(search, Tool("web_search", schema=SCHEMA))))
    assert [tool.get("input_schema") for tool in written.body["tools"]] == [SCHEMA]


def test_at_most_four_cache_marks_go_out_and_the_last_ones_are_kept() -> None:
    marked = Text("a", cache=Cache())
    request = asks(Message(Role.USER, (marked,) * 3), system=(marked, marked), tools=(replace(TIDE, cache=Cache()),))
    written = encoded(request)
    body = written.body
    marks = ["cache_control" in block for block in (*body["tools"], *body["system"], *body["messages"][0]["content"])]
    assert marks == [False, False, True, True, True, True]
    assert [each.what for each in written.dropped] == ["cache_control"]


def test_a_model_that_takes_no_prefill_is_asked_to_go_on() -> None:
    written = encoded(asks(ASKED, Message(Role.ASSISTANT, (Text("{"),))), "claude-opus-4-6")
    assert written.body["messages"][-1] == GOES_ON
    assert [each.what for each in written.dropped] == ["prefill"]


def test_what_the_client_s_own_dialect_left_over_is_reported() -> None:
    assert encoded(asks(leftovers=(Dropped("store"),))).dropped == (Dropped("store"),)
