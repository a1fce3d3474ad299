"""Words of the Messages API that stand for ours, used in both directions."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from translator.families import family_of
from translator.messages import Finish

MAKER = "claude"
"""Whose signatures stand untagged in this dialect."""

FINISHES: Mapping[str, Finish] = {
    "end_turn": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "tool_use": Finish.TOOL_CALLS,
    "refusal": Finish.FILTER,
    "pause_turn": Finish.PAUSE,
    "compaction": Finish.PAUSE,
    # Servers that imitate Anthropic sometimes answer with OpenAI's words.
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "content_filter": Finish.FILTER,
}
STOP_REASONS: Mapping[Finish, str] = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.FILTER: "refusal",
    Finish.PAUSE: "pause_turn",
}
UNPARSED = "partial_json"
"""Under this name go arguments that are no JSON object, since `input` has to be one."""

_SHALLOW = 240
"""So many brackets cannot nest deeper than JSON can be written, 254 levels, once they stand in a message."""
_ILLEGAL_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


def finish_of(stop_reason: str | None) -> Finish:
    """An unknown reason is the vendor's own for ending an answer: no client may take that for a finished one."""
    return Finish.STOP if stop_reason is None else FINISHES.get(stop_reason, Finish.FILTER)


def maker_of(model: str) -> str:
    """Whose signatures an answer of this model bears: others than Anthropic speak this dialect too."""
    return family_of(model, MAKER).maker


def input_of(arguments: str) -> dict[str, Any]:
    """A call's arguments as the object that `input` has to be."""
    if not arguments:
        return {}
    try:
        found = orjson.loads(arguments)
        if arguments.count("[") + arguments.count("{") > _SHALLOW:
            orjson.dumps([[[[[[[[found]]]]]]]])
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return {UNPARSED: arguments}
    return found if isinstance(found, dict) else {UNPARSED: arguments}


class CallIds:
    """The ids of one answer's calls as Anthropic would write them: legal characters, none twice."""

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used: set[str] = set()

    def legal(self, id: str) -> str:
        plain = _ILLEGAL_IN_IDS.sub("_", id) or "call"
        unique = plain if plain not in self._used else f"{plain}_{len(self._used)}"
        self._used.add(unique)
        return unique


def message_id(vendor: str, ours: str) -> str:
    """The vendor's own id where it is of this dialect."""
    return vendor if vendor.startswith("msg_") else f"msg_{ours}"
