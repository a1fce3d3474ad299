"""Workers as health sees them, for tests: some `Health` objects that share what they are given to share."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from health.health import Health
from health.profiles import DEFAULTS, Profile, ProfileClass
from health.shared import prefix_of
from health.slots import NO_LIMITS, Claim, Limits, Outcome, Refused, SkipReason, Slot
from health.snapshot import HealthFacts
from providers.failures import FailureKind, Scope, UpstreamError

PROFILE = replace(DEFAULTS[ProfileClass.API_KEY], failure_threshold=3, breaker_seconds=0.25, jitter=0.0)
SUCCESS = Outcome(None, first_event_ms=100)
NEUTRAL = Outcome(None, is_neutral=True)


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await work

    asyncio.run(bounded())


def slot(limits: Limits = NO_LIMITS, profile: Profile = PROFILE, provider: str = "up", model: str = "m") -> Slot:
    return Slot(provider, uuid.uuid4(), model, limits, profile)


def failing(
    kind: FailureKind = FailureKind.TRANSIENT,
    status: int = 500,
    retry_after: float | None = None,
    scope: Scope = Scope.MODEL,
) -> Outcome:
    return Outcome(UpstreamError(kind, status, "no", retry_after, scope))


@dataclass(slots=True)
class Workers:
    """Makes them, and stops them at the end."""

    redis_url: str
    count: int
    secret: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def prefix(self) -> str:
        """Of their keys in Redis."""
        return prefix_of(self.secret)

    @asynccontextmanager
    async def started(
        self, facts: HealthFacts | None = None, lease_seconds: float = 30.0
    ) -> AsyncIterator[Sequence[Health]]:
        made = [
            Health(facts or HealthFacts(), redis_url=self.redis_url, secret=self.secret, lease_seconds=lease_seconds)
            for _ in range(self.count)
        ]
        try:
            for each in made:
                await each.start()
            yield made
        finally:
            for each in made:
                await each.stop()


async def ask(health: Health, asked: Slot, outcome: Outcome) -> Claim:
    """Claim and report at once."""
    claim = await health.claim([asked])
    assert isinstance(claim, Claim), claim
    await health.report(claim, outcome)
    return claim


async def reason(health: Health, asked: Slot) -> SkipReason | None:
    """Why a claim is refused now; one that is granted is returned as if it had not been."""
    answer = await health.claim([asked])
    if isinstance(answer, Refused):
        return answer.skips[0].reason
    await health.report(answer, NEUTRAL)
    return None


async def until(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def until_granted(health: Health, asked: Slot, seconds: float = 3.0) -> Claim:
    async with asyncio.timeout(seconds):
        while not isinstance(answer := await health.claim([asked]), Claim):
            await asyncio.sleep(0.005)
    return answer


async def open_breaker(health: Health, asked: Slot) -> None:
    for _ in range(asked.profile.failure_threshold):
        await ask(health, asked, failing())


def granted(answers: Sequence[Claim | Refused]) -> list[Claim]:
    return [each for each in answers if isinstance(each, Claim)]
