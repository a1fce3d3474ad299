"""Job: what has begun and not ended yet, in a file that only a killed worker leaves behind.

A line is added when a request begins, and again with each of its attempts; nothing is written when it ends. Now and
then the file is written anew with what is still unfinished, so that it stays small.
"""

import os
import threading
from pathlib import Path

TIDY_BYTES = 1 << 20
"""A file of that size is written anew."""


class Unfinished:
    """`add` and `end` on the event loop, `tidy` on the writer thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lines: dict[str, bytes] = {}
        self._number = 0
        self._size = 0
        self._descriptor: int | None = None
        self._guard = threading.Lock()

    @staticmethod
    def files(directory: Path) -> list[Path]:
        """Oldest first: the last line of a name counts."""
        return sorted(directory.glob("*.unfinished"))

    def add(self, name: str, line: bytes) -> None:
        """Raises OSError."""
        with self._guard:
            self._lines[name] = line
            self._write(line)

    def end(self, name: str) -> None:
        self._lines.pop(name, None)

    def tidy(self) -> None:
        """Raises nothing that matters: the old file stays until the new one is there."""
        if self._size < TIDY_BYTES:
            return
        with self._guard:
            before = self.files(self._directory)
            self.close()
            self._number += 1
            self._write(b"".join(list(self._lines.values())))
            for file in before:
                file.unlink()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._size = 0

    def _write(self, lines: bytes) -> None:
        if self._descriptor is None:
            path = self._directory / f"{self._number:06d}.unfinished"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(self._descriptor, lines)
        self._size += len(lines)
