"""What health is asked and answers: may this slot be used, who has it, how did it go. Values alone."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from health.profiles import Profile
from providers.failures import UpstreamError
from providers.hints import RateHints


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may be asked. None: no limit."""

    requests_per_minute: int | None = None
    gap_seconds: float | None = None
    concurrent: int | None = None

    @property
    def gap_ms(self) -> int | None:
        return None if self.gap_seconds is None else round(self.gap_seconds * 1000)


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Slot:
    """A candidate as health sees it."""

    provider: str
    """The slug."""
    connection: UUID
    model: str
    """Its id at the provider."""
    limits: Limits
    profile: Profile


class SkipReason(StrEnum):
    BREAKER_OPEN = "breaker open"
    PROBING = "probing"
    """Half-open, and the one probe is out."""
    COOLING = "cooling"
    RATE_LIMITED = "rate limited"
    FULL = "full"
    """As many requests as the connection takes at once, or others wait for it already."""
    UNABLE = "unable"
    """Not a matter of health: its model cannot do what this request needs."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a slot is passed over now."""

    reason: SkipReason
    seconds: float | None
    """Until it may be tried again; None where nobody knows."""
    detail: str
    """One plain sentence for people."""
    status: int = 503
    """What a client is told when nobody else can be asked."""
    is_soft: bool = False
    """A preference alone: where no other slot can be had, a claim takes this one all the same."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a slot. Report it exactly once."""

    slot: Slot
    index: int
    """Its place in the sequence that was claimed from."""
    lease: str
    """What is held for it in the shared state; empty where nothing is."""
    is_probe: bool
    since: float = field(default=0.0, compare=False)
    """On the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Refused:
    """No slot may be used now. One skip for each slot, in their order."""

    skips: tuple[Skip, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went. The times are milliseconds."""

    failure: UpstreamError | None
    is_neutral: bool = False
    """The client hung up, or it was the caller's fault: neither a success nor a failure."""
    hints: RateHints | None = None
    first_event_ms: int | None = None
    total_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Vitals:
    """One model of one connection over about the last five minutes, all workers together."""

    requests: int
    failures: int
    in_flight: int
    latency_ms: float | None
    """Until the first event, recent requests weighing more."""
    idle_seconds: float | None
    """Since it was last used; None: never."""
