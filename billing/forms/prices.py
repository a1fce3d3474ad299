"""The form of prices: what unit the numbers are in, and what that makes per thousand tokens."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext

from billing.figures import money
from billing.models import Pricing
from billing.prices import cost
from billing.snapshot import price_of
from translator.usage import Usage

PRICES = (
    "input_per_million",
    "output_per_million",
    "cache_read_per_million",
    "cache_write_per_million",
    "reasoning_per_million",
)


LABELS = {field.name: field.verbose_name for field in Pricing._meta.fields}

SAMPLE = Usage(uncached_input=1000, output=500)


def sample_costs(pricing: Pricing) -> dict[str, Any]:
    """Each price for a million and for a thousand tokens, and what a small chat costs."""
    if pricing.pk is None:
        return {"rows": []}
    price = price_of(pricing)
    rows = [_row(name, getattr(price, name.removesuffix("_per_million"))) for name in PRICES]
    return {"rows": rows, "total": money(cost(SAMPLE, price))}


def _row(name: str, price: Decimal) -> tuple[Any, str, str]:
    return LABELS[name], money(price), money(price / 1000)


class PricingForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Pricing
        fields = ("provider", "model_id", *PRICES)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in PRICES:
            if name in self.fields:
                self._explain(name)

    def _explain(self, name: str) -> None:
        field, price = self.fields[name], getattr(self.instance, name)
        field.widget.attrs |= {"step": "any", "min": "0", "inputmode": "decimal", "data-per-million": ""}
        per_thousand = gettext("%(price)s per 1K.") % {"price": money(price / 1000)} if price is not None else ""
        parts = (gettext("US$ per 1M tokens."), per_thousand, str(field.help_text))
        field.help_text = " ".join(part for part in parts if part)
