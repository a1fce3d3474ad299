"""The schema of a function's parameters: an object at its root, without unions there."""

from collections.abc import Iterator, Mapping
from typing import Any

from translator.schemas.facets import DEEPEST, Facet, Node, Path, every, facets, required

_REFUSED_AT_ROOT = frozenset({"anyOf", "oneOf", "allOf", "enum", "not", "$ref"})
_DEFINITIONS = frozenset({"$defs", "definitions"})
MOST_FACETS = 500


def object_schema(schema: Any) -> dict[str, Any]:
    """The schema as one of an object with properties. One that is that already stays what it is.

    The branches of a union at the root are laid together: each property may be what any branch says, and required is
    what all of them require. Claude and OpenAI refuse such unions.
    """
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    is_plain = schema.get("type") == "object" and isinstance(schema.get("properties"), dict)
    if is_plain and not any(keyword in schema for keyword in _REFUSED_AT_ROOT):
        return schema
    merged = _Merger(schema).object(facets(schema, schema), 0)
    rest = {key: value for key, value in schema.items() if key not in merged and key not in _REFUSED_AT_ROOT}
    described = _inherited(schema)
    return {**merged, **described, **rest}


def _inherited(schema: Node) -> dict[str, Any]:
    """What the schema that a root reference names says beside its members."""
    return {
        key: value
        for node, _ in reversed(facets(schema, schema))
        for key, value in node.items()
        if key in ("title", "description", "additionalProperties")
    }


class _Merger:
    def __init__(self, root: Node) -> None:
        self._root = root
        self._room = MOST_FACETS

    def object(self, found: list[Facet], depth: int) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for said, _ in every(found, "properties", dict):
            _add_all(properties, said, "allOf")
        names = dict.fromkeys(required(found))
        for alternatives, path in self._unions(found):
            branches = list(self._branches(alternatives, path, depth))
            _add_any(properties, [branch["properties"] for branch in branches])
            names |= dict.fromkeys(_required_by_all(branches))
        merged: dict[str, Any] = {"type": "object", "properties": properties}
        wanted = [name for name in names if name in properties]
        return {**merged, "required": wanted} if wanted else merged

    def _unions(self, found: list[Facet]) -> list[tuple[Any, Path]]:
        return [*every(found, "anyOf", list), *every(found, "oneOf", list)]

    def _branches(self, alternatives: list[Any], path: Path, depth: int) -> Iterator[dict[str, Any]]:
        for alternative in alternatives:
            self._room -= 1
            if depth < DEEPEST and self._room > 0:
                yield self.object(facets(alternative, self._root, path), depth + 1)


def _required_by_all(branches: list[dict[str, Any]]) -> list[str]:
    required_by = [dict.fromkeys(branch.get("required", [])) for branch in branches]
    return [name for name in required_by[0] if all(name in names for names in required_by)] if required_by else []


def _add_all(properties: dict[str, Any], said: Mapping[str, Any], joint: str) -> None:
    for name, schema in said.items():
        known = properties.get(name)
        properties[name] = schema if known is None or known == schema else {joint: [known, schema]}


def _add_any(properties: dict[str, Any], branches: list[Mapping[str, Any]]) -> None:
    """What a property is in some branch, unless all of the object says already what it is."""
    alternatives: dict[str, list[Any]] = {}
    for branch in branches:
        for name, schema in branch.items():
            known = alternatives.setdefault(name, [])
            if schema not in known:
                known.append(schema)
    for name, schemas in alternatives.items():
        properties.setdefault(name, schemas[0] if len(schemas) == 1 else {"anyOf": schemas})
