"""Tools and the choice among them as the Responses API takes them: flat, with `strict` written out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from translator.dialects.responses.vocabulary import LOCAL_SHELL, WEB_SEARCH
from translator.messages import Choice, Tool, ToolChoice, ToolKind
from translator.schemas import is_strict, object_schema

_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}
_NAMED: Mapping[ToolKind, str] = {ToolKind.FUNCTION: "function", ToolKind.FREEFORM: "custom"}


def encode_tool(tool: Tool) -> dict[str, Any]:
    return _TOOLS[tool.kind](tool)


def _function(tool: Tool) -> dict[str, Any]:
    """Functions are strict unless told otherwise, so that is always told."""
    schema = object_schema(tool.schema) if tool.schema else dict(_NOTHING)
    told = {"type": "function", "name": tool.name, "parameters": schema}
    strict = bool(tool.strict) and is_strict(schema)
    return told | _described(tool) | {"strict": strict}


def _custom(tool: Tool) -> dict[str, Any]:
    told = {"type": "custom", "name": tool.name} | _described(tool)
    if not tool.grammar:
        return told
    syntax, definition = tool.grammar.get("syntax"), tool.grammar.get("definition")
    return told | {"format": {"type": "grammar", "syntax": syntax, "definition": definition}}


def _described(tool: Tool) -> dict[str, Any]:
    return {"description": tool.description} if tool.description else {}


_TOOLS: Mapping[ToolKind, Callable[[Tool], dict[str, Any]]] = {
    ToolKind.FUNCTION: _function,
    ToolKind.FREEFORM: _custom,
    ToolKind.LOCAL_SHELL: lambda _: {"type": LOCAL_SHELL},
    ToolKind.WEB_SEARCH: lambda _: {"type": WEB_SEARCH},
}


def encode_choice(choice: ToolChoice, tools: Sequence[Tool]) -> str | dict[str, Any]:
    """A choice of names that are not there, or of a vendor's own tools, is one among all."""
    named = [
        {"type": _NAMED[tool.kind], "name": tool.name}
        for tool in tools
        if tool.name in choice.names and tool.kind in _NAMED
    ]
    if not named or choice.choice is Choice.NONE:
        return choice.choice.value
    if choice.choice is Choice.REQUIRED and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": choice.choice.value, "tools": named}
