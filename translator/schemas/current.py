"""Schemas of older drafts, and slips of the pen, in the words of JSON Schema 2020-12: what vendors check against.

Law: a schema that keeps the rules stays the object it is. What breaks them is said in today's words where it has some
(tuples, exclusive bounds), and left out where it says nothing: vendors refuse the whole request for it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from translator.schemas.facets import DEEPEST, target

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_BOUNDS: Mapping[str, str] = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def in_current_words(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    written = _Writer(schema).write(schema, 0)
    if written == schema:
        return schema
    return {keyword: value for keyword, value in written.items() if keyword != "$schema"}


class _Writer:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def write(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > 2 * DEEPEST:
            return schema
        written: dict[str, Any] = {}
        for keyword, value in _renamed(schema).items():
            nested = _NESTED.get(keyword)
            if nested is not None:
                said = nested(self, value, depth + 1)
            else:
                said = value if self._is_right(keyword, value) else None
            if said is not None or (value is None and keyword not in _RULES and nested is None):
                written[keyword] = said
        return written

    def _is_right(self, keyword: str, value: Any) -> bool:
        if keyword == "$ref":
            return isinstance(value, str) and (not value.startswith("#/") or target(value, self._root) is not None)
        return keyword not in _RULES or _RULES[keyword](value)

    def one(self, value: Any, depth: int) -> Any:
        return self.write(value, depth) if isinstance(value, dict | bool) else None

    def several(self, value: Any, depth: int) -> Any:
        found = [self.write(item, depth) for item in value if isinstance(item, dict | bool)] if _is_list(value) else []
        return found or None

    def named(self, value: Any, depth: int) -> Any:
        if not isinstance(value, dict):
            return None
        return {name: self.write(item, depth) for name, item in value.items() if isinstance(item, dict | bool)}

    def names(self, value: Any, depth: int) -> Any:
        return list(dict.fromkeys(filter(_is_text, value))) if _is_list(value) else None


def _renamed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """With tuples and exclusive bounds as they are said since draft 2020-12 and draft 6."""
    changes: dict[str, Any] = {}
    if _is_list(schema.get("items")):
        changes |= {"prefixItems": schema["items"], "items": schema.get("additionalItems"), "additionalItems": None}
    for exclusive, bound in _BOUNDS.items():
        if isinstance(schema.get(exclusive), bool):
            changes[exclusive] = schema.get(bound) if schema[exclusive] else None
            changes |= {bound: None} if schema[exclusive] else {}
    if isinstance(schema.get("type"), str | list):
        changes |= _typed(schema["type"])
    if not changes:
        return schema
    return {keyword: value for keyword, value in {**schema, **changes}.items() if value is not None}


def _typed(kind: str | list[Any]) -> dict[str, Any]:
    """Only what changes: types in capitals, and those that are none."""
    words = [kind] if isinstance(kind, str) else kind
    known = list(dict.fromkeys(word.lower() for word in words if isinstance(word, str) and word.lower() in _TYPES))
    if known == words and known:
        return {}
    return {"type": None if not known else known[0] if len(known) == 1 else known}


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_RULES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("title", "description", "format", "pattern", "$comment", "$id", "$schema", "$anchor"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _is_flag),
    **dict.fromkeys(("enum", "examples"), _is_list),
    "type": lambda value: isinstance(value, str | list),
    "multipleOf": lambda value: _is_number(value) and value > 0,
}
_NESTED: Mapping[str, Callable[[_Writer, Any, int], Any]] = {
    **dict.fromkeys(
        ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"), _Writer.one
    ),
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _Writer.several),
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), _Writer.named),
    "required": _Writer.names,
}
