"""The part of the hot path's snapshot that says who pays: keys, prices, budgets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from billing.api_keys.facts import KeyFacts, facts_by_digest
from billing.budgets import allowances
from billing.budgets.allowances import Allowances
from billing.models import BillingSettings, Pricing
from billing.prices.cost import Price
from billing.prices.table import price_of


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
        keys=facts_by_digest(),
        prices={(row.provider_id, row.model_id): price_of(row) for row in Pricing.objects.all()},
        allowances=allowances.load(),
        allows_unknown_prices=settings.allows_unknown_prices,
        assumed_output_tokens=settings.assumed_output_tokens,
    )
