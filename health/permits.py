"""Room in the limits of connections, and the one probe of a half-open breaker, as one worker counts them.

A wish is granted whole or not at all. With one worker this is the truth; with several it is what a worker falls back
on while the shared state is lost, so it is also told what the shared state granted.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from health.clock import Clock
from health.slots import Limits, SkipReason

WINDOW_SECONDS = 60.0
LONGEST_GAP = 600.0
LEASE_SECONDS = 30.0
"""A request that holds room says so again and again; one whose worker died gives it back after so long."""


@dataclass(frozen=True, slots=True)
class Well:
    """What a vendor said is left, and for how long."""

    key: str
    remaining: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What one slot needs."""

    provider: str
    breaker: str
    """The provider's breaker as it was known when the wish was made."""
    is_probe: bool
    connection: UUID
    limits: Limits
    well: Well | None
    waits: bool = False
    """Whether somebody stands in line for it."""


@dataclass(frozen=True, slots=True)
class Denial:
    reason: SkipReason
    seconds: float | None
    """Until it can be granted; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Granted:
    index: int


@dataclass(frozen=True, slots=True)
class Stale:
    """A breaker is not what the wish took it for, but as `text` says."""

    provider: str
    text: str


Answer: TypeAlias = Granted | Stale | tuple[Denial, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """What a claim holds until it is reported."""

    lease: str
    connection: UUID | None
    """Whose room at once it takes; None: nobody's."""
    probes: str | None
    """The provider it probes."""


@dataclass(slots=True)
class _Level:
    remaining: int
    ends: float


@dataclass(slots=True)
class Permits:
    clock: Clock
    lease_seconds: float = LEASE_SECONDS
    _uses: dict[UUID, deque[float]] = field(default_factory=dict)
    _leases: dict[UUID, dict[str, float]] = field(default_factory=dict)
    _probes: dict[str, tuple[str, float]] = field(default_factory=dict)
    _levels: dict[str, _Level] = field(default_factory=dict)

    def take(self, wishes: Sequence[Wish], lease: str) -> Granted | tuple[Denial, ...]:
        """The first wish that can be granted, is."""
        denials = []
        for index, wish in enumerate(wishes):
            denial = self.denial(wish)
            if denial is None:
                self.note(wish, lease)
                return Granted(index)
            denials.append(denial)
        return tuple(denials)

    def denial(self, wish: Wish) -> Denial | None:
        """Why it cannot be granted now."""
        now = self.clock.monotonic()
        if wish.is_probe and (left := self.probe_left(wish.provider)) > 0:
            return Denial(SkipReason.PROBING, left)
        wait = max(self._window_wait(wish, now), self._well_wait(wish, now))
        if wait > 0:
            return Denial(SkipReason.RATE_LIMITED, wait)
        return self._full(wish, now)

    def note(self, wish: Wish, lease: str) -> None:
        """It was granted, here or by the shared state."""
        now, limits = self.clock.monotonic(), wish.limits
        if wish.is_probe:
            self._probes[wish.provider] = (lease, now + self.lease_seconds)
        if limits.requests_per_minute or limits.gap_seconds:
            uses = self._uses.setdefault(wish.connection, deque())
            uses.append(now)
            while len(uses) > (limits.requests_per_minute or 1):
                uses.popleft()
        if limits.concurrent:
            self._leases.setdefault(wish.connection, {})[lease] = now + self.lease_seconds
        if wish.well:
            self._level(wish.well, now).remaining -= 1

    def renew(self, holds: Sequence[Hold]) -> None:
        ends = self.clock.monotonic() + self.lease_seconds
        for hold in holds:
            leases = self._leases.get(hold.connection, {}) if hold.connection else {}
            if hold.lease in leases:
                leases[hold.lease] = ends
            if hold.probes and self._probes.get(hold.probes, ("", 0.0))[0] == hold.lease:
                self._probes[hold.probes] = (hold.lease, ends)

    def tidy(self) -> None:
        """Forget what counts no more."""
        now = self.clock.monotonic()
        for connection in [each for each, uses in self._uses.items() if not uses or uses[-1] < now - LONGEST_GAP]:
            del self._uses[connection]
        for key in [each for each, level in self._levels.items() if level.ends <= now]:
            del self._levels[key]

    def give_back(self, hold: Hold) -> None:
        if hold.connection is not None:
            leases = self._leases.get(hold.connection, {})
            leases.pop(hold.lease, None)
            if not leases:
                self._leases.pop(hold.connection, None)
        if hold.probes and self._probes.get(hold.probes, ("", 0.0))[0] == hold.lease:
            del self._probes[hold.probes]

    def probe_left(self, provider: str) -> float:
        """Seconds until another may probe, if the one that does never comes back."""
        _, ends = self._probes.get(provider, ("", 0.0))
        return max(0.0, ends - self.clock.monotonic())

    def _window_wait(self, wish: Wish, now: float) -> float:
        uses, limits = self._uses.get(wish.connection), wish.limits
        if not uses:
            return 0.0
        wait = 0.0
        if limits.gap_seconds:
            wait = uses[-1] + limits.gap_seconds - now
        if limits.requests_per_minute and len(uses) >= limits.requests_per_minute:
            wait = max(wait, uses[-limits.requests_per_minute] + WINDOW_SECONDS - now)
        return wait

    def _well_wait(self, wish: Wish, now: float) -> float:
        if wish.well is None:
            return 0.0
        level = self._level(wish.well, now)
        return level.ends - now if level.remaining <= 0 else 0.0

    def _level(self, well: Well, now: float) -> _Level:
        level = self._levels.get(well.key)
        if level is None or level.ends <= now:
            level = self._levels[well.key] = _Level(well.remaining, now + well.seconds)
        return level

    def _full(self, wish: Wish, now: float) -> Denial | None:
        most = wish.limits.concurrent
        leases = self._leases.get(wish.connection)
        if not most or not leases:
            return None
        for lease in [lease for lease, ends in leases.items() if ends <= now]:
            del leases[lease]
        return Denial(SkipReason.FULL, None) if len(leases) >= most else None
