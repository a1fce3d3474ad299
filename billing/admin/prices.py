"""The pages of prices: the table, each price with its history, and what every provider costs at a glance."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from billing.figures import money
from billing.forms.prices import TIERED, PricingForm, sample_costs
from billing.models import PriceChange, PriceSource, Pricing
from billing.prices import glance, pricing
from providers.dashboard import Page
from providers.wording import chip

SHOWN_CHANGES = 20
THOUSAND = Decimal(1000)


class UnitFilter(admin.SimpleListFilter):
    """Not a filter: which unit the numbers are shown in. It stands in the URL like one, and every row carries it."""

    title = _("unit")
    parameter_name = "unit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("1k", _("per 1K tokens"))]

    def choices(self, changelist: Any) -> Any:
        everything, *others = super().choices(changelist)
        return [{**everything, "display": _("per 1M tokens")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: QuerySet[Any] = queryset.annotate(unit=Value(self.value() or "1m"))
        return rows


@admin.register(Pricing)
class PricingAdmin(Page):
    purpose = _("What each model costs. A price you save here stays as you set it, until you take it back.")
    empty_title = _("No prices yet")
    empty_text = _(
        "The shipped ones arrive with “manage.py sync_catalogue”. Without a price, a request's cost is unknown."
    )
    empty_button = _("Add a price")
    form = PricingForm
    list_display = ("model_name", "input_price", "output_price", "cache_read", "cache_write", "source_chip", "as_of")
    list_filter = (UnitFilter, "source", "provider")
    list_select_related = ("provider",)
    search_fields = ("model_id", "provider__name", "provider__prefix")
    ordering = ("provider__name", "model_id")
    actions = ("reset",)
    change_form_outer_after_template = "billing/price_story.html"
    delete_confirmation_template = "billing/take_back.html"

    class Media:
        js = ("omniroute/prices.js",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("glance/", view(self.glance_view), name="billing_pricing_glance"), *super().get_urls()]

    def get_readonly_fields(self, request: HttpRequest, obj: Pricing | None = None) -> tuple[str, ...]:
        """Whose price it is stays: for another model there is another price."""
        return ("sample", "told_by", *(("provider", "model_id") if obj else ()))

    def get_fieldsets(self, request: HttpRequest, obj: Pricing | None = None) -> Any:
        step = ("tier_above", *TIERED) if obj is None or len(obj.tiers) < 2 else ()
        groups = [
            (None, ("provider", "model_id", "unit", "confirmed")),
            (_("Tokens"), ("input_per_million", "output_per_million", "reasoning_per_million")),
            (_("Prompt cache"), ("cache_read_per_million", "cache_write_per_million", "cache_write_1h_per_million")),
            (_("Audio and images"), ("audio_input_per_million", "audio_output_per_million", "image_input_per_million")),
            (_("Each request"), ("per_request",)),
            (_("Long prompts"), step),
            (_("What that makes"), ("sample", "told_by")),
        ]
        return [(title, {"fields": fields}) for title, fields in groups if fields]

    def get_actions(self, request: HttpRequest) -> Any:
        """Prices are taken back, not deleted."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: Pricing | None = None) -> bool:
        is_override = obj is None or obj.source == PriceSource.OPERATOR
        return is_override and super().has_delete_permission(request, obj)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)
        context = {"show_delete": False} | (self._story(request, row) if row else {})
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def _story(self, request: HttpRequest, row: Pricing) -> dict[str, Any]:
        shipped = pricing.shipped_price(row.provider_id, row.model_id)
        entries = PriceChange.objects.filter(provider=row.provider_id, model_id=row.model_id)[:SHOWN_CHANGES]
        return {
            "rows": [_told(entry) for entry in entries],
            "is_override": self.has_delete_permission(request, row),
            "shipped": shipped and shipped.prices,
        }

    def save_model(self, request: HttpRequest, obj: Pricing, form: Any, change: bool) -> None:
        key = (obj.provider_id, obj.model_id)
        prices = form.prices()
        if not change or prices != form.before:
            pricing.set_by_operator({key: prices}, request.user.get_username(), timezone.now())
        obj.pk = Pricing.objects.values_list("pk", flat=True).get(provider=key[0], model_id=key[1])
        obj.refresh_from_db()

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        row = self.get_object(request, object_id)
        shipped = pricing.shipped_price(row.provider_id, row.model_id) if row else None
        context = {"title": _("Take a price back"), "shipped": shipped and shipped.prices}
        return super().delete_view(request, object_id, context | (extra_context or {}))

    def delete_model(self, request: HttpRequest, obj: Pricing) -> None:
        self._take_back(request, Pricing.objects.filter(pk=obj.pk))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """In place of Django's word that it is gone: it may be there still, at the shipped price."""
        self.message_user(request, gettext("%(price)s is no longer yours.") % {"price": obj_display}, messages.SUCCESS)
        return redirect("admin:billing_pricing_changelist")

    def _take_back(self, request: HttpRequest, rows: Any) -> list[pricing.Key]:
        return pricing.reset_prices(rows, request.user.get_username(), timezone.now())

    @action(description=_("Take back: the shipped price holds again"), permissions=["delete"])
    def reset(self, request: HttpRequest, queryset: QuerySet[Pricing]) -> None:
        count = len(self._take_back(request, Pricing.objects.filter(pk__in=queryset.values("pk"))))
        said = ngettext("%(count)d price taken back.", "%(count)d prices taken back.", count) % {"count": count}
        self.message_user(request, said, messages.SUCCESS if count else messages.WARNING)

    def glance_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            return redirect("admin:index")
        context = self.admin_site.each_context(request) | {"title": _("Pricing at a glance"), "tiers": glance.tiers()}
        return TemplateResponse(request, "billing/glance.html", context)

    @display(description=_("model"), ordering="model_id")
    def model_name(self, price: Pricing) -> str:
        return f"{price.provider.prefix}/{price.model_id}"

    @display(description=_("input"), ordering="input_per_million")
    def input_price(self, price: Pricing) -> SafeString | str:
        return amount(price, price.input_per_million)

    @display(description=_("output"), ordering="output_per_million")
    def output_price(self, price: Pricing) -> SafeString | str:
        return amount(price, price.output_per_million)

    @display(description=_("cache read"), ordering="cache_read_per_million")
    def cache_read(self, price: Pricing) -> SafeString | str:
        return amount(price, price.cache_read_per_million)

    @display(description=_("cache write"), ordering="cache_write_per_million")
    def cache_write(self, price: Pricing) -> SafeString | str:
        return amount(price, price.cache_write_per_million)

    @display(description=_("source"), ordering="source")
    def source_chip(self, price: Pricing) -> SafeString:
        return chip(PriceSource(price.source).label, "good" if price.source == PriceSource.OPERATOR else "plain")

    @display(description=_("sample"))
    def sample(self, price: Pricing) -> str:
        return render_to_string("billing/sample_cost.html", sample_costs(price))

    @display(description=_("source"))
    def told_by(self, price: Pricing) -> str:
        if not price.pk:
            return "—"
        entry = PriceChange.objects.filter(pk=price.version).first()
        facts = {"source": entry.source if entry else price.source, "version": price.version}
        return gettext("%(source)s, version %(version)s") % facts if price.version else str(facts["source"])


def amount(price: Any, dollars: Decimal | None) -> SafeString | str:
    """With its unit, and on hover in the other one."""
    if dollars is None:
        return "—"
    units = [(money(dollars), _("1M")), (money(dollars / THOUSAND), _("1K"))]
    (shown, unit), (other, other_unit) = reversed(units) if getattr(price, "unit", "1m") == "1k" else units
    return format_html('<span title="{} / {}">{}&nbsp;/&nbsp;{}</span>', other, other_unit, shown, unit)


def _told(entry: PriceChange) -> dict[str, Any]:
    kinds: Iterable[str] = ("input", "output", "cache_read", "cache_write")
    amounts = [money(Decimal(text)) if (text := entry.prices.get(kind)) else "—" for kind in kinds]
    return {"entry": entry, "amounts": amounts, "is_removed": not entry.prices}
