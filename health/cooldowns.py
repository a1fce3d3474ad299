"""What a failure means for the connection it came through: how much of it rests, and how long. Pure; one line a rule.

A rest lasts as long as the vendor asked, or as the profile computes, whichever is longer. Each rest is longer than the
one before; a success ends it and the count. A soft rest is a preference: the connection is asked when no other is left.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from health.profiles import Profile
from providers.failures import FailureKind, Scope, UpstreamError

LONGEST_REST = 24 * 3600.0
LONGEST_JITTER = 30.0
"""Enough to spread a crowd; a share of a day would keep a connection idle for hours."""
REFUSED_SECONDS = 120.0
"""The rest of what is refused until a person or the vendor changes something."""
RATE_LIMIT_SECONDS = 1.0


class Part(StrEnum):
    CONNECTION = "connection"
    MODEL = "model"
    """One model of the connection."""


@dataclass(frozen=True, slots=True)
class Rule:
    part: Part
    first_seconds: Callable[[Profile], float]
    grows: bool = True
    is_soft: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """`until` is over where only `strikes` are counted so far."""

    since: float
    until: float
    seconds: float
    level: int
    strikes: int
    reason: str
    status: int | None
    is_soft: bool


def _refused(profile: Profile) -> float:
    return REFUSED_SECONDS


def _rate_limited(profile: Profile) -> float:
    return profile.rate_limit_cooldown or RATE_LIMIT_SECONDS


def _transient(profile: Profile) -> float:
    return profile.transient_cooldown


RULES: Mapping[FailureKind, Rule] = {
    FailureKind.CREDENTIAL: Rule(Part.CONNECTION, _refused, grows=False),
    FailureKind.QUOTA: Rule(Part.MODEL, _refused, grows=False),
    FailureKind.MODEL_ACCESS: Rule(Part.MODEL, _refused, grows=False, is_soft=True),
    FailureKind.MODEL_GONE: Rule(Part.MODEL, _refused, grows=False, is_soft=True),
    FailureKind.RATE_LIMIT: Rule(Part.MODEL, _rate_limited),
    FailureKind.OVERLOADED: Rule(Part.MODEL, _transient, is_soft=True),
    FailureKind.TRANSIENT: Rule(Part.MODEL, _transient, is_soft=True),
    FailureKind.NETWORK: Rule(Part.MODEL, _transient, is_soft=True),
}
"""Kinds that are not here are about the request, and rest nothing. The soft ones: where there is no other connection,
the vendor's own answer helps more than ours; a provider that is down is the breaker's business."""

LIMITS = frozenset({FailureKind.QUOTA, FailureKind.RATE_LIMIT})
"""A vendor's limits: of one model, or of the whole account where it says so."""

PASSING = frozenset({FailureKind.OVERLOADED, FailureKind.TRANSIENT, FailureKind.NETWORK})
BORNE = 2
"""So many of these in a row begin a rest. One alone is a hiccup: whoever moved for it would find no cached prompt."""


@dataclass(frozen=True, slots=True)
class Blow:
    """A failure, and what the length of a rest depends on besides. `draw` is random, from 0 to 1."""

    failure: UpstreamError
    profile: Profile
    now: float
    draw: float


def part_of(failure: UpstreamError) -> Part | None:
    """What rests after it; None: nothing."""
    rule = RULES.get(failure.kind)
    if rule is None:
        return None
    is_whole = failure.scope is Scope.ACCOUNT and failure.kind in LIMITS
    return Part.CONNECTION if is_whole else rule.part


def usable_hint(seconds: float | None) -> float:
    """A vendor's own word, bounded; 0 where it is none, negative or no number."""
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return 0.0
    return min(seconds, LONGEST_REST)


def length(rule: Rule, profile: Profile, level: int, hint: float | None, draw: float) -> float:
    """Seconds of a rest at that level. 0: none."""
    computed = rule.first_seconds(profile)
    if rule.grows:
        steps = min(level, profile.longest_backoff_level)
        computed = min(computed * profile.backoff_base**steps, profile.backoff_maximum)
    seconds = max(computed, usable_hint(hint))
    return min(seconds + min(seconds * profile.jitter * draw, LONGEST_JITTER), LONGEST_REST)


def rested(rest: Rest | None, left: float, blow: Blow) -> Rest | None:
    """The rest after a failure, with `left` seconds to go of the one before. None: nothing rests."""
    failure, rule = blow.failure, RULES[blow.failure.kind]
    hint = usable_hint(failure.retry_after) or None
    is_soft = rule.is_soft and hint is None
    if rest is not None and left > 0 and (is_soft or not rest.is_soft):
        return _lengthened(rest, left, blow, hint)
    if _is_excused(rest, hint, blow):
        return _struck(rest, blow) if rule.first_seconds(blow.profile) > 0 else rest
    level = min(rest.level + 1, blow.profile.longest_backoff_level) if rest and rest.seconds > 0 else 0
    seconds = length(rule, blow.profile, level, hint, blow.draw)
    if seconds <= 0:
        return rest
    return Rest(blow.now, blow.now + seconds, seconds, level, 0, failure.kind.value, failure.status or None, is_soft)


def _lengthened(rest: Rest, left: float, blow: Blow, hint: float | None) -> Rest:
    """Requests that were under way when the rest began say nothing new, unless the vendor names a later time."""
    if hint is None or hint <= left:
        return rest
    return replace(rest, until=blow.now + hint, seconds=max(rest.seconds, hint), status=blow.failure.status or None)


def _is_excused(rest: Rest | None, hint: float | None, blow: Blow) -> bool:
    """A failure that names no time, and not yet as many in a row as are borne."""
    if hint is not None:
        return False
    strikes = (rest.strikes if rest else 0) + 1
    if blow.failure.kind is FailureKind.RATE_LIMIT:
        return strikes < blow.profile.rate_limit_sensitivity
    has_rested = rest is not None and rest.seconds > 0
    return blow.failure.kind in PASSING and not has_rested and strikes < BORNE


def _struck(rest: Rest | None, blow: Blow) -> Rest:
    if rest is not None:
        return replace(rest, strikes=rest.strikes + 1)
    return Rest(blow.now, blow.now, 0.0, 0, 1, blow.failure.kind.value, blow.failure.status or None, False)
