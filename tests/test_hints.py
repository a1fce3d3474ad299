"""What headers say of rate limits and of when to come back, in every vendor's spelling."""

import asyncio
from datetime import UTC, datetime, timedelta
from math import isfinite

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import durations, hints
from providers.failures import UpstreamError
from providers.hints import RateHints
from providers.transport import Reach
from providers.upstream import Call, Upstream

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = durations.LONGEST_SECONDS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("0.5", 0.5),
        ("20s", 20),
        ("500ms", 0.5),
        ("6m0s", 360),
        ("1h2m3s", 3723),
        ("2h7m23.5s", 7643.5),
        ("1d", DAY),
        ("2 minutes and 5 seconds", 125),
        ("4 days, 20 hours", DAY),
        ("12 secs", 12),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
        ("2026-01-01T00:00:30Z", 30),
        ("2026-01-01T00:00:30.5+00:00", 30.5),
        ("2026-01-01 00:00:30", 30),
        ("1767225660", 60),
        ("1767225660000", 60),
        ("1767225660.25", 60.25),
        ("1e5", DAY),
        ("1e9", DAY),
        ("1767225500", None),
        ("999999999", DAY),
        ("99999999999999999999", DAY),
        ("Wed, 31 Dec 2025 00:00:00 GMT", None),
        ("2025-12-31T00:00:00Z", None),
        ("-5", None),
        ("-5s", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("12 parsecs", None),
        ("5 x 3s", None),
        ("٣", None),
        ("", None),
        ("1" * 5000, None),
        ("Thu, 99 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_a_length_of_time_is_understood_or_ignored(text: str, seconds: float | None) -> None:
    assert durations.seconds_until(text, NOW) == seconds


@given(st.text(max_size=80) | st.from_regex(r"[0-9.eE+hms: -]{1,30}", fullmatch=True))
def test_whatever_is_written_is_none_or_at_most_a_day(text: str) -> None:
    seconds = durations.seconds_until(text, NOW)
    assert seconds is None or (isfinite(seconds) and 0 <= seconds <= DAY)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)))
def test_a_moment_in_any_notation_is_as_far_away(away: timedelta) -> None:
    moment = (NOW + away).replace(microsecond=0)
    expected = (moment - NOW).total_seconds()
    assert durations.seconds_until(moment.isoformat(), NOW) == expected
    assert durations.seconds_until(str(int(moment.timestamp())), NOW) == expected
    assert durations.seconds_until(moment.strftime("%a, %d %b %Y %H:%M:%S GMT"), NOW) == expected


def read(**headers: str) -> RateHints | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return hints.read(httpx.Headers(named).raw, NOW)


OPENAI = {
    "x_ratelimit_limit_requests": "5000",
    "x_ratelimit_remaining_requests": "4999",
    "x_ratelimit_reset_requests": "12ms",
    "x_ratelimit_limit_tokens": "160000",
    "x_ratelimit_remaining_tokens": "159976",
    "x_ratelimit_reset_tokens": "6m0s",
}
ANTHROPIC = {
    "anthropic_ratelimit_requests_limit": "50",
    "anthropic_ratelimit_requests_remaining": "3",
    "anthropic_ratelimit_requests_reset": "2026-01-01T00:00:40Z",
    "anthropic_ratelimit_input_tokens_limit": "40000",
    "anthropic_ratelimit_input_tokens_remaining": "39000",
    "anthropic_ratelimit_input_tokens_reset": "2026-01-01T00:00:05Z",
}
SPOKEN: dict[str, tuple[dict[str, str], RateHints | None]] = {
    "nothing": ({"content_type": "application/json"}, None),
    "OpenAI": (OPENAI, RateHints(5000, 4999, 0.012)),
    "OpenAI, tokens used up": (OPENAI | {"x_ratelimit_remaining_tokens": "0"}, RateHints(160000, 0, 360)),
    "OpenAI, tokens all but used up": (OPENAI | {"x_ratelimit_remaining_tokens": "9"}, RateHints(5000, 4999, 0.012)),
    "Azure": ({"x_ratelimit_remaining_requests": "9", "x_ratelimit_remaining_tokens": "99"}, RateHints(None, 9, None)),
    "Cerebras": (
        {"x_ratelimit_limit_requests_day": "100", "x_ratelimit_remaining_requests_day": "7",
         "x_ratelimit_reset_requests_day": "33011.38", "x_ratelimit_limit_tokens_minute": "60000",
         "x_ratelimit_remaining_tokens_minute": "60000", "x_ratelimit_reset_tokens_minute": "11.38"},
        RateHints(100, 7, 33011.38),
    ),
    "Anthropic": (ANTHROPIC, RateHints(50, 3, 40)),
    "Anthropic, both used up": (
        ANTHROPIC
        | {"anthropic_ratelimit_requests_remaining": "0", "anthropic_ratelimit_input_tokens_remaining": "0"},
        RateHints(50, 0, 40),
    ),
    "GitHub": (
        {"x_ratelimit_limit": "60", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "1767225660"},
        RateHints(60, 0, 60),
    ),
    "OpenRouter": (
        {"x_ratelimit_limit": "20", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "1767225660000"},
        RateHints(20, 0, 60),
    ),
    "an old draft": (
        {"ratelimit_limit": "100, 100;w=60", "ratelimit_remaining": "5", "ratelimit_reset": "30"},
        RateHints(100, 5, 30),
    ),
    "a new draft": (
        {"ratelimit": '"default";r=5;t=30', "ratelimit_policy": '"default";q=100;w=60'},
        RateHints(100, 5, 30),
    ),
    "a draft in between": ({"ratelimit": "limit=100, remaining=5, reset=30"}, RateHints(100, 5, 30)),
    "a limit alone": ({"x_ratelimit_limit": "20"}, RateHints(20, None, None)),
    "a reset alone": ({"anthropic_ratelimit_unified_5h_reset": "1767225660"}, RateHints(None, None, 60)),
    "other words": ({"x_ratelimit_foo": "1", "x_ratelimit": "2"}, None),
    "garbage": (
        {"x_ratelimit_limit": "many", "x_ratelimit_remaining": "-1", "x_ratelimit_reset": "later"},
        RateHints(None, None, None),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "known"), SPOKEN.values(), ids=SPOKEN)
def test_the_tightest_limit_is_read(headers: dict[str, str], known: RateHints | None) -> None:
    assert read(**headers) == known


def test_names_may_be_written_in_any_case() -> None:
    raw = [(b"X-RateLimit-Remaining", b"1"), (b"X-RATELIMIT-LIMIT", b"2")]
    assert hints.read(raw, NOW) == RateHints(2, 1, None)


@given(st.lists(st.tuples(st.sampled_from([*OPENAI, *ANTHROPIC, "ratelimit"]), st.text(max_size=30))))
def test_no_header_can_break_the_reading(headers: list[tuple[str, str]]) -> None:
    raw = [(name.replace("_", "-").encode(), value.encode("utf-8", "replace")) for name, value in headers]
    known = hints.read(raw, NOW)
    assert known is None or known.remaining is None or known.remaining >= 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Thu, 01 Jan 2026 00:01:00 GMT"}, 60),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "86401"}, DAY),
        ({"retry-after": "1000000000"}, DAY),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "-1", "retry-after": "2"}, 2),
        ({"retry-after-ms": "nan"}, None),
        ({"anthropic-ratelimit-unified-reset": "1767225660"}, 60),
        ({}, None),
    ],
)
def test_the_time_to_come_back_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert hints.retry_seconds(httpx.Headers(headers), NOW) == seconds


LIMITED = {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "retry-after": "9"}
CALL = Call(httpx.URL("https://a.test/"), httpx.Headers(), b"{}", Reach.VENDOR, connect=1, gap=1)


def test_an_answer_and_a_refusal_both_bring_their_limits() -> None:
    answers = iter([httpx.Response(200, headers=LIMITED), httpx.Response(429, headers=LIMITED)])
    upstream = Upstream({"https": httpx.MockTransport(lambda request: next(answers))})
    assert asyncio.run(upstream.send(CALL, 1)).hints == RateHints(20, 0, None)
    with pytest.raises(UpstreamError) as refused:
        asyncio.run(upstream.send(CALL, 1))
    assert (refused.value.hints, refused.value.retry_after) == (RateHints(20, 0, None), 9)
