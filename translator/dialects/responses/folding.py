"""A vendor's stream as the one answer that it ends with, for a client that asked for no stream."""

import msgspec

from translator.dialects.responses.answers import final_response
from translator.json_body import JsonBody, MalformedJson
from translator.losses import UpstreamComplaint


class _Event(msgspec.Struct):
    type: str | None = None
    output_index: int | None = None
    item: msgspec.Raw = msgspec.Raw()


_decode_event = msgspec.json.Decoder(_Event).decode


class Folding:
    """`feed` takes the data of each event; `response` is the answer's JSON once it has ended.

    Some vendors leave `output` empty in the last event when they store nothing, having sent the items before.
    """

    __slots__ = ("_items", "response")

    def __init__(self) -> None:
        self._items: dict[int, bytes] = {}
        self.response: bytes | None = None

    def feed(self, data: bytes) -> None:
        """Raises UpstreamComplaint: an error in the place of an answer."""
        if self.response is not None:
            return
        try:
            event = _decode_event(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if event.type == "response.output_item.done" and event.item:
            place = len(self._items) if event.output_index is None else event.output_index
            self._items[place] = bytes(event.item)
            return
        found = final_response(data)
        self.response = None if found is None else self._with_items(found)

    def _with_items(self, response: bytes) -> bytes:
        items = b",".join(self._items[place] for place in sorted(self._items))
        try:
            body = JsonBody.parse(response)
            return response if body.value.get("output") else body.with_members({"output": b"[%s]" % items})
        except MalformedJson as error:
            raise UpstreamComplaint(502, f"the upstream's answer is broken: {error}") from None
