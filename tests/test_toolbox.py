"""Tools reach the target under names and kinds that it takes, and come back to the client under its own."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import arguments, examples, requests, texts, tool_names
from translator.messages import Choice, Message, Request, Role, Text, Tool, ToolCall, ToolChoice, ToolKind, ToolResult
from translator.toolbox import ToolRule, pack, unwrapped, wrapped

STRICT = ToolRule(re.compile(r"[a-zA-Z0-9_-]+"), 64)
DOTTED = ToolRule(re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*"), 128)
FREEFORM = ToolRule(re.compile(r"[a-zA-Z0-9_-]+"), 64, takes_freeform=True)
PATCH = Tool(
    "apply_patch", "Edits files.", kind=ToolKind.FREEFORM, grammar={"syntax": "lark", "definition": "start: A"}
)
SHELL = Tool("local_shell", kind=ToolKind.LOCAL_SHELL)
LONG = "get_" + "x" * 90


def asking(*tools: Tool, calls: tuple[ToolCall, ...] = (), choice: ToolChoice | None = None) -> Request:
    return Request("m", (Message(Role.ASSISTANT, calls),), tools=tools, tool_choice=choice)


def names(request: Request) -> list[str]:
    return [tool.name for tool in request.tools]


@pytest.mark.parametrize("name", ["get_weather", "a", "read-file", "f" * 64])
def test_a_name_the_target_takes_stays(name: str) -> None:
    assert names(pack(asking(Tool(name)), STRICT)[0]) == [name]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        (LONG, "get_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_6c55a3f8"),
        ("mcp.files/read", "mcp_files_read_5d1b0e4c"),
        ("1.st", "_1_st_"),
        ("ö", "__"),
    ],
)
def test_other_names_become_a_legible_start_and_a_digest(name: str, sent: str) -> None:
    (made,) = names(pack(asking(Tool(name)), STRICT)[0])
    assert len(made) <= 64 and re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_-]*_[0-9a-f]{8}", made)
    assert made[:-8] == sent.rpartition("_")[0] + "_"
    assert names(pack(asking(Tool(name)), STRICT)[0]) == [made]


def test_names_alike_in_their_first_eighty_letters_stay_two() -> None:
    request, toolbox = pack(asking(Tool("x" * 80 + "a"), Tool("x" * 80 + "b")), STRICT)
    one, other = names(request)
    assert one != other
    assert [toolbox.restored(ToolCall("1", name)).name[-1] for name in (one, other)] == ["a", "b"]


def test_calls_results_and_choice_take_the_same_name() -> None:
    history = Message(Role.ASSISTANT, (ToolCall("1", LONG, "{}"),))
    result = Message(Role.USER, (ToolResult("1", (Text("fine"),), name=LONG),))
    choice = ToolChoice(Choice.REQUIRED, (LONG,))
    request, _ = pack(Request("m", (history, result), tools=(Tool(LONG),), tool_choice=choice), STRICT)
    (sent,) = names(request)
    call, answer = (message.parts[0] for message in request.messages)
    assert isinstance(call, ToolCall) and isinstance(answer, ToolResult) and request.tool_choice is not None
    assert [call.name, answer.name, *request.tool_choice.names] == [sent] * 3


def test_a_name_declared_twice_is_sent_once() -> None:
    assert names(pack(asking(Tool("f", "one"), Tool("f", "two")), STRICT)[0]) == ["f"]


def test_a_namespace_becomes_part_of_the_name_and_comes_back() -> None:
    tool = Tool("read", namespace="mcp__files__")
    choice = ToolChoice(Choice.REQUIRED, ("read",))
    call = ToolCall("1", "read", "{}", namespace="mcp__files__")
    request, toolbox = pack(asking(tool, calls=(call,), choice=choice), STRICT)
    assert names(request) == ["mcp__files__read"]
    assert request.tool_choice == ToolChoice(Choice.REQUIRED, ("mcp__files__read",))
    (sent,) = request.messages[0].parts
    assert sent == ToolCall("1", "mcp__files__read", "{}")
    assert toolbox.restored(ToolCall("1", "mcp__files__read", "{}")) == call


def test_tools_of_one_name_in_two_namespaces_stay_two() -> None:
    request, toolbox = pack(asking(Tool("read", namespace="a"), Tool("read", namespace="b")), STRICT)
    assert names(request) == ["a__read", "b__read"]
    assert [toolbox.restored(ToolCall("1", name)).namespace for name in names(request)] == ["a", "b"]


def test_a_freeform_tool_is_a_function_of_one_string_where_there_is_none() -> None:
    call = ToolCall("1", "apply_patch", "*** Begin\n", kind=ToolKind.FREEFORM)
    request, toolbox = pack(asking(PATCH, calls=(call,)), STRICT)
    (tool,) = request.tools
    assert tool.kind is ToolKind.FUNCTION and tool.schema is not None and tool.schema["required"] == ["input"]
    assert "Edits files." in tool.description and "start: A" in tool.description and "lark" in tool.description
    (sent,) = request.messages[0].parts
    assert isinstance(sent, ToolCall) and sent.kind is ToolKind.FUNCTION
    assert json.loads(sent.arguments) == {"input": "*** Begin\n"}
    assert toolbox.is_wrapped(sent) and toolbox.restored(sent) == call


def test_a_freeform_tool_stays_one_where_there_are_some() -> None:
    call = ToolCall("1", "apply_patch", '{"input": "mine"}', kind=ToolKind.FREEFORM)
    request, toolbox = pack(asking(PATCH, calls=(call,)), FREEFORM)
    assert request.tools == (PATCH,) and request.messages[0].parts == (call,)
    assert not toolbox.is_wrapped(call) and toolbox.restored(call) == call


def test_a_local_shell_is_a_function_and_its_calls_come_back_as_its_own() -> None:
    request, toolbox = pack(asking(SHELL), STRICT)
    (tool,) = request.tools
    assert tool.schema is not None and tool.schema["required"] == ["command"] and tool.description
    call = ToolCall("1", "local_shell", '{"command":["ls"]}')
    assert toolbox.restored(call) == ToolCall("1", "local_shell", '{"command":["ls"]}', ToolKind.LOCAL_SHELL)


def test_a_call_of_a_tool_that_is_no_longer_offered_comes_back_too() -> None:
    call = ToolCall("1", "apply_patch", "text", kind=ToolKind.FREEFORM)
    request, toolbox = pack(asking(calls=(call,)), STRICT)
    (sent,) = request.messages[0].parts
    assert isinstance(sent, ToolCall) and toolbox.restored(sent) == call


def test_an_unknown_call_is_left_alone() -> None:
    call = ToolCall("1", "invented", "{}")
    assert pack(asking(), STRICT)[1].restored(call) is call


@given(texts)
def test_wrapping_is_undone(text: str) -> None:
    assert unwrapped(wrapped(text)) == text


@pytest.mark.parametrize("odd", ["", "not json", '{"inp', "[]", "{}", '{"input":3}', '"input"'])
def test_what_was_never_wrapped_stays(odd: str) -> None:
    assert unwrapped(odd) == odd


@examples(60)
@given(requests(), st.sampled_from([STRICT, DOTTED, FREEFORM]))
def test_every_call_of_a_packed_tool_comes_back_under_its_own_name(request: Request, rule: ToolRule) -> None:
    packed, toolbox = pack(request, rule)
    assert len(packed.tools) == len(request.tools)
    for tool, own in zip(packed.tools, request.tools, strict=True):
        assert len(tool.name) <= rule.longest and rule.legal.fullmatch(tool.name)
        back = toolbox.restored(ToolCall("1", tool.name, "{}"))
        assert (back.name, back.namespace) == (own.name, own.namespace)


@given(tool_names, arguments)
def test_equal_requests_are_packed_alike(name: str, said: str) -> None:
    one, other = (pack(asking(Tool(name), calls=(ToolCall("1", name, said),)), STRICT) for _ in range(2))
    assert one == other
