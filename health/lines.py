"""Requests that wait for room, in the order they came.

Each connection has a line. Whoever waits stands in the line of every connection that would do, and may try those whose
line it heads; who is not first is passed over as if there were no room. A line is bounded: a request that finds it full
is refused at once.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(slots=True, eq=False)
class Waiter:
    connections: tuple[UUID, ...]
    news: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Lines:
    _lines: dict[UUID, deque[Waiter]] = field(default_factory=dict)

    def is_ahead(self, connection: UUID, waiter: Waiter | None) -> bool:
        """Whether nobody else waits for this connection longer."""
        line = self._lines.get(connection)
        return not line or line[0] is waiter

    def may_try(self, waiter: Waiter) -> bool:
        return any(self.is_ahead(each, waiter) for each in waiter.connections)

    def have_room(self, connections: Iterable[UUID], length: int) -> bool:
        return any(len(self._lines.get(each, ())) < length for each in connections)

    def waiting(self, connection: UUID) -> int:
        return len(self._lines.get(connection, ()))

    @contextmanager
    def join(self, connections: Iterable[UUID]) -> Iterator[Waiter]:
        """At the end of each line; out of all of them afterwards, whatever happens."""
        waiter = Waiter(tuple(dict.fromkeys(connections)))
        for connection in waiter.connections:
            self._lines.setdefault(connection, deque()).append(waiter)
        try:
            yield waiter
        finally:
            for connection in waiter.connections:
                self._leave(connection, waiter)

    def wake(self, connection: UUID) -> None:
        """There may be room now."""
        line = self._lines.get(connection)
        if line:
            line[0].news.set()

    def _leave(self, connection: UUID, waiter: Waiter) -> None:
        line = self._lines[connection]
        line.remove(waiter)
        if line:
            line[0].news.set()
        else:
            del self._lines[connection]
