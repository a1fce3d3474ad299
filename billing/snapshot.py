"""The part of the hot path's snapshot that says who pays: keys, prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing.models import ApiKey, Pricing
from billing.prices import Price


@dataclass(frozen=True, slots=True)
class KeyFacts:
    id: UUID
    name: str
    is_admin: bool
    is_active: bool
    expires_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.is_active and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Books:
    """`keys` by digest; `prices` by provider and model id."""

    keys: Mapping[str, KeyFacts]
    prices: Mapping[tuple[str, str], Price]


def load() -> Books:
    return Books(keys=_keys(), prices={(row.provider_id, row.model_id): price_of(row) for row in Pricing.objects.all()})


def _keys() -> dict[str, KeyFacts]:
    return {
        row.digest: KeyFacts(row.pk, row.name, row.is_admin, _is_active(row), row.expires_at)
        for row in ApiKey.objects.select_related("owner")
    }


def _is_active(row: ApiKey) -> bool:
    """A key goes with its owner: who may no longer log in may no longer ask."""
    return row.is_active and (row.owner is None or row.owner.is_active)


def price_of(row: Pricing) -> Price:
    return Price(
        input=row.input_per_million,
        output=row.output_per_million,
        cache_read=_or(row.cache_read_per_million, row.input_per_million),
        cache_write=_or(row.cache_write_per_million, row.input_per_million),
        reasoning=_or(row.reasoning_per_million, row.output_per_million),
        source=row.source,
    )


def _or(price: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if price is None else price
