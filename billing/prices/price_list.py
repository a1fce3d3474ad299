"""List prices into the pricing table: from `genai-prices` where it knows the model, else from the catalogue.

Law: a price an operator entered is never touched. `as_of` is the day a price was first seen, so that reading the same
prices again changes nothing.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime

from django.db import transaction
from django.utils import timezone

from billing.models import PriceSource, Pricing, ShippedPrice
from billing.prices import pricing
from billing.prices.genai import genai_price
from billing.prices.pricing import COLUMNS, TOKEN_KINDS, Prices, Wanted
from providers.catalogue import CatalogueModel, ListPrice, Vendor, catalogue
from providers.models import Provider

LENGTH_OF_SOURCE = 60


def sync_today() -> dict[str, int]:
    """Some prices are known long before the day they hold from, so the list is read anew every day."""
    return sync_prices(datetime.now(UTC).date())


def sync_prices(today: date) -> dict[str, int]:
    """How many prices were added and changed. A second call in a row changes nothing."""
    now = timezone.now()
    with transaction.atomic():
        pricing.number_prices(now)
        shipped = list(_shipped(today))
        _keep(shipped)
        known = dict(_sources())
        theirs = [wish for wish in shipped if known.get(wish.key) != PriceSource.OPERATOR]
        changes = pricing.set_prices(theirs, by="", now=now)
    added = sum((entry.provider, entry.model_id) not in known for entry in changes)
    return {"prices added": added, "prices changed": len(changes) - added}


def _sources() -> Iterable[tuple[pricing.Key, str]]:
    for provider, model, source in Pricing.objects.values_list("provider_id", "model_id", "source"):
        yield (provider, model), source


def _shipped(today: date) -> Iterable[Wanted]:
    providers = set(Provider.objects.values_list("slug", flat=True))
    for vendor in catalogue().values():
        if vendor.id in providers:
            for model in vendor.models.values():
                if (price := _price(vendor, model, today)) is not None:
                    yield _wanted(vendor, model, price)


def _price(vendor: Vendor, model: CatalogueModel, today: date) -> ListPrice | None:
    return genai_price(vendor.id, model.upstream_id, today) or model.price


def _wanted(vendor: Vendor, model: CatalogueModel, price: ListPrice) -> Wanted:
    is_genai = price.source.startswith(PriceSource.GENAI_PRICES.value)
    source = PriceSource.GENAI_PRICES if is_genai else PriceSource.CATALOGUE
    return Wanted(vendor.id, model.id, as_prices(price), source, price.source[:LENGTH_OF_SOURCE], price.as_of)


def as_prices(price: ListPrice) -> Prices:
    given = pricing.as_text({kind: getattr(price, kind) for kind in COLUMNS})
    tiers = [_tier(asdict(tier)) for tier in price.tiers]
    return given | ({"tiers": tiers} if tiers else {})


def _tier(tier: dict[str, int]) -> Prices:
    return {"above": tier["above"], **pricing.as_text({kind: tier[kind] for kind in TOKEN_KINDS})}


def _keep(shipped: list[Wanted]) -> None:
    """Remember them beside the table in use, and forget what is not shipped any more."""
    known = {(row.provider, row.model_id): row for row in pricing.shipped_prices()}
    news = [wish for wish in shipped if wish.key not in known or known[wish.key].prices != wish.prices]
    gone = known.keys() - {wish.key for wish in shipped}
    ShippedPrice.objects.filter(pk__in=[known[key].pk for key in gone]).delete()
    ShippedPrice.objects.bulk_create(
        [ShippedPrice(**_facts(wish)) for wish in news],
        update_conflicts=True,
        unique_fields=["provider", "model_id"],
        update_fields=["prices", "source", "told_by", "as_of"],
    )


def _facts(wish: Wanted) -> dict[str, object]:
    return {
        "provider": wish.provider,
        "model_id": wish.model,
        "prices": wish.prices,
        "source": wish.source,
        "told_by": wish.told_by,
        "as_of": wish.as_of,
    }
