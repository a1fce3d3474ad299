"""Job: a row of the pricing table as the price that it is, with every kind filled in that the row leaves out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.models import Pricing
from billing.money import ZERO
from billing.prices.cost import Price

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
