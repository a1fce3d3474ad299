"""Errors inside answers and streams, told to clients and read from upstreams; error bodies are OpenAI's everywhere."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from translator.dialects.openai.errors import encode_error
from translator.losses import UpstreamComplaint

__all__ = ["STATUSES", "complaint", "encode_error", "encode_stream_error", "failure"]

_CODES: Mapping[int, str] = {
    429: "rate_limit_exceeded",
    400: "invalid_prompt",
    413: "invalid_prompt",
    422: "invalid_prompt",
}
"""What an answer that failed has as its code; every other status is a server_error."""

STATUSES: Mapping[str, int] = {
    "invalid_prompt": 400,
    "invalid_request": 400,
    "invalid_request_error": 400,
    "invalid_value": 400,
    "context_length_exceeded": 400,
    "cyber_policy": 400,
    "bio_policy": 400,
    "image_parse_error": 400,
    "invalid_image": 400,
    "invalid_image_format": 400,
    "invalid_base64_image": 400,
    "invalid_image_url": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "image_content_policy_violation": 400,
    "invalid_image_mode": 400,
    "image_file_too_large": 400,
    "unsupported_image_media_type": 400,
    "empty_image_file": 400,
    "failed_to_download_image": 400,
    "image_file_not_found": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "invalid_authentication": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "usage_not_included": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "usage_limit_reached": 429,
    "tokens": 429,
    "requests": 429,
    "server_error": 500,
    "internal_error": 500,
    "server_is_overloaded": 503,
    "overloaded_error": 503,
    "service_unavailable": 503,
    "slow_down": 503,
    "vector_store_timeout": 504,
}
"""By the code or type of an error inside an answer: the status it should have had."""

_UNKNOWN_ID = "resp_failed"
EMPTY: Mapping[str, Any] = MappingProxyType({})


def failure(status: int, message: str) -> dict[str, str]:
    """The `error` of an answer that failed."""
    return {"code": _CODES.get(status, "server_error"), "message": message}


def encode_stream_error(status: int, message: str, number: int = 0, known: Mapping[str, Any] = EMPTY) -> bytes:
    """The end of a stream that was passed on as it is, as an answer that failed: Codex heeds nothing else.

    `number` is the event's; `known` is what the stream said of its answer when it began.
    """
    response = {
        "id": _UNKNOWN_ID,
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": failure(status, message),
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
        **known,
    }
    event = {"type": "response.failed", "sequence_number": number, "response": response}
    return b"event: response.failed\ndata: %s\n\n" % orjson.dumps(event)


def complaint(error: Any, otherwise: str = "the upstream reported an error without a message") -> UpstreamComplaint:
    """What an error says that stands in the place of an answer: an object, or a text, in whoever's spelling."""
    facts = error if isinstance(error, dict) else {"message": error}
    texts = (facts.get(name) for name in ("message", "msg", "detail"))
    message = next((text for text in texts if isinstance(text, str) and text), otherwise)
    return UpstreamComplaint(_status(facts), message)


def _status(facts: Mapping[str, Any]) -> int:
    words = [facts.get(name) for name in ("code", "type")]
    for word in words:
        if isinstance(word, str) and word in STATUSES:
            return STATUSES[word]
    numbers = (facts.get("status"), facts.get("status_code"), facts.get("code"))
    return next((number for number in numbers if type(number) is int and 400 <= number <= 599), 502)
