"""One JSON line for every request, in DATA_DIR/logs, where ENABLE_REQUEST_LOGS asks for it.

The lines are the usage rows: who asked what of whom, status, tokens, cost, milliseconds. There are no prompts, answers
or secrets in them. A day is a file, and a week of files is kept. Written on the journal's thread, never by a request.
"""

import logging
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from django.conf import settings

log = logging.getLogger(__name__)

KEPT_DAYS = 7
NAME = "requests-%Y-%m-%d.jsonl"


def write(rows: Iterable[msgspec.Struct]) -> None:
    """Append the rows to today's file. A disk that refuses is logged, and costs no usage row."""
    if not settings.ENABLE_REQUEST_LOGS:
        return
    today = datetime.now(UTC).date()
    try:
        _append(path_of(today), b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    except OSError as error:
        log.error("the request log cannot be written: %s", error)


def path_of(day: date) -> Path:
    return Path(settings.DATA_DIR) / "logs" / day.strftime(NAME)


def _append(path: Path, lines: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        _remove_old(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, lines)
    finally:
        os.close(descriptor)


def _remove_old(today: Path) -> None:
    oldest = (datetime.strptime(today.name, NAME).replace(tzinfo=UTC) - timedelta(days=KEPT_DAYS - 1)).strftime(NAME)
    for path in today.parent.glob("requests-*.jsonl"):
        if path.name < oldest:
            path.unlink()
