"""A JSON object as it came over the wire: checked once, edited in place, never written anew.

Law: whatever is not edited keeps its bytes, its order and its spelling, so that signatures over it stay valid and
vendors' prompt caches hit. What a strict reader would refuse (NaN, infinities, invalid UTF-8, lone surrogates, one
name twice, depth beyond 254) is refused here, so nobody behind this module meets it.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
import orjson

from translator.not_numbers import not_a_number

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE = re.compile(rb"[ \t\n\r]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_LARGEST_SPACE = 0x20
_SHALLOW = 250
"""So many brackets cannot nest deeper than orjson's own limit when writing, 254 levels."""

Span: TypeAlias = tuple[int, int]


class MalformedJson(ValueError):
    """The body is not a JSON object that every reader would understand alike. The message says where.

    `param`: the member that is wrong, where one can be named.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def _told(error: orjson.JSONDecodeError, raw: bytes) -> MalformedJson:
    if (found := not_a_number(raw)) is not None and found[1]:
        return MalformedJson(f"{found[1]}: {found[0]} is no number in JSON.", found[1])
    return MalformedJson(f"The body is not valid JSON: {error}")


@dataclass(frozen=True)
class JsonBody:
    """`raw` bytes of a JSON object and `value`, what they say."""

    raw: bytes
    value: Mapping[str, Any]

    @classmethod
    def parse(cls, raw: bytes) -> "JsonBody":
        """Raises MalformedJson."""
        try:
            value = orjson.loads(raw)
            if raw.count(b"[") + raw.count(b"{") > _SHALLOW:
                orjson.dumps(value)
        except orjson.JSONDecodeError as error:
            raise _told(error, raw) from None
        except orjson.JSONEncodeError:
            raise MalformedJson("The body is nested deeper than 254 levels.") from None
        if not isinstance(value, dict):
            raise MalformedJson("The body must be a JSON object.")
        return cls(raw, value)

    @cached_property
    def spans(self) -> Mapping[str, Span]:
        """Where in `raw` each top-level value stands. Raises MalformedJson when a name appears twice."""
        spans: dict[str, Span] = {}
        position = _skip(self.raw, 0) + 1
        for name, value in _MEMBERS.decode(self.raw).items():
            position = _value_start(self.raw, position, name)
            end = position + len(memoryview(value))
            spans[name] = (position, end)
            position = _skip(self.raw, end) + 1
        if spans and position < len(self.raw.rstrip()):
            raise MalformedJson("A member of the body appears twice.")
        return spans

    def with_members(self, changes: Mapping[str, bytes], without: Container[str] = ()) -> bytes:
        """The bytes with each named member set to the given JSON text, in place or at the end, and others taken out.

        What is both changed and to be taken out is changed. Raises MalformedJson when a name appears twice.
        """
        raw, view = self.raw, memoryview(self.raw)
        closing = raw.rindex(b"}")
        opening = start = _skip(raw, 0) + 1 if self.spans else closing
        pieces: list[bytes | memoryview] = []
        for name, (value_start, value_end) in self.spans.items():
            stop = _skip(raw, value_end)
            if name in changes:
                pieces += [b",", view[start:value_start], changes[name], view[value_end:stop]]
            elif name not in without:
                pieces += [b",", view[start:stop]]
            start = stop + 1
        for name in [name for name in changes if name not in self.spans]:
            pieces += [b",", orjson.dumps(name), b":", changes[name]]
        return b"".join((view[:opening], *pieces[1:], view[closing:]))


def _skip(raw: bytes, position: int) -> int:
    """Past white space. What follows it is always there: the body has been parsed."""
    if position < len(raw) and raw[position] > _LARGEST_SPACE:
        return position
    match = _SPACE.match(raw, position)
    return match.end() if match else position


def _value_start(raw: bytes, position: int, name: str) -> int:
    """Where the value of the member whose name begins at or after `position` starts."""
    position = _skip(raw, position)
    plain = b'"%s"' % name.encode()
    end = position + len(plain)
    if not raw.startswith(plain, position):
        end = _end_of_escaped_name(raw, position, name)
    return _skip(raw, _skip(raw, end) + 1)


def _end_of_escaped_name(raw: bytes, position: int, name: str) -> int:
    found = _STRING.match(raw, position)
    if found is None or orjson.loads(found.group()) != name:
        raise MalformedJson("A member of the body appears twice.")
    return found.end()
