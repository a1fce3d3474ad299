"""What a change of a record is called: the event that is published, and the line that is logged."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from health.breaker import BreakerState, state_of
from health.events import (
    BreakerChanged,
    CooldownBegan,
    CooldownEnded,
    Event,
    LockedOut,
    RateLimitLearned,
    Unlocked,
)
from health.records import Kind, place_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """From one record to another, either of them None. `left` are the seconds the one before had to go."""

    kind: Kind
    key: str
    before: Any
    after: Any
    left: float
    now: float


def event_of(change: Change) -> Event | None:
    """None where it is nothing that anybody would watch for, such as one more failure of a closed breaker."""
    return _EVENTS[change.kind](change)


def note(change: Change) -> None:
    """A line where a person may have to act."""
    if isinstance(event := event_of(change), BreakerChanged):
        log.warning("breaker of %s: %s -> %s. %s", event.provider, event.before, event.after, event.why)


def _breaker(change: Change) -> Event | None:
    before = state_of(change.before, change.left)
    after = state_of(change.after, 1.0)
    if before is after:
        return None
    why = change.after.why if change.after else "It answers again." if before != BreakerState.OPEN else "Closed."
    return BreakerChanged(change.key, before, after, why, datetime.fromtimestamp(change.now, UTC))


def _rest(change: Change) -> Event | None:
    connection, model = place_of(change.key)
    after = change.after
    if after is None:
        return CooldownEnded(connection, model) if change.left > 0 else None
    if after.until <= change.now or (change.before and after.until <= change.before.until):
        return None
    return CooldownBegan(connection, model, after.until - change.now, after.reason, after.status)


def _reservoir(change: Change) -> Event | None:
    if change.after is None:
        return None
    connection, model = place_of(change.key)
    after = change.after
    return RateLimitLearned(connection, model, after.remaining, after.limit, after.until - change.now)


def _lockout(change: Change) -> Event | None:
    after = change.after
    if after is None:
        return Unlocked(change.key) if change.left > 0 else None
    if after.until <= change.now or change.left > 0:
        return None
    return LockedOut(change.key, after.policy, after.until - change.now)


_EVENTS: Mapping[Kind, Callable[[Change], Event | None]] = {
    Kind.BREAKER: _breaker,
    Kind.REST: _rest,
    Kind.RESERVOIR: _reservoir,
    Kind.LOCKOUT: _lockout,
}
