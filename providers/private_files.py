"""Files in DATA_DIR that only their owner may read."""

import contextlib
import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """The text kept at `path`; a random 384-bit one is written there first if there is none."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        write_once(path, secrets.token_urlsafe(48) + "\n")
        return path.read_text().strip()


def write_once(path: Path, text: str) -> None:
    """Write `path` unless it exists. Of two processes that start at once, the first one's text stays."""
    draft = _draft(path, text)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def replace(path: Path, text: str) -> None:
    """Write `path`; a reader sees the old text or the new one, never a part."""
    _draft(path, text).replace(path)


def _draft(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
