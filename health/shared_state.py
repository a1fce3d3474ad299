"""What workers must know together, as one small interface: `health.shared` keeps it in Redis; one worker needs none."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from health.permits import Answer, Hold, Wish
from health.records import Kind


class SharedStateGone(Exception):
    """It did not answer, or not in time."""


class SharedState(Protocol):
    """Every call raises SharedStateGone once it is lost, at once, until it is found again."""

    is_found: bool
    worker: str
    """This worker's name among all."""
    on_turn: Callable[[str | None], None]
    """Told why it was lost, or None when it is found."""
    on_push: Callable[[bool], Awaitable[None]]
    """Asked to tell what this worker knows: everything, or what changed meanwhile."""
    on_room: Callable[[str], None]
    """Told the id of a connection that has room again."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def take(self, wishes: Sequence[Wish], lease: str) -> Answer: ...

    async def give_back(self, hold: Hold) -> None: ...

    async def renew(self, holds: Iterable[Hold], *, were_lost: bool = False) -> None: ...

    async def change(self, kind: Kind, key: str, before: str, after: str) -> bool:
        """Whether the record was as it was before. If not, the board says now what it is."""
        ...

    async def run(self, script: str, *arguments: object) -> Any:
        """One of the scripts that it was made with, and the script's answer."""
        ...

    async def turn(self, key: str) -> int: ...

    async def recall(self, key: str) -> str | None: ...

    async def remember(self, key: str, text: str, seconds: int) -> None: ...

    async def exchange_pulses(self, own: str) -> Mapping[str, str]: ...

    async def forget_pulses(self, workers: Sequence[str]) -> None: ...
