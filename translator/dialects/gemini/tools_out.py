"""Tools as Gemini takes them, and which of them are to be called."""

import re
from typing import Any

from translator.losses import Dropped
from translator.messages import Choice, Request, Tool, ToolChoice, ToolKind
from translator.schemas import for_gemini, object_schema
from translator.toolbox import ToolRule

RULE = ToolRule(re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*"), longest=64)


def functions_of(request: Request) -> list[dict[str, Any]]:
    return [_declaration(tool) for tool in request.tools if tool.kind is ToolKind.FUNCTION]


def _declaration(tool: Tool) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    parameters = object_schema(tool.schema)
    if parameters["properties"] or parameters.get("additionalProperties"):
        declaration["parameters"] = for_gemini(parameters)
    return declaration


def tools_of(request: Request, functions: list[dict[str, Any]], dropped: list[Dropped]) -> list[dict[str, Any]]:
    """Google refuses its search beside functions."""
    searches = [tool for tool in request.tools if tool.kind is ToolKind.WEB_SEARCH]
    if functions:
        dropped += [Dropped(tool.name, "Gemini does not search the web beside functions") for tool in searches]
        return [{"functionDeclarations": functions}]
    return [{"googleSearch": {}}] if searches else []


def calling_of(
    choice: ToolChoice | None, functions: list[dict[str, Any]], dropped: list[Dropped]
) -> dict[str, Any] | None:
    """The functionCallingConfig; None where there is nothing to say."""
    if choice is None:
        return None
    declared = [declaration["name"] for declaration in functions]
    names = [name for name in choice.names if name in declared]
    if (choice.choice is Choice.REQUIRED and not declared) or len(names) < len(choice.names):
        dropped.append(Dropped("tool_choice", "it asks for a tool that Gemini is not told of"))
    if not declared:
        return None
    if choice.choice is Choice.NONE:
        return {"mode": "NONE"}
    narrowed = {"allowedFunctionNames": names} if names else {}
    if choice.choice is Choice.REQUIRED:
        return {"mode": "ANY", **narrowed}
    return {"mode": "VALIDATED", **narrowed} if names else {"mode": "AUTO"}
