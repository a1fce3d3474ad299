"""Reading JSON that a stranger wrote: each value knows where it stands, so that an error can name it."""

import math
from collections.abc import Mapping
from typing import Any

import orjson

from translator.losses import InvalidRequest

MOST_TOKENS = 2**31 - 1
"""More than any answer may have; a larger limit is a slip."""

_KINDS: Mapping[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


class Reader:
    """An object of the client's JSON. `path` is how an error names it, empty for the whole body.

    The typed methods give None for a member that is missing or null, and raise InvalidRequest for one of another type.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Mapping[str, Any], path: str = "") -> None:
        self.value = value
        self.path = path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, said: str) -> InvalidRequest:
        """An error that names the member: `` `messages[0].role` said``."""
        where = self.at(name) if name else self.path
        return InvalidRequest(f"`{where}` {said}", where)

    def text(self, name: str) -> str | None:
        found: str | None = self._typed(name, str)
        return found

    def required_text(self, name: str) -> str:
        found = self.text(name)
        if found is None:
            raise self.wrong(name, "is missing.")
        return found

    def boolean(self, name: str) -> bool | None:
        found: bool | None = self._typed(name, bool)
        return found

    def integer(self, name: str, least: int | None = None, most: int | None = None) -> int | None:
        found = self.number(name, least, most)
        if found is None:
            return None
        if found != int(found):
            raise self.wrong(name, f"must be a whole number, not {found}.")
        return int(found)

    def number(self, name: str, least: float | None = None, most: float | None = None) -> float | int | None:
        found = self.value.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise self._mismatch(name, float, found)
        if isinstance(found, float) and not math.isfinite(found):
            raise self.wrong(name, "must be finite.")
        if least is not None and found < least:
            raise self.wrong(name, f"must be at least {least}, not {found}.")
        if most is not None and found > most:
            raise self.wrong(name, f"must be at most {most}, not {found}.")
        return found

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._typed(name, dict)
        return found

    def json_text(self, name: str) -> str:
        """The member, an object, as JSON text; `{}` where it is missing."""
        try:
            return orjson.dumps(self.mapping(name) or {}).decode()
        except orjson.JSONEncodeError as error:
            raise self.wrong(name, f"cannot be written as JSON: {error}.") from None

    def object(self, name: str) -> "Reader":
        """The member as a reader of its own; an empty one where it is missing."""
        return Reader(self.mapping(name) or {}, self.at(name))

    def items(self, name: str) -> list[Any]:
        """The member's items as they are; none where it is missing."""
        found: list[Any] | None = self._typed(name, list)
        return found or []

    def objects(self, name: str) -> list["Reader"]:
        """The member's items, each of which must be an object."""
        return [self._item(name, number, item) for number, item in enumerate(self.items(name))]

    def texts(self, name: str) -> tuple[str, ...]:
        """A string or a list of strings."""
        found = self.value.get(name)
        if isinstance(found, str):
            return (found,)
        for number, item in enumerate(self.items(name)):
            if not isinstance(item, str):
                raise self.wrong(f"{name}[{number}]", f"must be a string, not {_kind_of(item)}.")
        return tuple(found or ())

    def one_of(self, name: str, words: Mapping[str, Any]) -> Any:
        """What the member's word stands for in `words`; None where it is missing."""
        found = self.text(name)
        if found is None:
            return None
        if found not in words:
            raise self.wrong(name, f"must be one of {', '.join(words)}, not `{found[:80]}`.")
        return words[found]

    def _item(self, name: str, number: int, item: Any) -> "Reader":
        where = f"{name}[{number}]"
        if not isinstance(item, dict):
            raise self._mismatch(where, dict, item)
        return Reader(item, self.at(where))

    def _typed(self, name: str, kind: type) -> Any:
        found = self.value.get(name)
        if found is None or isinstance(found, kind):
            return found
        raise self._mismatch(name, kind, found)

    def _mismatch(self, name: str, kind: type, found: Any) -> InvalidRequest:
        return self.wrong(name, f"must be {_KINDS[kind]}, not {_kind_of(found)}.")


def _kind_of(value: Any) -> str:
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
