"""What an upstream's failure means. Pure.

What vendors' words mean is in `error_texts`, how the shapes of their errors are read in `error_bodies`.
"""

from datetime import datetime

import httpx

from providers import error_bodies, error_texts, hints
from providers.error_bodies import ErrorBody
from providers.failure_kinds import FailureKind, Scope
from providers.hints import RateHints
from providers.redaction import without_secrets
from translator.losses import UpstreamComplaint

__all__ = ["FailureKind", "Scope", "UpstreamError", "classify", "from_complaint", "from_exception", "from_status"]


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
    405: FailureKind.NETWORK,
    406: FailureKind.MODEL_ACCESS,
    407: FailureKind.NETWORK,
    408: FailureKind.TRANSIENT,
    409: FailureKind.TRANSIENT,
    410: FailureKind.MODEL_GONE,
    413: FailureKind.CONTEXT_TOO_LONG,
    415: FailureKind.UNSUPPORTED_FEATURE,
    422: FailureKind.CALLERS_FAULT,
    425: FailureKind.TRANSIENT,
    429: FailureKind.RATE_LIMIT,
    451: FailureKind.MODEL_ACCESS,
    498: FailureKind.OVERLOADED,
    499: FailureKind.TRANSIENT,
    501: FailureKind.UNSUPPORTED_FEATURE,
    503: FailureKind.OVERLOADED,
    529: FailureKind.OVERLOADED,
}
"""Where the text says nothing. 498 is Groq's capacity, 499 the vendor's own call that was cancelled."""

_STATUS_OF = {
    FailureKind.CREDENTIAL: 401,
    FailureKind.MODEL_ACCESS: 403,
    FailureKind.QUOTA: 429,
    FailureKind.MODEL_GONE: 404,
    FailureKind.RATE_LIMIT: 429,
    FailureKind.CALLERS_FAULT: 400,
    FailureKind.CONTEXT_TOO_LONG: 400,
    FailureKind.UNSUPPORTED_FEATURE: 400,
    FailureKind.FOREIGN_REASONING: 400,
    FailureKind.OVERLOADED: 503,
}
"""What an error within a 200 that names no status should have had."""

_OF_THE_ACCOUNT = frozenset({FailureKind.CREDENTIAL, FailureKind.QUOTA})
_NO_ANSWER = 502


def classify(status: int, text: str) -> FailureKind:
    """The kind of a failure with this HTTP status and error text. A status nobody names is the caller's below 500."""
    if status in (404, 405) and error_texts.WRONG_PLACE.search(text):
        return FailureKind.NETWORK
    for rule in error_texts.RULES:
        if status in rule.statuses and rule.pattern.search(text):
            return rule.kind
    return _BY_STATUS.get(status) or (FailureKind.TRANSIENT if status >= 500 else FailureKind.CALLERS_FAULT)


def scope_of(kind: FailureKind, text: str) -> Scope:
    """Whom it is about. A limit is the account's where the vendor says so and names no model."""
    if kind is not FailureKind.RATE_LIMIT and kind not in _OF_THE_ACCOUNT:
        return Scope.MODEL
    if kind is FailureKind.CREDENTIAL:
        return Scope.ACCOUNT
    if error_texts.ONE_MODEL.search(text):
        return Scope.MODEL
    is_wide = kind is FailureKind.QUOTA or error_texts.WHOLE_ACCOUNT.search(text)
    return Scope.ACCOUNT if is_wide else Scope.MODEL


def from_status(status: int, headers: httpx.Headers, body: bytes, now: datetime) -> UpstreamError:
    """The failure that an answer with an error status (300 to 599) reports."""
    if status < 400:
        return UpstreamError(FailureKind.NETWORK, 502, f"it redirects (HTTP {status}), which is not followed")
    said = error_bodies.read(body, now)
    failure = _explained(status, said)
    failure.hints = hints.read(headers.raw, now)
    waits = (hints.retry_seconds(headers, now), said.wait, _until_reset(failure))
    failure.retry_after = next((wait for wait in waits if wait is not None), None)
    return failure


def _until_reset(failure: UpstreamError) -> float | None:
    """What the limits say of a refusal, unless they were not the reason."""
    known = failure.hints
    return known.reset_seconds if failure.status == 429 and known and not known.remaining else None


def from_complaint(complaint: UpstreamComplaint, now: datetime) -> UpstreamError:
    """The failure that an answer reports which was an error under a 200."""
    if complaint.said is None:
        said = error_bodies.understand(complaint.message, now)
        return _explained(complaint.status, said)
    said = error_bodies.understand(complaint.said, now)
    named = complaint.status if complaint.status != _NO_ANSWER else said.status
    failure = _explained(named or _NO_ANSWER, said)
    if named is None:
        failure.status = _STATUS_OF.get(failure.kind, _NO_ANSWER)
    return failure


def _explained(status: int, said: ErrorBody) -> UpstreamError:
    """Some vendors quote the key that they refuse; nobody else has to read it."""
    kind, sentence = classify(status, said.text), without_secrets(said.sentence)
    if kind is FailureKind.NETWORK:
        message = f"nothing of the kind is at its address (HTTP {status}: {sentence}); check its base URL"
        return UpstreamError(kind, _NO_ANSWER, message)
    return UpstreamError(kind, status, sentence, said.wait, scope_of(kind, said.text))


def from_exception(error: Exception) -> UpstreamError:
    """The failure that an exception while connecting, sending or reading reports."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return UpstreamError(FailureKind.NETWORK, 504, "it did not answer in time")
    if isinstance(error, httpx.ConnectError):
        return UpstreamError(FailureKind.NETWORK, 502, "no connection to it could be made")
    return UpstreamError(FailureKind.NETWORK, 502, "the connection to it broke")
