"""Where a body says NaN or Infinity, which JSON has no words for and some clients write all the same. Pure."""

import json
from typing import Any

LARGEST = 1 << 20
"""Bytes: of a longer body nobody is told the place, since it is read a second time for it."""


class _NotANumber(str):
    """What was written."""


def not_a_number(raw: bytes) -> tuple[str, str] | None:
    """What is written there, and the dotted name of its member; None where nothing of the kind is what is wrong."""
    if len(raw) > LARGEST:
        return None
    try:
        value = json.loads(raw, parse_constant=_NotANumber)
    except (ValueError, RecursionError):
        return None
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, _NotANumber):
            return str(value), name
        members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [(f"{name}.{step}".lstrip("."), member) for step, member in members]
    return None
