"""Append-only files of rows between the request that made them and the database that keeps them.

Writing a row costs one `write` (about 1 us) and no database. A writer thread closes the file every quarter second,
puts its rows into the database and then removes it; a row is inserted once, whatever happens in between, because its
request id is unique. Each worker writes in a directory of its own, which it holds locked: directories without an owner
were left behind by a killed worker, and whoever comes by next replays them.

What has begun and not ended stands in `unfinished` as it would be told if nothing more were heard of it. So a request
whose worker was killed leaves a row as well, and is in the books for what is known of it.

Law: a row that was appended reaches the database, or is still in a file. A `kill -9` loses none; a power cut may lose
the last seconds, since files are not flushed to the disk one by one. While the database is away rows wait on the disk,
up to a limit: beyond it they are dropped, counted, and shouted about.
"""

import logging
import math
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from billing.usage.directories import lock_if_free, open_locked, remove_directory
from billing.usage.unfinished import Unfinished

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
RETRY_SECONDS = 2.0
ORPHAN_SECONDS = 30.0
LARGEST = 1 << 30
"""Bytes that may wait for the database; some two million rows."""

Row = TypeVar("Row", bound=msgspec.Struct)


class Journal(Generic[Row]):
    """One worker's journal. `append`, `begin` and `drop` are called on the event loop, the rest on the writer thread.

    `name_of` tells what a row is of; None: rows of this journal are whole when they come. `is_told`: whether a row that
    is lost may be told to the log, as prompts may not.
    """

    def __init__(
        self,
        directory: Path,
        row_type: type[Row],
        store: Callable[[list[Row]], None],
        name_of: Callable[[Row], str] | None = None,
        largest: int = LARGEST,
        kind: str = "usage rows",
        is_told: bool = True,
    ) -> None:
        self._root = directory
        self._own = directory / uuid.uuid4().hex
        self._encode = msgspec.json.Encoder().encode
        self._decoder = msgspec.json.Decoder(row_type)
        self._store = store
        self._name_of = name_of
        self._unfinished = Unfinished(self._own)
        self._largest = largest
        self._kind = kind
        self._is_told = is_told
        self._segments = 0
        self._written = 0
        self._waiting = 0
        self._lost = 0
        self._descriptor: int | None = None
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage-writer", daemon=True)
        self.trouble: str | None = None
        """What keeps rows from being appended or stored right now; None while all is well."""

    def start(self) -> None:
        """Returns when what killed workers left behind is stored, or cannot be stored now."""
        self._own.mkdir(mode=0o700, parents=True)
        self._lock = open_locked(self._own)
        self._adopt_orphans()
        self._thread.start()

    def begin(self, row: Row) -> None:
        """What to tell of a request that has begun, if nothing more is heard of it. Never raises."""
        assert self._name_of is not None
        try:
            self._unfinished.add(self._name_of(row), self._encode(row) + b"\n")
        except OSError as error:
            self._is_refused_by_disk(error)

    def append(self, row: Row) -> None:
        """Write one row. Never raises: a full disk must not fail the request that was already answered."""
        line = self._encode(row) + b"\n"
        if self._waiting + self._written + len(line) > self._largest:
            self._lost += 1
        else:
            self._write(line)
        if self._name_of is not None:
            self._unfinished.end(self._name_of(row))

    def _write(self, line: bytes) -> None:
        try:
            with self._guard:
                if self._descriptor is None:
                    self._descriptor = self._open_segment()
                os.write(self._descriptor, line)
                self._written += len(line)
        except OSError as error:
            self._is_refused_by_disk(error)
            log.critical("one of the %s lost, %s: %s", self._kind, error, line.decode() if self._is_told else "")

    def _is_refused_by_disk(self, error: OSError) -> None:
        self.trouble = f"{self._kind} cannot be written to {self._own}: {error}"

    def stop(self) -> None:
        """Store what is there, then stop. Rows that cannot be stored stay on the disk for the next start."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join()
        self._flush()
        if self._store_directory(self._own):
            self._unfinished.close()
            remove_directory(self._own)
        os.close(self._lock)

    def _open_segment(self) -> int:
        self._segments += 1
        path = self._own / f"{self._segments:012d}.jsonl"
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _run(self) -> None:
        waited = 0.0
        while not self._stopping.wait(RETRY_SECONDS if self.trouble else FLUSH_SECONDS):
            self._flush()
            self._tidy()
            waited += FLUSH_SECONDS
            if waited >= ORPHAN_SECONDS and not self.trouble:
                waited = 0
                self._adopt_orphans()

    def _tidy(self) -> None:
        try:
            self._unfinished.tidy()
        except OSError as error:
            self._is_refused_by_disk(error)

    def _flush(self) -> None:
        """Close the current segment and store all closed ones."""
        with self._guard:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
            newest, self._waiting, self._written = self._segments, self._waiting + self._written, 0
        if self._store_segments(self._own, newest):
            self._waiting = 0
        self._shout_if_lost()

    def _shout_if_lost(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            self.trouble = f"{lost} {self._kind} were dropped: {self._largest >> 20} MiB wait for the database already"
            log.critical(self.trouble)

    def _adopt_orphans(self) -> None:
        for directory in self._root.iterdir():
            if directory != self._own and directory.is_dir() and (lock := lock_if_free(directory)) is not None:
                if self._store_directory(directory):
                    remove_directory(directory)
                os.close(lock)

    def _store_directory(self, directory: Path) -> bool:
        """Of a worker that is no more: what has ended, then what never will. Whether all of it is stored now."""
        return self._store_segments(directory) and self._stored(directory, self._read_all(Unfinished.files(directory)))

    def _store_segments(self, directory: Path, newest: float = math.inf) -> bool:
        """Store and remove every segment, oldest first; whether all of them are in the database now."""
        for segment in sorted(directory.glob("*.jsonl")):
            if int(segment.stem) > newest:  # It was opened meanwhile, and more will be written to it.
                break
            if not self._stored(directory, self._read_all([segment])):
                return False
            segment.unlink()
        self.trouble = None
        return True

    def _stored(self, directory: Path, rows: list[Row]) -> bool:
        try:
            if rows:
                self._store(rows)
        except Exception as error:  # The outermost edge of the thread: whatever it is, the rows stay on the disk.
            self.trouble = f"{self._kind} wait in {directory} for the database: {error}"
            log.error(self.trouble)
            return False
        return True

    def _read_all(self, files: list[Path]) -> list[Row]:
        """The last row of each name counts."""
        rows = [row for file in files for row in self._read(file)]
        if self._name_of is None:
            return rows
        return list({self._name_of(row): row for row in rows}.values())

    def _read(self, file: Path) -> Iterator[Row]:
        for line in file.read_bytes().splitlines():
            try:
                yield self._decoder.decode(line)
            except msgspec.DecodeError:
                log.warning("a torn line in %s was skipped (%d bytes)", file, len(line))
