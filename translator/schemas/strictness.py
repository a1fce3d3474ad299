"""Whether a schema keeps the rules of OpenAI's strict mode (https://platform.openai.com/docs/guides/structured-outputs).

In doubt it does not: a schema that is not declared strict is taken by everyone.
"""

from collections.abc import Iterator
from typing import Any

from translator.schemas.facets import DEEPEST

_KNOWN = frozenset(
    {
        *("type", "title", "description", "enum", "const", "$ref", "$defs", "definitions", "$schema", "anyOf"),
        *("properties", "required", "additionalProperties", "items", "minItems", "maxItems", "pattern", "format"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_SAYS_WHAT = frozenset({"type", "anyOf", "enum", "const", "$ref"})


def is_strict(schema: Any) -> bool:
    """Every object is closed and requires all its properties, and no keyword is used that strict mode lacks."""
    return isinstance(schema, dict) and schema.get("type") == "object" and _holds(schema, 0)


def _holds(schema: Any, depth: int) -> bool:
    if not isinstance(schema, dict) or depth > DEEPEST or not _KNOWN.issuperset(schema):
        return False
    if not _SAYS_WHAT.intersection(schema) or not _has_known_format(schema):
        return False
    return _is_closed(schema) and all(_holds(inner, depth + 1) for inner in _inner(schema))


def _has_known_format(schema: dict[str, Any]) -> bool:
    form = schema.get("format", "date")
    return isinstance(form, str) and form in _FORMATS


def _is_closed(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    if kind != "object" and "properties" not in schema and not (isinstance(kind, list) and "object" in kind):
        return True
    names = schema.get("required")
    required = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    properties = schema.get("properties")
    names_all = not isinstance(properties, dict) or required.issuperset(properties)
    return schema.get("additionalProperties") is False and names_all


def _inner(schema: dict[str, Any]) -> Iterator[Any]:
    for keyword in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(keyword), dict):
            yield from schema[keyword].values()
    if "items" in schema:
        yield schema["items"]
    if isinstance(schema.get("anyOf"), list):
        yield from schema["anyOf"]
