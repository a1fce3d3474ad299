"""Schemas that Claude's structured output takes (https://docs.claude.com/en/docs/build-with-claude/structured-outputs).

Law, as in Anthropic's own SDK: every object is closed; a constraint that is not supported moves into the description.
"""

from collections.abc import Callable, Mapping
from typing import Any

from translator.schemas.facets import DEEPEST, facets, merged
from translator.schemas.wording import described, is_regular, json_text

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "$anchor", "examples", "example", "readOnly", "deprecated"})
"""Said to people, not of values."""


def _always(_: Any) -> bool:
    return True


_KEPT: Mapping[str, Callable[[Any], bool]] = {
    "type": _always,
    "title": _always,
    "description": _always,
    "default": _always,
    "enum": _always,
    "const": _always,
    "$ref": _always,
    "required": _always,
    "format": lambda value: isinstance(value, str) and value in _FORMATS,
    "pattern": is_regular,
    "minItems": lambda value: value in (0, 1),
}


def for_claude(schema: Any) -> dict[str, Any]:
    return _closed(schema, 0)


def _closed(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, dict) or depth > 2 * DEEPEST:
        return {}
    kept: dict[str, Any] = {}
    told: list[str] = []
    for keyword, value in _joined(schema).items():
        nested = _NESTED.get(keyword)
        if nested is not None:
            kept["anyOf" if keyword == "oneOf" else keyword] = nested(value, depth + 1)
        elif keyword in _KEPT and _KEPT[keyword](value):
            kept[keyword] = value
        elif keyword not in _ANNOTATIONS and not (keyword == "additionalProperties" and isinstance(value, bool)):
            told.append(f"{keyword}: {json_text(value)}")
    if told:
        kept["description"] = described(kept.get("description"), f"{{{', '.join(told)}}}")
    return _as_closed_object(kept) if _is_object(kept) else kept


def _joined(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without `allOf` where that can be said plainly: closed objects joined by it would allow nothing at all."""
    branches = schema.get("allOf")
    if not isinstance(branches, list):
        return schema
    rest = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    if len(branches) == 1 and isinstance(branches[0], dict) and branches[0].keys() == {"$ref"}:
        return {**rest, **branches[0]}
    found = facets(schema, {})
    return schema if any("$ref" in node for node, _ in found) else merged(found)


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _as_closed_object(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", **schema, "additionalProperties": False}


def _one(value: Any, depth: int) -> Any:
    return _closed(value, depth) if isinstance(value, dict) else value


def _list(value: Any, depth: int) -> Any:
    return [_one(item, depth) for item in value] if isinstance(value, list) else _one(value, depth)


def _by_name(value: Any, depth: int) -> Any:
    return {name: _one(item, depth) for name, item in value.items()} if isinstance(value, dict) else {}


_NESTED: Mapping[str, Callable[[Any, int], Any]] = {
    "properties": _by_name,
    "$defs": _by_name,
    "definitions": _by_name,
    "items": _list,
    "anyOf": _list,
    "oneOf": _list,
    "allOf": _list,
}
