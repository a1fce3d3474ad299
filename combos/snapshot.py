"""Everything a request needs to know, in memory, immutable, and at most a second old.

A request takes one `Snapshot` and uses it to its end. The keeper's thread looks at the configuration's stamp four
times a second, and reads all rows again when it moved; the old snapshot stays in use until the new one is whole.
"""

import logging
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection

from billing import snapshot as billing_snapshot
from billing.budgets import spending
from billing.snapshot import Books
from combos.models import Combo, ComboTarget, FallbackChain, GatewaySettings, ModelAlias, RoutingSettings
from combos.strategies import AccountStrategy, Strategy
from combos.wildcards import Alias, Aliases, Wildcard
from health import snapshot as health_snapshot
from health.snapshot import HealthFacts
from providers import configuration
from providers import snapshot as providers_snapshot
from providers.snapshot import Directory

T = TypeVar("T")

log = logging.getLogger(__name__)

MOST_WORKED_OUT = 4000
"""Clients choose the names that are asked for, so they must not choose how much is kept."""

LOOK_SECONDS = 0.25
SPENT_SECONDS = 1.0
"""How often the sums of budgets are read again, where there are budgets."""


@dataclass(frozen=True, slots=True)
class Target:
    """`model` may name another combo."""

    model: str
    connection_id: UUID | None = None
    weight: int = 1


@dataclass(frozen=True, slots=True)
class ComboConfig:
    """What a combo does beside ordering its targets: its own figures, or the defaults where it has none."""

    max_retries: int
    retry_delay_ms: int
    timeout_ms: int | None
    """None: as the general timeouts say."""
    concurrency_per_model: int | None
    """None: no limit."""
    queue_timeout_ms: int
    skips_unhealthy: bool


@dataclass(frozen=True, slots=True)
class ComboFacts:
    name: str
    strategy: Strategy
    targets: tuple[Target, ...]
    config: ComboConfig


@dataclass(frozen=True, slots=True)
class Chain:
    """A fallback chain that is enabled, with those of its models that are."""

    name: str
    scope: Wildcard | None
    """Which asked names it is for; None: every one."""
    models: tuple[str, ...]

    def covers(self, asked: str) -> bool:
        return self.scope is None or self.scope.matches(asked)


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    account_strategy: AccountStrategy
    sticky_limit: int
    keeps_conversations: bool
    affinity_seconds: int
    total_seconds: int
    strategy: Strategy
    config: ComboConfig
    """Of combos that have no figures of their own, and of plain models."""


@dataclass(frozen=True, slots=True)
class Limits:
    largest_body: int
    """Bytes."""
    most_attempts: int
    models_need_key: bool
    memory_hours: int
    keep_alive_seconds: int
    """After so long a silence a waiting client gets a sign of life. 0: never."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    version: int
    directory: Directory
    books: Books
    combos: Mapping[str, ComboFacts]
    aliases: Aliases
    chains: tuple[Chain, ...]
    """In the order in which they apply."""
    routing: RoutingFacts
    limits: Limits
    health: HealthFacts
    worked_out: dict[Any, Any] = field(default_factory=dict, compare=False)
    """What the same question gave before: the answers are as immutable as all this. See `once`."""

    def once(self, question: Hashable, answer: Callable[[], T]) -> T:
        """The answer, worked out at the first time only. It must follow from this snapshot alone, and be small."""
        known: T | None = self.worked_out.get(question)
        if known is None:
            known = answer()
            if len(self.worked_out) < MOST_WORKED_OUT:
                self.worked_out[question] = known
        return known


def load() -> Snapshot:
    """Read it all. The version is read first: a change in the meantime makes the next look read again."""
    version = configuration.version()
    routing = _routing()
    return Snapshot(
        version=version,
        directory=providers_snapshot.load(),
        books=billing_snapshot.load(),
        combos=_combos(routing),
        aliases=_aliases(),
        chains=_chains(),
        routing=routing,
        limits=_limits(),
        health=health_snapshot.load(),
    )


def _combos(defaults: RoutingFacts) -> dict[str, ComboFacts]:
    rows = Combo.objects.filter(is_enabled=True).prefetch_related("targets")
    return {row.name: _combo(row, defaults) for row in rows}


def _combo(row: Combo, defaults: RoutingFacts) -> ComboFacts:
    own = {name: getattr(row, name) for name in ComboConfig.__slots__}
    config = replace(defaults.config, **{name: value for name, value in own.items() if value is not None})
    strategy = Strategy(row.strategy) if row.strategy in Strategy.values else defaults.strategy
    return ComboFacts(row.name, strategy, tuple(_target(target) for target in row.targets.all()), config)


def _target(row: ComboTarget) -> Target:
    return Target(row.model, row.connection_id, row.weight)


def _aliases() -> Aliases:
    return Aliases.of(Alias(row.pattern, row.target) for row in ModelAlias.objects.filter(is_enabled=True))


def _chains() -> tuple[Chain, ...]:
    rows = FallbackChain.objects.filter(is_enabled=True).prefetch_related("steps")
    return tuple(_chain(row) for row in rows)


def _chain(row: FallbackChain) -> Chain:
    scope = Wildcard.of(row.pattern) if row.pattern else None
    return Chain(row.name, scope, tuple(step.model for step in row.steps.all() if step.is_enabled))


def _routing() -> RoutingFacts:
    row: RoutingSettings = RoutingSettings.load()
    return RoutingFacts(
        account_strategy=AccountStrategy(row.account_strategy),
        sticky_limit=row.sticky_limit,
        keeps_conversations=row.keeps_conversations,
        affinity_seconds=row.affinity_minutes * 60,
        total_seconds=row.total_seconds,
        strategy=Strategy(row.strategy),
        config=ComboConfig(**{name: getattr(row, name) for name in ComboConfig.__slots__}),
    )


def _limits() -> Limits:
    row: GatewaySettings = GatewaySettings.load()
    return Limits(
        row.largest_body_mebibytes << 20,
        row.most_attempts,
        row.models_need_key,
        row.memory_hours,
        row.keep_alive_seconds,
    )


class Keeper:
    """Holds the current snapshot and the sums of budgets, and keeps both fresh from a thread of its own."""

    def __init__(self) -> None:
        self.current = load()
        self.spent = self._read_spent()
        """In each budget's window of now, in ten-billionths of a dollar, as the database knew it last."""
        self.trouble: str | None = None
        """Why the snapshot may be older than a second; None while all is well."""
        self._stopping = threading.Event()
        self._looking = threading.Lock()
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
                self.look()
                if waited >= SPENT_SECONDS:
                    waited, self.spent = 0.0, self._read_spent()
                self.trouble = None
            except Exception as error:  # The outermost edge of the thread: requests go on with what is known.
                if self.trouble is None:
                    log.error("the configuration cannot be read: %s", error)
                self.trouble = f"the configuration cannot be read: {error}"
                connection.close()  # A broken one would be tried for ever; the next look opens another.
        connection.close()

    def look(self) -> None:
        """Read everything again if it moved. From any thread."""
        with self._looking:
            if configuration.version() == self.current.version:
                return
            self.current = load()
            self.spent = self._read_spent()

    def _read_spent(self) -> Mapping[tuple[int, str], int]:
        return spending.totals(self.current.books.allowances, datetime.now(UTC))
