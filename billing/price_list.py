"""List prices into the pricing table: from `genai-prices` where it knows the model, else from the catalogue.

Law: a price an operator entered is never touched. `as_of` is the day a price was first seen, so that reading the same
prices again changes nothing.
"""

from datetime import date
from decimal import Decimal

from django.db import transaction

from billing.genai import genai_price
from billing.models import PriceSource, Pricing
from providers.catalogue import ListPrice, Vendor, catalogue
from providers.models import Provider

FIELDS = ("input", "output", "cache_read", "cache_write", "reasoning")


def sync_prices(today: date) -> dict[str, int]:
    """How many prices were added and changed. A second call in a row changes nothing."""
    counts = {"prices added": 0, "prices changed": 0}
    with transaction.atomic():
        known = {(row.provider_id, row.model_id): row for row in Pricing.objects.all()}
        providers = set(Provider.objects.values_list("slug", flat=True))
        for vendor in catalogue().values():
            if vendor.id in providers:
                _sync_vendor(vendor, known, counts, today)
    return counts


def _sync_vendor(vendor: Vendor, known: dict[tuple[str, str], Pricing], counts: dict[str, int], today: date) -> None:
    for model in vendor.models.values():
        found = genai_price(vendor.id, model.upstream_id, today) or model.price
        row = known.get((vendor.id, model.id))
        if found is None or (row and row.source == PriceSource.OPERATOR):
            continue
        fresh = _prices(found)
        if row is None:
            Pricing.objects.create(provider_id=vendor.id, model_id=model.id, as_of=found.as_of, **fresh)
            counts["prices added"] += 1
        elif any(getattr(row, name) != value for name, value in fresh.items()):
            Pricing.objects.filter(pk=row.pk).update(as_of=found.as_of, **fresh)
            counts["prices changed"] += 1


def _prices(price: ListPrice) -> dict[str, Decimal | str | None]:
    values: dict[str, Decimal | str | None] = {f"{name}_per_million": getattr(price, name) for name in FIELDS}
    is_genai = price.source.startswith("genai-prices")
    values["source"] = (PriceSource.GENAI_PRICES if is_genai else PriceSource.CATALOGUE).value
    return values
