"""Everything a request needs to know, in memory, immutable, and at most a second old.

A request takes one `Snapshot` and uses it to its end. The keeper's thread looks at the configuration's stamp four
times a second, and reads all rows again when it moved; the old snapshot stays in use until the new one is whole.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from billing import budgets
from billing import snapshot as billing_snapshot
from billing.budgets import Meter
from billing.snapshot import Books
from combos.models import Combo, GatewaySettings
from providers import configuration
from providers import snapshot as providers_snapshot
from providers.snapshot import Directory

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
SPENT_SECONDS = 1.0
"""How often the sums of budgets are read again, where there are budgets."""


@dataclass(frozen=True, slots=True)
class Target:
    model: str
    connection_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    largest_body: int
    """Bytes."""
    most_attempts: int
    models_need_key: bool
    memory_hours: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    version: int
    directory: Directory
    books: Books
    combos: Mapping[str, tuple[Target, ...]]
    limits: Limits


def load() -> Snapshot:
    """Read it all. The version is read first: a change in the meantime makes the next look read again."""
    return Snapshot(
        version=configuration.version(),
        directory=providers_snapshot.load(),
        books=billing_snapshot.load(),
        combos=_combos(),
        limits=_limits(),
    )


def _combos() -> dict[str, tuple[Target, ...]]:
    rows = Combo.objects.filter(is_enabled=True).prefetch_related("targets")
    return {row.name: tuple(Target(target.model, target.connection_id) for target in row.targets.all()) for row in rows}


def _limits() -> Limits:
    row: GatewaySettings = GatewaySettings.load()
    return Limits(row.largest_body_mebibytes << 20, row.most_attempts, row.models_need_key, row.memory_hours)


class Keeper:
    """Holds the current snapshot and the meter of budgets, and keeps both fresh from a thread of its own."""

    def __init__(self) -> None:
        self.current = load()
        self.meter: Meter = budgets.read_meter(datetime.now(UTC))
        self.trouble: str | None = None
        """Why the snapshot may be older than a second; None while all is well."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshot-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        waited = 0.0
        while not self._stopping.wait(LOOK_SECONDS):
            waited += LOOK_SECONDS
            try:
                self._look()
                if waited >= SPENT_SECONDS and self.meter.allowances:
                    waited = 0.0
                    self.meter = budgets.read_meter(datetime.now(UTC))
                self.trouble = None
            except Exception as error:  # The outermost edge of the thread: requests go on with what is known.
                if self.trouble is None:
                    log.error("the configuration cannot be read: %s", error)
                self.trouble = f"the configuration cannot be read: {error}"
                connection.close()  # A broken one would be tried for ever; the next look opens another.
        connection.close()

    def _look(self) -> None:
        if configuration.version() == self.current.version:
            return
        self.current = load()
        self.meter = budgets.read_meter(datetime.now(UTC))
