"""What one endpoint will not have in a request body, and what it has under another name. Pure.

Law: a member is touched only because a row of the catalogue says so; whatever carried a meaning and is not passed on is
named, so that the client can be told. A null carries none. Names are those of the wire: in `unsupported`, one dot
reaches one level down (`generationConfig.seed`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from translator.json_body import JsonBody

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Streaming(StrEnum):
    """The ways in which an upstream answers, whatever it is asked for."""

    BOTH = "both"
    ONLY = "only"  # with streams alone
    NEVER = "never"  # in one piece alone


@dataclass(frozen=True, slots=True)
class Quirks:
    """`unsupported` members are refused there, `renamed` ones (old name to new) go by another name, and `forced` ones
    are sent as they stand here whatever was asked."""

    unsupported: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    forced: Mapping[str, Any] = field(default_factory=lambda: EMPTY)

    def joined(self, other: "Quirks") -> "Quirks":
        """Both; where they contradict, the other's."""
        return Quirks(
            self.unsupported | other.unsupported,
            MappingProxyType({**self.renamed, **other.renamed}),
            MappingProxyType({**self.forced, **other.forced}),
        )


NONE = Quirks()


class Edits(NamedTuple):
    """What to do to a body that is kept as bytes: `JsonBody.with_members(changes, removals)`."""

    changes: dict[str, bytes]
    removals: list[str]
    dropped: list[str]


UNTOUCHED = Edits({}, [], [])


def applied(body: Mapping[str, Any], quirks: Quirks) -> tuple[dict[str, Any], list[str]]:
    """The body as the endpoint takes it, and the names of what it does not get. `body` stays as it is."""
    if quirks is NONE:
        return dict(body), []
    moves = _moves(body, quirks)
    gone = {*quirks.renamed, *quirks.unsupported, *moves.values()}
    changed = {moves.get(name, name): value for name, value in body.items() if name in moves or name not in gone}
    for parent, names in _nested(body, quirks).items():
        changed[parent] = {name: value for name, value in body[parent].items() if name not in names}
    return {**changed, **quirks.forced}, list(_dropped(body, quirks))


def edits(body: JsonBody, quirks: Quirks) -> Edits:
    """The same for a body kept as bytes. Raises MalformedJson: a nested name appears twice."""
    if quirks is NONE:
        return UNTOUCHED
    value = body.value
    changes = {new: _bytes_of(body, old) for old, new in _moves(value, quirks).items()}
    for parent, names in _nested(value, quirks).items():
        changes[parent] = JsonBody(_bytes_of(body, parent), value[parent]).with_members({}, names)
    changes |= {name: orjson.dumps(forced) for name, forced in quirks.forced.items()}
    removals = [name for name in value if name in quirks.renamed or name in quirks.unsupported]
    return Edits(changes, removals, list(_dropped(value, quirks)))


def _bytes_of(body: JsonBody, name: str) -> bytes:
    start, end = body.spans[name]
    return body.raw[start:end]


def _moves(body: Mapping[str, Any], quirks: Quirks) -> dict[str, str]:
    """Old name to new, of those members whose new place is free."""
    return {old: new for old, new in quirks.renamed.items() if body.get(old) is not None and body.get(new) is None}


def _nested(body: Mapping[str, Any], quirks: Quirks) -> dict[str, list[str]]:
    """The names to take out of each member of the body that is an object and has them."""
    found: dict[str, list[str]] = {}
    for name in quirks.unsupported:
        parent, dot, inner = name.partition(".")
        if dot and isinstance(body.get(parent), dict) and inner in body[parent]:
            found.setdefault(parent, []).append(inner)
    return found


def _dropped(body: Mapping[str, Any], quirks: Quirks) -> Iterable[str]:
    """In the order of the body, then of the rows."""
    moves = _moves(body, quirks)
    for name, value in body.items():
        if value is None or name in moves:
            continue
        renamed = quirks.renamed.get(name)
        if name in quirks.unsupported or (renamed and body.get(renamed) != value):
            yield name
    for parent, names in sorted(_nested(body, quirks).items()):
        yield from (f"{parent}.{name}" for name in sorted(names) if body[parent][name] is not None)
    yield from (name for name, forced in quirks.forced.items() if body.get(name) not in (None, forced))
