"""OpenAI's errors: written for clients, and recognised where an upstream sends one in the place of an answer."""

from collections.abc import Mapping
from typing import Any

import orjson

from translator.losses import UpstreamComplaint

TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
"""What is not here is a server_error."""

_STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_policy_violation": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "permission_error": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "tokens": 429,
    "requests": 429,
    "overloaded": 503,
    "overloaded_error": 503,
    "service_unavailable": 503,
    "timeout": 504,
}
"""What the words of an error's `code` and `type` would have been as a status."""

_LONGEST_EXCERPT = 200


def encode_error(status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
    """The body of an error answer."""
    kind = TYPES.get(status, "server_error")
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def encode_stream_error(status: int, message: str) -> bytes:
    """An error inside a stream that has begun. No end mark follows, so that no client takes the answer for whole."""
    return b"data: %s\n\n" % encode_error(status, message, "upstream_error")


def complaint(value: Mapping[str, Any], raw: bytes = b"") -> UpstreamComplaint:
    """What stands in the place of an answer says: `{"error": {...}}`, or `{"code": 429, "msg": "..."}`."""
    error = value.get("error")
    facts: Mapping[str, Any] = error if isinstance(error, dict) else {}
    said = facts.get("message") or value.get("message") or value.get("msg") or error
    codes = (facts.get("status"), facts.get("code"), facts.get("type"), value.get("code"))
    status = next(filter(None, map(_status, codes)), 502)
    return UpstreamComplaint(status, _text(said) if said else f"no choices in the answer: {excerpt(raw)}")


def excerpt(raw: bytes) -> str:
    return raw[:_LONGEST_EXCERPT].decode("utf-8", "replace") or "(empty)"


def _text(said: Any) -> str:
    return said if isinstance(said, str) else excerpt(orjson.dumps(said))


def _status(value: Any) -> int | None:
    if isinstance(value, str):
        return _status(int(value)) if value.isdecimal() and value.isascii() else _STATUSES.get(value)
    return value if isinstance(value, int) and 400 <= value <= 599 else None
