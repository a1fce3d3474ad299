"""What an upstream's failure means. Pure; and the only file that knows vendors' error texts."""

import email.utils
import re
from datetime import UTC, datetime
from enum import StrEnum

import httpx
import orjson

from providers import hints
from providers.hints import RateHints
from translator.losses import UpstreamComplaint

LONGEST_RETRY_SECONDS = 24 * 3600


class FailureKind(StrEnum):
    CREDENTIAL = "credential"
    MODEL_ACCESS = "model access"
    QUOTA = "quota"
    MODEL_GONE = "model gone"
    RATE_LIMIT = "rate limit"
    CALLERS_FAULT = "caller's fault"
    CONTEXT_TOO_LONG = "context too long"
    UNSUPPORTED_FEATURE = "unsupported feature"
    FOREIGN_REASONING = "foreign reasoning"
    OVERLOADED = "overloaded"
    TRANSIENT = "transient"
    NETWORK = "network"


class Scope(StrEnum):
    """Whom a failure is about, of what the upstream knows of us."""

    MODEL = "model"
    """The connection as far as it asks this model."""
    ACCOUNT = "account"
    """The connection, whatever it asks."""


class UpstreamError(Exception):
    """An upstream did not answer. `status` is what it said, or what a gateway says in its place (502, 504).

    `retry_after` is in seconds, a day at most. `hints` are those of its headers, None where it sent none.
    """

    def __init__(
        self,
        kind: FailureKind,
        status: int,
        message: str,
        retry_after: float | None = None,
        scope: Scope = Scope.MODEL,
        hints: RateHints | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.message = message
        self.retry_after = retry_after
        self.scope = scope
        self.hints = hints


_BY_STATUS = {
    400: FailureKind.CALLERS_FAULT,
    401: FailureKind.CREDENTIAL,
    402: FailureKind.QUOTA,
    403: FailureKind.MODEL_ACCESS,
    404: FailureKind.MODEL_GONE,
    408: FailureKind.TRANSIENT,
    413: FailureKind.CALLERS_FAULT,
    422: FailureKind.CALLERS_FAULT,
    429: FailureKind.RATE_LIMIT,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}

_BY_TEXT = [
    (re.compile(r"(invalid|corrupted|not valid|cannot be (modified|verified)|could not be (verified|decrypted))"
                r".{0,40}(signature|encrypted.content)|(signature|encrypted.content|thinking.{1,12}blocks).{0,80}"
                r"(invalid|not valid|corrupted|cannot be modified|could not be (verified|decrypted))"
                r"|invalid_encrypted_content|item with id .?rs_\w+.? not found", re.I),
     {400, 404, 422}, FailureKind.FOREIGN_REASONING),
    (re.compile(r"context.{0,20}(length|window)|maximum context|prompt is too long|too many tokens", re.I),
     {400, 413, 422}, FailureKind.CONTEXT_TOO_LONG),
    (re.compile(r"does not support|not supported|unsupported (parameter|value|feature)", re.I),
     {400, 422}, FailureKind.UNSUPPORTED_FEATURE),
    (re.compile(r"insufficient_quota|exceeded your current quota|credit balance", re.I),
     {400, 403, 429}, FailureKind.QUOTA),
    (re.compile(r"invalid (api )?key|api key (not valid|expired)|invalid_api_key", re.I),
     {400, 403}, FailureKind.CREDENTIAL),
]  # fmt: skip


def classify(status: int, text: str) -> FailureKind:
    """The kind of a failure with this HTTP status and error text. A status nobody names is the caller's below 500."""
    for pattern, statuses, kind in _BY_TEXT:
        if status in statuses and pattern.search(text):
            return kind
    return _BY_STATUS.get(status) or (FailureKind.TRANSIENT if status >= 500 else FailureKind.CALLERS_FAULT)


def from_status(status: int, headers: httpx.Headers, body: bytes, now: datetime) -> UpstreamError:
    """The failure that an answer with an error status (300 to 599) reports."""
    text = error_text(body)
    if status < 400:
        return UpstreamError(FailureKind.NETWORK, 502, f"it redirects (HTTP {status}), which is not followed")
    rate = hints.read(headers.raw, now)
    return UpstreamError(classify(status, text), status, text, retry_after(headers, now), hints=rate)


def from_complaint(complaint: UpstreamComplaint) -> UpstreamError:
    """The failure that a success status with an error inside reports."""
    return UpstreamError(classify(complaint.status, complaint.message), complaint.status, complaint.message)


def from_exception(error: Exception) -> UpstreamError:
    """The failure that an exception while connecting, sending or reading reports."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return UpstreamError(FailureKind.NETWORK, 504, "it did not answer in time")
    if isinstance(error, httpx.ConnectError):
        return UpstreamError(FailureKind.NETWORK, 502, "no connection to it could be made")
    return UpstreamError(FailureKind.NETWORK, 502, "the connection to it broke")


def error_text(body: bytes) -> str:
    """The human sentence in an error body of any vendor's shape, at most 500 characters, on one line."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = re.sub(r"<[^>]*>", " ", body[:4000].decode("utf-8", "replace"))
    return " ".join(str(_sentence(said)).split())[:500] or "it gave no reason"


def _sentence(said: object) -> object:
    """`{"error": {"message": ...}}`, `{"error": "..."}`, `{"message"|"detail"|"msg": ...}`, or the lot."""
    if isinstance(said, list) and said:
        return _sentence(said[0])
    if not isinstance(said, dict):
        return said
    inner = next((said[name] for name in ("error", "message", "detail", "msg") if said.get(name)), None)
    return _sentence(inner) if isinstance(inner, dict | list) else inner or orjson.dumps(said).decode()


def retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds until the vendor wants to hear from us again (RFC 9110, 10.2.3); None where it gave no usable hint."""
    given = headers.get("retry-after", "").strip()
    try:
        seconds = float(given)
    except ValueError:
        moment = email.utils.parsedate_tz(given)
        if moment is None:
            return None
        seconds = email.utils.mktime_tz(moment) - now.replace(tzinfo=now.tzinfo or UTC).timestamp()
    return min(seconds, LONGEST_RETRY_SECONDS) if seconds >= 0 else None
