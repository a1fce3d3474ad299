"""The health of everything that can be asked, as one worker knows it: the one thing `combos` talks to."""

from collections.abc import Sequence
from uuid import UUID

from health.slots import Claim, Outcome, Refused, Skip, Slot, Vitals
from health.snapshot import HealthFacts


class Health:
    """One object per worker. `claim`, then `report` exactly once; everything else only looks."""

    def __init__(self, facts: HealthFacts) -> None:
        self.facts = facts

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def apply(self, facts: HealthFacts) -> None:
        """A new configuration."""
        self.facts = facts

    def glance(self, slot: Slot) -> Skip | None:
        """Why the slot would be passed over now, as far as this worker knows."""
        return None

    def vitals(self, slot: Slot) -> Vitals:
        return Vitals(0, 0, 0, None, None)

    def vitals_of_model(self, provider: str, model: str) -> Vitals:
        return Vitals(0, 0, 0, None, None)

    def idle_seconds(self, connection: UUID) -> float | None:
        return None

    def last_turn(self, key: str) -> int:
        return 0

    async def spoke(self, claim: Claim) -> None: ...

    async def turn(self, key: str) -> int:
        """0, 1, 2, ...: one sequence per key over all workers."""
        return 0

    async def claim(self, slots: Sequence[Slot], patience: float = 0.0) -> Claim | Refused:
        """The first slot that may be used. Where all lack room alone, wait in line, `patience` seconds at most."""
        return Claim(slots[0], 0, "", False)

    async def report(self, claim: Claim, outcome: Outcome) -> None:
        """How it went. Whatever was held for the claim is returned."""
