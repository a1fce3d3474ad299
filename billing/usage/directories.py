"""Directories that belong to one living process: it holds them locked, and whoever can lock one may take it over."""

import fcntl
import os
from pathlib import Path

LOCK = "lock"


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
    for file in directory.iterdir():
        file.unlink(missing_ok=True)
    directory.rmdir()
