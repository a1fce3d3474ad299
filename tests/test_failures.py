"""What an upstream's failure means."""

from datetime import UTC, datetime

import httpx
import pytest

from combos.reactions import REACTIONS
from providers import failures
from providers.failures import FailureKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, "messages: field required", FailureKind.CALLERS_FAULT),
        (400, "This model's maximum context length is 8192 tokens", FailureKind.CONTEXT_TOO_LONG),
        (400, "prompt is too long: 210000 tokens", FailureKind.CONTEXT_TOO_LONG),
        (400, "Unsupported parameter: 'temperature'", FailureKind.UNSUPPORTED_FEATURE),
        (400, "API key not valid. Please pass a valid API key.", FailureKind.CREDENTIAL),
        (401, "", FailureKind.CREDENTIAL),
        (402, "", FailureKind.QUOTA),
        (403, "", FailureKind.MODEL_ACCESS),
        (404, "", FailureKind.MODEL_GONE),
        (409, "", FailureKind.CALLERS_FAULT),
        (422, "", FailureKind.CALLERS_FAULT),
        (429, "Rate limit reached", FailureKind.RATE_LIMIT),
        (429, "You exceeded your current quota", FailureKind.QUOTA),
        (500, "context length", FailureKind.TRANSIENT),
        (503, "", FailureKind.OVERLOADED),
        (529, "", FailureKind.OVERLOADED),
        (599, "", FailureKind.TRANSIENT),
    ],
)
def test_a_status_and_a_text_make_a_kind(status: int, text: str, kind: FailureKind) -> None:
    assert failures.classify(status, text) is kind


def test_every_kind_has_a_reaction() -> None:
    assert set(REACTIONS) == set(FailureKind)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"error":{"message":"no such model"}}', "no such model"),
        (b'{"error":"bad key"}', "bad key"),
        (b'[{"error":{"message":"quota"}}]', "quota"),
        (b'{"detail":"nope"}', "nope"),
        (b'{"a":1}', '{"a":1}'),
        (b"<html><h1>Bad\nGateway</h1></html>", "Bad Gateway"),
        (b"\xff\xfe", "��"),
        (b"", "it gave no reason"),
        (b'{"error":{}}', '{"error":{}}'),
    ],
)
def test_the_sentence_in_an_error_is_found(body: bytes, sentence: str) -> None:
    assert failures.error_text(body) == sentence


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
        ("Wed, 31 Dec 2025 00:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1e9", failures.LONGEST_RETRY_SECONDS),
        ("nan", None),
    ],
)
def test_retry_after_is_understood_or_ignored(header: str, seconds: float | None) -> None:
    assert failures.retry_after(httpx.Headers({"retry-after": header}), NOW) == seconds


def test_a_redirect_is_a_failure() -> None:
    failure = failures.from_status(302, httpx.Headers(), b"", NOW)
    assert (failure.status, failure.kind) == (502, FailureKind.NETWORK)
