"""Anthropic Messages, requests of clients: what is read of them, and what is refused."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from translator.dialect import Target
from translator.dialects import claude
from translator.families import family_of
from translator.json_body import JsonBody
from translator.losses import InvalidRequest
from translator.messages import (
    Cache,
    Choice,
    Effort,
    Knob,
    Media,
    MediaKind,
    Message,
    OutputFormat,
    Part,
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
RECORDED = Path(__file__).parent / "clients" / "recorded"
SCHEMA = {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]}


def body(*blocks: dict[str, Any], **members: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": list(blocks) or "hi"}]
    return {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": messages} | members


def said(*blocks: dict[str, Any]) -> tuple[Part, ...]:
    return claude.decode_request(body(*blocks)).messages[0].parts


def written(request: Request) -> dict[str, Any]:
    model = "claude-sonnet-4-5"
    return claude.encode_request(request, Target(model, family_of(model, "claude"))).body


# -- reading ----------------------------------------------------------------------------------------------------------

BLOCKS: dict[str, tuple[dict[str, Any], tuple[Part, ...]]] = {
    "text with citations": ({"type": "text", "text": "a", "citations": [{}]}, (Text("a"),)),
    "cached text": (
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        (Text("a", cache=Cache("1h")),),
    ),
    "picture here": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PNG}},
        (Media(MediaKind.IMAGE, "image/png", data=PNG, at="messages[0].content[0]"),),
    ),
    "picture there": (
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b"}},
        (Media(MediaKind.IMAGE, url="https://a.example/b", at="messages[0].content[0]"),),
    ),
    "picture on file": (
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        (Media(MediaKind.IMAGE, file_id="file_1", at="messages[0].content[0]"),),
    ),
    "PDF there": (
        {"type": "document", "title": "T", "source": {"type": "url", "url": "https://a.example/b"}},
        (
            Media(
                MediaKind.DOCUMENT, "application/pdf", url="https://a.example/b", name="T", at="messages[0].content[0]"
            ),
        ),
    ),
    "document in words": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "w"}},
        (Media(MediaKind.DOCUMENT, "text/plain", data="dw==", at="messages[0].content[0]"),),
    ),
    "document in pieces": (
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "w"}]}},
        (Media(MediaKind.DOCUMENT, "text/plain", data="dw==", at="messages[0].content[0]"),),
    ),
    "search result": (
        {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "w"}]},
        (Text("T\nS\nw"),),
    ),
    "summary": ({"type": "compaction", "content": "Before."}, (Text("Before."),)),
    "result without content": ({"type": "tool_result", "tool_use_id": "t"}, (ToolResult("t", ()),)),
    "failed result": (
        {"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": True},
        (ToolResult("t", (Text("no"),), is_error=True),),
    ),
}


@pytest.mark.parametrize(("block", "parts"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_becomes_its_part(block: dict[str, Any], parts: tuple[Part, ...]) -> None:
    assert said(block) == parts


def test_an_assistants_turn_keeps_its_signatures_and_the_arguments_of_its_calls() -> None:
    content = [
        {"type": "thinking", "thinking": "t", "signature": "S1"},
        {"type": "thinking", "thinking": "g", "signature": "omniroute.1.gemini.G1"},
        {"type": "thinking", "thinking": "u", "signature": ""},
        {"type": "thinking", "thinking": "v", "signature": "omniroute.1.."},
        {"type": "redacted_thinking", "data": "R1"},
        {"type": "tool_use", "id": "toolu_1", "name": "tide", "input": {"port": "Porto"}},
    ]
    asked = body(messages=[{"role": "assistant", "content": content}])
    assert claude.decode_request(asked).messages[0].parts == (
        Reasoning("t", Signature("claude", "S1")),
        Reasoning("g", Signature("gemini", "G1")),
        Reasoning("u"),
        Reasoning("v"),
        Reasoning("", Signature("claude", "R1"), is_redacted=True),
        ToolCall("toolu_1", "tide", '{"port":"Porto"}'),
    )


def test_settings_are_read_in_neutral_words() -> None:
    request = claude.decode_request(
        body(
            temperature=0.5,
            top_k=4,
            stop_sequences=["END"],
            metadata={"user_id": "u"},
            service_tier="standard_only",
            tools=[{"name": "tide", "input_schema": SCHEMA, "strict": True, "eager_input_streaming": True}],
            tool_choice={"type": "tool", "name": "tide", "disable_parallel_tool_use": True},
            thinking={"type": "adaptive", "display": "omitted"},
            output_config={"effort": "xhigh", "format": {"type": "json_schema", "schema": SCHEMA}},
            stream=True,
        )
    )
    assert request.knobs == {
        Knob.MAX_TOKENS: 64,
        Knob.TEMPERATURE: 0.5,
        Knob.TOP_K: 4,
        Knob.STOP: ("END",),
        Knob.USER: "u",
        Knob.SERVICE_TIER: "default",
        Knob.PARALLEL_TOOL_CALLS: False,
    }
    assert request.tools == (Tool("tide", schema=SCHEMA, strict=True),)
    assert request.tool_choice == ToolChoice(Choice.REQUIRED, ("tide",))
    assert request.thinking == Thinking(True, Effort.XHIGH, is_shown=False)
    assert request.output == OutputFormat(SCHEMA, strict=True)
    assert request.is_streaming and request.leftovers == ()


def test_what_only_anthropic_understands_is_left_out_and_reported_once() -> None:
    request = claude.decode_request(
        body(
            {"type": "text", "text": "hi"},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            {"type": "container_upload", "file_id": "f"},
            {"type": "container_upload", "file_id": "g"},
            system="x-anthropic-billing-header: cc_version=2.1; cch=12345;",
            tools=[
                {"type": "web_search_20250305", "name": "web_search", "max_uses": 8},
                {"type": "bash_20250124", "name": "bash"},
            ],
            tool_choice={"type": "tool", "name": "bash"},
            context_management={"edits": []},
            mcp_servers=None,
        )
    )
    assert request.messages == (Message(Role.USER, (Text("hi"),)),)
    assert request.system == () and request.tool_choice is None
    assert request.tools == (Tool("web_search", kind=ToolKind.WEB_SEARCH),)
    assert sorted(each.what for each in request.leftovers) == [
        *("bash_20250124", "container_upload", "context_management", "tool_choice", "tools.max_uses"),
        *("web_search_tool_result", "x-anthropic-billing-header"),
    ]


def test_a_system_message_within_the_conversation_stays_where_it_stands() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]
    assert claude.decode_request(body(messages=messages)).messages[1] == Message(Role.SYSTEM, (Text("b"),))


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}}
CALL = {"type": "tool_use", "id": "a", "name": "b"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no max_tokens": (body(max_tokens=None), "max_tokens"),
    "max_tokens of zero": (body(max_tokens=0), "max_tokens"),
    "endless max_tokens": (body(max_tokens=float("inf")), "max_tokens"),
    "arguments too large to write": (
        body(messages=[{"role": "assistant", "content": [CALL | {"input": {"n": 1 << 70}}]}]),
        "messages[0].content[0].input",
    ),
    "fractional max_tokens": (body(max_tokens=1.5), "max_tokens"),
    "no messages": (body(messages=[]), "messages"),
    "nothing said": (body(messages=[{"role": "user", "content": ""}]), "messages"),
    "unknown role": (body(messages=[{"role": "tool", "content": "a"}]), "messages[0].role"),
    "no content": (body(messages=[{"role": "user"}]), "messages[0].content"),
    "content of a wrong type": (body(messages=[{"role": "user", "content": 3}]), "messages[0].content"),
    "unknown block": (body({"type": "txt", "text": "a"}), "messages[0].content[0].type"),
    "call by the user": (body(CALL), "messages[0].content[0].type"),
    "text without text": (body({"type": "text"}), "messages[0].content[0].text"),
    "image without source": (body({"type": "image"}), "messages[0].content[0].source"),
    "bad base64": (body(IMAGE), "messages[0].content[0]"),
    "temperature of two": (body(temperature=2), "temperature"),
    "tool without schema": (body(tools=[{"name": "a"}]), "tools[0].input_schema"),
    "choice of an unknown tool": (body(tool_choice={"type": "tool", "name": "a"}), "tool_choice.name"),
    "small budget": (body(thinking={"type": "enabled", "budget_tokens": 10}), "thinking.budget_tokens"),
    "unknown thinking": (body(thinking={"type": "on"}), "thinking.type"),
    "unknown effort": (body(output_config={"effort": "minimal"}), "output_config.effort"),
    "system of pictures": (body(system=[{"type": "image"}]), "system[0].type"),
    "a conversation held elsewhere": (body(thread={"type": "continue", "previous_message_id": "m"}), "thread"),
}


@pytest.mark.parametrize(("wrong", "param"), WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_refused_with_the_member_named(wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        claude.decode_request(wrong)
    assert refused.value.param == param
    assert f"`{param}`" in refused.value.message


def test_a_request_for_a_count_needs_no_max_tokens() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert claude.decode_request(asked, needs_max_tokens=False).knobs == {}
    raw = JsonBody.parse(orjson.dumps(asked))
    assert claude.read_request(raw, needs_max_tokens=False).model == "m"
    with pytest.raises(InvalidRequest):
        claude.read_request(raw)


@pytest.mark.parametrize("path", sorted(RECORDED.glob("claude-code-*.json")), ids=lambda path: path.stem)
def test_what_claude_code_sends_is_understood(path: Path) -> None:
    asked = json.loads(path.read_text())["body"]
    request = claude.decode_request(asked)
    assert len(request.messages) == len(asked["messages"]) and request.tools
    assert written(request)["messages"][0]["role"] == "user"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2000) | st.floats(0, 1) | st.sampled_from(["", "text", "user", "auto"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "role"]), inner),
    max_leaves=4,
)
RICH = body(
    {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a"}]},
    {"type": "document", "title": "t", "source": {"type": "content", "content": [{"type": "text", "text": "a"}]}},
    {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "w"}]},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    system=[{"type": "text", "text": "s"}],
    tools=[{"name": "a", "description": "d", "input_schema": {"type": "object"}}],
    tool_choice={"type": "tool", "name": "a"},
    thinking={"type": "enabled", "budget_tokens": 2000},
    output_config={"effort": "low", "format": {"type": "json_schema", "schema": {}}},
    metadata={"user_id": "u"},
    stop_sequences=["a"],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, item in inner for place in places(item, (*path, name)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(places(RICH)[1:]), JSON), min_size=1, max_size=3))
def test_whatever_is_wrong_is_refused_and_never_crashes(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    asked: Any = RICH
    for path, new in changes:
        if path in places(asked):
            asked = changed(asked, path, new)
    try:
        request = claude.decode_request(asked)
        written(request)
    except InvalidRequest:
        return
