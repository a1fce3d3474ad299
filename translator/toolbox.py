"""The tools of one request as a target can take them, and how to tell its calls back to the client.

Names a vendor would refuse are shortened to a legal prefix and a digest, the same in every request. Freeform tools are
wrapped as functions of one string for vendors that have none, and a namespace becomes part of the name. `restored`
undoes all of that in an answer.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from msgspec.structs import replace

from translator.messages import Message, Part, Request, Tool, ToolCall, ToolKind, ToolResult

INPUT = "input"
_FREEFORM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "The tool's whole input, as plain text."}},
    "required": [INPUT],
    "additionalProperties": False,
}
_SHELL_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "command": {"type": "array", "items": {"type": "string"}, "description": "The program and its arguments."},
        "working_directory": {"type": "string"},
        "timeout_ms": {"type": "integer"},
    },
    "required": ["command"],
}
_DIGEST_LENGTH = 8
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What a dialect's vendors take: names that fully match `legal`; freeform tools and hosted searches, or not."""

    legal: re.Pattern[str]
    longest: int
    takes_freeform: bool = False


@dataclass(frozen=True, slots=True)
class Toolbox:
    """By the name that the target knows: the client's own tool."""

    known: Mapping[str, Tool] = field(default_factory=dict)
    has_only_functions: bool = False
    """Whether a freeform call of a tool that is not known here is told as one of a function."""

    def restored(self, call: ToolCall) -> ToolCall:
        """A target's call under the client's own name and kind. Its arguments are unwrapped if they are whole."""
        tool = self.known.get(call.name)
        rewrite = self.rewriting(call)
        arguments = rewrite(call.arguments) if rewrite and call.arguments else call.arguments
        if tool is None:
            return replace(call, kind=ToolKind.FUNCTION, arguments=arguments) if rewrite else call
        kind = call.kind if tool.kind is ToolKind.FUNCTION else tool.kind
        return replace(call, name=tool.name, namespace=tool.namespace, kind=kind, arguments=arguments)

    def rewriting(self, call: ToolCall) -> Callable[[str], str] | None:
        """What the whole arguments of a target's call go through; None where they are passed on as they come."""
        if self.is_wrapped(call):
            return unwrapped
        is_strange = call.kind is ToolKind.FREEFORM and call.name not in self.known
        return wrapped if self.has_only_functions and is_strange else None

    def is_wrapped(self, call: ToolCall) -> bool:
        """Whether the target calls as a function what the client knows as freeform."""
        tool = self.known.get(call.name)
        return call.kind is ToolKind.FUNCTION and tool is not None and tool.kind is ToolKind.FREEFORM


def pack(request: Request, rule: ToolRule) -> tuple[Request, Toolbox]:
    """The request with its tools, calls and choice as the target takes them, and the way back."""
    packing = _Packing(rule)
    tools = tuple(packing.tools(request.tools))
    messages = tuple(_packed(message, packing) for message in request.messages)
    choice = request.tool_choice
    if choice is not None and choice.names:
        choice = replace(choice, names=tuple(packing.name_of_choice(name, request.tools) for name in choice.names))
    packed = replace(request, tools=tools, messages=messages, tool_choice=choice)
    return packed, Toolbox(packing.known)


class _Packing:
    def __init__(self, rule: ToolRule) -> None:
        self._rule = rule
        self.known: dict[str, Tool] = {}

    def tools(self, tools: Sequence[Tool]) -> Iterable[Tool]:
        searches = [tool for tool in tools if tool.kind is ToolKind.WEB_SEARCH]
        yield from searches[:1]  # It has no name of its own on most wires, and so never stands for a function's.
        for tool in tools:
            name = self.name(tool.name, tool.namespace)
            if tool.kind is ToolKind.WEB_SEARCH or name in self.known:
                continue  # Vendors refuse a name that is declared twice.
            self.known[name] = tool
            yield self._as_taken(tool, name)

    def call(self, call: ToolCall) -> ToolCall:
        name = self.name(call.name, call.namespace)
        if call.kind is ToolKind.FUNCTION:
            return replace(call, name=name, namespace="")
        self.known.setdefault(name, Tool(call.name, kind=call.kind, namespace=call.namespace))
        if self._rule.takes_freeform:
            return replace(call, name=name)
        arguments = wrapped(call.arguments) if call.kind is ToolKind.FREEFORM else call.arguments
        return replace(call, name=name, namespace="", kind=ToolKind.FUNCTION, arguments=arguments)

    def name(self, name: str, namespace: str = "") -> str:
        full = f"{namespace.removesuffix('__')}__{name}" if namespace else name
        if len(full) <= self._rule.longest and self._rule.legal.fullmatch(full):
            return full
        digest = hashlib.sha256(full.encode()).hexdigest()[:_DIGEST_LENGTH]
        legible = _ILLEGAL.sub("_", full)
        legible = legible if legible[:1].isalpha() or legible[:1] == "_" else f"_{legible}"
        return f"{legible[: self._rule.longest - _DIGEST_LENGTH - 1]}_{digest}"

    def name_of_choice(self, name: str, tools: Iterable[Tool]) -> str:
        namespace = next((tool.namespace for tool in tools if tool.name == name), "")
        return self.name(name, namespace)

    def _as_taken(self, tool: Tool, name: str) -> Tool:
        if tool.kind is ToolKind.FUNCTION or self._rule.takes_freeform:
            return replace(tool, name=name, namespace="")
        schema = _FREEFORM_SCHEMA if tool.kind is ToolKind.FREEFORM else _SHELL_SCHEMA
        description = _with_grammar(tool) if tool.kind is ToolKind.FREEFORM else _about_shell(tool)
        return Tool(name, description, schema, cache=tool.cache)


def _packed(message: Message, packing: _Packing) -> Message:
    return Message(message.role, tuple(_packed_part(part, packing) for part in message.parts))


def _packed_part(part: Part, packing: _Packing) -> Part:
    match part:
        case ToolCall():
            return packing.call(part)
        case ToolResult() if part.name:
            return replace(part, name=packing.name(part.name))
        case _:
            return part


def wrapped(text: str) -> str:
    """A freeform tool's input as arguments of the function that stands for it."""
    return orjson.dumps({INPUT: text}).decode()


def unwrapped(arguments: str) -> str:
    """The input in the arguments of a wrapped call; the arguments as they are where the model wrote no such object."""
    try:
        found = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    text = found.get(INPUT) if isinstance(found, dict) else None
    return text if isinstance(text, str) else arguments


def _with_grammar(tool: Tool) -> str:
    definition = (tool.grammar or {}).get("definition")
    if not definition:
        return tool.description
    syntax = (tool.grammar or {}).get("syntax", "given")
    return f"{tool.description}\n\n`{INPUT}` must follow this {syntax} grammar:\n{definition}".strip()


def _about_shell(tool: Tool) -> str:
    return tool.description or "Runs a command on the user's machine and returns its output."
