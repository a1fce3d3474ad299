"""The part of the hot path's snapshot that says who pays: keys, prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing import allowances
from billing.allowances import Allowances
from billing.key_rules import Network, networks_of
from billing.models import ApiKey, BillingSettings, Pricing
from billing.money import ZERO
from billing.prices import Price

FURTHER = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "reasoning": "output",
    "audio_input": "input",
    "audio_output": "output",
    "image_input": "input",
}
"""What a price is where it is not given: another one, which stands before it here."""


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


@dataclass(frozen=True, slots=True)
class Books:
    """`keys` by digest; `prices` by provider and model id."""

    keys: Mapping[str, KeyFacts]
    prices: Mapping[tuple[str, str], Price]
    allowances: Allowances = field(default_factory=Allowances)
    allows_unknown_prices: bool = False
    assumed_output_tokens: int = 4096


def load() -> Books:
    settings = BillingSettings.load()
    return Books(
        keys=_keys(),
        prices={(row.provider_id, row.model_id): price_of(row) for row in Pricing.objects.all()},
        allowances=allowances.load(),
        allows_unknown_prices=settings.allows_unknown_prices,
        assumed_output_tokens=settings.assumed_output_tokens,
    )


def _keys() -> dict[str, KeyFacts]:
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


def price_of(row: Pricing) -> Price:
    own = {name: getattr(row, f"{name}_per_million") for name in ("input", "output", *FURTHER)}
    return Price(
        **completed(own),
        per_request=row.per_request or ZERO,
        source=row.source,
        version=row.version,
        tiers=_tiers(row, own),
    )


def completed(own: Mapping[str, Decimal | None]) -> dict[str, Any]:
    """Every price, where some are not given."""
    prices = dict(own)
    for name, otherwise in FURTHER.items():
        if prices.get(name) is None:
            prices[name] = prices[otherwise]
    return prices


def _tiers(row: Pricing, own: Mapping[str, Decimal | None]) -> tuple[tuple[int, Price], ...]:
    """Each tier says `above` and the prices that differ; the highest first."""
    return tuple(
        (int(tier["above"]), _tier(row, own, tier)) for tier in sorted(row.tiers, key=lambda tier: -int(tier["above"]))
    )


def _tier(row: Pricing, own: Mapping[str, Decimal | None], tier: Mapping[str, Any]) -> Price:
    given = {name: Decimal(str(value)) for name, value in tier.items() if name != "above"}
    prices = completed({**own, **given})
    return Price(**prices, per_request=row.per_request or ZERO, source=row.source, version=row.version)
