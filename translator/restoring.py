"""A vendor's events made fit for any client: in order, complete, and under the client's own names.

Law: one block is open at a time, in the order in which they began; a block that says nothing is not opened; every call
has an id that no other has, its own name and arguments that are at least `{}`; an answer with calls never finishes with
STOP, one without never with TOOL_CALLS. So an encoder needs none of this.
"""

from collections import deque
from collections.abc import Iterable

from msgspec.structs import replace

from translator.events import Begin, Close, Delta, End, Event, Open
from translator.messages import Finish, Media, Part, Reasoning, Signature, ToolCall, ToolKind
from translator.toolbox import Toolbox, unwrapped
from translator.usage import Usage


class _Block:
    """A block that has begun upstream: what is known of it, and what was not passed on yet."""

    __slots__ = ("has_said", "index", "is_closed", "is_open", "is_wrapped", "part", "pieces", "signature")

    def __init__(self, part: Part, is_wrapped: bool) -> None:
        self.part = part
        self.is_wrapped = is_wrapped
        """Its arguments can be unwrapped only when they are whole."""
        self.index = -1
        self.pieces: list[str] = []
        self.signature: Signature | None = None
        self.has_said = False
        self.is_open = False
        self.is_closed = False

    def is_worth_opening(self) -> bool:
        is_redacted = isinstance(self.part, Reasoning) and self.part.is_redacted
        return bool(self.pieces) or self.signature is not None or is_redacted or isinstance(self.part, ToolCall | Media)

    def complete_arguments(self) -> None:
        if self.is_wrapped:
            self.pieces = [unwrapped("".join(self.pieces))]
        elif isinstance(self.part, ToolCall) and self.part.kind is not ToolKind.FREEFORM and not self.has_said:
            self.pieces = ["{}"]


class Restorer:
    """Takes a decoder's events and gives those of the law above. `id` makes ids of calls that have none."""

    __slots__ = ("_blocks", "_calls", "_id", "_ids", "_next", "_toolbox", "_usage", "_waiting")

    def __init__(self, toolbox: Toolbox, id: str) -> None:
        self._toolbox = toolbox
        self._id = id
        self._blocks: dict[int, _Block] = {}
        self._waiting: deque[_Block] = deque()
        """Blocks that are not finished, in order; only the first may be open."""
        self._next = 0
        self._calls = 0
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
            return _Block(part, is_wrapped=False)
        named = replace(self._toolbox.restored(part), id=self._id_for(part))
        self._calls += 1
        return _Block(named, self._toolbox.is_wrapped(part))

    def _id_for(self, call: ToolCall) -> str:
        """The vendor's own; one of ours where it gave none, or the same to two calls."""
        is_its_own = bool(call.id) and call.id not in self._ids
        unique = call.id if is_its_own else f"call_{self._id}n{self._calls}"
        self._ids.add(unique)
        return unique

    def _more(self, event: Delta) -> list[Event]:
        block = self._blocks.get(event.index)
        if block is None or not event.text:
            return []
        block.has_said = True
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
        if self._waiting and not self._waiting[0].is_wrapped and self._waiting[0].is_worth_opening():
            events += self._say(self._waiting[0])
        return events

    def _whole(self, block: _Block) -> list[Event]:
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
        return replace(event, finish=_true_finish(event.finish, self._calls > 0), usage=event.usage or self._usage)


_UNLESS_CALLED = frozenset({Finish.STOP, Finish.STOP_SEQUENCE})


def _true_finish(finish: Finish, has_calls: bool) -> Finish:
    if has_calls and finish in _UNLESS_CALLED:
        return Finish.TOOL_CALLS
    return Finish.STOP if finish is Finish.TOOL_CALLS and not has_calls else finish


def restore(events: Iterable[Event], toolbox: Toolbox, id: str) -> list[Event]:
    """All events of a whole answer."""
    restorer = Restorer(toolbox, id)
    return [restored for event in events for restored in restorer.feed(event)]
