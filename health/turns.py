"""Whose turn it is: a sequence per key, one over all workers."""

from dataclasses import dataclass, field

from health.shared_state import SharedState, SharedStateGone


@dataclass(slots=True)
class Turns:
    shared: SharedState | None
    _next: dict[str, int] = field(default_factory=dict)

    async def next(self, key: str) -> int:
        """0, 1, 2, ... While the shared state is away this worker goes on from the last it knows."""
        if self.shared is not None and self.shared.is_found:
            try:
                turn = await self.shared.turn(key)
            except SharedStateGone:
                return self._here(key)
            self._next[key] = turn + 1
            return turn
        return self._here(key)

    def upcoming(self, key: str) -> int:
        """The next turn as far as this worker knows; nobody has taken it."""
        return self._next.get(key, 0)

    def _here(self, key: str) -> int:
        turn = self._next.get(key, 0)
        self._next[key] = turn + 1
        return turn
