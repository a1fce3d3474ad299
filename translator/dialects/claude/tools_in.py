"""Tools of a client's request, and its choice among them."""

from collections.abc import Mapping
from typing import Any

from translator.dialects.claude.content_in import Leftovers, cache_of, leave
from translator.messages import Choice, Tool, ToolChoice, ToolKind
from translator.reading import Reader

CHOICES: Mapping[str, Choice] = {
    "auto": Choice.AUTO,
    "any": Choice.REQUIRED,
    "tool": Choice.REQUIRED,
    "none": Choice.NONE,
}
WEB_SEARCH = "web_search"
_SILENT = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming"})
_ONLY_THERE = "no other vendor's tools have it"


def tools_of(body: Reader, leftovers: Leftovers) -> tuple[Tool, ...]:
    tools = (_tool(tool, leftovers) for tool in body.objects("tools"))
    return tuple(tool for tool in tools if tool is not None)


def _tool(tool: Reader, leftovers: Leftovers) -> Tool | None:
    """None for tools of Anthropic's that only its models know."""
    kind = tool.text("type") or "custom"
    if kind != "custom" and not kind.startswith(WEB_SEARCH):
        leave(leftovers, kind, "a tool that only Anthropic's models know")
        return None
    for name, value in tool.value.items():
        if name not in _SILENT and value is not None:
            leave(leftovers, f"tools.{name}", _ONLY_THERE)
    return _function(tool) if kind == "custom" else _search(tool)


def _function(tool: Reader) -> Tool:
    schema = tool.mapping("input_schema")
    if schema is None:
        raise tool.wrong("input_schema", "is missing.")
    return Tool(
        _name(tool),
        tool.text("description") or "",
        schema,
        strict=tool.boolean("strict"),
        cache=cache_of(tool),
    )


def _search(tool: Reader) -> Tool:
    return Tool(tool.text("name") or WEB_SEARCH, kind=ToolKind.WEB_SEARCH, cache=cache_of(tool))


def _name(tool: Reader) -> str:
    name = tool.required_text("name")
    if not name:
        raise tool.wrong("name", "must not be empty.")
    return name


def choice_of(body: Reader, tools: tuple[Tool, ...], leftovers: Leftovers) -> ToolChoice | None:
    if body.mapping("tool_choice") is None:
        return None
    chosen = body.object("tool_choice")
    chosen.required_text("type")
    choice: Choice = chosen.one_of("type", CHOICES)
    if chosen.value["type"] != "tool":
        return ToolChoice(choice)
    name = chosen.required_text("name")
    if any(tool.name == name and tool.kind is ToolKind.FUNCTION for tool in tools):
        return ToolChoice(choice, (name,))
    if name not in _declared(body.items("tools")):
        raise chosen.wrong("name", f"`{name[:80]}` is none of the declared tools.")
    leave(leftovers, "tool_choice", "it forces a tool that only Anthropic's servers run")
    return None


def _declared(tools: list[Any]) -> list[Any]:
    return [tool.get("name") for tool in tools if isinstance(tool, dict)]


def allows_parallel_calls(body: Reader) -> bool:
    return not body.object("tool_choice").boolean("disable_parallel_tool_use")
