"""Whole answers: an upstream's read as a stream of one event, and ours written for a client."""

from collections.abc import Mapping
from typing import Any

import orjson

from translator.dialect import Reply
from translator.dialects.gemini.errors import complaint
from translator.dialects.gemini.parts_out import answer_parts
from translator.dialects.gemini.stream_in import StreamDecoder, chunk_of
from translator.dialects.gemini.usage import decode_usage, encode_usage
from translator.dialects.gemini.vocabulary import FINISH_REASONS
from translator.events import fold
from translator.losses import UpstreamComplaint
from translator.messages import Answer
from translator.usage import Usage

NO_CANDIDATES = "the upstream's answer has no candidates"


def decode_response(value: Mapping[str, Any]) -> Answer:
    """Raises UpstreamComplaint: an error in the place of an answer, or none at all."""
    raw = orjson.dumps(value)
    read_answer(raw)
    decoder = StreamDecoder()
    return fold([*decoder.feed(raw), *decoder.finish()])


def read_answer(raw: bytes) -> Usage | None:
    """The usage of an answer that is passed on as it is. Raises UpstreamComplaint when it is none."""
    chunk = chunk_of(raw)
    if chunk is None:
        raise UpstreamComplaint(
            502, f"the upstream's answer is none of Gemini's: {raw[:200].decode('utf-8', 'replace')}"
        )
    if chunk.error:
        raise complaint(chunk.error)
    if not chunk.candidates and (chunk.promptFeedback is None or not chunk.promptFeedback.blockReason):
        raise UpstreamComplaint(502, NO_CANDIDATES)
    return decode_usage(chunk.usageMetadata)


def encode_response(answer: Answer, reply: Reply) -> dict[str, Any]:
    parts = [part for each in answer.parts for part in answer_parts(each)]
    content: dict[str, Any] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    reason = FINISH_REASONS.get(answer.finish, "STOP")
    written: dict[str, Any] = {"candidates": [{"content": content, "finishReason": reason, "index": 0}]}
    if answer.usage is not None:
        written["usageMetadata"] = encode_usage(answer.usage)
    return {**written, "modelVersion": answer.model or reply.model, "responseId": answer.id or reply.id}
