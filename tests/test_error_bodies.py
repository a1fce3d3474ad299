"""Errors as vendors send them: the kind, whom they are about, when to come back, and what is said of them."""

from datetime import UTC, datetime
from json import dumps
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import failures
from providers.failures import FailureKind, Scope
from translator.losses import UpstreamComplaint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
K = FailureKind


def failed(status: int, body: Any, **headers: str) -> failures.UpstreamError:
    sent = body if isinstance(body, bytes) else dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failures.from_status(status, httpx.Headers(named), sent, NOW)


def said(message: str, **members: Any) -> dict[str, Any]:
    return {"error": {"message": message} | members}


GOOGLE_DAY = said(
    "You exceeded your current quota, please check your plan and billing details.",
    code=429,
    status="RESOURCE_EXHAUSTED",
    details=[
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [
                {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},
                {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
            ],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "43s"},
    ],
)
GOOGLE_MINUTE = said(
    "You exceeded your current quota, please check your plan and billing details.",
    code=429,
    status="RESOURCE_EXHAUSTED",
    details=[
        {"violations": [{"quotaId": "GenerateContentInputTokensPerModelPerMinute-FreeTier"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "26.5s"},
    ],
)
CODEX = said("The usage limit has been reached", type="usage_limit_reached", resets_in_seconds=13872)
LIMITS: dict[str, tuple[int, Any, FailureKind, Scope, float | None]] = {
    "Google's day": (429, GOOGLE_DAY, K.QUOTA, Scope.MODEL, 43),
    "Google's minute": (429, GOOGLE_MINUTE, K.RATE_LIMIT, Scope.MODEL, 26.5),
    "Google's, in a list": (429, [GOOGLE_MINUTE], K.RATE_LIMIT, Scope.MODEL, 26.5),
    "Google's, unexplained": (
        429,
        said("You exceeded your current quota", code=429, status="RESOURCE_EXHAUSTED"),
        K.QUOTA,
        Scope.MODEL,
        None,
    ),
    "Codex": (429, CODEX, K.QUOTA, Scope.ACCOUNT, 13872),
    "OpenAI's money": (
        429,
        said("You exceeded your current quota", code="insufficient_quota"),
        K.QUOTA,
        Scope.ACCOUNT,
        None,
    ),
    "OpenAI's code alone": (429, said("No.", code="insufficient_quota"), K.QUOTA, Scope.ACCOUNT, None),
    "OpenAI's minute": (
        429,
        said(
            "Rate limit reached for model `gpt-4o` in organization org-1 on requests per min (RPM): Limit 3, Used 3, "
            "Requested 1. Please try again in 20s. Visit the page to learn more."
        ),
        K.RATE_LIMIT,
        Scope.MODEL,
        20,
    ),
    "Groq's day": (
        429,
        said(
            "Rate limit reached for model `llama` in organization `org_1` service tier `on_demand` on tokens per day "
            "(TPD): Limit 100000, Used 99000, Requested 2000. Please try again in 14m24.5s. Need more tokens?"
        ),
        K.QUOTA,
        Scope.MODEL,
        864.5,
    ),
    "Anthropic's organization": (
        429,
        {
            "type": "error",
            "error": {
                "type": "rate_limit_error",
                "message": "This request would exceed your organization's rate limit of 50 requests per minute",
            },
        },
        K.RATE_LIMIT,
        Scope.ACCOUNT,
        None,
    ),
    "Anthropic's model": (
        429,
        said("It would exceed the rate limit for your organization of 10 tokens a minute (model: claude-x)"),
        K.RATE_LIMIT,
        Scope.MODEL,
        None,
    ),
    "Anthropic's month": (
        400,
        said("You have reached your specified API usage limits. You will regain access on 2026-01-01 at 06:00 UTC."),
        K.QUOTA,
        Scope.ACCOUNT,
        21600,
    ),
    "OpenRouter's vendor": (
        429,
        said("Provider returned error", code=429, metadata={"raw": "x is rate-limited. Retry after 12 seconds."}),
        K.RATE_LIMIT,
        Scope.MODEL,
        12,
    ),
    "Gemini CLI": (
        429,
        said("You have exhausted your capacity on this model. Your quota will reset after 2h7m23s."),
        K.QUOTA,
        Scope.MODEL,
        7643,
    ),
    "Copilot": (
        429,
        {"message": "You have exceeded your Copilot token usage.", "code": "rate_limited"},
        K.RATE_LIMIT,
        Scope.ACCOUNT,
        None,
    ),
    "z.ai": (429, said("Your limit will reset at 2026-01-01 00:10:00", code="1308"), K.RATE_LIMIT, Scope.MODEL, 600),
    "AWS": (
        429,
        {
            "__type": "com.amazon.coral#ThrottlingException",
            "message": "Too many tokens, please wait before trying again.",
        },
        K.RATE_LIMIT,
        Scope.MODEL,
        None,
    ),
    "a key's": (429, said("Rate limit exceeded for your api key"), K.RATE_LIMIT, Scope.ACCOUNT, None),
    "money": (402, said("Insufficient Balance"), K.QUOTA, Scope.ACCOUNT, None),
    "a bad key": (401, said("Incorrect API key provided"), K.CREDENTIAL, Scope.ACCOUNT, None),
    "a fault": (500, said("oops"), K.TRANSIENT, Scope.MODEL, None),
}


@pytest.mark.parametrize(("status", "body", "kind", "scope", "wait"), LIMITS.values(), ids=LIMITS)
def test_a_vendors_limit_is_understood(
    status: int, body: Any, kind: FailureKind, scope: Scope, wait: float | None
) -> None:
    failure = failed(status, body)
    assert (failure.kind, failure.scope, failure.retry_after) == (kind, scope, wait)


def test_a_header_is_believed_before_the_text() -> None:
    assert failed(429, said("Please try again in 20s"), retry_after="7").retry_after == 7
    assert failed(429, said("Please try again in 20s"), retry_after="-5").retry_after == 20


def test_a_failure_has_the_limits_its_headers_speak_of() -> None:
    failure = failed(429, b"", x_ratelimit_limit_requests="60", x_ratelimit_remaining_requests="0")
    assert failure.hints is not None
    assert (failure.hints.limit, failure.hints.remaining) == (60, 0)
    assert failed(429, b"").hints is None


def test_a_redirect_is_a_failure() -> None:
    failure = failed(302, b"")
    assert (failure.status, failure.kind) == (502, K.NETWORK)


def test_an_address_where_nothing_is_counts_as_a_gateways_failure() -> None:
    failure = failed(404, b"<html><title>404 Not Found</title><h1>404 Not Found</h1>nginx</html>")
    assert (failure.status, failure.kind) == (502, K.NETWORK)
    assert "check its base URL" in failure.message
    assert failed(404, b"").kind is K.MODEL_GONE


UNDER_A_200: dict[str, tuple[UpstreamComplaint, int, FailureKind]] = {
    "without a word": (UpstreamComplaint(502, "no choices in the answer"), 502, K.TRANSIENT),
    "by the dialect": (UpstreamComplaint(429, "slow down", said("slow down")), 429, K.RATE_LIMIT),
    "a number": (UpstreamComplaint(502, "?", {"code": 429, "msg": "busy"}), 429, K.RATE_LIMIT),
    "a number as text": (UpstreamComplaint(502, "?", {"code": "403", "msg": "no"}), 403, K.MODEL_ACCESS),
    "z.ai's pace": (UpstreamComplaint(502, "?", said("High concurrency", code="1302")), 429, K.RATE_LIMIT),
    "z.ai's money": (UpstreamComplaint(502, "?", {"code": 1113, "msg": "in arrears"}), 402, K.QUOTA),
    "z.ai's model": (UpstreamComplaint(502, "?", {"code": 1211, "msg": "no"}), 404, K.MODEL_GONE),
    "z.ai's busy model": (UpstreamComplaint(502, "?", said("try another", code="1312")), 503, K.OVERLOADED),
    "MiniMax's pace": (
        UpstreamComplaint(502, "?", {"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}),
        429,
        K.RATE_LIMIT,
    ),
    "MiniMax's key": (
        UpstreamComplaint(502, "?", {"base_resp": {"status_code": 1004, "status_msg": "login fail"}}),
        401,
        K.CREDENTIAL,
    ),
    "MiniMax's money": (
        UpstreamComplaint(502, "?", {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
        402,
        K.QUOTA,
    ),
    "iFlow's blocked key": (
        UpstreamComplaint(
            502, "?", {"status": "434", "msg": "Access to the current AK has been blocked", "body": None}
        ),
        401,
        K.CREDENTIAL,
    ),
    "iFlow's pace": (UpstreamComplaint(502, "?", {"status": "449", "msg": "slower"}), 429, K.RATE_LIMIT),
    "Qoder's envelope": (
        UpstreamComplaint(502, "?", {"statusCodeValue": 403, "body": '{"code":"112","message":"quota exceeded"}'}),
        403,
        K.QUOTA,
    ),
    "AWS": (UpstreamComplaint(502, "?", {"__type": "a.b#ThrottlingException", "message": "no"}), 429, K.RATE_LIMIT),
    "a window": (
        UpstreamComplaint(502, "?", said("prompt is too long: 9 tokens > 8 maximum")),
        400,
        K.CONTEXT_TOO_LONG,
    ),
    "a key": (UpstreamComplaint(502, "?", said("Invalid API key")), 401, K.CREDENTIAL),
    "nothing known": (UpstreamComplaint(502, "?", said("oops")), 502, K.TRANSIENT),
}


@pytest.mark.parametrize(("complaint", "status", "kind"), UNDER_A_200.values(), ids=UNDER_A_200)
def test_an_error_under_a_200_has_the_status_it_means(
    complaint: UpstreamComplaint, status: int, kind: FailureKind
) -> None:
    failure = failures.from_complaint(complaint, NOW)
    assert (failure.status, failure.kind) == (status, kind)


def test_an_error_under_a_200_says_when_to_come_back() -> None:
    complaint = UpstreamComplaint(429, "quota", GOOGLE_MINUTE)
    assert failures.from_complaint(complaint, NOW).retry_after == 26.5


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"error":{"message":"no such model"}}', "no such model"),
        (b'{"error":"bad key"}', "bad key"),
        (b'{"error":true,"message":"bad key"}', "bad key"),
        (b'[{"error":{"message":"quota"}}]', "quota"),
        (b'{"detail":"nope"}', "nope"),
        (b'{"detail":[{"loc":["body"],"msg":"field required"}]}', "field required"),
        (b'{"errors":[{"code":7003,"message":"no route"}]}', "no route"),
        (b'{"base_resp":{"status_code":1002,"status_msg":"rate limit"}}', "rate limit"),
        (b'{"error":{"message":"{\\"error\\":{\\"message\\":\\"inner\\"}}"}}', "inner"),
        (b'{"error":{"message":"Provider returned error","metadata":{"raw":"busy"}}}', "Provider returned error: busy"),
        (b'{"a":1}', '{"a":1}'),
        (b"<html><style>p{}</style><h1>Bad\nGateway</h1></html>", "Bad Gateway"),
        (b"\xff\xfe", "��"),
        (b"", "it gave no reason"),
        (b"null", "it gave no reason"),
        (b"[]", "it gave no reason"),
        (b'{"error":{}}', '{"error":{}}'),
    ],
)
def test_the_sentence_in_an_error_is_found(body: bytes, sentence: str) -> None:
    assert failed(500, body).message == sentence


NAMES = ["error", "message", "msg", "detail", "code", "status", "type", "base_resp", "status_code", "statusCodeValue"]
NAMES += ["metadata", "raw", "errors", "retryDelay", "resets_at", "body", "__type", "x"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["429", '{"code":1}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from([400, 401, 404, 413, 429, 500, 503]), VALUES)
def test_whatever_is_sent_is_a_failure_with_a_sentence_and_a_status(status: int, value: Any) -> None:
    reported = failed(status, value)
    assert reported.message and len(reported.message) <= 500 and "\n" not in reported.message
    assert reported.status in (status, 502)
    assert reported.retry_after is None or 0 <= reported.retry_after <= 86400
    within = failures.from_complaint(UpstreamComplaint(502, "no answer", value), NOW)
    assert 400 <= within.status <= 599


@pytest.mark.parametrize(
    "body",
    [b"[" * 900 + b"]" * 900, b'{"error":' * 300 + b"1" + b"}" * 300, b'{"code":' + b"9" * 400 + b"}", b"x" * 60_000],
    ids=["brackets", "nested", "number", "text"],
)
def test_a_hostile_error_is_read_at_once(body: bytes) -> None:
    assert failed(500, body).kind is K.TRANSIENT
    assert len(failed(500, body).message) <= 500
