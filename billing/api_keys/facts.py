"""Job: what the hot path knows of each API key, by the digest of its secret."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from billing.api_keys.rules import Network, networks_of
from billing.models import ApiKey


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a request may do because of its key, and who pays. Numbers of 0 are no limit."""

    id: UUID
    name: str
    scopes: frozenset[str]
    is_active: bool
    expires_at: datetime | None
    user_id: int | None = None
    user_name: str = ""
    team_id: int | None = None
    team_name: str = ""
    allowed_models: tuple[str, ...] = ()
    allowed_providers: frozenset[str] = frozenset()
    ip_ranges: tuple[Network, ...] = ()
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    max_concurrent: int = 0

    def is_valid(self, now: datetime) -> bool:
        return self.is_active and (self.expires_at is None or now < self.expires_at)

    @property
    def is_limited(self) -> bool:
        """Whether its requests have to be counted while they run."""
        return bool(self.requests_per_minute or self.tokens_per_minute or self.max_concurrent)


def facts_by_digest() -> dict[str, KeyFacts]:
    found: dict[str, KeyFacts] = {}
    for row in ApiKey.objects.select_related("owner", "team").prefetch_related("former_keys"):
        facts = facts_of(row)
        found |= {each.digest: _until(facts, each.ends_at) for each in row.former_keys.all()}
        found[row.digest] = facts
    return found


def _until(facts: KeyFacts, ends_at: datetime) -> KeyFacts:
    """The same key under a secret that is good for less long."""
    return replace(facts, expires_at=min(ends_at, facts.expires_at or ends_at))


def facts_of(row: ApiKey) -> KeyFacts:
    return KeyFacts(
        id=row.pk,
        name=row.name,
        scopes=frozenset(row.scopes),
        is_active=_is_active(row),
        expires_at=row.expires_at,
        user_id=row.owner.pk if row.owner else None,
        user_name=row.owner.get_username() if row.owner else "",
        team_id=row.team.pk if row.team else None,
        team_name=row.team.name if row.team else "",
        allowed_models=tuple(row.allowed_models),
        allowed_providers=frozenset(row.allowed_providers),
        ip_ranges=networks_of(row.ip_ranges),
        requests_per_minute=row.requests_per_minute or 0,
        tokens_per_minute=row.tokens_per_minute or 0,
        max_concurrent=row.max_concurrent or 0,
    )


def _is_active(row: ApiKey) -> bool:
    """A key goes with its owner: who may no longer log in may no longer ask."""
    return row.is_active and (row.owner is None or row.owner.is_active)
