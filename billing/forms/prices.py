"""The form of prices: typed for a million tokens or for a thousand, and asked about where they look wrong.

A price in the wrong unit is a thousand times off and blocks everybody, or nobody; so the unit stands at every number,
and a number far from what is known has to be confirmed.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from billing.figures import money
from billing.models import Pricing
from billing.prices import pricing
from billing.prices.cost import cost
from billing.prices.pricing import COLUMNS, TOKEN_KINDS, Prices
from billing.prices.table import price_of
from translator.usage import Usage

LABELS = {field.name: capfirst(field.verbose_name) for field in Pricing._meta.fields}
HINTS = {field.name: field.help_text for field in Pricing._meta.fields}
NEEDED = ("input", "output")
PRICES = tuple(COLUMNS.values())

TIER_KINDS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
TIERED = {f"tier_{kind}": kind for kind in TIER_KINDS}

SAMPLE = Usage(uncached_input=1000, output=500)
THOUSAND = Decimal(1000)
FAR = 100
"""So many times more or less than what is known, and it is asked about."""
USUAL = (Decimal("0.005"), Decimal(1000))
"""Between these, US$ for a million tokens, is all that vendors ask today."""

UNITS = [("1m", _("US$ per 1M tokens")), ("1k", _("US$ per 1K tokens"))]


def sample_costs(row: Pricing) -> dict[str, Any]:
    """Each price for a million and for a thousand tokens, and what a small chat costs."""
    if row.pk is None:
        return {"rows": []}
    price = price_of(row)
    rows = [_sample(kind, getattr(price, kind), getattr(row, COLUMNS[kind])) for kind in TOKEN_KINDS]
    tiers = [(above, [_sample(kind, getattr(tier, kind), True) for kind in NEEDED]) for above, tier in price.tiers]
    return {"rows": rows, "tiers": tiers, "per_request": price.per_request, "total": money(cost(SAMPLE, price))}


def _sample(kind: str, price: Decimal, own: object) -> tuple[Any, str, str, bool]:
    return LABELS[COLUMNS[kind]], money(price), money(price / THOUSAND), own is not None


def amount_field(kind: str, is_required: bool = False) -> forms.DecimalField:
    """Nine decimals: a price for a thousand tokens has three more than one for a million."""
    attributes = {"inputmode": "decimal", "data-price": "", "autocomplete": "off"}
    return forms.DecimalField(
        label=LABELS[COLUMNS[kind]],
        required=is_required,
        min_value=0,
        max_digits=17,
        decimal_places=9,
        widget=UnfoldAdminTextInputWidget(attrs=attributes),
    )


class PricingForm(forms.ModelForm):  # type: ignore[type-arg]
    unit = forms.ChoiceField(
        label=_("Prices are typed in"), choices=UNITS, required=False, widget=UnfoldAdminSelectWidget(choices=UNITS)
    )
    confirmed = forms.BooleanField(
        label=_("They are meant as they stand"),
        required=False,
        widget=forms.HiddenInput(),
        help_text=_("Then save again."),
    )
    input_per_million = amount_field("input", is_required=True)
    output_per_million = amount_field("output", is_required=True)
    reasoning_per_million = amount_field("reasoning")
    cache_read_per_million = amount_field("cache_read")
    cache_write_per_million = amount_field("cache_write")
    cache_write_1h_per_million = amount_field("cache_write_1h")
    audio_input_per_million = amount_field("audio_input")
    audio_output_per_million = amount_field("audio_output")
    image_input_per_million = amount_field("image_input")
    per_request = amount_field("per_request")
    tier_above = forms.IntegerField(
        label=_("Above so many prompt tokens"), required=False, min_value=1, max_value=1_000_000_000,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text=_("Of a longer prompt every token costs what stands here. Empty: there is no such step."),
    )  # fmt: skip
    tier_input = amount_field("input")
    tier_output = amount_field("output")
    tier_cache_read = amount_field("cache_read")
    tier_cache_write = amount_field("cache_write")
    tier_cache_write_1h = amount_field("cache_write_1h")

    class Meta:
        model = Pricing
        fields = ("provider", "model_id", *PRICES)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.before = pricing.prices_of(self.instance) if self.instance.pk else {}
        if self.has_several_steps:
            for name in ("tier_above", *TIERED):
                self.fields.pop(name, None)
        tier = self.step() or {}
        for name, text in [*self._known(self.before), *((f"tier_{kind}", tier.get(kind)) for kind in TIER_KINDS)]:
            self.initial[name] = text
            if name in self.fields:
                self._explain(name, text)
        self.initial["tier_above"] = tier.get("above")
        if "unit" in self.fields:
            self.fields["unit"].widget.attrs |= {"data-unit": "", "data-1m": _per("1M"), "data-1k": _per("1K")}

    def _known(self, prices: Prices) -> Iterator[tuple[str, str | None]]:
        return ((column, prices.get(kind)) for kind, column in COLUMNS.items())

    @property
    def has_several_steps(self) -> bool:
        """Which the API changes, not this form."""
        return len(self.instance.tiers or ()) > 1

    def step(self) -> Prices | None:
        """The one step for long prompts."""
        steps: list[Prices] = self.instance.tiers or []
        return steps[0] if len(steps) == 1 else None

    def _explain(self, name: str, text: str | None) -> None:
        hint = HINTS.get(name) or _("Empty: as below that step.")
        if name == "per_request":
            self.fields[name].help_text = hint
            return
        other = f"= {money(Decimal(text) / THOUSAND)} {_per('1K')}." if text is not None else ""
        self.fields[name].help_text = _unit_and_other(other, "" if name in map(COLUMNS.get, NEEDED) else hint)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        times = THOUSAND if given.get("unit") == "1k" else 1
        for name in (*TIERED, *(COLUMNS[kind] for kind in TOKEN_KINDS)):
            if given.get(name) is not None:
                given[name] = (given[name] * times).normalize()
        self._check_step(given)
        if not self.errors and not given.get("confirmed"):
            self._ask_about(given)
        return given

    def _check_step(self, given: dict[str, Any]) -> None:
        prices = [name for name in TIERED if given.get(name) is not None]
        for name in prices:
            if given[name] != given[name].quantize(pricing.PLACES):
                self.add_error(name, gettext("Use at most six decimals for a million tokens."))
        if prices and given.get("tier_above") is None and "tier_above" not in self.errors:
            self.add_error("tier_above", gettext("Say above how many tokens the prices below hold."))
        if given.get("tier_above") and not prices:
            self.add_error("tier_above", gettext("Say at least one price that holds above that."))

    def _ask_about(self, given: dict[str, Any]) -> None:
        known = self._reference(given)
        doubts = [doubt for kind in NEEDED if (doubt := _doubt(kind, given.get(COLUMNS[kind]), known.get(kind)))]
        if doubts:
            self.fields["confirmed"].widget = UnfoldBooleanSwitchWidget()
            self.add_error("confirmed", doubts)

    def _reference(self, given: dict[str, Any]) -> Prices:
        """What the model is known to cost: the shipped price, or the one before."""
        provider = given.get("provider") or getattr(self.instance, "provider", None)
        model = given.get("model_id") or self.instance.model_id
        shipped = pricing.shipped_price(provider.pk, model) if provider else None
        return shipped.prices if shipped else self.before

    def prices(self) -> Prices:
        """The whole price as it was typed, for a million tokens."""
        given = self.cleaned_data
        prices = pricing.as_text({kind: given.get(column) for kind, column in COLUMNS.items()})
        steps = self._steps(given)
        return prices | ({"tiers": steps} if steps else {})

    def _steps(self, given: dict[str, Any]) -> list[Prices]:
        if self.has_several_steps:
            return list(self.instance.tiers)
        if not given.get("tier_above"):
            return []
        kept = {kind: text for kind, text in (self.step() or {}).items() if kind not in TIER_KINDS}
        return [kept | {"above": given["tier_above"]} | pricing.as_text({k: given.get(n) for n, k in TIERED.items()})]


def _per(amount: str) -> str:
    return gettext("per %(amount)s") % {"amount": amount}


def _unit_and_other(other: str, hint: Any) -> SafeString:
    return format_html("<span data-of-unit>{}.</span> <span data-other>{}</span> {}", UNITS[0][1], other, hint)


def _doubt(kind: str, price: Decimal | None, known: str | None) -> str:
    """Why a price is hard to believe; empty where it is not."""
    if not price:
        return ""
    told = {"kind": LABELS[COLUMNS[kind]], "price": money(price)}
    if known and (reference := Decimal(known)):
        if reference / FAR < price < reference * FAR:
            return ""
        known_price = {"known": money(reference)}
        return gettext("%(kind)s: %(price)s per 1M tokens is far from %(known)s. Is the unit right?") % (
            told | known_price
        )
    if USUAL[0] <= price <= USUAL[1]:
        return ""
    return gettext("%(kind)s: %(price)s per 1M tokens is unusual. Is the unit right?") % told
