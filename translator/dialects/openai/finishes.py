"""Why a model stopped, in OpenAI's words and those of the many who speak like it."""

from collections.abc import Mapping
from typing import Any

from translator.losses import UpstreamComplaint
from translator.messages import Finish

_FINISHES: Mapping[str, Finish] = {
    "stop": Finish.STOP,
    "end_turn": Finish.STOP,
    "eos": Finish.STOP,
    "eos_token": Finish.STOP,
    "complete": Finish.STOP,
    "completed": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "model_length": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "insufficient_system_resource": Finish.LENGTH,
    "tool_calls": Finish.TOOL_CALLS,
    "tool_use": Finish.TOOL_CALLS,
    "function_call": Finish.TOOL_CALLS,
    "content_filter": Finish.FILTER,
}
_ERRORS = frozenset({"error", "network_error"})
_WORDS: Mapping[Finish, str] = {
    Finish.STOP: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.PAUSE: "stop",
    Finish.LENGTH: "length",
    Finish.TOOL_CALLS: "tool_calls",
    Finish.FILTER: "content_filter",
}


def read_finish(reason: Any) -> Finish | None:
    """None where there is none yet. A word nobody knows is no ordinary end.

    Raises UpstreamComplaint where it says that the answer failed.
    """
    if not isinstance(reason, str) or not reason:
        return None
    word = reason.lower()
    if word in _ERRORS:
        raise UpstreamComplaint(502, "the upstream ended the answer with an error")
    return _FINISHES.get(word, Finish.FILTER)


def word_of(finish: Finish) -> str:
    return _WORDS[finish]
