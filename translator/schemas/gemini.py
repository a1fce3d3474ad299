"""Gemini's schemas, a subset of OpenAPI 3.0 (https://ai.google.dev/api/caching#Schema), there and back.

Law: only keywords that are documented are written, and each only beside the type it belongs to. References are
unfolded, since there is no place for definitions. What a value may be survives: nullable, unions, enums of strings.
Where `anyOf` stands, nothing else does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from translator.schemas.facets import (
    DEEPEST,
    NOWHERE,
    Facet,
    Node,
    every,
    facets,
    first,
    required,
    stub,
    without,
)
from translator.schemas.wording import described, is_regular, one_of

MOST_NODES = 3000
"""Schemas written of one; what would unfold into more is cut. Gemini refuses far smaller ones as too complex."""

_UNSAID = frozenset({"title", "description", "default", "example", "nullable", "$ref", "allOf", "anyOf", "oneOf"})
"""What is said of a union as a whole, not of each of its branches."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_Keywords = Mapping[str, Callable[[Any], bool]]
_ABOUT: _Keywords = {"title": _is_text, "description": _is_text, "default": lambda _: True, "example": lambda _: True}
_OF_NUMBERS: _Keywords = {
    "format": lambda value: value in ("float", "double", "int32", "int64"),
    "minimum": _is_number,
    "maximum": _is_number,
}
_OF_TYPE: Mapping[str, _Keywords] = {
    "string": {
        "format": lambda value: value in ("date-time", "enum"),
        "minLength": _is_count,
        "maxLength": _is_count,
        "pattern": is_regular,
    },
    "number": _OF_NUMBERS,
    "integer": _OF_NUMBERS,
    "boolean": {},
    "array": {"minItems": _is_count, "maxItems": _is_count},
    "object": {"minProperties": _is_count, "maxProperties": _is_count},
    "null": {},
}
"""By type: the keywords that may stand beside it as they are, if their value is what it should be."""

_SUGGESTS: Mapping[str, str] = {
    "properties": "object",
    "additionalProperties": "object",
    "required": "object",
    "items": "array",
    "prefixItems": "array",
    "pattern": "string",
    "minLength": "string",
    "maxLength": "string",
    "minimum": "number",
    "maximum": "number",
}
"""The type of a schema that names none, by the keywords it has."""

_TYPE_OF: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
    type(None): "null",
}


def for_gemini(schema: Any) -> dict[str, Any]:
    """The schema in Gemini's words."""
    root = schema if isinstance(schema, dict) else {}
    writer = _Writer(root)
    return writer.write(facets(root, root), 0)


class _Writer:
    def __init__(self, root: Node) -> None:
        self._root = root
        self._room = MOST_NODES

    def write(self, found: list[Facet], depth: int) -> dict[str, Any]:
        self._room -= 1
        if depth > DEEPEST or self._room < 0:
            found = [(stub({"type": first(found, "type")}), NOWHERE)]
        branches = self._branches(found)
        if branches:
            return self._union(found, branches, depth)
        types = _types(found)
        if len(types) > 1:
            base = without(found, _UNSAID)
            return self._union(found, [[({"type": kind}, NOWHERE), *base] for kind in types], depth)
        about = _kept(found, _ABOUT)
        if first(found, "nullable") is True:
            about["nullable"] = True
        return {**self._typed(types[0], found, depth), **_told(types[0], found, about)} if types else about

    def _branches(self, found: list[Facet]) -> list[list[Facet]]:
        """The alternatives, each joined with what holds for all of them."""
        unions = [*every(found, "anyOf", list), *every(found, "oneOf", list)]
        if not unions or not unions[0][0]:
            return []
        alternatives, path = unions[0]
        base = without(found, _UNSAID)
        return [[*facets(alternative, self._root, path), *base] for alternative in alternatives]

    def _union(self, found: list[Facet], branches: list[list[Facet]], depth: int) -> dict[str, Any]:
        about = _kept(found, _ABOUT)
        distinct: list[dict[str, Any]] = []
        is_nullable = first(found, "nullable") is True
        for branch in branches:
            written = self.write(branch, depth + 1)
            is_nullable |= written.get("type") == "NULL"
            for each in written.get("anyOf", (written,)):
                if each.get("type") != "NULL" and each not in distinct:
                    distinct.append(each)
        if len(distinct) > 1:
            return {"anyOf": [_told_of_branch(branch, about, is_nullable) for branch in distinct]}
        nullable = {"nullable": True} if is_nullable else {}
        return {**distinct[0], **about, **nullable} if distinct else {"type": "NULL", **about}

    def _typed(self, kind: str, found: list[Facet], depth: int) -> dict[str, Any]:
        written: dict[str, Any] = {"type": kind.upper(), **_kept(found, _OF_TYPE[kind])}
        if kind == "array":
            written["items"] = self._items(found, depth)
        if kind == "object":
            written |= self._members(found, depth)
        return written

    def _items(self, found: list[Facet], depth: int) -> dict[str, Any]:
        listed = [*every(found, "prefixItems", list), *every(found, "items", list)]
        if listed and listed[0][0]:
            alternatives, path = listed[0]
            written = self._union([], [facets(item, self._root, path) for item in alternatives], depth)
        else:
            plain = [facet for item, path in every(found, "items", dict) for facet in facets(item, self._root, path)]
            written = self.write(plain, depth + 1)
        return written if "type" in written or "anyOf" in written else {"type": "STRING", **written}

    def _members(self, found: list[Facet], depth: int) -> dict[str, Any]:
        described: dict[str, list[Facet]] = {}
        for properties, path in every(found, "properties", dict):
            for name, property_ in properties.items():
                if property_ is not False:
                    described.setdefault(name, []).extend(facets(property_, self._root, path))
        if not described:
            return {}
        members: dict[str, Any] = {
            "properties": {name: self.write(property_, depth + 1) for name, property_ in described.items()}
        }
        names = [name for name in required(found) if name in described]
        if names:
            members["required"] = names
        order = first(found, "propertyOrdering")
        if isinstance(order, list) and order and set(map(str, order)) == described.keys():
            members["propertyOrdering"] = order
        return members


def _told_of_branch(branch: dict[str, Any], about: Mapping[str, Any], is_nullable: bool) -> dict[str, Any]:
    """A branch with what is said of all of them, since Google refuses anything beside `anyOf`."""
    described = {"description": about["description"]} if "description" in about else {}
    return {**described, **branch, **({"nullable": True} if is_nullable else {})}


def _kept(found: list[Facet], keywords: _Keywords) -> dict[str, Any]:
    return {
        keyword: value
        for keyword, is_right in keywords.items()
        if any(keyword in node for node, _ in found) and is_right(value := first(found, keyword))
    }


def _types(found: list[Facet]) -> list[str]:
    """The types a value may have, in lower case: those named, else those that enum or keywords suggest."""
    named = first(found, "type")
    words = named if isinstance(named, list) else [named]
    types = [word.lower() for word in words if isinstance(word, str) and word.lower() in _OF_TYPE]
    if not types:
        types = [_TYPE_OF[type(value)] for value in _values(found) if type(value) in _TYPE_OF]
    if not types:
        types = [kind for keyword, kind in _SUGGESTS.items() if any(keyword in node for node, _ in found)][:1]
    distinct = dict.fromkeys(types)
    if "number" in distinct:
        distinct.pop("integer", None)
    return list(distinct)


def _values(found: list[Facet]) -> list[Any]:
    """What `enum` or `const` allow."""
    if any("const" in node for node, _ in found):
        return [first(found, "const")]
    enum = first(found, "enum")
    return enum if isinstance(enum, list) else []


def _told(kind: str, found: list[Facet], about: dict[str, Any]) -> dict[str, Any]:
    """What is said of the value, with what it may be: an enum of strings, or a sentence where that is no enum."""
    fitting = ("number", "integer") if kind == "number" else (kind,)
    values = [value for value in _values(found) if _TYPE_OF.get(type(value)) in fitting]
    if kind == "string":
        words = list(dict.fromkeys(value for value in values if value))
        return {**about, "enum": words} if words else about
    if kind == "null" or not values:
        return about
    return {**about, "description": described(about.get("description"), one_of(values))}


# -- the way back -----------------------------------------------------------------------------------------------------

_CAMEL: Mapping[str, str] = {
    "any_of": "anyOf",
    "max_items": "maxItems",
    "min_items": "minItems",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "min_length": "minLength",
    "max_length": "maxLength",
    "property_ordering": "propertyOrdering",
}
_COUNTS = frozenset({"maxItems", "minItems", "minProperties", "maxProperties", "minLength", "maxLength"})
_ONLY_GEMINI = frozenset({"nullable", "propertyOrdering", "example"})
_NULL: Mapping[str, Any] = {"type": "null"}


def as_json_schema(schema: Any) -> dict[str, Any]:
    """A schema in Gemini's words as JSON Schema. One that is JSON Schema already stays what it is."""
    if not isinstance(schema, dict):
        return {}
    named = {_CAMEL.get(keyword, keyword): value for keyword, value in schema.items()}
    plain: dict[str, Any] = {}
    for keyword, value in named.items():
        if keyword in _ONLY_GEMINI:
            continue
        read = _READ.get(keyword)
        plain[keyword] = read(value) if read else _count(value) if keyword in _COUNTS else value
    if plain.get("type") is None or plain["type"] == "type_unspecified":
        plain.pop("type", None)
    if plain.get("format") == "enum":
        del plain["format"]
    if "example" in named:
        plain.setdefault("examples", [named["example"]])
    return _with_null(plain) if named.get("nullable") is True else plain


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("anyOf"), list):
        return {**schema, "anyOf": [*schema["anyOf"], dict(_NULL)]}
    kind = schema.get("type")
    if not isinstance(kind, str):
        return schema
    enum = {"enum": [*schema["enum"], None]} if isinstance(schema.get("enum"), list) else {}
    return {**schema, "type": [kind, "null"], **enum}


def _lower(value: Any) -> Any:
    if isinstance(value, list):
        return [_lower(word) for word in value]
    return value.lower() if isinstance(value, str) else value


def _count(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _schema(value: Any) -> Any:
    return as_json_schema(value) if isinstance(value, dict) else value


def _schemas(value: Any) -> Any:
    if isinstance(value, dict):
        return as_json_schema(value)
    return [_schema(item) for item in value] if isinstance(value, list) else value


def _schemas_by_name(value: Any) -> Any:
    return {name: _schema(item) for name, item in value.items()} if isinstance(value, dict) else value


_READ: Mapping[str, Callable[[Any], Any]] = {
    "type": _lower,
    "properties": _schemas_by_name,
    "$defs": _schemas_by_name,
    "definitions": _schemas_by_name,
    "items": _schemas,
    "anyOf": _schemas,
    "oneOf": _schemas,
    "allOf": _schemas,
    "additionalProperties": _schema,
}
