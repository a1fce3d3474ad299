"""What a client must not lose between two requests, and has no place to carry: signatures, and stored responses.

Kept in the database, so that a restart or another worker changes nothing; signatures also in this process, for speed.
Every entry belongs to one API key (or to the callers without one) and ends after the time that the settings say. The
database is asked only for what this process does not know, outside of the event loop; when it cannot be reached,
requests go on without what they would have found.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, connection

from combos.models import MemoryEntry

log = logging.getLogger(__name__)

Result = TypeVar("Result")

FORGETTABLE = "response:"
"""Keys of what a client may ask to forget: only the database knows it, so that every worker forgets at once."""
LARGEST_CACHE = 32 << 20
"""Bytes of values that this process keeps at hand."""
MOST_AT_HAND = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    owner: str
    key: str
    value: bytes
    hours: int


class Memory:
    """What is to be kept is written in batches: whoever comes while one is written waits for the next."""

    def __init__(self, largest: int = LARGEST_CACHE) -> None:
        self._largest = largest
        self._size = 0
        self._at_hand: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        """Empty for a signature that is known not to be kept: nobody asks for one before it could be."""
        self._waiting: list[tuple[list[Entry], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def recall(self, owner: str, keys: Iterable[str]) -> dict[str, bytes]:
        """What is kept under these keys, as far as there is anything."""
        wanted = list(dict.fromkeys(keys))
        known = {key: value for key in wanted if (value := self._at_hand.get((owner, key))) is not None}
        missing = [key for key in wanted if key not in known]
        if missing:
            known |= await self._read(owner, missing)
        return {key: value for key, value in known.items() if value}

    async def _read(self, owner: str, keys: list[str]) -> dict[str, bytes]:
        try:
            stored = await asyncio.to_thread(_and_disconnect, read, owner, keys)
        except DatabaseError as error:
            log.error("the memory of conversations cannot be read: %s", error)
            return {}
        self._hold(owner, dict.fromkeys(keys, b"") | stored)
        return stored

    async def forget(self, owner: str, key: str) -> bool:
        """Whether there was anything to forget."""
        return await asyncio.to_thread(_and_disconnect, delete, owner, key) > 0

    async def remember(self, owner: str, entries: Mapping[str, bytes], hours: int) -> None:
        """Keep them so long. Returns when every worker would find them."""
        if not entries or not hours:
            return
        self._hold(owner, entries)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(([Entry(owner, key, value, hours) for key, value in entries.items()], written))
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
        await written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(_and_disconnect, write, [entry for entries, _ in batch for entry in entries])
            except DatabaseError as error:
                log.error("the memory of conversations cannot be written: %s", error)
            for _, written in batch:
                if not written.done():
                    written.set_result(None)
        self._writing = None

    def _hold(self, owner: str, entries: Mapping[str, bytes]) -> None:
        for key, value in entries.items():
            if key.startswith(FORGETTABLE):
                continue
            replaced = self._at_hand.pop((owner, key), b"")
            self._at_hand[(owner, key)] = value
            self._size += len(value) - len(replaced)
        while self._size > self._largest or len(self._at_hand) > MOST_AT_HAND:
            _, value = self._at_hand.popitem(last=False)
            self._size -= len(value)


def _and_disconnect(deed: Callable[..., Result], *arguments: Any) -> Result:
    """For a thread that nobody else cleans up after: a connection that broke is not met again."""
    try:
        return deed(*arguments)
    finally:
        connection.close()


def read(owner: str, keys: Iterable[str]) -> dict[str, bytes]:
    rows = MemoryEntry.objects.filter(owner=owner, key__in=list(keys), expires_at__gt=datetime.now(UTC))
    return {key: bytes(value) for key, value in rows.values_list("key", "value")}


def write(entries: Iterable[Entry]) -> None:
    """The last of several with one owner and key counts."""
    now = datetime.now(UTC)
    last = {(entry.owner, entry.key): entry for entry in entries}
    rows = [
        MemoryEntry(owner=owner, key=key, value=entry.value, expires_at=now + timedelta(hours=entry.hours))
        for (owner, key), entry in last.items()
    ]
    MemoryEntry.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["owner", "key"], update_fields=["value", "expires_at"]
    )


def delete(owner: str, key: str) -> int:
    return MemoryEntry.objects.filter(owner=owner, key=key).delete()[0]


def forget_expired() -> int:
    """Remove what has ended; scheduled once a day. Returns how many entries."""
    return MemoryEntry.objects.filter(expires_at__lte=datetime.now(UTC)).delete()[0]
