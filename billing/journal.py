"""An append-only file of usage rows between the request that made them and the database that keeps them.

Writing a row costs one `write` (about 1 us) and no database. A writer thread closes the file every quarter second,
puts its rows into the database and then removes it; a row is inserted once, whatever happens in between, because its
request id is unique. Each worker writes in a directory of its own, which it holds locked: directories without an owner
were left behind by a killed worker, and whoever comes by next replays them.

Law: a row that was appended reaches the database, or is still in a file. A `kill -9` loses none; a power cut may lose
the last seconds, since files are not flushed to the disk one by one.
"""

import fcntl
import logging
import math
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
RETRY_SECONDS = 2.0
ORPHAN_SECONDS = 30.0
LOCK = "lock"

Row = TypeVar("Row", bound=msgspec.Struct)


class Journal(Generic[Row]):
    """One worker's journal. `append` is called on the event loop, everything else on the writer thread."""

    def __init__(self, directory: Path, row_type: type[Row], store: Callable[[list[Row]], None]) -> None:
        self._root = directory
        self._own = directory / uuid.uuid4().hex
        self._encode = msgspec.json.Encoder().encode
        self._decoder = msgspec.json.Decoder(row_type)
        self._store = store
        self._segments = 0
        self._descriptor: int | None = None
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage-writer", daemon=True)
        self.trouble: str | None = None
        """What keeps rows from being appended or stored right now; None while all is well."""

    def start(self) -> None:
        self._own.mkdir(mode=0o700, parents=True)
        self._lock = open_locked(self._own)
        self._thread.start()

    def append(self, row: Row) -> None:
        """Write one row. Never raises: a full disk must not fail the request that was already answered."""
        line = self._encode(row) + b"\n"
        try:
            with self._guard:
                if self._descriptor is None:
                    self._descriptor = self._open_segment()
                os.write(self._descriptor, line)
        except OSError as error:
            self.trouble = f"usage rows cannot be written to {self._own}: {error}"
            log.critical("usage row lost, %s: %s", error, line.decode())

    def stop(self) -> None:
        """Store what is there, then stop. Rows that cannot be stored stay on the disk for the next start."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join()
        self._flush()
        if not any(self._own.glob("*.jsonl")):
            remove_directory(self._own)
        os.close(self._lock)

    def _open_segment(self) -> int:
        self._segments += 1
        path = self._own / f"{self._segments:012d}.jsonl"
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _run(self) -> None:
        waited = ORPHAN_SECONDS
        while not self._stopping.wait(RETRY_SECONDS if self.trouble else FLUSH_SECONDS):
            self._flush()
            waited += FLUSH_SECONDS
            if waited >= ORPHAN_SECONDS and not self.trouble:
                waited = 0
                self._adopt_orphans()

    def _flush(self) -> None:
        """Close the current segment and store all closed ones."""
        with self._guard:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
            newest = self._segments
        self._store_segments(self._own, newest)

    def _adopt_orphans(self) -> None:
        for directory in self._root.iterdir():
            if directory != self._own and directory.is_dir() and (lock := lock_if_free(directory)) is not None:
                if self._store_segments(directory):
                    remove_directory(directory)
                os.close(lock)

    def _store_segments(self, directory: Path, newest: float = math.inf) -> bool:
        """Store and remove every segment, oldest first; whether all of them are in the database now."""
        try:
            for segment in sorted(directory.glob("*.jsonl")):
                if int(segment.stem) > newest:  # It was opened meanwhile, and more will be written to it.
                    break
                rows = list(self._read(segment))
                if rows:
                    self._store(rows)
                segment.unlink()
        except Exception as error:  # The outermost edge of the thread: whatever it is, the rows stay on the disk.
            self.trouble = f"usage rows wait in {directory} for the database: {error}"
            log.error(self.trouble)
            return False
        self.trouble = None
        return True

    def _read(self, segment: Path) -> Iterator[Row]:
        for line in segment.read_bytes().splitlines():
            try:
                yield self._decoder.decode(line)
            except msgspec.DecodeError:
                log.warning("a torn line in %s was skipped (%d bytes)", segment, len(line))


def open_locked(directory: Path) -> int:
    """The descriptor that keeps `directory` ours while this process lives."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def lock_if_free(directory: Path) -> int | None:
    """Like `open_locked`, but None while another process owns the directory, or when it is gone."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def remove_directory(directory: Path) -> None:
    (directory / LOCK).unlink(missing_ok=True)
    directory.rmdir()
