"""What the pipeline works with, made once per worker: the snapshot, the way out, the journal."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from billing.budgets.meter import Meter
from billing.usage.bodies import BodyLog
from billing.usage.journal import Journal
from billing.usage.rows import UsageRow
from combos.conversations.affinity import Affinities
from combos.conversations.memory import Memory
from combos.snapshot import Keeper
from health.health import Health
from providers.demo import DemoTransport
from providers.transport import Network
from providers.upstream import Upstream


class Records(Protocol):
    """Where usage rows go."""

    def begin(self, row: UsageRow) -> None: ...

    def append(self, row: UsageRow) -> None: ...


@dataclass(slots=True)
class Gateway:
    keeper: Keeper
    upstream: Upstream
    journal: Records
    meter: Meter
    memory: Memory
    health: Health
    affinities: Affinities
    dashboard: str
    """Where an operator adds connections, for messages."""
    bodies: BodyLog | None = None
    """Where prompts and answers are kept; None unless that is asked for."""


def transports() -> dict[str, httpx.AsyncBaseTransport]:
    """The ways out, by the scheme of a URL."""
    network = Network()
    return {"http": network, "https": network, "demo": DemoTransport()}


def make_journal(data_dir: Path, store: Callable[[list[UsageRow]], None]) -> Journal[UsageRow]:
    return Journal(data_dir / "journal", UsageRow, store, lambda row: row.request_id)
