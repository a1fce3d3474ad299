"""A schema laid open: itself, what its `$ref` names and what its `allOf` joins, as a flat list of facets.

The first facet that has a keyword speaks for all of them; properties and required names add up. Each facet knows the
references it was reached by, so that a reference back to one of them is seen to be a circle, and cut.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote

Node: TypeAlias = Mapping[str, Any]
Path: TypeAlias = frozenset[str]
Facet: TypeAlias = tuple[Node, Path]

DEEPEST = 48
"""References on one path, and levels of a schema, beyond which nothing is followed."""
NOWHERE: Path = frozenset()


def facets(schema: Any, root: Node, path: Path = NOWHERE) -> list[Facet]:
    """What `schema` says of a value; nothing where it is no object."""
    found: list[Facet] = []
    followed: set[str] = set()
    waiting: deque[tuple[Any, Path]] = deque([(schema, path)])
    while waiting:
        node, path = waiting.popleft()
        if not isinstance(node, dict):
            continue
        found.append((node, path))
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in followed:
            followed.add(reference)
            waiting.append(_followed(reference, root, path))
        joined = node.get("allOf")
        waiting.extend((branch, path) for branch in (joined if isinstance(joined, list) else ()))
    return found


def _followed(reference: str, root: Node, path: Path) -> tuple[Any, Path]:
    named = target(reference, root)
    is_circle = reference in path or len(path) >= DEEPEST
    return (stub(named), path) if is_circle else (named, path | {reference})


def target(reference: str, root: Node) -> Any:
    """What a reference into the schema itself names (RFC 6901); None where it leads elsewhere or nowhere."""
    if not reference.startswith("#"):
        return None
    found: Any = root
    for step in filter(None, unquote(reference[1:]).split("/")):
        if isinstance(found, list):
            found = found[int(step)] if _is_index(step) and int(step) < len(found) else None
        elif isinstance(found, dict):
            found = found.get(step.replace("~1", "/").replace("~0", "~"))
        else:
            return None
    return found


def _is_index(step: str) -> bool:
    return step.isdecimal() and len(step) < 10


def stub(named: Any) -> Node:
    """What is left of a schema that is not followed any further: its type and its description."""
    node = named if isinstance(named, dict) else {}
    return {"type": "object", **{key: node[key] for key in ("type", "description") if key in node}}


def first(facets: list[Facet], keyword: str) -> Any:
    """What the first facet that has the keyword says; None where none has it."""
    return next((node[keyword] for node, _ in facets if keyword in node), None)


def every(facets: list[Facet], keyword: str, kind: type) -> Iterator[tuple[Any, Path]]:
    """What each facet says under the keyword, where it is of that kind."""
    return ((node[keyword], path) for node, path in facets if isinstance(node.get(keyword), kind))


def without(facets: list[Facet], keywords: frozenset[str]) -> list[Facet]:
    return [({key: value for key, value in node.items() if key not in keywords}, path) for node, path in facets]


def required(facets: list[Facet]) -> list[str]:
    """All names that some facet requires, each once, in order."""
    names = (name for found, _ in every(facets, "required", list) for name in found)
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def merged(facets: list[Facet]) -> dict[str, Any]:
    """One schema that says what all the facets do; their references stay, so its circles do too."""
    joint: dict[str, Any] = {}
    for node, _ in facets:
        joint = {**node, **joint}
    joint.pop("allOf", None)
    properties = {name: schema for said, _ in every(facets, "properties", dict) for name, schema in said.items()}
    names = required(facets)
    joint |= {"properties": properties} if properties else {}
    return joint | ({"required": names} if names else {})
