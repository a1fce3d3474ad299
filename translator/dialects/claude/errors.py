"""Errors in Anthropic's shape (docs.claude.com/en/api/errors): told to our clients, and read from upstreams."""

from collections.abc import Mapping
from typing import Any

import orjson

from translator.losses import UpstreamComplaint

STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
UNEXPLAINED = "the upstream sent an error"
EMPTY = "the answer is empty"
TOO_LONG = "prompt is too long"
"""Anthropic's words, by which its clients know that they must shorten the conversation."""
TYPES: Mapping[int, str] = {status: kind for kind, status in STATUSES.items()} | {503: "overloaded_error"}


def encode_error(status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
    """The body of an error answer. Anthropic's has no place for a code or a parameter; messages name it."""
    return orjson.dumps(_error(status, f"{TOO_LONG}: {message}" if code == "context_length_exceeded" else message))


def encode_stream_error(status: int, message: str) -> bytes:
    """An error inside a stream. No message_stop follows, so that no client takes the answer for whole."""
    return b"event: error\ndata: %s\n\n" % orjson.dumps(_error(status, message))


def _error(status: int, message: str) -> dict[str, Any]:
    kind = TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def complaint(error: Any, otherwise: str = UNEXPLAINED) -> UpstreamComplaint:
    """What an `error` member says, also where a server that imitates Anthropic spells it in another way."""
    facts = error if isinstance(error, dict) else {"message": error}
    message = facts.get("message")
    said = message if isinstance(message, str) and message else otherwise
    return UpstreamComplaint(_status(facts), said)


def _status(facts: Mapping[str, Any]) -> int:
    kind = facts.get("type")
    if isinstance(kind, str) and kind in STATUSES:
        return STATUSES[kind]
    candidates = (facts.get("status"), facts.get("code"))
    return next((number for number in candidates if type(number) is int and 400 <= number <= 599), 502)
