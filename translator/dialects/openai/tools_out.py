"""Tools and the choice among them in Chat Completions' words. Nothing but functions and freeform tools is offered."""

from collections.abc import Iterable

from translator import schemas
from translator.dialects.openai.vocabulary import Words, is_openai
from translator.families import Family
from translator.losses import Dropped
from translator.messages import Choice, Request, Tool, ToolKind


def callable_tools(request: Request) -> tuple[Tool, ...]:
    """The tools that the client runs itself."""
    return tuple(tool for tool in request.tools if tool.kind in (ToolKind.FUNCTION, ToolKind.FREEFORM))


def tools(request: Request, family: Family, dropped: list[Dropped]) -> Words:
    found = callable_tools(request)
    known = {tool.name for tool in found}
    others = (tool.name for tool in request.tools if tool.name not in known)
    dropped += (Dropped(f"tools.{name}", "runs on another vendor's side alone") for name in others)
    if not found:
        return {}
    choice = _choice(request, known, family, dropped)
    if choice.names and not is_openai(family) and not choice.is_forced():
        found = tuple(tool for tool in found if tool.name in choice.names)
    return {"tools": [_tool(tool) for tool in found], **choice.words(found, is_openai(family))}


def _tool(tool: Tool) -> Words:
    described = {"name": tool.name, "description": tool.description} if tool.description else {"name": tool.name}
    if tool.kind is ToolKind.FREEFORM:
        form = {"format": {"type": "grammar", "grammar": dict(tool.grammar)}} if tool.grammar else {}
        return {"type": "custom", "custom": described | form}
    parameters = schemas.object_schema(tool.schema)
    function: Words = described | {"parameters": parameters}
    if tool.strict and schemas.is_strict(parameters):
        function["strict"] = True
    return {"type": "function", "function": function}


class _Chosen:
    """The choice as far as the target's tools allow it."""

    def __init__(self, choice: Choice | None, names: tuple[str, ...] = ()) -> None:
        self.choice = choice
        self.names = names

    def is_forced(self) -> bool:
        return self.choice is Choice.REQUIRED and len(self.names) == 1

    def words(self, found: Iterable[Tool], may_narrow: bool) -> Words:
        if self.choice is None:
            return {}
        named = [_reference(tool) for tool in found if tool.name in self.names]
        if self.is_forced():
            return {"tool_choice": named[0]}
        if not named or not may_narrow:
            return {"tool_choice": self.choice.value}
        allowed = {"mode": self.choice.value, "tools": named}
        return {"tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}}


def _reference(tool: Tool) -> Words:
    kind = "custom" if tool.kind is ToolKind.FREEFORM else "function"
    return {"type": kind, kind: {"name": tool.name}}


def _choice(request: Request, known: set[str], family: Family, dropped: list[Dropped]) -> _Chosen:
    choice = request.tool_choice
    if choice is None:
        return _Chosen(None)
    names = tuple(name for name in choice.names if name in known)
    if choice.names and not names:
        dropped.append(Dropped("tool_choice", "none of the tools it names is offered here"))
        return _Chosen(None)
    return _Chosen(choice.choice, () if choice.choice is Choice.NONE else names)
