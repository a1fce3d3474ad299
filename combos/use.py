"""One use of a candidate: from the claim on it to the report of how it went, which health hears exactly once."""

import time

from combos.line import Taken
from health.health import Health
from health.slots import Outcome
from providers.failures import UpstreamError
from providers.hints import RateHints


class Use:
    """`report` may be called again; only the first counts, so that a `finally` can make sure of it."""

    __slots__ = ("_claim", "_health", "_room", "_started", "first_event_ms", "hints", "is_open")

    def __init__(self, health: Health, taken: Taken) -> None:
        self._health = health
        self._claim = taken.claim
        self._room = taken.room
        self._started = time.monotonic()
        self.is_open = True
        self.first_event_ms: int | None = None
        self.hints: RateHints | None = None

    @property
    def milliseconds(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    async def spoke(self) -> None:
        """The first event came: whatever follows, this provider can be reached."""
        self.first_event_ms = self.milliseconds
        if self._claim is not None and self._claim.is_probe:
            await self._health.spoke(self._claim)

    async def succeeded(self) -> None:
        """A whole answer is its own first word."""
        if self.first_event_ms is None:
            self.first_event_ms = self.milliseconds
        await self._report(None)

    async def failed(self, failure: UpstreamError) -> None:
        self.hints = self.hints or failure.hints
        await self._report(failure)

    async def ended(self) -> None:
        """For a `finally`: if nothing was reported, the client hung up, which says nothing of the provider."""
        await self._report(None, is_neutral=True)

    async def _report(self, failure: UpstreamError | None, *, is_neutral: bool = False) -> None:
        if not self.is_open:
            return
        self.is_open = False
        try:
            if self._claim is not None:
                outcome = Outcome(failure, is_neutral, self.hints, self.first_event_ms, self.milliseconds)
                await self._health.report(self._claim, outcome)
        finally:
            if self._room is not None:
                await self._health.report(self._room, Outcome(None, is_neutral=True))
