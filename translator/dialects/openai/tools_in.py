"""A client's tools and its choice among them, in today's spelling and the older one of `functions`."""

from collections.abc import Iterable, Mapping
from typing import Any

from translator.dialects.openai.content_in import cache
from translator.losses import Dropped
from translator.messages import Choice, Tool, ToolChoice, ToolKind
from translator.reading import Reader

_CHOICES: Mapping[str, Choice] = {
    "auto": Choice.AUTO,
    "none": Choice.NONE,
    "required": Choice.REQUIRED,
    "any": Choice.REQUIRED,
}
_SEARCH = "web_search"


def read_tools(body: Reader) -> tuple[tuple[Tool, ...], list[Dropped]]:
    """The tools, and what of them no other dialect has."""
    leftovers: list[Dropped] = []
    tools = list(_tools(body.objects("tools"), leftovers))
    tools += (_function(function, function) for function in body.objects("functions"))
    if body.value.get("web_search_options") is not None:
        tools.append(Tool(_SEARCH, kind=ToolKind.WEB_SEARCH))
    return tuple(tools), leftovers


def _tools(items: Iterable[Reader], leftovers: list[Dropped]) -> Iterable[Tool]:
    for item in items:
        kind = item.text("type") or "function"
        if kind == "function":
            yield _function(item.object("function") if item.value.get("function") is not None else item, item)
        elif kind == "custom":
            yield _custom(item.object("custom") if item.value.get("custom") is not None else item)
        elif kind.startswith(_SEARCH):
            yield Tool(_SEARCH, kind=ToolKind.WEB_SEARCH)
        else:
            leftovers.append(Dropped(f"tools.{kind}", "only some of OpenAI's servers run it"))


def _function(function: Reader, item: Reader) -> Tool:
    """The name is beside the type where a client writes the tool as the Responses API has it."""
    return Tool(
        _name(function),
        function.text("description") or "",
        function.mapping("parameters"),
        strict=function.boolean("strict") or False,
        cache=cache(item),
    )


def _custom(custom: Reader) -> Tool:
    form = custom.object("format")
    grammar = form.object("grammar").value or form.value
    is_grammar = form.text("type") == "grammar"
    found = {name: grammar[name] for name in ("syntax", "definition") if name in grammar} if is_grammar else None
    return Tool(_name(custom), custom.text("description") or "", kind=ToolKind.FREEFORM, grammar=found)


def _name(tool: Reader) -> str:
    name = tool.required_text("name")
    if not name:
        raise tool.wrong("name", "must not be empty.")
    return name


# -- the choice -------------------------------------------------------------------------------------------------------


def read_choice(body: Reader, tools: Iterable[Tool]) -> ToolChoice | None:
    """None where the client did not choose, or has nothing to choose from."""
    known = {tool.name for tool in tools}
    member = "tool_choice" if body.value.get("tool_choice") is not None else "function_call"
    found = body.value.get(member)
    if found is None or not known:
        return None
    choice = _choice(body, member, found)
    unknown = next((name for name in choice.names if name not in known), None)
    if unknown is not None:
        raise body.wrong(member, f"names `{unknown[:80]}`, which is not among the tools.")
    return choice


def _choice(body: Reader, member: str, found: Any) -> ToolChoice:
    if isinstance(found, str):
        return ToolChoice(body.one_of(member, _CHOICES))
    choice = body.object(member)
    kind = choice.text("type") or "function"
    if kind == "allowed_tools":
        return _allowed(choice.object(kind) if choice.value.get(kind) is not None else choice)
    if kind in _CHOICES:
        return ToolChoice(_CHOICES[kind])
    if kind.startswith(_SEARCH):
        return ToolChoice(Choice.REQUIRED, (_SEARCH,))
    return ToolChoice(Choice.REQUIRED, (_named(choice, kind),))


def _allowed(allowed: Reader) -> ToolChoice:
    mode = allowed.one_of("mode", _CHOICES) or Choice.AUTO
    return ToolChoice(mode, tuple(_named(tool, tool.text("type") or "function") for tool in allowed.objects("tools")))


def _named(choice: Reader, kind: str) -> str:
    inner = choice.value.get(kind)
    return _name(choice.object(kind) if isinstance(inner, dict) else choice)
