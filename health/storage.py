"""Job: how much room the database and what waits for it take, and how much the disk has left.

Law: cheap enough for a page that asks again every few seconds: looked at once a minute at most, no table is counted.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

CACHE_KEY = "health.storage"
FRESH_SECONDS = 60
LITTLE_ROOM = 1 << 30
"""Bytes. A disk with less left will soon be full."""
WAITING_ROOMS = ("journal", "bodies")
"""Directories of DATA_DIR with what is not in the database yet."""


@dataclass(frozen=True, slots=True)
class Storage:
    """In bytes."""

    database: int
    reusable: int
    """Of the database: room of removed rows, which new ones take. SQLite knows it, PostgreSQL keeps it to itself."""
    waiting: int
    disk_left: int

    @property
    def has_little_room(self) -> bool:
        return self.disk_left < LITTLE_ROOM

    @property
    def in_words(self) -> Mapping[str, str]:
        """What the page says, in its order."""
        reusable = {_("of which free for new rows"): self.reusable} if self.reusable else {}
        words = {_("Database"): self.database} | reusable | {_("Waiting for the database"): self.waiting}
        words |= {_("Left on the disk of DATA_DIR"): self.disk_left}
        return {name: filesizeformat(size) for name, size in words.items()}


def look() -> Storage:
    """As it was within the last minute."""
    known: Storage = cache.get_or_set(CACHE_KEY, measure, FRESH_SECONDS)  # type: ignore[assignment]
    return known


def measure() -> Storage:
    data_dir = Path(settings.DATA_DIR)
    waiting = sum(size_of(path) for room in WAITING_ROOMS for path in (data_dir / room).glob("*/*"))
    database, reusable = SIZES[connection.vendor]()
    return Storage(database, reusable, waiting, shutil.disk_usage(data_dir).free)


def size_of(path: Path) -> int:
    """Nothing for a file that was removed meanwhile."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sqlite() -> tuple[int, int]:
    page = _number("PRAGMA page_size")
    log = size_of(Path(f"{settings.DATABASES['default']['NAME']}-wal"))
    return _number("PRAGMA page_count") * page + log, _number("PRAGMA freelist_count") * page


def _postgresql() -> tuple[int, int]:
    return _number("SELECT pg_database_size(current_database())"), 0


SIZES: Mapping[str, Callable[[], tuple[int, int]]] = {"sqlite": _sqlite, "postgresql": _postgresql}


def _number(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
