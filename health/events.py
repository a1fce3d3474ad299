"""What happens to requests, to the health of what they ask and to what pays for them, for whoever watches.

`publish` never fails and never waits: a subscriber that is slow loses the oldest events. Each worker publishes what
happened in it; what other workers did is theirs to publish.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from health.breaker import BreakerState

MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    provider: str
    before: BreakerState
    after: BreakerState
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CooldownBegan:
    """Of one model of the connection; an empty model is all of it."""

    connection: UUID
    model: str
    seconds: float
    reason: str
    status: int | None


@dataclass(frozen=True, slots=True)
class CooldownEnded:
    """By a success or by a person. That its time is over is no event."""

    connection: UUID
    model: str


@dataclass(frozen=True, slots=True)
class RateLimitLearned:
    """A vendor said how much is left until its limit begins anew."""

    connection: UUID
    model: str
    remaining: int
    limit: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class LockedOut:
    identifier: str
    policy: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Unlocked:
    identifier: str


@dataclass(frozen=True, slots=True)
class HealthReset:
    """A person's order to forget everything was carried out in this worker."""


@dataclass(frozen=True, slots=True)
class SharedStateLost:
    """Workers no longer know of each other; each goes on with what it knows."""

    why: str


@dataclass(frozen=True, slots=True)
class SharedStateFound:
    pass


@dataclass(frozen=True, slots=True)
class BudgetReached:
    """A budget is nearly used up or used up, for the first time in its window."""

    budget: int
    level: str
    subject: str
    period: str
    mark: str
    percent: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """One candidate was asked and did not answer."""

    request_id: str
    provider: str
    connection: UUID
    model: str
    kind: str
    status: int
    milliseconds: int
    message: str


@dataclass(frozen=True, slots=True)
class RequestRouted:
    """A candidate answers."""

    request_id: str
    asked: str
    provider: str
    connection: UUID
    model: str
    attempts: int


Event: TypeAlias = (
    BreakerChanged
    | CooldownBegan
    | CooldownEnded
    | RateLimitLearned
    | LockedOut
    | Unlocked
    | HealthReset
    | SharedStateLost
    | SharedStateFound
    | BudgetReached
    | AttemptFailed
    | RequestRouted
)


class Subscription:
    """The events since it began, oldest first. Iterate it on the loop that subscribed."""

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque(maxlen=MOST_WAITING)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def put(self, event: Event) -> None:
        self._waiting.append(event)
        if not self._news.is_set():
            # The loop of a subscriber that is gone is no reason to fail a request.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._news.set)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            self._news.clear()
            if not self._waiting:
                await self._news.wait()


_subscriptions: set[Subscription] = set()


def has_subscribers() -> bool:
    """Whether anybody would hear: for events that are made for every request."""
    return bool(_subscriptions)


def publish(event: Event) -> None:
    for subscription in tuple(_subscriptions):
        subscription.put(event)


@contextlib.contextmanager
def subscribe() -> Iterator[Subscription]:
    subscription = Subscription()
    _subscriptions.add(subscription)
    try:
        yield subscription
    finally:
        _subscriptions.discard(subscription)
