"""What is wrong right now, by the rows: breakers that are not closed, connections that rest, who is refused.

The workers write their rows within half a second, so this is the same on each of them, and a closed breaker's count of
failures, which lives in memory, is not here. What is left of a time is never more than it was meant to last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from health.breaker import BreakerState
from health.models import Breaker, Cooldown, Lockout, LockoutPolicy
from health.words import span
from providers.models import Provider


@dataclass(frozen=True, slots=True)
class BreakerNow:
    provider: Provider
    state: BreakerState
    failures: int = 0
    changed_at: datetime | None = None
    until: datetime | None = None
    seconds: float = 0.0
    """Until a probe may pass; 0 unless it is open."""
    why: str = ""

    @property
    def left(self) -> str:
        return span(self.seconds)


@dataclass(frozen=True, slots=True)
class CooldownNow:
    row: Cooldown
    """With its connection and that one's provider."""
    seconds: float

    @property
    def left(self) -> str:
        return span(self.seconds)


@dataclass(frozen=True, slots=True)
class LockoutNow:
    row: Lockout
    seconds: float

    @property
    def left(self) -> str:
        return span(self.seconds)


def breakers() -> list[BreakerNow]:
    """Of every provider that has connections, closed ones too."""
    now = timezone.now()
    rows = Breaker.objects.in_bulk()
    providers = Provider.objects.filter(connections__isnull=False).distinct().order_by("slug")
    return [_breaker(provider, rows.get(provider.pk), now) for provider in providers]


def _breaker(provider: Provider, row: Breaker | None, now: datetime) -> BreakerNow:
    if row is None:
        return BreakerNow(provider, BreakerState.CLOSED)
    seconds = _left(row.until, row.seconds, now)
    state = BreakerState.OPEN if seconds > 0 else BreakerState.HALF_OPEN
    return BreakerNow(
        provider, state, row.failures, row.changed_at, now + timedelta(seconds=seconds), seconds, row.last_failure
    )


def not_closed() -> QuerySet[Breaker]:
    return Breaker.objects.all()


def resting() -> QuerySet[Cooldown]:
    """The others only say how often something failed before."""
    return Cooldown.objects.filter(until__gt=timezone.now())


def refused() -> QuerySet[Lockout]:
    """The others only count failures, or their policy is switched off."""
    off = LockoutPolicy.objects.filter(is_enabled=False).values("name")
    return Lockout.objects.filter(locked_until__gt=timezone.now()).exclude(policy__in=off)


def cooldowns(most: int | None = None) -> Iterator[CooldownNow]:
    """The soonest to end first."""
    now = timezone.now()
    for row in resting().select_related("connection__provider").order_by("until", "pk")[:most]:
        yield CooldownNow(row, _left(row.until, row.seconds, now))


def lockouts(most: int | None = None) -> Iterator[LockoutNow]:
    """The soonest to end first."""
    now = timezone.now()
    for row in refused().order_by("locked_until", "pk")[:most]:
        assert row.locked_until is not None
        yield LockoutNow(row, max(0.0, (row.locked_until - now).total_seconds()))


def _left(until: datetime, seconds: float, now: datetime) -> float:
    return min(max(0.0, (until - now).total_seconds()), seconds)
