"""What an upstream's request says, whichever dialect it speaks: tools, calls so far, results, signatures echoed.

Job: `read_turn`. Law: it only reads, and what it does not know it leaves out. Not here: what is answered (`agent.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from json import dumps, loads
from typing import Any

from tests.calls import Call
from tests.wire import Json

Arguments = Json | str  # a text is for a freeform tool


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer; a freeform one takes a text instead of arguments."""

    name: str
    schema: Json = field(default_factory=dict)
    is_freeform: bool = False
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call in the history. Gemini's has no id unless the model gave it one."""

    id: str
    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave; `of` is the call's id, or the tool's name where calls have no ids."""

    of: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    dialect: str
    streams: bool
    tools: tuple[Tool, ...]
    uses: tuple[ToolUse, ...]
    results: tuple[Result, ...]
    signatures: tuple[str, ...]

    def results_in_order(self) -> list[str]:
        """The results' texts in the order of their calls, each once.

        Claude Code sends them as they come in; Gemini CLI sends them twice when it continues a session. Where calls
        have no ids, results are in order or nobody knows what is whose.
        """
        order = [use.id for use in self.uses]
        once = dict.fromkeys(self.results)
        sorted_by_id = sorted(once, key=lambda result: order.index(result.of)) if all(order) else once
        return [result.text for result in sorted_by_id]


Parts = tuple[Iterator[Tool], Iterator[ToolUse], Iterator[Result], Iterator[str]]


def text_of(content: Any) -> str:
    """A text, or the texts of parts; anything else as JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return dumps(content, ensure_ascii=False)


def read_openai(body: Json) -> Parts:
    functions = [tool["function"] for tool in body.get("tools") or [] if tool["type"] == "function"]
    calls = [call for message in body["messages"] for call in message.get("tool_calls") or []]
    answers = [message for message in body["messages"] if message["role"] == "tool"]
    return (
        (Tool(one["name"], one.get("parameters") or {}) for one in functions),
        (ToolUse(one["id"], one["function"]["name"], loads(one["function"]["arguments"])) for one in calls),
        (Result(one["tool_call_id"], text_of(one["content"])) for one in answers),
        iter(()),
    )


def read_claude(body: Json) -> Parts:
    contents = [message["content"] for message in body["messages"]]
    blocks: list[Json] = [block for content in contents if isinstance(content, list) for block in content]
    uses, results, thoughts = (
        [block for block in blocks if block["type"] == kind] for kind in ("tool_use", "tool_result", "thinking")
    )
    return (
        (Tool(tool["name"], tool["input_schema"]) for tool in body.get("tools") or [] if "input_schema" in tool),
        (ToolUse(one["id"], one["name"], one["input"]) for one in uses),
        (Result(one["tool_use_id"], text_of(one.get("content", ""))) for one in results),
        (one["signature"] for one in thoughts),
    )


def read_gemini(body: Json) -> Parts:
    parts = [part for content in body["contents"] for part in content["parts"]]
    declared = [one for tool in body.get("tools") or [] for one in tool.get("functionDeclarations", [])]
    uses = [part["functionCall"] for part in parts if "functionCall" in part]
    results = [part["functionResponse"] for part in parts if "functionResponse" in part]
    return (
        (Tool(one["name"], one.get("parametersJsonSchema") or one.get("parameters") or {}) for one in declared),
        (ToolUse("", one["name"], one.get("args", {})) for one in uses),
        (Result(one["name"], text_of(one["response"])) for one in results),
        (part["thoughtSignature"] for part in parts if "thoughtSignature" in part),
    )


def read_responses(body: Json) -> Parts:
    items: list[Json] = body["input"] if isinstance(body["input"], list) else []
    added = [tool for item in items if item.get("type") == "additional_tools" for tool in item["tools"]]
    uses = [item for item in items if item.get("type") in ("function_call", "custom_tool_call")]
    outputs = [item for item in items if item.get("type") in ("function_call_output", "custom_tool_call_output")]
    thoughts = [item.get("encrypted_content") for item in items if item.get("type") == "reasoning"]
    return (
        responses_tools([*(body.get("tools") or []), *added]),
        (ToolUse(one["call_id"], one["name"], responses_arguments(one)) for one in uses),
        (Result(one["call_id"], text_of(one["output"])) for one in outputs),
        (thought for thought in thoughts if thought),
    )


def responses_tools(tools: list[Json], namespace: str = "") -> Iterator[Tool]:
    for tool in tools:
        if tool["type"] == "namespace":
            yield from responses_tools(tool["tools"], tool["name"])
        elif tool["type"] in ("function", "custom"):
            yield Tool(tool["name"], tool.get("parameters") or {}, tool["type"] == "custom", namespace)


def responses_arguments(item: Json) -> Arguments:
    return str(item["input"]) if item["type"] == "custom_tool_call" else dict(loads(item["arguments"]))


READERS: dict[str, tuple[str, Callable[[Json], Parts]]] = {
    "/chat/completions": ("openai", read_openai),
    "/messages": ("claude", read_claude),
    "/responses": ("responses", read_responses),
    ":generateContent": ("gemini", read_gemini),
    ":streamGenerateContent": ("gemini", read_gemini),
}


def read_turn(call: Call) -> Turn | None:
    """None for what asks no model to speak, such as counting tokens."""
    known = next((ending for ending in READERS if call.path.endswith(ending)), None)
    if known is None:
        return None
    dialect, read = READERS[known]
    streams = known == ":streamGenerateContent" or bool(call.fields.get("stream"))
    tools, uses, results, signatures = read(call.fields)
    return Turn(dialect, streams, tuple(tools), tuple(uses), tuple(results), tuple(signatures))
