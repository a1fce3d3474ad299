"""What a vendor's headers say of its rate limits, and of when to come back. Pure.

Every vendor has a spelling of its own: `x-ratelimit-remaining-requests` (OpenAI and those who speak like it),
`anthropic-ratelimit-requests-remaining`, `x-ratelimit-remaining` (GitHub, OpenRouter), `ratelimit-remaining` and
`RateLimit: "default";r=50;t=30` (drafts of the IETF). A value that cannot be read is as good as none.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from providers.durations import bounded, seconds_until

Headers = Sequence[tuple[bytes, bytes]]
"""As they came: names in any case."""


@dataclass(frozen=True, slots=True)
class RateHints:
    """The tightest of the windows that an answer's headers speak of."""

    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None
    """Until `remaining` is as good as `limit` again."""


_NAME = re.compile(
    r"(?:x-|anthropic-)?ratelimit(?:-(?P<window>[a-z0-9_-]+?))?-(?P<fact>limit|remaining|reset)"
    r"(?:-(?P<suffix>[a-z0-9_-]+))?\Z"
)
_MEMBER = re.compile(r"\b(?P<name>r|remaining|q|limit|t|reset)=(?P<value>[0-9.]+)")
_MEMBERS = {"r": "remaining", "q": "limit", "t": "reset"}
_COUNT = re.compile(r"[0-9]{1,15}")
_RETRY_NAMES = ("retry-after-ms", "retry-after", "x-ratelimit-retry-after", "anthropic-ratelimit-unified-reset")
"""The most exact first."""

Facts = dict[str, str]
"""`limit`, `remaining` and `reset` of one window, as they stand there."""


def read(headers: Headers, now: datetime) -> RateHints | None:
    """None where the headers do not speak of limits, which takes a microsecond or two to find out."""
    if b"ratelimit" not in b" ".join([name for name, _ in headers]).lower():
        return None
    windows = [(name, _hints(facts, now)) for name, facts in _windows(headers).items()]
    known = [named for named in windows if named[1].remaining is not None] or windows
    return min(known, key=_room)[1] if known else None


def retry_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Until the vendor wants to hear from us again, as the headers of a refusal say."""
    for name in _RETRY_NAMES:
        text = headers.get(name, "")
        seconds = _milliseconds(text) if name.endswith("-ms") else seconds_until(text, now)
        if seconds is not None:
            return seconds
    return None


def _milliseconds(text: str) -> float | None:
    try:
        return bounded(float(text) / 1000)
    except ValueError:
        return None


def _windows(headers: Headers) -> dict[str, Facts]:
    """Facts by the name of their window, which is empty where a vendor has only one."""
    windows: dict[str, Facts] = {}
    for name, value in headers:
        if place := _place(name):
            windows.setdefault(place[0], {})[place[1]] = value.decode("latin-1")
        elif name.lower() in (b"ratelimit", b"ratelimit-policy"):
            windows.setdefault("", {}).update(_members(value.decode("latin-1")))
    return windows


@lru_cache(maxsize=512)
def _place(name: bytes) -> tuple[str, str] | None:
    """The window and the fact that a header tells of. There are as few names as vendors, and all come again."""
    found = _NAME.match(name.decode("latin-1").lower())
    return (found["window"] or found["suffix"] or "", found["fact"]) if found else None


def _members(value: str) -> Facts:
    return {_MEMBERS.get(found["name"], found["name"]): found["value"] for found in _MEMBER.finditer(value)}


def _hints(facts: Facts, now: datetime) -> RateHints:
    return RateHints(
        _count(facts.get("limit")), _count(facts.get("remaining")), seconds_until(facts.get("reset", ""), now)
    )


def _count(text: str | None) -> int | None:
    found = _COUNT.match(text.strip()) if text else None
    return int(found[0]) if found else None


def _room(named: tuple[str, RateHints]) -> tuple[bool, bool, float, float]:
    """The less, the tighter: what is used up, then the smallest share that is left; of equals the longest to wait for.

    Tokens come after requests unless they are used up: what is left of them is no number of requests.
    """
    name, hints = named
    is_used_up = hints.remaining == 0
    share = 1.0 if hints.remaining is None or not hints.limit else hints.remaining / hints.limit
    return not is_used_up, not is_used_up and "token" in name, share, -(hints.reset_seconds or 0.0)
