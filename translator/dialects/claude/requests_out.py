"""Requests to Anthropic, and to those who speak its dialect (docs.claude.com/en/api/messages)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from translator import signatures, toolbox, turns
from translator.dialect import ClientRequest, Encoded, Target
from translator.dialects.claude.content_out import CACHE, Block, is_blank, text_block
from translator.dialects.claude.messages_out import is_prefilled, lacks_thoughts, messages_of, sayable
from translator.dialects.claude.settings_out import (
    config_of,
    max_tokens_of,
    others_of,
    output_of,
    sampling_of,
    thinking_of,
)
from translator.dialects.claude.tools_out import RULE, choice_of, is_forced, tools_of
from translator.families import ThinkingStyle
from translator.losses import Dropped
from translator.messages import Request, Text

MOST_CACHE_MARKS = 4


def encode_request(request: Request, target: Target) -> Encoded:
    """Raises CannotSay."""
    dropped = list(request.leftovers)
    packed, box = toolbox.pack(request, RULE)
    body = _body(signatures.only_of(packed, target.family.maker), target, dropped)
    return Encoded(body, tuple(dropped), box)


def addressed(request: ClientRequest, model: str, asks_usage: bool) -> dict[str, bytes]:
    """Usage comes unasked."""
    return {"model": orjson.dumps(model)}


def _body(request: Request, target: Target, dropped: list[Dropped]) -> dict[str, Any]:
    family = target.family
    texts, spoken = turns.with_system_first(sayable(request))
    shape, instruction = output_of(request.output, family)
    system = _system((*texts, *instruction))
    messages = messages_of(spoken, family.thinking is not ThinkingStyle.ADAPTIVE, dropped)
    tools = tools_of(request, family.maker, dropped)
    choice = choice_of(request, tools, dropped)
    max_tokens = max_tokens_of(request, family, dropped)
    obstacle = _obstacle(messages, choice)
    thinking, effort = thinking_of(request.thinking, family, max_tokens, obstacle, dropped)
    is_thinking = thinking is not None and thinking["type"] != "disabled"
    members = {
        "model": target.model,
        "max_tokens": max_tokens,
        "system": system,
        "messages": messages,
        "tools": tools,
        "tool_choice": choice,
        "thinking": thinking,
        **config_of(effort, shape),
        **sampling_of(request, family, is_thinking, dropped),
        **others_of(request, dropped),
        "stream": request.is_streaming or None,
    }
    _limit_cache_marks(tools, system, messages, dropped)
    return {name: value for name, value in members.items() if value is not None and value != []}


def _system(texts: Sequence[Text]) -> list[Block]:
    return [text_block(text.text, text.cache) for text in texts if not is_blank(text)]


def _obstacle(messages: Sequence[dict[str, Any]], choice: Mapping[str, Any] | None) -> str:
    """Why the model may not think on a budget here; empty where it may."""
    if is_forced(choice):
        return "not while a tool is forced"
    if is_prefilled(messages):
        return "not while the answer is begun for the model"
    if lacks_thoughts(messages):
        return "the thoughts before the last tool calls are not known"
    return ""


# -- marks for the prompt cache ---------------------------------------------------------------------------------------


def _limit_cache_marks(
    tools: Sequence[Block], system: Sequence[Block], messages: Sequence[Block], dropped: list[Dropped]
) -> None:
    """Anthropic takes four. The last ones cache the most, so the first ones go."""
    marked = [block for block in _in_prompt_order(tools, system, messages) if CACHE in block]
    for block in marked[:-MOST_CACHE_MARKS]:
        del block[CACHE]
    if len(marked) > MOST_CACHE_MARKS:
        dropped.append(Dropped(CACHE, f"there may be {MOST_CACHE_MARKS} of them, the last ones are kept"))


def _in_prompt_order(tools: Sequence[Block], system: Sequence[Block], messages: Sequence[Block]) -> Iterator[Block]:
    yield from tools
    yield from system
    for message in messages:
        for block in message["content"]:
            inner = block.get("content")
            if isinstance(inner, list):
                yield from inner
            yield block
