"""A provider's circuit breaker: what an outcome makes of it. Pure; one line a rule.

Closed, requests pass and failures in a row are counted; enough of them open it. Open, nothing passes until its time is
over. Then it is half-open: one request is let through as a probe, and what becomes of the probe decides.
"""

from collections.abc import Mapping
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

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
