"""Whom to ask, in order: every usable connection of every target. Fallback is the rest of the list."""

from dataclasses import dataclass

from combos.refusals import NothingConnected, NotSpoken, shortened
from combos.resolver import ResolvedTarget, Route
from providers.snapshot import ConnectionFacts, Endpoint, ModelFacts, ProviderFacts


@dataclass(frozen=True, slots=True)
class Candidate:
    provider: ProviderFacts
    endpoint: Endpoint
    model: ModelFacts
    connection: ConnectionFacts

    def __str__(self) -> str:
        return f"{self.provider.prefix}/{shortened(self.model.id)} ({self.connection.name})"


def line_up(route: Route, dashboard: str) -> list[Candidate]:
    """Targets as they are listed, connections by priority. Raises the reason why there is nobody to ask."""
    candidates = [
        Candidate(target.provider, endpoint, target.model, connection)
        for target in route.targets
        if (endpoint := target.provider.endpoint_of(target.model)) is not None
        for connection in _connections(target)
    ]
    if candidates:
        return candidates
    first = route.targets[0]
    if not first.provider.speaks(first.model):
        raise NotSpoken(first.provider.name, first.provider.wire_of(first.model))
    raise NothingConnected(first.provider.name, dashboard)


def _connections(target: ResolvedTarget) -> list[ConnectionFacts]:
    if not target.provider.is_enabled:
        return []
    pinned = target.target.connection_id
    return [each for each in target.provider.connections if pinned is None or each.id == pinned]
