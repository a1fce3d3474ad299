"""Snapshots written by hand, for tests of what is pure in routing."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import uuid4

import httpx

from billing.snapshot import Books
from combos.snapshot import Chain, ComboConfig, ComboFacts, Limits, RoutingFacts, Snapshot, Target
from combos.strategies import AccountStrategy, Strategy
from combos.wildcards import Alias, Aliases, Wildcard
from health.snapshot import HealthFacts
from providers.snapshot import ConnectionFacts, Directory, Endpoint, ModelFacts, ProviderFacts
from providers.transport import Reach
from providers.upstream import Timeouts
from translator.dialect import Dialect
from translator.quirks import Streaming

ENDPOINT = Endpoint(Dialect.OPENAI, Reach.PUBLIC, True, Streaming.BOTH, "http://x.example", "http://x.example", None)
CONFIG = ComboConfig(1, 2000, None, None, 30_000, True)
ROUTING = RoutingFacts(AccountStrategy.FILL_FIRST, 3, True, 1800, 120, Strategy.PRIORITY, CONFIG)
TIMEOUTS = Timeouts(connect=1, first_event=1, gap=1, whole_answer=1, stream=1)


def make_provider(prefix: str, *models: str, is_ready: bool = True, slug: str = "") -> ProviderFacts:
    connections = (ConnectionFacts(uuid4(), "main", 1, httpx.Headers()),) if is_ready else ()
    known = {model: ModelFacts(model, model, "chat", None, model) for model in models}
    return ProviderFacts(slug or prefix, prefix, prefix, True, False, "openai", ENDPOINT, connections, known)


def make_combo(name: str, *targets: str | Target, strategy: Strategy = Strategy.PRIORITY) -> ComboFacts:
    found = tuple(target if isinstance(target, Target) else Target(target) for target in targets)
    return ComboFacts(name, strategy, found, CONFIG)


def make_chain(name: str, models: Sequence[str], scope: str = "") -> Chain:
    return Chain(name, Wildcard.of(scope) if scope else None, tuple(models))


def make_snapshot(
    *providers: ProviderFacts,
    combos: Sequence[ComboFacts] = (),
    aliases: Mapping[str, str] = MappingProxyType({}),
    chains: Sequence[Chain] = (),
) -> Snapshot:
    owners: dict[str, tuple[ProviderFacts, ...]] = {}
    for provider in providers:
        for model in provider.models:
            owners[model] = (*owners.get(model, ()), provider)
    by_prefix = {name: provider for provider in providers for name in (provider.slug, provider.prefix)}
    return Snapshot(
        version=1,
        directory=Directory(by_prefix, owners, TIMEOUTS),
        books=Books({}, {}),
        combos={combo.name: combo for combo in combos},
        aliases=Aliases.of(Alias(pattern, target) for pattern, target in aliases.items()),
        chains=tuple(chains),
        routing=ROUTING,
        limits=Limits(1 << 20, 8, False, 1, 15),
        health=HealthFacts(),
    )
