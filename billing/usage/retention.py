"""Job: forget requests, their attempts and their bodies once they are older than the settings say.

Law: the oldest first, in batches small enough that nobody waits for one, and never more of a row than its number in
memory. Each batch is a deed of its own, so whatever stops it, the next run goes on from there. The sums of each day
stay: what was spent, and with it every budget and report, is the same before and after.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, models
from django.utils import timezone

from billing.models import BillingSettings, CallBody, UsageAttempt, UsageRecord

BATCH = 1000
PAUSE_SECONDS = 0.05
"""Between two batches, for those who want to write meanwhile."""
SCHEDULED_SECONDS = 480.0
"""Of one scheduled run, which is cut off after ten minutes. What is left is for the next day's."""

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one table, and the column that says how old they are, which has an index."""

    model: type[models.Model]
    column: str

    @property
    def name(self) -> str:
        return str(self.model._meta.verbose_name_plural)


BODIES = Kind(CallBody, "created_at")
ATTEMPTS = Kind(UsageAttempt, "started_at")
REQUESTS = Kind(UsageRecord, "started_at")


@dataclass(frozen=True, slots=True)
class Task:
    """What of one kind is to be forgotten."""

    kind: Kind
    before: datetime

    def rows(self, since: datetime | None = None) -> "models.QuerySet[models.Model]":
        found = self.kind.model._default_manager.filter(**{f"{self.kind.column}__lt": self.before})
        return found if since is None else found.filter(**{f"{self.kind.column}__gte": since})

    def count(self) -> int:
        return self.rows().count()


def tasks(now: datetime, days: int | None = None) -> list[Task]:
    """What is due. `days` overrules the settings. A body never outlives its request."""
    settings = BillingSettings.load()
    usage_days = settings.usage_days if days is None else days
    body_days = min((each for each in (settings.body_days, usage_days) if each), default=0)
    kept = {BODIES: body_days, ATTEMPTS: usage_days, REQUESTS: usage_days}
    return [Task(kind, now - timedelta(days=number)) for kind, number in kept.items() if number]


def forget(task: Task, sleep: Sleep = time.sleep) -> Iterator[int]:
    """Do it, batch by batch; each step says how many rows it removed."""
    since: datetime | None = None
    while found := _oldest(task, since):
        since = found[-1][1]
        yield _remove(task.kind, [pk for pk, _moment in found])
        sleep(PAUSE_SECONDS)


def _oldest(task: Task, since: datetime | None) -> list[tuple[int, datetime]]:
    """Not from the beginning again each time: PostgreSQL's index still leads to what was just removed."""
    column = task.kind.column
    return list(task.rows(since).order_by(column).values_list("pk", column)[:BATCH])


def _remove(kind: Kind, pks: list[int]) -> int:
    """One statement, and so one short transaction. `delete()` would load the rows, since somebody hears of deletions.

    Nobody points at these tables, and nobody has to hear of theirs.
    """
    rows = kind.model._default_manager.filter(pk__in=pks)
    return int(rows._raw_delete(rows.db))  # type: ignore[attr-defined]


def forget_what_is_due() -> int:
    """The scheduled work: how many rows it removed, in the time it has."""
    ends_at = time.monotonic() + SCHEDULED_SECONDS
    removed = 0
    for task in tasks(timezone.now()):
        for number in forget(task):
            removed += number
            if time.monotonic() > ends_at:
                return removed
    return removed


def give_back_space() -> None:
    """SQLite's file shrinks, for which everybody who writes has to wait. PostgreSQL makes the room usable again."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        for kind in (BODIES, ATTEMPTS, REQUESTS):
            cursor.execute(f"VACUUM (ANALYZE) {connection.ops.quote_name(kind.model._meta.db_table)}")
