"""What every provider costs, in the words of the catalogue: the table of "Pricing at a glance"."""

from dataclasses import dataclass

from billing.figures import money
from billing.models import Pricing
from providers.catalogue import Vendor, catalogue
from providers.models import Model, Provider, Tier


@dataclass(frozen=True, slots=True)
class PricedModel:
    """`input` and `output` are for a million tokens, empty where the price is not known."""

    name: str
    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Line:
    provider: Provider
    cost: str
    quota: str
    models: list[PricedModel]


def tiers() -> list[tuple[str, list[Line]]]:
    """Label and providers of each tier, in the order in which one would use them up."""
    lines: dict[str, list[Line]] = {tier.value: [] for tier in Tier}
    models, vendors = _models(), catalogue()
    for provider in Provider.objects.order_by("name"):
        vendor = vendors.get(provider.slug)
        lines[provider.tier].append(_line(provider, vendor, models.get(provider.slug, [])))
    return [(str(Tier(tier).label), found) for tier, found in lines.items() if found]


def _line(provider: Provider, vendor: Vendor | None, models: list[PricedModel]) -> Line:
    return Line(provider, vendor.cost if vendor else "", vendor.quota_line if vendor else "", models)


def _models() -> dict[str, list[PricedModel]]:
    prices = {(row.provider_id, row.model_id): row for row in Pricing.objects.all()}
    found: dict[str, list[PricedModel]] = {}
    for model in Model.objects.filter(is_enabled=True).select_related("provider").order_by("model_id"):
        row = prices.get((model.provider_id, model.model_id))
        found.setdefault(model.provider_id, []).append(
            PricedModel(
                name=f"{model.provider.prefix}/{model.model_id}",
                input=money(row.input_per_million) if row else "",
                output=money(row.output_per_million) if row else "",
            )
        )
    return found
