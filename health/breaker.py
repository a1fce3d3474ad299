"""A provider's circuit breaker: what an outcome makes of it. Pure; one line a rule.

Closed, requests pass and failures in a row are counted; enough of them open it. Open, nothing passes until its time is
over. Then it is half-open: one request is let through as a probe, and what becomes of the probe decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

from health.profiles import Profile
from providers.failures import FailureKind


class BreakerState(models.TextChoices):
    CLOSED = "closed", _("closed")
    OPEN = "open", _("open")
    HALF_OPEN = "half-open", _("half-open")


class Sign(StrEnum):
    """What an outcome says about the provider, by an ordinary request or by the one probe."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"
    PROBE_GOOD = "good probe"
    PROBE_BAD = "bad probe"
    PROBE_NEUTRAL = "neutral probe"


class Move(StrEnum):
    STAY = "stay"
    COUNT = "count"
    """One more failure in a row; the threshold opens."""
    OPEN = "open"
    CLOSE = "close"


CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN

TRANSITIONS: Mapping[tuple[BreakerState, Sign], Move] = {
    (CLOSED, Sign.GOOD): Move.CLOSE,
    (CLOSED, Sign.BAD): Move.COUNT,
    (CLOSED, Sign.NEUTRAL): Move.STAY,
    (CLOSED, Sign.PROBE_GOOD): Move.CLOSE,  # a person closed it while the probe was out
    (CLOSED, Sign.PROBE_BAD): Move.COUNT,
    (CLOSED, Sign.PROBE_NEUTRAL): Move.STAY,
    (OPEN, Sign.GOOD): Move.STAY,  # begun before it opened: older news than the failures
    (OPEN, Sign.BAD): Move.STAY,
    (OPEN, Sign.NEUTRAL): Move.STAY,
    (OPEN, Sign.PROBE_GOOD): Move.CLOSE,  # its lease ran out and a later probe failed; yet this answer came just now
    (OPEN, Sign.PROBE_BAD): Move.STAY,
    (OPEN, Sign.PROBE_NEUTRAL): Move.STAY,
    (HALF_OPEN, Sign.GOOD): Move.STAY,
    (HALF_OPEN, Sign.BAD): Move.STAY,
    (HALF_OPEN, Sign.NEUTRAL): Move.STAY,
    (HALF_OPEN, Sign.PROBE_GOOD): Move.CLOSE,
    (HALF_OPEN, Sign.PROBE_BAD): Move.OPEN,
    (HALF_OPEN, Sign.PROBE_NEUTRAL): Move.STAY,
}

COUNTED = frozenset({FailureKind.OVERLOADED, FailureKind.TRANSIENT, FailureKind.NETWORK})
"""Failures that are the provider's. All others are about a login, a model or a request, and say nothing here."""

LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class BreakerRecord:
    """A breaker that is not closed without failures. Half-open is not written: it is open, and its time is over."""

    state: BreakerState
    failures: int
    since: float
    until: float
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a move needs besides the record."""

    profile: Profile
    now: float
    why: str = ""


def state_of(record: BreakerRecord | None, left: float) -> BreakerState:
    """With `left` seconds to go until `until`."""
    if record is None or record.state == CLOSED:
        return CLOSED
    return OPEN if left > 0 else HALF_OPEN


def sign_of(failure: FailureKind | None, is_neutral: bool, is_probe: bool) -> Sign:
    if is_neutral or (failure is not None and failure not in COUNTED):
        return Sign.PROBE_NEUTRAL if is_probe else Sign.NEUTRAL
    if failure is None:
        return Sign.PROBE_GOOD if is_probe else Sign.GOOD
    return Sign.PROBE_BAD if is_probe else Sign.BAD


def moved(record: BreakerRecord | None, left: float, sign: Sign, then: Circumstances) -> BreakerRecord | None:
    """The record after an outcome of that sign."""
    return _MOVES[TRANSITIONS[state_of(record, left), sign]](record, then)


def _stay(record: BreakerRecord | None, then: Circumstances) -> BreakerRecord | None:
    return record


def _close(record: BreakerRecord | None, then: Circumstances) -> None:
    return None


def _count(record: BreakerRecord | None, then: Circumstances) -> BreakerRecord | None:
    if then.profile.failure_threshold == 0:
        return record
    failures = (record.failures if record else 0) + 1
    counted = BreakerRecord(CLOSED, failures, then.now, then.now, 0.0, then.why[:LONGEST_REASON])
    return _open(counted, then) if failures >= then.profile.failure_threshold else counted


def _open(record: BreakerRecord | None, then: Circumstances) -> BreakerRecord | None:
    seconds = then.profile.breaker_seconds
    opened = BreakerRecord(OPEN, 1, then.now, then.now + seconds, seconds, then.why[:LONGEST_REASON])
    return replace(opened, failures=record.failures) if record else opened


_MOVES: Mapping[Move, Callable[[BreakerRecord | None, Circumstances], BreakerRecord | None]] = {
    Move.STAY: _stay,
    Move.COUNT: _count,
    Move.OPEN: _open,
    Move.CLOSE: _close,
}
