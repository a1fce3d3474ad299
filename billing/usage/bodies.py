"""Job: what was asked and answered, where ENABLE_REQUEST_LOGS keeps it: made fit to be kept, and stored.

Law: nothing waits for it, and it fails nothing. Secrets and media are taken out before anything touches a disk, on a
thread of its own. What comes in faster than that thread works is dropped, and said so: bodies are no money.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from django.db import connection

from billing.models import CallBody
from billing.usage.journal import Journal
from billing.usage.told import told
from providers.redaction import kept
from translator.dialect import Dialect

log = logging.getLogger(__name__)

DIRECTORY = "bodies"
MOST_WAITING = 64 << 20
"""Bytes of requests and answers that may wait for the thread."""
ROWS_AT_ONCE = 50


class BodyRow(msgspec.Struct):
    """The columns of CallBody."""

    request_id: str
    created_at: datetime
    request_body: str
    response_body: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request and its answer, as they were on the wire.

    `heard` is the beginning of the answer where that is long; `said` is how many bytes it had in all.
    """

    request_id: str
    began_at: datetime
    dialect: Dialect
    asked: bytes
    heard: bytes
    said: int
    is_stream: bool

    @property
    def size(self) -> int:
        return len(self.asked) + len(self.heard)


def make_journal(data_dir: Path) -> Journal[BodyRow]:
    return Journal(data_dir / DIRECTORY, BodyRow, store_and_disconnect, kind="bodies", is_told=False)


class BodyLog:
    """One worker's log of bodies. `keep` is called on the event loop."""

    def __init__(self, data_dir: Path, most_bytes: int) -> None:
        self._journal = make_journal(data_dir)
        self._most_bytes = most_bytes
        self._pool = ThreadPoolExecutor(1, "body-writer")
        self._guard = threading.Lock()
        self._waiting = 0
        self._is_behind = False

    def start(self) -> None:
        self._journal.start()

    def stop(self) -> None:
        """Returns when everything that was heard is stored, or on the disk."""
        self._pool.shutdown()
        self._journal.stop()

    def keep(self, call: Call) -> None:
        """Never waits, never raises."""
        if self._has_room(call.size):
            self._pool.submit(self._write, call)

    def _has_room(self, size: int) -> bool:
        with self._guard:
            was_behind, self._is_behind = self._is_behind, self._waiting + size > MOST_WAITING
            if not self._is_behind:
                self._waiting += size
                return True
        if not was_behind:
            log.warning("requests come in faster than their bodies can be logged: some are left out")
        return False

    def _write(self, call: Call) -> None:
        try:
            self._journal.append(row_of(call, self._most_bytes))
        except Exception as error:  # The outermost edge of the thread. Its words might quote what nobody should read.
            log.error("the bodies of %s are not logged: %s", call.request_id, type(error).__name__)
        finally:
            with self._guard:
                self._waiting -= call.size


def begin(data_dir: Path, most_bytes: int) -> BodyLog | None:
    """The log, started; None where bodies are not kept. What killed workers left behind is stored in any case."""
    if most_bytes:
        body_log = BodyLog(data_dir, most_bytes)
        body_log.start()
        return body_log
    if (data_dir / DIRECTORY).exists():
        leftovers = make_journal(data_dir)
        leftovers.start()
        leftovers.stop()
    return None


def row_of(call: Call, most_bytes: int) -> BodyRow:
    answer = told(call.heard, call.dialect) if call.is_stream else call.heard
    is_whole = call.said == len(call.heard)
    return BodyRow(
        call.request_id,
        call.began_at,
        kept(call.asked, most_bytes),
        kept(answer, most_bytes, None if is_whole else call.said),
    )


def store(rows: Sequence[BodyRow]) -> None:
    """Insert those that are not there yet."""
    made = [CallBody(**{name: getattr(row, name) for name in BodyRow.__struct_fields__}) for row in rows]
    CallBody.objects.bulk_create(made, batch_size=ROWS_AT_ONCE, ignore_conflicts=True)


def store_and_disconnect(rows: Sequence[BodyRow]) -> None:
    """For the journal's thread: a connection that broke is not met again."""
    try:
        store(rows)
    finally:
        connection.close()
