"""Whole answers: from a vendor, for a client, and as the history of the client's next request."""

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from translator.dialect import Reply
from translator.dialects.responses import response_object
from translator.dialects.responses.errors import complaint
from translator.dialects.responses.output import decode_item, encode_item, item_id
from translator.dialects.responses.usage import decode_usage
from translator.dialects.responses.vocabulary import INCOMPLETE, maker_of, text
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Finish, ToolCall
from translator.usage import Usage

_UNFINISHED = frozenset({"failed", "cancelled", "queued", "in_progress"})
_LONGEST_EXCERPT = 200


def decode_response(value: Mapping[str, Any]) -> Answer:
    """Raises UpstreamComplaint: an error in the place of an answer."""
    check(value)
    maker = maker_of(text(value.get("model")))
    parts = tuple(part for item in value["output"] for part in decode_item(item, maker))
    return Answer(
        id=text(value.get("id")),
        model=text(value.get("model")),
        parts=parts,
        finish=finish_of(value, has_calls=any(isinstance(part, ToolCall) for part in parts)),
        usage=decode_usage(value.get("usage")),
    )


def check(value: Mapping[str, Any]) -> None:
    """Raises UpstreamComplaint unless it is an answer that was finished."""
    status = text(value.get("status"))
    if value.get("error") or status == "failed":
        raise complaint(value.get("error") or {}, "the upstream could not finish its answer")
    if status in _UNFINISHED:
        raise UpstreamComplaint(502, f"the upstream sent an answer that is {status.replace('_', ' ')}")
    if not isinstance(value.get("output"), list):
        raise _no_answer(value)


def _no_answer(value: Mapping[str, Any]) -> UpstreamComplaint:
    excerpt = orjson.dumps(value)[:_LONGEST_EXCERPT].decode("utf-8", "replace")
    return complaint({**value, "error": None}, f"the answer is no response: {excerpt}")


def finish_of(response: Mapping[str, Any], *, has_calls: bool) -> Finish:
    """An answer that stopped early for an unknown reason is not taken for whole."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if reason or response.get("status") == "incomplete":
        return INCOMPLETE.get(text(reason), Finish.LENGTH)
    return Finish.TOOL_CALLS if has_calls else Finish.STOP


def encode_response(answer: Answer, reply: Reply) -> dict[str, Any]:
    status = response_object.status_of(answer.finish)
    last = len(answer.parts) - 1
    output = [
        encode_item(part, item_id(part, reply.id, number), status if number == last else "completed")
        for number, part in enumerate(answer.parts)
    ]
    begun = response_object.in_progress(reply, response_object.response_id(answer.id, reply), answer.model)
    return response_object.finished(begun, output, answer.finish, answer.usage)


class _Envelope(msgspec.Struct):
    output: list[msgspec.Raw] | None = None
    usage: dict[str, Any] | None = None
    status: str | None = None
    error: Any = None
    message: Any = None
    detail: Any = None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def read_answer(raw: bytes) -> Usage | None:
    """The usage of a whole answer, None where the vendor sent none. Raises UpstreamComplaint when it is no answer."""
    try:
        envelope = _decode_envelope(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        excerpt = raw[:_LONGEST_EXCERPT].decode("utf-8", "replace") or "(empty)"
        raise UpstreamComplaint(502, f"the answer is no response: {excerpt}") from None
    check({name: getattr(envelope, name) for name in envelope.__struct_fields__ if name != "usage"})
    return decode_usage(envelope.usage)


class _Event(msgspec.Struct):
    type: str | None = None
    response: msgspec.Raw = msgspec.Raw()
    error: Any = None
    code: Any = None
    message: Any = None


_decode_event = msgspec.json.Decoder(_Event).decode
_ENDS = frozenset({"response.completed", "response.incomplete"})
_FAILURES = frozenset({"response.failed", "response.cancelled", "error"})


def final_response(data: bytes) -> bytes | None:
    """The JSON of the answer that ends a stream; None of an event that ends nothing. Raises UpstreamComplaint."""
    try:
        event = _decode_event(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if event.type in _FAILURES or (event.type is None and event.error):
        failed = msgspec.json.decode(event.response) if event.response else None
        nested = failed.get("error") if isinstance(failed, dict) else None
        raise complaint(nested or event.error or {"code": event.code, "message": event.message})
    if event.type not in _ENDS:
        return None
    response = bytes(event.response)
    if not response.startswith(b"{"):
        raise UpstreamComplaint(502, "the upstream ended its stream without an answer")
    return response
