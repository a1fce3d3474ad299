"""The one way records change: by a rule, here or for all workers, and told to whoever must know.

A rule is pure: it gets the record or None, the seconds it has to go and the time, and gives the record as it should be.
It may be asked again where another worker was quicker.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias
from weakref import WeakValueDictionary

from health import chronicle, events
from health.board import Board
from health.chronicle import Change
from health.records import Kind, written
from health.shared_state import SharedState, SharedStateGone

log = logging.getLogger(__name__)

TRIES = 20

Rule: TypeAlias = Callable[[Any, float, float], Any]


class Keeping(Protocol):
    """Where records outlive the process."""

    def note(self, change: Change) -> None: ...


class Knowledge:
    """Records, and how they change. `shared` is None with one worker."""

    def __init__(self, board: Board, shared: SharedState | None, rows: Keeping | None) -> None:
        self.board = board
        self._shared = shared
        self._rows = rows
        self._locks: WeakValueDictionary[tuple[Kind, str], asyncio.Lock] = WeakValueDictionary()
        self._unshared: dict[tuple[Kind, str], float] = {}
        """What changed while the shared state was away, and when."""

    async def change(self, kind: Kind, key: str, rule: Rule) -> None:
        """One change of a record after the other; without shared state it is done before anything is awaited."""
        if self._shared is None or not self._shared.is_found:
            self.change_here(kind, key, rule)
            return
        lock = self._locks.setdefault((kind, key), asyncio.Lock())
        async with lock:
            try:
                change = await self._change_shared(self._shared, kind, key, rule)
            except SharedStateGone:
                self.change_here(kind, key, rule)
                return
        if change is not None:
            self._tell(change)

    def change_here(self, kind: Kind, key: str, rule: Rule) -> None:
        """In this worker alone, until the shared state is back."""
        change = self._ruled(kind, key, rule)
        if change is None:
            return
        self.board.put(kind, key, written(change.after))
        if self._shared is not None:
            self._unshared[kind, key] = change.now
        self._tell(change)

    async def push(self, everything: bool) -> None:
        """Tell the shared state what this worker knows and it does not; newer records win."""
        known = [(kind, key) for kind, key, _ in self.board.all()] if everything else []
        changed, self._unshared = self._unshared, {}
        for kind, key in dict.fromkeys([*known, *changed]):
            record, _ = self.board.seen(kind, key)
            at = changed.get((kind, key), record.since if record else 0.0)
            assert self._shared is not None
            await self._change_shared(self._shared, kind, key, _newer(record, at))

    async def _change_shared(self, shared: SharedState, kind: Kind, key: str, rule: Rule) -> Change | None:
        for _ in range(TRIES):
            change = self._ruled(kind, key, rule)
            if change is None:
                return None
            if await shared.change(kind, key, self.board.text(kind, key), written(change.after)):
                return change
        log.warning("the %s of %s changes too often to be changed once more", kind, key)
        return None

    def _ruled(self, kind: Kind, key: str, rule: Rule) -> Change | None:
        """None where the rule leaves everything as it is."""
        record, left = self.board.seen(kind, key)
        now = self.board.clock.shared()
        after = rule(record, left, now)
        if after == record or not self.board.has_room(kind, key):
            return None
        return Change(kind, key, record, after, left, now)

    def _tell(self, change: Change) -> None:
        chronicle.note(change)
        if (event := chronicle.event_of(change)) is not None:
            events.publish(event)
        if self._rows is not None:
            self._rows.note(change)


def _newer(record: Any, at: float) -> Rule:
    return lambda theirs, left, now: record if theirs is None or theirs.since <= at else theirs
