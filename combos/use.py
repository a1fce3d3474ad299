"""One use of a candidate: from the claim on it to the report of how it went, which health hears exactly once."""

import time

from combos.line import Taken
from health.health import Health
from health.slots import Outcome
from providers.failures import UpstreamError
from providers.hints import RateHints


class Use:
    """`report` may be called again; only the first counts, so that a `finally` can make sure of it."""

    __slots__ = ("_claims", "_health", "_started", "first_event_ms", "hints")

    def __init__(self, health: Health, taken: Taken) -> None:
        self._health = health
        self._claims = [claim for claim in (taken.claim, taken.room) if claim is not None]
        self._started = time.monotonic()
        self.first_event_ms: int | None = None
        self.hints: RateHints | None = None

    @property
    def milliseconds(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    async def spoke(self) -> None:
        """The first event came: whatever follows, this provider can be reached."""
        self.first_event_ms = self.milliseconds
        for claim in self._claims:
            if claim.is_probe:
                await self._health.spoke(claim)

    async def succeeded(self) -> None:
        await self._report(None)

    async def failed(self, failure: UpstreamError) -> None:
        self.hints = self.hints or failure.hints
        await self._report(failure)

    @property
    def is_open(self) -> bool:
        return bool(self._claims)

    async def ended(self) -> None:
        """For a `finally`: if nothing was reported, the client hung up, which says nothing of the provider."""
        await self._report(None, is_neutral=True)

    async def _report(self, failure: UpstreamError | None, *, is_neutral: bool = False) -> None:
        claims, self._claims = self._claims, []
        for claim in claims:
            outcome = Outcome(failure, is_neutral, self.hints, self.first_event_ms, self.milliseconds)
            await self._health.report(claim, outcome)
