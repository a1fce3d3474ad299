"""The page of prices."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.figures import money
from billing.forms.prices import PricingForm, sample_costs
from billing.models import PriceSource, Pricing
from providers.dashboard import Page
from providers.wording import chip


@admin.register(Pricing)
class PricingAdmin(Page):
    purpose = _("US dollars for a million tokens. A price you save here stays as you set it.")
    empty_title = _("No prices yet")
    empty_text = _(
        "The shipped ones arrive with “manage.py sync_catalogue”. Without a price, a request's cost is unknown."
    )
    empty_button = _("Add a price")
    form = PricingForm
    list_display = ("model_name", "input_price", "output_price", "cache_read", "cache_write", "source_chip", "as_of")
    list_filter = ("source", "provider")
    list_select_related = ("provider",)
    search_fields = ("model_id", "provider__name", "provider__prefix")
    ordering = ("provider__name", "model_id")
    readonly_fields = ("sample", "source", "as_of")
    fieldsets = (
        (None, {"fields": ("provider", "model_id", "input_per_million", "output_per_million")}),
        (
            _("Where they differ"),
            {"fields": ("cache_read_per_million", "cache_write_per_million", "reasoning_per_million")},
        ),
        (_("For example"), {"fields": ("sample", "source", "as_of")}),
    )

    def save_model(self, request: HttpRequest, obj: Pricing, form: Any, change: bool) -> None:
        obj.source, obj.as_of = PriceSource.OPERATOR, timezone.now().date()
        super().save_model(request, obj, form, change)

    @display(description=_("model"), ordering="model_id")
    def model_name(self, price: Pricing) -> str:
        return f"{price.provider.prefix}/{price.model_id}"

    @display(description=_("input, per 1M"), ordering="input_per_million")
    def input_price(self, price: Pricing) -> str:
        return money(price.input_per_million)

    @display(description=_("output, per 1M"), ordering="output_per_million")
    def output_price(self, price: Pricing) -> str:
        return money(price.output_per_million)

    @display(description=_("cache read, per 1M"), ordering="cache_read_per_million")
    def cache_read(self, price: Pricing) -> str:
        return "—" if price.cache_read_per_million is None else money(price.cache_read_per_million)

    @display(description=_("cache write, per 1M"), ordering="cache_write_per_million")
    def cache_write(self, price: Pricing) -> str:
        return "—" if price.cache_write_per_million is None else money(price.cache_write_per_million)

    @display(description=_("source"), ordering="source")
    def source_chip(self, price: Pricing) -> SafeString:
        return chip(PriceSource(price.source).label, "good" if price.source == PriceSource.OPERATOR else "plain")

    @display(description=_("sample"))
    def sample(self, price: Pricing) -> str:
        return render_to_string("billing/sample_cost.html", sample_costs(price))
