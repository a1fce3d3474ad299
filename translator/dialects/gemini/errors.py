"""Errors in Google's shape (google.rpc.Status as JSON): told to our clients, and read from upstreams."""

from collections.abc import Mapping
from typing import Any

import orjson

from translator.losses import UpstreamComplaint

STATUS_WORDS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_STATUSES: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_TYPE = "type.googleapis.com/google.rpc."


def encode_error(status: int, message: str, code: str | None = None, param: str | None = None) -> bytes:
    """The body of an error answer. What the message alone does not say stands in `details`."""
    word = STATUS_WORDS.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    error: dict[str, Any] = {"code": status, "message": message, "status": word}
    details = _details(message, code, param)
    return orjson.dumps({"error": {**error, "details": details} if details else error})


def _details(message: str, code: str | None, param: str | None) -> list[dict[str, Any]]:
    details: list[dict[str, Any]] = []
    if code:
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": code.upper(), "domain": "omniroute"})
    if param:
        violation = {"field": param, "description": message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    return details


def encode_stream_error(status: int, message: str) -> bytes:
    """An error inside a stream. No finish reason follows, so that no client takes the answer for whole."""
    return b"data: %s\r\n\r\n" % encode_error(status, message)


def complaint(error: Any) -> UpstreamComplaint:
    """What an `error` member says."""
    facts = error if isinstance(error, dict) else {"message": error}
    code, word = facts.get("code"), facts.get("status")
    status = _STATUSES.get(word, 502) if isinstance(word, str) else 502
    if isinstance(code, int) and 400 <= code <= 599:
        status = code
    said = facts.get("message")
    return UpstreamComplaint(
        status, said if isinstance(said, str) and said else f"the upstream failed: {str(error)[:200]}"
    )
