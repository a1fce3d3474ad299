"""A client's stream: `created`, `in_progress`, the events of each item, and one that ends the answer."""

from collections.abc import Callable, Mapping
from typing import Any

from translator.dialect import Reply, StreamEncoder
from translator.dialects.responses import response_object
from translator.dialects.responses.errors import failure
from translator.dialects.responses.output import item_id
from translator.dialects.responses.stream_items import Frames, Item, make_item
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.usage import Usage


def make_stream_encoder(reply: Reply) -> StreamEncoder:
    return _Encoder(reply)


class _Encoder:
    """The last item is done when the next one begins or the answer ends: only then it is known whether it was cut.

    That is so for messages alone; a call is done when it is closed, since clients then act upon it.
    """

    __slots__ = ("_begun", "_frames", "_items", "_open", "_reply")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._frames = Frames()
        self._begun: dict[str, Any] | None = None
        self._items: list[Item] = []
        self._open: Item | None = None

    def feed(self, event: Event) -> bytes:
        return _HANDLERS[type(event)](self, event)

    def fail(self, status: int, message: str) -> bytes:
        started = b"" if self._begun is not None else self._begin(Begin("", ""))
        response = response_object.failed(self._begun or {}, self._output(), failure(status, message))
        return started + self._frames.write("response.failed", {"response": response})

    def _begin(self, event: Begin) -> bytes:
        name = response_object.response_id(event.id, self._reply)
        self._begun = response_object.in_progress(self._reply, name, event.model)
        told = {"response": self._begun}
        return self._frames.write("response.created", told) + self._frames.write("response.in_progress", told)

    def _open_item(self, event: Open) -> bytes:
        done = self._done("completed")
        number = len(self._items)
        item = make_item(self._frames, event.part, item_id(event.part, self._reply.id, number), number)
        self._items.append(item)
        self._open = item
        return done + item.opened()

    def _say(self, event: Delta) -> bytes:
        return b"" if self._open is None else self._open.said(event.text)

    def _close(self, event: Close) -> bytes:
        item = self._open
        if item is None:
            return b""
        told = item.closed(event.signature)
        return told if item.waits_for_status else told + self._done("completed")

    def _done(self, status: str) -> bytes:
        item, self._open = self._open, None
        return b"" if item is None else item.done(status)

    def _end(self, event: End) -> bytes:
        status = response_object.status_of(event.finish)
        done = self._done(status)
        usage = event.usage or Usage()
        response = response_object.finished(self._begun or {}, self._output(), event.finish, usage)
        return done + self._frames.write(_ENDS[status], {"response": response})

    def _output(self) -> list[dict[str, Any]]:
        return [item.whole for item in self._items if item.whole is not None]


_ENDS: Mapping[str, str] = {"completed": "response.completed", "incomplete": "response.incomplete"}
_HANDLERS: Mapping[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    Open: _Encoder._open_item,
    Delta: _Encoder._say,
    Close: _Encoder._close,
    End: _Encoder._end,
}
