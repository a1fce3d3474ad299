"""Job: the one deed by which prices change: the table's row and an entry of the history, in one transaction.

Law: what changes nothing writes nothing; a row's version is the entry that made it what it is. Prices travel as text by
kind, `{"input": "2.5", "output": "10", "tiers": [{"above": 200000, "input": "5"}]}`: US dollars for a million tokens,
`per_request` for each request; a kind that is left out costs what `billing.prices.table.FURTHER` says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db import transaction

from billing.models import PriceChange, PriceSource, Pricing, ShippedPrice
from providers.configuration import ConfigurationQuerySet

Prices = dict[str, Any]
Key = tuple[str, str]

TOKEN_KINDS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
)
COLUMNS = {kind: f"{kind}_per_million" for kind in TOKEN_KINDS} | {"per_request": "per_request"}
PLACES = Decimal("1e-6")
WRITTEN = (*COLUMNS.values(), "tiers", "source", "as_of", "version")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model shall cost from now on, and who says so: `told_by` is a table with its version."""

    provider: str
    model: str
    prices: Prices
    source: PriceSource
    told_by: str
    as_of: date | None

    @property
    def key(self) -> Key:
        return self.provider, self.model

    def changes(self, row: Pricing | None) -> bool:
        return row is None or row.source != self.source or not row.version or prices_of(row) != self.prices


def set_prices(wanted: Iterable[Wanted], by: str, now: datetime) -> list[PriceChange]:
    """The entries that were written, in the order of what was wanted."""
    wishes = list(wanted)
    with transaction.atomic():
        rows = _rows({wish.provider for wish in wishes})
        news = [wish for wish in wishes if wish.changes(rows.get(wish.key))]
        if not news:
            return []
        entries = PriceChange.objects.bulk_create(
            PriceChange(
                provider=wish.provider,
                model_id=wish.model,
                prices=wish.prices,
                source=wish.told_by,
                changed_at=now,
                changed_by=by,
            )
            for wish in news
        )
        Pricing.objects.bulk_create(
            map(_row, news, entries),
            update_conflicts=True,
            unique_fields=["provider", "model_id"],
            update_fields=WRITTEN,
        )
    return entries


def _rows(providers: set[str]) -> dict[Key, Pricing]:
    """Nobody else changes them until this transaction ends."""
    found = Pricing.objects.filter(provider__in=providers).select_for_update().order_by("pk")
    return {(row.provider_id, row.model_id): row for row in found}


def _row(wish: Wanted, entry: PriceChange) -> Pricing:
    return Pricing(
        provider_id=wish.provider,
        model_id=wish.model,
        **columns_of(wish.prices),
        source=wish.source,
        as_of=wish.as_of,
        version=entry.pk,
    )


def set_by_operator(wanted: Mapping[Key, Prices], by: str, now: datetime) -> list[PriceChange]:
    source = PriceSource.OPERATOR
    return set_prices(
        [Wanted(*key, prices, source, source.value, now.date()) for key, prices in wanted.items()], by, now
    )


def reset_prices(rows: "ConfigurationQuerySet[Pricing]", by: str, now: datetime) -> list[Key]:
    """Take back what operators set: each model costs what the shipped tables say, or has no price. Which ones."""
    with transaction.atomic():
        overrides = list(rows.filter(source=PriceSource.OPERATOR).select_for_update().order_by("pk"))
        keys = [(row.provider_id, row.model_id) for row in overrides]
        shipped = {row.key: row for row in map(as_wanted, shipped_prices({key[0] for key in keys}))}
        set_prices([shipped[key] for key in keys if key in shipped], by, now)
        _remove([row for row, key in zip(overrides, keys, strict=True) if key not in shipped], by, now)
    return keys


def _remove(rows: list[Pricing], by: str, now: datetime) -> None:
    PriceChange.objects.bulk_create(
        PriceChange(
            provider=row.provider_id,
            model_id=row.model_id,
            prices={},
            source=PriceSource.OPERATOR.value,
            changed_at=now,
            changed_by=by,
        )
        for row in rows
    )
    Pricing.objects.filter(pk__in=[row.pk for row in rows]).delete()


def number_prices(now: datetime) -> None:
    """Begin the history of every price that has none, as it stands: it was written before there was one."""
    with transaction.atomic():
        rows = list(Pricing.objects.filter(version=0).select_for_update().order_by("pk"))
        for row in rows:
            entry = PriceChange.objects.create(
                provider=row.provider_id,
                model_id=row.model_id,
                prices=prices_of(row),
                source=row.source,
                changed_at=now,
            )
            row.version = entry.pk
        if rows:
            Pricing.objects.bulk_update(rows, ["version"])


def shipped_prices(providers: set[str] | None = None) -> list[ShippedPrice]:
    """Those of some providers, or of all."""
    rows = ShippedPrice.objects.all()
    return list(rows if providers is None else rows.filter(provider__in=providers))


def shipped_price(provider: str, model: str) -> ShippedPrice | None:
    return ShippedPrice.objects.filter(provider=provider, model_id=model).first()


def as_wanted(row: ShippedPrice) -> Wanted:
    return Wanted(row.provider, row.model_id, row.prices, PriceSource(row.source), row.told_by, row.as_of)


# Prices as text.


def prices_of(row: Pricing) -> Prices:
    """What the row says, without what it leaves to another price."""
    given = {kind: getattr(row, column) for kind, column in COLUMNS.items()}
    return as_text(given) | ({"tiers": row.tiers} if row.tiers else {})


def as_text(given: Mapping[str, Any]) -> Prices:
    """Of the prices that are given, each at the table's six decimals without the zeros at its end."""
    amounts = {kind: Decimal(str(amount)) for kind, amount in given.items() if amount is not None}
    return {kind: _plain(amount) for kind, amount in amounts.items()}


def _plain(amount: Decimal) -> str:
    text = f"{amount.quantize(PLACES, ROUND_HALF_EVEN):f}"
    return text.rstrip("0").rstrip(".")


def columns_of(prices: Prices) -> dict[str, Any]:
    amounts = {column: prices.get(kind) for kind, column in COLUMNS.items()}
    columns = {column: None if text is None else Decimal(text) for column, text in amounts.items()}
    return columns | {"tiers": prices.get("tiers", [])}
