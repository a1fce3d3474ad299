"""Constraints that a vendor's schemas cannot hold, said in the description instead."""

import re
from collections.abc import Iterable
from typing import Any

import orjson

_BEYOND_REGULAR = re.compile(r"\(\?[=!<]|\\[1-9]|\\[bB]")


def is_regular(pattern: Any) -> bool:
    """Whether an automaton can match the pattern: no looking around, no going back."""
    return isinstance(pattern, str) and not _BEYOND_REGULAR.search(pattern)


def described(description: Any, sentence: str) -> str:
    """The description with one more sentence."""
    return f"{description}\n\n{sentence}" if isinstance(description, str) and description else sentence


def one_of(values: Iterable[Any]) -> str:
    words = [json_text(value) for value in values]
    return f"Always {words[0]}." if len(words) == 1 else f"One of: {', '.join(words)}."


def asking_for_json(schema: Any = None) -> str:
    """What to tell a model that its vendor does not hold to JSON."""
    plain = "Answer with one JSON object and nothing else: no other words, no code fence."
    return plain if schema is None else f"{plain} It must follow this JSON Schema:\n{json_text(schema)}"


def json_text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "too deep to say"
