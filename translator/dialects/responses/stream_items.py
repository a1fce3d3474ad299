"""One item of a client's stream, from `output_item.added` to `output_item.done`: which events tell of it.

Law: an item's events carry its place and its id; what came in pieces is told whole at the end.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import orjson
from msgspec.structs import replace

from translator.dialects.responses import output
from translator.messages import Media, Part, Reasoning, Refusal, Signature, Text, ToolCall, ToolKind


class Frames:
    """Events as bytes, numbered."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def write(self, type: str, members: Mapping[str, Any]) -> bytes:
        number, self._next = self._next, self._next + 1
        data = orjson.dumps({"type": type, "sequence_number": number, **members})
        return b"event: %s\ndata: %s\n\n" % (type.encode(), data)


class Item:
    """`whole` is the item once it is done. `waits_for_status`: whether that depends on how the answer ends."""

    __slots__ = ("_frames", "_part", "_place", "_said", "id", "whole")
    waits_for_status: ClassVar[bool] = False

    def __init__(self, frames: Frames, part: Part, id: str, number: int) -> None:
        self._frames = frames
        self._part = part
        self._place = {"item_id": id, "output_index": number}
        self._said: list[str] = []
        self.id = id
        self.whole: dict[str, Any] | None = None

    def opened(self) -> bytes:
        return self._added(self._begun())

    def said(self, text: str) -> bytes:
        self._said.append(text)
        return b""

    def closed(self, signature: Signature | None) -> bytes:
        """All that is left to tell of its content."""
        return b""

    def done(self, status: str) -> bytes:
        """`status` is a message's own; other items know theirs."""
        self.whole = output.encode_item(self._finished(), self.id, status)
        event = {"output_index": self._place["output_index"], "item": self.whole}
        return self._frames.write("response.output_item.done", event)

    def _begun(self) -> dict[str, Any]:
        raise NotImplementedError

    def _finished(self) -> Part:
        return self._part

    def _text(self) -> str:
        return "".join(self._said)

    def _added(self, item: Mapping[str, Any]) -> bytes:
        event = {"output_index": self._place["output_index"], "item": item}
        return self._frames.write("response.output_item.added", event)

    def _write(self, type: str, **members: Any) -> bytes:
        return self._frames.write(type, {**self._place, **members})


class TextItem(Item):
    __slots__ = ()
    waits_for_status = True

    def opened(self) -> bytes:
        part = output.text_content("")
        return super().opened() + self._write("response.content_part.added", content_index=0, part=part)

    def said(self, text: str) -> bytes:
        self._said.append(text)
        return self._write("response.output_text.delta", content_index=0, delta=text, logprobs=[])

    def closed(self, signature: Signature | None) -> bytes:
        text = self._text()
        part = output.text_content(text)
        told = self._write("response.output_text.done", content_index=0, text=text, logprobs=[])
        return told + self._write("response.content_part.done", content_index=0, part=part)

    def _begun(self) -> dict[str, Any]:
        return output.message(self.id, [], "in_progress")

    def _finished(self) -> Part:
        return Text(self._text())


class RefusalItem(Item):
    __slots__ = ()
    waits_for_status = True

    def opened(self) -> bytes:
        part = output.refusal_content("")
        return super().opened() + self._write("response.content_part.added", content_index=0, part=part)

    def said(self, text: str) -> bytes:
        self._said.append(text)
        return self._write("response.refusal.delta", content_index=0, delta=text)

    def closed(self, signature: Signature | None) -> bytes:
        text = self._text()
        part = output.refusal_content(text)
        told = self._write("response.refusal.done", content_index=0, refusal=text)
        return told + self._write("response.content_part.done", content_index=0, part=part)

    def _begun(self) -> dict[str, Any]:
        return output.message(self.id, [], "in_progress")

    def _finished(self) -> Part:
        return Refusal(self._text())


class ReasoningItem(Item):
    """A summary of one part, which begins with the first word. The signature is known at the end."""

    __slots__ = ()

    def said(self, text: str) -> bytes:
        begun = b"" if self._said else self._part_event("response.reasoning_summary_part.added", "")
        self._said.append(text)
        return begun + self._write("response.reasoning_summary_text.delta", summary_index=0, delta=text)

    def closed(self, signature: Signature | None) -> bytes:
        text = self._text()
        known = self._part.signature if isinstance(self._part, Reasoning) else None
        self._part = replace(self._part, text=text, signature=signature or known)
        if not self._said:
            return b""
        told = self._write("response.reasoning_summary_text.done", summary_index=0, text=text)
        return told + self._part_event("response.reasoning_summary_part.done", text)

    def _part_event(self, type: str, text: str) -> bytes:
        return self._write(type, summary_index=0, part={"type": "summary_text", "text": text})

    def _begun(self) -> dict[str, Any]:
        return output.reasoning(self.id, "", None)


class CallItem(Item):
    """A call of any kind. A local shell's is told whole alone."""

    __slots__ = ("_call",)

    def __init__(self, frames: Frames, part: ToolCall, id: str, number: int) -> None:
        super().__init__(frames, part, id, number)
        self._call = part

    def _begun(self) -> dict[str, Any]:
        return output.call(replace(self._call, arguments=""), self.id, "in_progress")

    def _finished(self) -> Part:
        return replace(self._call, arguments=self._text())


class FunctionItem(CallItem):
    __slots__ = ()

    def said(self, text: str) -> bytes:
        self._said.append(text)
        return self._write("response.function_call_arguments.delta", delta=text)

    def closed(self, signature: Signature | None) -> bytes:
        told = {"arguments": self._text(), "name": self._call.name}
        return self._write("response.function_call_arguments.done", **told)


class CustomItem(CallItem):
    __slots__ = ()

    def said(self, text: str) -> bytes:
        self._said.append(text)
        return self._write("response.custom_tool_call_input.delta", delta=text)

    def closed(self, signature: Signature | None) -> bytes:
        return self._write("response.custom_tool_call_input.done", input=self._text())


class PictureItem(Item):
    __slots__ = ()

    def closed(self, signature: Signature | None) -> bytes:
        return self._write("response.image_generation_call.completed")

    def _begun(self) -> dict[str, Any]:
        return output.picture(Media(self._picture().kind), self.id, "in_progress")

    def _picture(self) -> Media:
        assert isinstance(self._part, Media)
        return self._part


_CALLS: Mapping[ToolKind, Callable[[Frames, ToolCall, str, int], Item]] = {
    ToolKind.FUNCTION: FunctionItem,
    ToolKind.WEB_SEARCH: FunctionItem,
    ToolKind.FREEFORM: CustomItem,
    ToolKind.LOCAL_SHELL: CallItem,
}
_ITEMS: Mapping[type, Callable[[Frames, Part, str, int], Item]] = {
    Text: TextItem,
    Refusal: RefusalItem,
    Reasoning: ReasoningItem,
    Media: PictureItem,
}


def make_item(frames: Frames, part: Part, id: str, number: int) -> Item:
    if isinstance(part, ToolCall):
        return _CALLS[part.kind](frames, part, id, number)
    return _ITEMS[type(part)](frames, part, id, number)
