"""A vendor's stream of typed events.

Items are known by their `output_index`: their ids change from event to event with some vendors. What a vendor sends
both in pieces and whole is taken from whichever comes first, so servers that leave out one of them are understood.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson

from translator.dialects.responses.answers import check, finish_of
from translator.dialects.responses.errors import complaint
from translator.dialects.responses.output import content_of, picture_of
from translator.dialects.responses.usage import decode_usage
from translator.dialects.responses.vocabulary import (
    CALLS,
    MAKER,
    call_of,
    maker_of,
    reasoning_of,
    text,
    texts_of,
    without_arguments,
)
from translator.events import Begin, Close, Delta, End, Event, Open
from translator.losses import UpstreamComplaint
from translator.messages import Media, Part, Reasoning, Refusal, Signature, Text, ToolCall
from translator.relay import CUT

_Json: TypeAlias = Mapping[str, Any]
_Key: TypeAlias = tuple[Any, ...]
_BETWEEN_PARTS = "\n\n"


class _Block:
    """A block that has begun. `part` is where in its item the last piece stood, `has_said` whether any came."""

    __slots__ = ("has_said", "index", "is_closed", "part")

    def __init__(self, index: int) -> None:
        self.index = index
        self.part: Any = None
        self.has_said = False
        self.is_closed = False


class StreamDecoder:
    __slots__ = ("_blocks", "_calls", "_events", "_has_begun", "_is_over", "_maker", "_next", "_told")

    def __init__(self) -> None:
        self._blocks: dict[_Key, _Block] = {}
        """By output index, and for texts by content index too."""
        self._calls: dict[str, Any] = {}
        """Output indices by the ids of calls."""
        self._events: list[Event] = []
        self._has_begun = False
        self._maker = MAKER
        self._is_over = False
        self._next = 0
        self._told: set[str] = set()
        """Types of items that are no calls."""

    def feed(self, data: bytes) -> list[Event]:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return []
        if not isinstance(event, dict) or self._is_over:
            return []
        kind = event.get("type")
        handle = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            handle(self, event)
        elif kind is None and event.get("error"):
            raise complaint(event["error"])
        events, self._events = self._events, []
        return events

    def finish(self) -> list[Event]:
        """Nothing is held back. Raises UpstreamComplaint unless the answer was finished."""
        if not self._is_over:
            raise UpstreamComplaint(502, CUT)
        return []

    # -- what every event may need

    def _begin(self, response: _Json) -> None:
        if not self._has_begun:
            self._has_begun = True
            model = text(response.get("model"))
            self._maker = maker_of(model)
            self._events.append(Begin(text(response.get("id")), model))

    def _open(self, key: _Key, part: Part) -> _Block:
        self._begin({})
        block = self._blocks[key] = _Block(self._next)
        self._next += 1
        self._told.add(_NAMES.get(type(part), ""))
        self._events.append(Open(block.index, part))
        return block

    def _say(self, block: _Block, words: Any) -> None:
        if isinstance(words, str) and words and not block.is_closed:
            block.has_said = True
            self._events.append(Delta(block.index, words))

    def _close(self, block: _Block, signature: Signature | None = None) -> None:
        if not block.is_closed:
            block.is_closed = True
            self._events.append(Close(block.index, signature))

    # -- the answer

    def _created(self, event: _Json) -> None:
        self._begin(_object(event, "response"))

    def _completed(self, event: _Json) -> None:
        response = _object(event, "response")
        known = {**response, "status": response.get("status") or _STATUSES[event["type"]], "output": []}
        check(known)
        self._begin(response)
        self._recover(response.get("output"))
        for block in self._blocks.values():
            self._close(block)
        self._events.append(End(finish_of(known, has_calls=bool(self._calls)), decode_usage(response.get("usage"))))
        self._is_over = True

    def _recover(self, output: Any) -> None:
        """What the stream never told of. Places are not trusted here: some vendors count other items in the end."""
        told = frozenset(self._told)
        for number, item in enumerate(output if isinstance(output, list) else []):
            kind = text(item.get("type")) if isinstance(item, dict) else ""
            if kind in CALLS:
                self._finish_call(self._calls.get(call_of(item).id, f"end {number}"), item)
            elif kind not in told:
                self._finish_item(f"end {number}", item)

    def _failed(self, event: _Json) -> None:
        error = _object(event, "response").get("error")
        raise complaint(error or {}, "the upstream could not finish its answer")

    def _error(self, event: _Json) -> None:
        raise complaint(event.get("error") or event)

    # -- items

    def _item_added(self, event: _Json) -> None:
        """Servers that count no items put all of them in one place."""
        item, place = _object(event, "item"), _place(event)
        call = call_of(item) if text(item.get("type")) in CALLS else None
        if call is not None and call.id in self._calls:
            return
        for key in [key for key in self._blocks if key[0] == place]:
            self._close(self._blocks.pop(key))
        if call is not None and call.name:
            self._open_call((place,), without_arguments(call))

    def _item_done(self, event: _Json) -> None:
        self._finish_item(_place(event), _object(event, "item"))

    def _finish_item(self, place: Any, item: Any) -> None:
        finish = _FINISHES.get(text(item.get("type"))) if isinstance(item, dict) else None
        if finish is not None:
            finish(self, place, item)

    def _open_call(self, key: _Key, call: ToolCall) -> _Block:
        self._calls[call.id] = key[0]
        return self._open(key, call)

    def _finish_call(self, place: Any, item: _Json) -> None:
        call = call_of(item)
        block = self._blocks.get((place,)) or self._open_call((place,), without_arguments(call))
        if not block.has_said:
            self._say(block, call.arguments)
        self._close(block)

    def _finish_message(self, place: Any, item: _Json) -> None:
        content = item.get("content")
        for number, part in enumerate(content if isinstance(content, list) else []):
            self._finish_content((place, number), part)

    def _finish_content(self, key: _Key, part: Any) -> None:
        found = content_of(part)
        block = self._blocks.get(key)
        if block is None and found is not None and found.text:
            block = self._open(key, type(found)(""))
        if block is not None:
            if found is not None and not block.has_said:
                self._say(block, found.text)
            self._close(block)

    def _finish_reasoning(self, place: Any, item: _Json) -> None:
        block = self._blocks.get((place,))
        thought = reasoning_of(texts_of(item), item.get("encrypted_content"), self._maker)
        if block is not None:
            self._close(block, None if thought is None else thought.signature)
        elif thought is not None and thought.is_redacted:
            self._close(self._open((place,), thought))
        elif thought is not None:
            block = self._open((place,), Reasoning(""))
            self._say(block, thought.text)
            self._close(block, thought.signature)

    def _finish_picture(self, place: Any, item: _Json) -> None:
        image = picture_of(item)
        if image is not None and (place,) not in self._blocks:
            self._close(self._open((place,), image))

    # -- pieces of items

    def _text_delta(self, event: _Json) -> None:
        self._say(self._content(event, Text("")), event.get("delta"))

    def _refusal_delta(self, event: _Json) -> None:
        self._say(self._content(event, Refusal("")), event.get("delta"))

    def _content(self, event: _Json, part: Part) -> _Block:
        key = _content_key(event)
        return self._blocks.get(key) or self._open(key, part)

    def _text_done(self, event: _Json) -> None:
        self._finish_content(_content_key(event), {"type": "output_text", "text": event.get("text")})

    def _refusal_done(self, event: _Json) -> None:
        self._finish_content(_content_key(event), {"type": "refusal", "refusal": event.get("refusal")})

    def _content_done(self, event: _Json) -> None:
        self._finish_content(_content_key(event), event.get("part"))

    def _summary_delta(self, event: _Json) -> None:
        self._think(event, ("summary", event.get("summary_index", 0)), event.get("delta"))

    def _summary_done(self, event: _Json) -> None:
        self._think_anew(event, ("summary", event.get("summary_index", 0)))

    def _reasoning_delta(self, event: _Json) -> None:
        self._think(event, ("content", event.get("content_index", 0)), event.get("delta"))

    def _reasoning_done(self, event: _Json) -> None:
        self._think_anew(event, ("content", event.get("content_index", 0)))

    def _think(self, event: _Json, part: tuple[str, Any], words: Any) -> None:
        """Of a summary and the full reasoning, the one that came first is told; its parts are set apart."""
        if not isinstance(words, str) or not words:
            return
        key = (_place(event),)
        block = self._blocks.get(key) or self._open(key, Reasoning(""))
        if block.part not in (None, part):
            if block.part[0] != part[0]:
                return
            self._say(block, _BETWEEN_PARTS)
        block.part = part
        self._say(block, words)

    def _think_anew(self, event: _Json, part: tuple[str, Any]) -> None:
        """A part that comes whole, unless it came in pieces."""
        block = self._blocks.get((_place(event),))
        if block is None or block.part != part:
            self._think(event, part, event.get("text"))

    def _arguments_delta(self, event: _Json) -> None:
        """Without an item that says whose they are, they come again with the item itself."""
        block = self._blocks.get((_place(event),))
        if block is not None:
            self._say(block, event.get("delta"))

    def _arguments_done(self, event: _Json) -> None:
        block = self._blocks.get((_place(event),))
        if block is not None and not block.has_said:
            self._say(block, event.get("arguments", event.get("input")))


def _place(event: _Json) -> Any:
    place = event.get("output_index")
    return place if type(place) is int else str(event.get("item_id") or _object(event, "item").get("id"))


def _content_key(event: _Json) -> _Key:
    index = event.get("content_index")
    return (_place(event), index if type(index) is int else 0)


def _object(event: _Json, name: str) -> _Json:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


_NAMES: Mapping[type, str] = {
    Text: "message",
    Refusal: "message",
    Reasoning: "reasoning",
    Media: "image_generation_call",
}
_STATUSES: Mapping[str, str] = {"response.completed": "completed", "response.incomplete": "incomplete"}
_FINISHES: Mapping[Any, Callable[[StreamDecoder, Any, _Json], None]] = {
    "message": StreamDecoder._finish_message,
    "reasoning": StreamDecoder._finish_reasoning,
    "image_generation_call": StreamDecoder._finish_picture,
    **dict.fromkeys(CALLS, StreamDecoder._finish_call),
}
_HANDLERS: Mapping[str, Callable[[StreamDecoder, _Json], None]] = {
    "response.created": StreamDecoder._created,
    "response.in_progress": StreamDecoder._created,
    "response.queued": StreamDecoder._created,
    "response.output_item.added": StreamDecoder._item_added,
    "response.output_item.done": StreamDecoder._item_done,
    "response.content_part.done": StreamDecoder._content_done,
    "response.output_text.delta": StreamDecoder._text_delta,
    "response.output_text.done": StreamDecoder._text_done,
    "response.refusal.delta": StreamDecoder._refusal_delta,
    "response.refusal.done": StreamDecoder._refusal_done,
    "response.reasoning_summary_text.delta": StreamDecoder._summary_delta,
    "response.reasoning_summary_text.done": StreamDecoder._summary_done,
    "response.reasoning_text.delta": StreamDecoder._reasoning_delta,
    "response.reasoning_text.done": StreamDecoder._reasoning_done,
    "response.function_call_arguments.delta": StreamDecoder._arguments_delta,
    "response.function_call_arguments.done": StreamDecoder._arguments_done,
    "response.custom_tool_call_input.delta": StreamDecoder._arguments_delta,
    "response.custom_tool_call_input.done": StreamDecoder._arguments_done,
    "response.completed": StreamDecoder._completed,
    "response.incomplete": StreamDecoder._completed,
    "response.failed": StreamDecoder._failed,
    "response.cancelled": StreamDecoder._failed,
    "error": StreamDecoder._error,
}
