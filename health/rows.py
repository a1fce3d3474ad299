"""What is known of breakers, rests and lockouts, in the database, so that a restart knows it too.

A thread of its own writes, half a second's changes at once, the last of each record. A database that is down costs
nothing: what is to be written waits, and newer news of the same record replaces it.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.db import DatabaseError, close_old_connections, connection

from health import lockouts
from health.breaker import OPEN, BreakerRecord, BreakerState
from health.chronicle import Change
from health.clock import Clock
from health.cooldowns import Rest
from health.models import Breaker, Cooldown, Lockout, PolicyName
from health.records import Kind, Record, place_key, place_of
from providers.models import Provider, ProviderConnection

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
RETRY_SECONDS = 2.0

Changes: TypeAlias = Mapping[str, Any]
"""By key; None: no longer worth a row."""


class Rows:
    """One worker's writer. `note` is called on the event loop, everything else on its thread."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        """Why changes are not stored now; None while all is well."""
        self._changes: dict[tuple[Kind, str], Any] = {}
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What waits is written, if the database is there."""
        self._stopping.set()
        self._thread.join()
        self.flush()
        connection.close()

    def note(self, change: Change) -> None:
        if change.kind in _STORES and _is_worth_a_row(change.kind, change.before, change.after):
            with self._guard:
                self._changes[change.kind, change.key] = _kept(change.kind, change.after)

    def flush(self) -> None:
        with self._guard:
            changes, self._changes = self._changes, {}
        if not changes:
            return
        try:
            for kind, store in _STORES.items():
                store({key: record for (each, key), record in changes.items() if each is kind})
            self.trouble = None
        except DatabaseError as error:
            with self._guard:
                self._changes = changes | self._changes
            if self.trouble is None:
                log.error("what is known of health cannot be stored: %s", error)
            self.trouble = f"what is known of health cannot be stored: {error}"

    def _run(self) -> None:
        while not self._stopping.wait(RETRY_SECONDS if self.trouble else FLUSH_SECONDS):
            if self._changes:
                close_old_connections()
                self.flush()
                close_old_connections()


def read(clock: Clock) -> list[tuple[Kind, str, Record]]:
    """What the rows say. What is left of a time is never more than it was meant to last."""
    return [*_breakers(clock), *_rests(clock), *_lockouts(clock)]


def _is_worth_a_row(kind: Kind, before: Any, after: Any) -> bool:
    """Failures of a closed breaker are counted in memory."""
    return kind is not Kind.BREAKER or any(each is not None and each.state == OPEN for each in (before, after))


def _kept(kind: Kind, after: Any) -> Any:
    return None if kind is Kind.BREAKER and after is not None and after.state != OPEN else after


def _store_breakers(changes: Changes) -> None:
    Breaker.objects.filter(pk__in=[key for key, record in changes.items() if record is None]).delete()
    there = set(Provider.objects.filter(pk__in=changes).values_list("pk", flat=True))
    _upsert(
        [_breaker_row(key, record) for key, record in changes.items() if record and key in there],
        ["provider"],
    )


def _store_rests(changes: Changes) -> None:
    places = {place_of(key): record for key, record in changes.items()}
    for (connection_id, model), record in places.items():
        if record is None:
            Cooldown.objects.filter(connection_id=connection_id, model_id=model).delete()
    asked = {connection_id for connection_id, _ in places}
    there = set(ProviderConnection.objects.filter(pk__in=asked).values_list("pk", flat=True))
    rows = [_rest_row(place, record) for place, record in places.items() if record and place[0] in there]
    _upsert(rows, ["connection", "model_id"])


def _store_lockouts(changes: Changes) -> None:
    Lockout.objects.filter(identifier__in=[key for key, record in changes.items() if record is None]).delete()
    rows = [Lockout(identifier=key, **lockouts.columns(record)) for key, record in changes.items() if record]
    _upsert(rows, ["identifier"])


_STORES: Mapping[Kind, Callable[[Changes], None]] = {
    Kind.BREAKER: _store_breakers,
    Kind.REST: _store_rests,
    Kind.LOCKOUT: _store_lockouts,
}


def _upsert(rows: list[Any], unique: list[str]) -> None:
    """Insert, or replace the row that is there."""
    if not rows:
        return
    model = type(rows[0])
    fields = [each.name for each in model._meta.concrete_fields if each.name not in unique and not each.primary_key]
    model.objects.bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=fields)


def _breaker_row(provider: str, record: BreakerRecord) -> Breaker:
    return Breaker(
        provider_id=provider,
        state=record.state,
        failures=record.failures,
        until=_moment(record.until),
        seconds=record.seconds,
        changed_at=_moment(record.since),
        last_failure=record.why,
    )


def _rest_row(place: tuple[UUID, str], rest: Rest) -> Cooldown:
    return Cooldown(
        connection_id=place[0],
        model_id=place[1],
        until=_moment(rest.until),
        seconds=rest.seconds,
        level=rest.level,
        reason=rest.reason,
        status=rest.status,
        is_soft=rest.is_soft,
        since=_moment(rest.since),
    )


def _breakers(clock: Clock) -> Iterator[tuple[Kind, str, Record]]:
    for row in Breaker.objects.all():
        until = _until(clock, row.until, row.seconds)
        state = BreakerState(row.state)
        record = BreakerRecord(state, row.failures, row.changed_at.timestamp(), until, row.seconds, row.last_failure)
        yield Kind.BREAKER, row.provider_id, record


def _rests(clock: Clock) -> Iterator[tuple[Kind, str, Record]]:
    for row in Cooldown.objects.all():
        since, until = row.since.timestamp(), _until(clock, row.until, row.seconds)
        rest = Rest(since, until, row.seconds, row.level, 0, row.reason, row.status, row.is_soft)
        yield Kind.REST, place_key(row.connection_id, row.model_id), rest


def _lockouts(clock: Clock) -> Iterator[tuple[Kind, str, Record]]:
    for row in Lockout.objects.filter(policy=PolicyName.API_KEY):
        yield Kind.LOCKOUT, row.identifier, lockouts.record_of(row)


def _until(clock: Clock, until: datetime, seconds: float) -> float:
    """On the shared clock, at most `seconds` away."""
    return clock.shared() + min(max(0.0, until.timestamp() - clock.wall()), seconds)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
