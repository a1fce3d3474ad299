"""Tools, and the choice among them, written as Anthropic takes them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from translator import schemas
from translator.dialects.claude.content_out import Block, marked
from translator.dialects.claude.tools_in import WEB_SEARCH
from translator.dialects.claude.vocabulary import MAKER
from translator.losses import Dropped
from translator.messages import Choice, Knob, Request, Tool, ToolChoice, ToolKind
from translator.toolbox import ToolRule

RULE = ToolRule(re.compile(r"[a-zA-Z0-9_-]+"), longest=64)
"""Anthropic takes names of 128 characters, others who host Claude 64."""

_SEARCH = "web_search_20250305"


def tools_of(request: Request, maker: str, dropped: list[Dropped]) -> list[Block]:
    functions = [tool for tool in request.tools if tool.kind is not ToolKind.WEB_SEARCH]
    written = [_function(tool) for tool in functions]
    if any(tool.strict for tool in functions):
        dropped.append(Dropped("strict", "tools are not held to their schema"))
    searches = [tool for tool in request.tools if tool.kind is ToolKind.WEB_SEARCH]
    if searches and maker == MAKER and all(tool.name != WEB_SEARCH for tool in functions):
        written.append(marked({"type": _SEARCH, "name": WEB_SEARCH}, searches[0].cache))
    elif searches:
        dropped.append(Dropped(WEB_SEARCH, "this model has no search of its own"))
    return written


def _function(tool: Tool) -> Block:
    written: Block = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    written["input_schema"] = schemas.object_schema(tool.schema)
    return marked(written, tool.cache)


def choice_of(request: Request, tools: Sequence[Block], dropped: list[Dropped]) -> dict[str, Any] | None:
    """None where the API's default says the same."""
    is_parallel = request.knobs.get(Knob.PARALLEL_TOOL_CALLS, True)
    choice = request.tool_choice or (None if is_parallel else ToolChoice(Choice.AUTO))
    if not tools or choice is None:
        return None
    written = _choice(choice, [tool["name"] for tool in tools], dropped)
    if not is_parallel and choice.choice is not Choice.NONE:
        written["disable_parallel_tool_use"] = True
    return written


_WORDS = {Choice.AUTO: "auto", Choice.REQUIRED: "any", Choice.NONE: "none"}


def _choice(choice: ToolChoice, names: Sequence[str], dropped: list[Dropped]) -> dict[str, Any]:
    if choice.choice is Choice.REQUIRED and len(choice.names) == 1 and choice.names[0] in names:
        return {"type": "tool", "name": choice.names[0]}
    if choice.names:
        dropped.append(Dropped("tool_choice.names", "either one tool can be forced or any of them"))
    return {"type": _WORDS[choice.choice]}


def is_forced(choice: Mapping[str, Any] | None) -> bool:
    return choice is not None and choice["type"] in ("any", "tool")
