"""What `previous_response_id` stands for: the input of the earlier request, and its answer as more of the input."""

from collections.abc import Mapping
from typing import Any

_NAMELESS = frozenset({"message", "function_call", "custom_tool_call", "reasoning"})


def input_items(value: Mapping[str, Any]) -> list[Any]:
    """A request's input as items."""
    found = value.get("input")
    if isinstance(found, str):
        content = [{"type": "input_text", "text": found}]
        return [{"type": "message", "role": "user", "content": content}]
    return list(found) if isinstance(found, list) else []


def output_items(response: Mapping[str, Any]) -> list[Any]:
    """An answer's output as items of the next request's input.

    Without ids where they can do without: a vendor that stored nothing refuses to be reminded of them. Reasoning that
    is neither signed nor told in full is left out, since the vendor would look for it under its id.
    """
    found = response.get("output")
    return [_nameless(item) for item in found if _can_return(item)] if isinstance(found, list) else []


def _can_return(item: Any) -> bool:
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return isinstance(item, dict)
    return bool(item.get("encrypted_content") or item.get("content"))


def _nameless(item: Mapping[str, Any]) -> Mapping[str, Any]:
    if item.get("type") not in _NAMELESS:
        return item
    return {name: value for name, value in item.items() if name != "id"}
