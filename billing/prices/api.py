"""Job: the management API of prices: `{provider: {model: {input, output, cached, ...}}}`, US dollars for 1M tokens.

Law: numbers come and go as JSON numbers, exactly; a change is all or nothing. Null is a price that is another's (cached
tokens cost what input costs); what that comes to is `billing.prices.table.FURTHER`.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router
from pydantic import AwareDatetime, BeforeValidator, Field, RootModel

from billing.models import PriceChange, Pricing
from billing.prices import pricing
from billing.prices.pricing import COLUMNS, TOKEN_KINDS, Key, Prices
from providers.api_access import ApiRefusal, Missing, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Line
from providers.configuration import ConfigurationQuerySet
from providers.connections import provider_named
from providers.models import Model, Provider

router = Router(by_alias=True)

NAMES = {
    "input": "input",
    "output": "output",
    "cache_read": "cached",
    "cache_write": "cache_creation",
    "cache_write_1h": "cacheWrite1h",
    "reasoning": "reasoning",
    "audio_input": "audioInput",
    "audio_output": "audioOutput",
    "image_input": "imageInput",
    "per_request": "perRequest",
}
"""Our kinds of price, and what they are called on the wire: five names are the original's."""

Unit = Literal["1m", "1k"]
DIVISORS: dict[Unit, int] = {"1m": 1, "1k": 1000}
"""Of a price for a million tokens."""
MOST = Decimal(100_000_000)
MOST_ENTRIES = 100


def _amount(value: object) -> object:
    """A JSON number as it was written: its text, not the float nearest to it."""
    amount = Decimal(repr(value)) if type(value) in (int, float) else None
    if amount is None or not amount.is_finite():
        raise ValueError(f"{value!r} is no price; send a number of US$ for a million tokens")
    if not 0 <= amount < MOST or amount != amount.quantize(pricing.PLACES):
        raise ValueError(f"{value!r} is no price; send 0 to 99999999.999999 US$, with at most six decimals")
    return amount


Amount = Annotated[Decimal, BeforeValidator(_amount)]


class TierBody(Body):
    """What differs for a request whose prompt has more than `above` tokens."""

    above: Annotated[int, Field(gt=0, le=1_000_000_000)]
    input: Amount = UNCHANGED
    output: Amount = UNCHANGED
    cache_read: Amount = Field(UNCHANGED, alias="cached")
    cache_write: Amount = Field(UNCHANGED, alias="cache_creation")
    cache_write_1h: Amount = Field(UNCHANGED, alias="cacheWrite1h")
    reasoning: Amount = UNCHANGED
    audio_input: Amount = Field(UNCHANGED, alias="audioInput")
    audio_output: Amount = Field(UNCHANGED, alias="audioOutput")
    image_input: Amount = Field(UNCHANGED, alias="imageInput")


class PriceBody(Body):
    input: Amount = UNCHANGED
    output: Amount = UNCHANGED
    cache_read: Amount | None = Field(UNCHANGED, alias="cached")
    cache_write: Amount | None = Field(UNCHANGED, alias="cache_creation")
    cache_write_1h: Amount | None = Field(UNCHANGED, alias="cacheWrite1h")
    reasoning: Amount | None = UNCHANGED
    audio_input: Amount | None = Field(UNCHANGED, alias="audioInput")
    audio_output: Amount | None = Field(UNCHANGED, alias="audioOutput")
    image_input: Amount | None = Field(UNCHANGED, alias="imageInput")
    per_request: Amount | None = Field(UNCHANGED, alias="perRequest")
    tiers: Annotated[list[TierBody], Field(max_length=10)] = UNCHANGED


ModelId = Annotated[Line, Field(max_length=200)]


class PriceChanges(RootModel[dict[Line, dict[ModelId, PriceBody]]]):
    """By provider (its id or prefix) and model."""


Shown = dict[str, dict[str, dict[str, Any]]]


class PricedModel(Answer):
    provider: str
    prefix: str
    model: str
    name: str
    is_priced: bool
    source: str | None


class PricedModels(Answer):
    models: list[PricedModel]
    listed: int
    priced: int


class ShownChange(Answer):
    version: int
    changed_at: AwareDatetime
    changed_by: str
    source: str
    prices: dict[str, Any] | None
    """Null: the price was removed."""


class History(Answer):
    provider: str
    model: str
    history: list[ShownChange]


class TakenBack(Body):
    provider: Line | None = None
    model: Line | None = None


class Reset(Answer):
    reset: list[str]
    """`provider/model` of each override that was taken back."""


def shown(prices: Prices, unit: Unit = "1m", **facts: Any) -> dict[str, Any]:
    price = _shown_kinds(prices, COLUMNS, unit)
    tiers = [{"above": tier["above"], **_shown_given(tier, unit)} for tier in prices.get("tiers", [])]
    return price | {"tiers": tiers} | facts


def _shown_given(prices: Prices, unit: Unit) -> dict[str, Any]:
    return _shown_kinds(prices, [kind for kind in TOKEN_KINDS if kind in prices], unit)


def _shown_kinds(prices: Prices, kinds: Iterable[str], unit: Unit) -> dict[str, Any]:
    return {NAMES[kind]: _number(prices.get(kind), 1 if kind == "per_request" else DIVISORS[unit]) for kind in kinds}


def _number(text: str | None, divisor: int) -> int | float | None:
    """Twelve digits at most, which a float holds and writes as they are."""
    if text is None:
        return None
    amount = Decimal(text) / divisor
    return int(amount) if amount == int(amount) else float(amount)


@router.get("/pricing", auth=needs("billing.view_pricing"), response=Shown)
def list_prices(request: HttpRequest, unit: Unit = "1m") -> Shown:
    """What every model costs, by provider: what an operator set, else the shipped tables."""
    return _merged(unit)


def _merged(unit: Unit = "1m") -> Shown:
    found: Shown = {}
    for row in Pricing.objects.all():
        facts = {"source": row.source, "version": row.version}
        found.setdefault(row.provider_id, {})[row.model_id] = shown(pricing.prices_of(row), unit, **facts)
    return found


@router.get("/pricing/defaults", auth=needs("billing.view_pricing"), response=Shown)
def list_shipped_prices(request: HttpRequest, unit: Unit = "1m") -> Shown:
    """What the shipped tables say, whatever an operator set."""
    found: Shown = {}
    for row in pricing.shipped_prices():
        facts = {"source": row.told_by, "asOf": row.as_of.isoformat()}
        found.setdefault(row.provider, {})[row.model_id] = shown(row.prices, unit, **facts)
    return found


@router.get("/pricing/models", auth=needs("billing.view_pricing"), response=PricedModels)
def list_models(request: HttpRequest) -> PricedModels:
    """Every listed model, and whether its price is known."""
    sources = {(row.provider_id, row.model_id): row.source for row in Pricing.objects.all()}
    models = [_priced(row, sources.get((row.provider_id, row.model_id))) for row in _listed()]
    return PricedModels(models=models, listed=len(models), priced=sum(model.is_priced for model in models))


def _listed() -> Iterable[Model]:
    return Model.objects.select_related("provider").order_by("provider_id", "model_id")


def _priced(row: Model, source: str | None) -> PricedModel:
    return PricedModel(
        provider=row.provider_id,
        prefix=row.provider.prefix,
        model=row.model_id,
        name=row.name,
        is_priced=source is not None,
        source=source,
    )


@router.get("/pricing/{provider}/{path:model}/history", auth=needs("billing.view_pricechange"), response=History)
def show_history(request: HttpRequest, provider: str, model: str) -> History:
    """What it cost from when on, the newest first; usage rows name their price by `version`."""
    row = _provider(provider)
    changes = PriceChange.objects.filter(provider=row.slug, model_id=model)[:MOST_ENTRIES] if "\0" not in model else ()
    if not changes:
        raise Missing(f"There is no price of “{model}” at {row.slug}, and never was. GET /api/pricing lists all.")
    return History(provider=row.slug, model=model, history=[_change(entry) for entry in changes])


def _change(entry: PriceChange) -> ShownChange:
    return ShownChange(
        version=entry.pk,
        changed_at=entry.changed_at,
        changed_by=entry.changed_by,
        source=entry.source,
        prices=shown(entry.prices) if entry.prices else None,
    )


@router.patch("/pricing", auth=needs("billing.change_pricing"), response=Shown)
@transaction.atomic
def change_prices(request: HttpRequest, changes: PriceChanges) -> Shown:
    """Set prices of any models; fields that are left out stay. Answers with all prices, as GET does."""
    known = {(row.provider_id, row.model_id): row for row in Pricing.objects.select_for_update()}
    wanted: dict[Key, Prices] = {}
    for name, models in changes.root.items():
        provider = _wanted_provider(name)
        for model, body in models.items():
            key = (provider.slug, model)
            if key in wanted:
                raise ApiRefusal(f"{name}.{model} is {provider.slug}.{model}, which stands there too.", name)
            wanted[key] = _changed(body, known.get(key), f"{name}.{model}")
    pricing.set_by_operator(wanted, by=request.user.get_username(), now=timezone.now())
    return _merged()


def _changed(body: PriceBody, row: Pricing | None, place: str) -> Prices:
    """The whole price, with what the body says of it."""
    sent = body.sent()
    tiers = sent.pop("tiers", None)
    before = pricing.prices_of(row) if row else {}
    prices = {kind: text for kind, text in before.items() if kind not in sent} | pricing.as_text(sent)
    if tiers is not None:
        prices["tiers"] = _tiers(tiers, f"{place}.tiers")
    for needed in ("input", "output"):
        if needed not in prices:
            raise ApiRefusal(
                f"{place}.{needed}: there is no price yet to change; send input and output.", f"{place}.{needed}"
            )
    return prices if prices.get("tiers") else {kind: text for kind, text in prices.items() if kind != "tiers"}


def _tiers(tiers: list[dict[str, Any]], place: str) -> list[Prices]:
    if len({tier["above"] for tier in tiers}) < len(tiers):
        raise ApiRefusal(f"{place}: two tiers begin above the same number of tokens.", place)
    ordered = sorted(tiers, key=lambda tier: int(tier["above"]))
    return [{"above": tier.pop("above"), **pricing.as_text(tier)} for tier in ordered]


@router.delete("/pricing", auth=needs("billing.delete_pricing"), response=Reset)
def take_back(
    request: HttpRequest, provider: str | None = None, model: str | None = None, body: TakenBack | None = None
) -> Reset:
    """End an override, or all of a provider's: the shipped price holds again, where there is one.

    `provider` and `model` stand in the query or in a body.
    """
    name, wanted = provider or (body and body.provider), model or (body and body.model)
    if not name:
        raise ApiRefusal("Say whose: ?provider=, and &model= where only one is meant.", "provider")
    row = _provider(name)
    rows = Pricing.objects.filter(provider=row)
    if wanted:
        rows = _of_model(rows, wanted)
    keys = pricing.reset_prices(rows, by=request.user.get_username(), now=timezone.now())
    return Reset(reset=["/".join(key) for key in sorted(keys)])


def _of_model(rows: ConfigurationQuerySet[Pricing], model: str) -> ConfigurationQuerySet[Pricing]:
    found = rows.none() if "\0" in model else rows.filter(model_id=model)
    if not found:
        raise Missing(f"There is no price of “{model}”. GET /api/pricing lists all.", "model")
    return found


def _provider(name: str) -> Provider:
    if "\0" in name or (row := provider_named(name)) is None:
        raise Missing(f"There is no provider “{name}”. GET /api/pricing lists them.", "provider")
    return row


def _wanted_provider(name: str) -> Provider:
    if (row := provider_named(name)) is None:
        raise ApiRefusal(f"There is no provider “{name}”; give its id or its prefix.", name)
    return row
