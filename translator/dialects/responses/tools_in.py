"""The client's tools and its choice among them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from translator.dialects.responses.vocabulary import LOCAL_SHELL, WEB_SEARCH
from translator.losses import Dropped
from translator.messages import Choice, Tool, ToolChoice, ToolKind
from translator.reading import Reader
from translator.schemas import is_strict

HOSTED = "a tool that only its own vendor runs"
_CHOICES: Mapping[str, Choice] = {choice.value: choice for choice in Choice}
_MODES: Mapping[str, Choice] = {"auto": Choice.AUTO, "required": Choice.REQUIRED}


def read_tools(tools: Iterable[Reader], dropped: list[Dropped], namespace: str = "") -> Iterator[Tool]:
    """Those that can be carried over; the others are added to `dropped`."""
    for tool in tools:
        kind = tool.required_text("type")
        if kind == "namespace":
            yield from read_tools(tool.objects("tools"), dropped, tool.required_text("name"))
        elif read := _TOOLS.get(kind):
            yield read(tool, namespace)
        elif kind.startswith(WEB_SEARCH):
            yield Tool(WEB_SEARCH, kind=ToolKind.WEB_SEARCH)
        else:
            dropped.append(Dropped(kind[:80], HOSTED))


def _function(tool: Reader, namespace: str) -> Tool:
    """Chat Completions nests the same members in `function`, which some clients mix up."""
    facts = tool.object("function") if isinstance(tool.value.get("function"), dict) else tool
    schema = facts.mapping("parameters")
    return Tool(
        name=_name(facts),
        description=facts.text("description") or "",
        schema=schema,
        strict=_strictness(facts.boolean("strict"), schema),
        namespace=namespace,
    )


def _strictness(said: bool | None, schema: Mapping[str, Any] | None) -> bool | None:
    """Functions are strict here unless told otherwise, as far as their schemas allow it."""
    if said is None and schema is not None and is_strict(schema):
        return True
    return said


def _custom(tool: Reader, namespace: str) -> Tool:
    facts = tool.object("custom") if isinstance(tool.value.get("custom"), dict) else tool
    return Tool(
        name=_name(facts),
        description=facts.text("description") or "",
        kind=ToolKind.FREEFORM,
        grammar=_grammar(facts.object("format")),
        namespace=namespace,
    )


def _grammar(form: Reader) -> Mapping[str, Any] | None:
    if form.text("type") != "grammar":
        return None
    facts = form.object("grammar") if isinstance(form.value.get("grammar"), dict) else form
    return {"syntax": facts.required_text("syntax"), "definition": facts.required_text("definition")}


def _local_shell(_: Reader, namespace: str) -> Tool:
    return Tool(LOCAL_SHELL, kind=ToolKind.LOCAL_SHELL, namespace=namespace)


def _name(facts: Reader) -> str:
    name = facts.required_text("name")
    if not name:
        raise facts.wrong("name", "must not be empty.")
    return name


_TOOLS: Mapping[str, Callable[[Reader, str], Tool]] = {
    "function": _function,
    "custom": _custom,
    "local_shell": _local_shell,
}


def read_choice(request: Reader, tools: Iterable[Tool], dropped: list[Dropped]) -> ToolChoice | None:
    """The names in it must be those of `tools`."""
    found = request.value.get("tool_choice")
    if found is None or isinstance(found, str):
        choice = request.one_of("tool_choice", _CHOICES)
        return None if choice is None else ToolChoice(choice)
    facts = request.object("tool_choice")
    kind = facts.required_text("type")
    if kind == "allowed_tools":
        return _allowed(facts, tools)
    if kind in _TOOLS:
        return ToolChoice(Choice.REQUIRED, (_chosen(facts, kind, tools),))
    dropped.append(Dropped("tool_choice", f"{kind[:80]} is {HOSTED}"))
    return ToolChoice(Choice.AUTO)


def _allowed(facts: Reader, tools: Iterable[Tool]) -> ToolChoice:
    known = list(tools)
    mode = facts.one_of("mode", _MODES) or Choice.AUTO
    allowed = [(tool, tool.required_text("type")) for tool in facts.objects("tools")]
    return ToolChoice(mode, tuple(_chosen(tool, kind, known) for tool, kind in allowed if kind in _TOOLS))


def _chosen(facts: Reader, kind: str, tools: Iterable[Tool]) -> str:
    if kind == LOCAL_SHELL:
        return LOCAL_SHELL
    nested = facts.object(kind) if isinstance(facts.value.get(kind), dict) else facts
    name = _name(nested)
    if all(tool.name != name for tool in tools):
        raise nested.wrong("name", f"names no tool of this request: `{name[:80]}`.")
    return name
