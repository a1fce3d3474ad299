"""Tool calls of a stream, put together from fragments of which servers tell the calls apart in different ways.

OpenAI numbers them. Others number all of them 0, number none, name them later than they begin, or repeat id and name
in every fragment. A call is passed on from when its name is known, and closed when another block begins and its
arguments are whole, or at the end.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from translator.dialects.openai import signed
from translator.dialects.openai.answers import arguments_text
from translator.dialects.openai.chunks import Fragment, Function
from translator.events import Close, Delta, Event, Open
from translator.messages import Signature, ToolCall, ToolKind


class Call:
    __slots__ = ("_block", "_is_whole", "_pieces", "id", "is_closed", "kind", "name", "signature")

    def __init__(self, id: str) -> None:
        self.id = id
        self.name = ""
        self.kind = ToolKind.FUNCTION
        self.signature: Signature | None = None
        self.is_closed = False
        self._block = -1
        self._pieces: list[str] = []
        self._is_whole: bool | None = None

    def add(self, name: str, text: str, blocks: Iterator[int]) -> list[Event]:
        events: list[Event] = []
        was_open = self._block >= 0
        self.name = self.name or name
        if text:
            self._pieces.append(text)
            self._is_whole = None
        if self.name and not was_open:
            self._block = next(blocks)
            events.append(Open(self._block, ToolCall(self.id, self.name, kind=self.kind, signature=self.signature)))
            text = "".join(self._pieces)
        if self.name and text:
            events.append(Delta(self._block, text))
        return events

    def is_whole(self) -> bool:
        """Whether its arguments are an object by now. Looked at once for each time that they grew."""
        if self._is_whole is None:
            self._is_whole = bool(self._pieces) and self._pieces[-1].rstrip().endswith("}") and self._parses()
        return self._is_whole

    def _parses(self) -> bool:
        try:
            return isinstance(orjson.loads("".join(self._pieces)), dict)
        except orjson.JSONDecodeError:
            return False

    def close(self) -> list[Event]:
        self.is_closed = True
        return [Close(self._block, self.signature)] if self._block >= 0 else []


class Calls:
    def __init__(self, blocks: Iterator[int]) -> None:
        self._blocks = blocks
        self._all: list[Call] = []
        self._open: list[Call] = []
        self._by_key: dict[Any, Call] = {}
        self._signatures: dict[str, Signature] = {}

    def match(self, fragment: Fragment) -> Call | None:
        """The call that this is a piece of; None where it begins one."""
        known = self._known(_key(fragment))
        if known is None:
            return None
        name, named_id = _name(fragment), _string(fragment.id)
        if named_id and known.id:
            return known if named_id == known.id or not (name or known.is_whole()) else None
        return None if name and _text(fragment) and known.is_whole() else known

    def _known(self, key: Any) -> Call | None:
        if key is not None:
            return self._by_key.get(key)
        return self._all[-1] if self._all else None

    def begin(self, fragment: Fragment) -> Call:
        call = Call(_string(fragment.id))
        self._all.append(call)
        self._open.append(call)
        if _key(fragment) is not None:
            self._by_key[_key(fragment)] = call
        if fragment.custom is not None:
            call.kind = ToolKind.FREEFORM
        return call

    def add(self, call: Call, fragment: Fragment) -> list[Event]:
        if call.is_closed:
            return []
        call.id = call.id or _string(fragment.id)
        found = signed.signature_in(fragment.extra_content) if fragment.extra_content else None
        call.signature = found or call.signature or self._signatures.get(call.id)
        return call.add(_name(fragment), _text(fragment), self._blocks)

    def sign(self, id: str, signature: Signature) -> None:
        """The signature of a call that may come later."""
        self._signatures[id] = signature
        for call in self._all:
            if call.id == id:
                call.signature = signature

    def close_whole(self) -> list[Event]:
        whole = [call for call in self._open if call.is_whole()]
        self._open = [call for call in self._open if call not in whole]
        return [event for call in whole for event in call.close()]

    def close_all(self) -> list[Event]:
        return [event for call in self._open for event in call.close()]


def of_function(function: Function) -> Fragment:
    """A fragment of the older kind of call, of which there is but one."""
    return Fragment(index=_THE_ONLY, function=function)


_THE_ONLY = -1


def _key(fragment: Fragment) -> Any:
    return fragment.index if isinstance(fragment.index, int) else _string(fragment.id) or None


def _name(fragment: Fragment) -> str:
    return _string((fragment.custom or fragment.function or _NOTHING).name)


def _text(fragment: Fragment) -> str:
    if fragment.custom is not None:
        return _string(fragment.custom.input)
    return arguments_text((fragment.function or _NOTHING).arguments)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


_NOTHING = Function()
