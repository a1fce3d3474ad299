"""A vendor's events made fit for any client: in order, complete, and under the client's own names.

Law: one block is open at a time, in the order in which they began; a block that says nothing is not opened; every call
has an id that no other has, its own name and arguments that are at least `{}`; an answer with calls never finishes with
STOP, one without never with TOOL_CALLS, and one with a call that was cut short finishes with LENGTH. So an encoder
needs none of this.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from translator.events import Begin, Close, Delta, End, Event, Open
from translator.messages import Finish, Media, Part, Reasoning, Signature, ToolCall, ToolKind
from translator.toolbox import Toolbox
from translator.usage import Usage

_NO_ARGUMENTS = frozenset({"", "null", "{}"})
"""How vendors begin a call's arguments that are none, or that are still to come."""


class _Block:
    """A block that has begun upstream: what is known of it, and what was not passed on yet."""

    __slots__ = ("arguments", "index", "is_closed", "is_open", "part", "pieces", "rewrite", "signature")

    def __init__(self, part: Part, rewrite: Callable[[str], str] | None = None, is_object: bool = False) -> None:
        self.part = part
        self.rewrite = rewrite
        """What its arguments go through once they are whole."""
        self.arguments: list[str] | None = [] if is_object else None
        """All that was said of arguments that have to be a JSON object; None for other blocks."""
        self.index = -1
        self.pieces: list[str] = []
        self.signature: Signature | None = None
        self.is_open = False
        self.is_closed = False

    def is_worth_opening(self) -> bool:
        is_redacted = isinstance(self.part, Reasoning) and self.part.is_redacted
        return bool(self.pieces) or self.signature is not None or is_redacted or isinstance(self.part, ToolCall | Media)

    def says_nothing_with(self, text: str) -> bool:
        return not text or (self.arguments == [] and text.strip() in _NO_ARGUMENTS)

    def complete_arguments(self) -> None:
        if self.rewrite is not None:
            self.pieces = [self.rewrite("".join(self.pieces))]
        elif self.arguments == []:
            self.pieces = ["{}"]

    def is_cut(self) -> bool:
        """Whether its arguments began to be an object and did not end as one."""
        if not self.arguments:
            return False
        try:
            return not isinstance(json.loads("".join(self.arguments)), dict)
        except (ValueError, RecursionError):
            return True


class Restorer:
    """Takes a decoder's events and gives those of the law above. `id` makes ids of calls that have none."""

    __slots__ = ("_blocks", "_calls", "_id", "_ids", "_is_cut", "_next", "_toolbox", "_usage", "_waiting")

    def __init__(self, toolbox: Toolbox, id: str) -> None:
        self._toolbox = toolbox
        self._id = id
        self._blocks: dict[int, _Block] = {}
        self._waiting: deque[_Block] = deque()
        """Blocks that are not finished, in order; only the first may be open."""
        self._next = 0
        self._calls = 0
        self._is_cut = False
        self._ids: set[str] = set()
        self._usage: Usage | None = None

    def feed(self, event: Event) -> list[Event]:
        match event:
            case Delta():
                return self._more(event)
            case Open(index, part):
                self._blocks[index] = block = self._block(part)
                self._waiting.append(block)
                return self._advance()
            case Close(index, signature):
                return self._close(index, signature)
            case Begin():
                self._usage = event.usage
                return [event]
            case End():
                return [*self._close_all(), self._end(event)]

    def _block(self, part: Part) -> _Block:
        if not isinstance(part, ToolCall):
            return _Block(part)
        named = replace(self._toolbox.restored(part), id=self._id_for(part))
        self._calls += 1
        return _Block(named, self._toolbox.rewriting(part), is_object=part.kind is not ToolKind.FREEFORM)

    def _id_for(self, call: ToolCall) -> str:
        """The vendor's own; one of ours where it gave none, or the same to two calls."""
        is_its_own = bool(call.id) and call.id not in self._ids
        unique = call.id if is_its_own else f"call_{self._id}n{self._calls}"
        self._ids.add(unique)
        return unique

    def _more(self, event: Delta) -> list[Event]:
        block = self._blocks.get(event.index)
        if block is None or block.says_nothing_with(event.text):
            return []
        if block.arguments is not None:
            block.arguments.append(event.text)
        if block.is_open:
            return [Delta(block.index, event.text)]
        block.pieces.append(event.text)
        return self._advance() if block is self._waiting[0] else []

    def _close(self, index: int, signature: Signature | None) -> list[Event]:
        block = self._blocks.pop(index, None)
        if block is None:
            return []
        block.is_closed, block.signature = True, signature
        return self._advance()

    def _close_all(self) -> list[Event]:
        for block in self._waiting:
            block.is_closed = True
        self._blocks.clear()
        return self._advance()

    def _advance(self) -> list[Event]:
        """Pass on all that may be said now: closed blocks, and the beginning of the first one that is not."""
        events: list[Event] = []
        while self._waiting and self._waiting[0].is_closed:
            events += self._whole(self._waiting.popleft())
        if self._waiting and self._waiting[0].rewrite is None and self._waiting[0].is_worth_opening():
            events += self._say(self._waiting[0])
        return events

    def _whole(self, block: _Block) -> list[Event]:
        self._is_cut |= block.is_cut()
        block.complete_arguments()
        if not block.is_open and not block.is_worth_opening():
            return []
        return [*self._say(block), Close(block.index, block.signature)]

    def _say(self, block: _Block) -> list[Event]:
        events: list[Event] = []
        if not block.is_open:
            block.is_open, block.index = True, self._next
            self._next += 1
            events.append(Open(block.index, block.part))
        if block.pieces:
            events.append(Delta(block.index, "".join(block.pieces)))
            block.pieces = []
        return events

    def _end(self, event: End) -> End:
        finish = _true_finish(event.finish, self._calls > 0, self._is_cut)
        return replace(event, finish=finish, usage=event.usage or self._usage)


_WHEN_ALL_IS_SAID = frozenset({Finish.STOP, Finish.STOP_SEQUENCE, Finish.TOOL_CALLS})


def _true_finish(finish: Finish, has_calls: bool, is_cut: bool) -> Finish:
    """A call that is cut short is no finished one, whatever the vendor says, and must not be run."""
    if finish not in _WHEN_ALL_IS_SAID:
        return finish
    if is_cut:
        return Finish.LENGTH
    if has_calls:
        return Finish.TOOL_CALLS
    return Finish.STOP if finish is Finish.TOOL_CALLS else finish


def restore(events: Iterable[Event], toolbox: Toolbox, id: str) -> list[Event]:
    """All events of a whole answer."""
    restorer = Restorer(toolbox, id)
    return [restored for event in events for restored in restorer.feed(event)]
