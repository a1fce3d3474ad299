"""Job: a table of prices that somebody wrote down: CSV with a heading, or JSON. US dollars for a million tokens.

CSV has the columns `provider,model,input,output` and, as one likes, the further ones; JSON is a list of such rows, or
`{provider: {model: {input, output}}}`, as `/api/pricing` has it. What is not given is as in the dashboard's own prices.
Law: it is taken whole or not at all; what is wrong with it is said with its line.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from django.utils.translation import gettext as _

from billing.money import ZERO
from billing.prices.cost import Price
from billing.prices.table import FURTHER, completed
from billing.what_if.costs import Unfit

FIELD = "sheet"
SOURCE = "sheet"
LONGEST = 1 << 20
"""Characters."""
MOST_ROWS = 10_000
DEAREST = Decimal(1_000_000)
KINDS = ("input", "output", *FURTHER)
NAMES = {"provider", "model", *KINDS, "per_request"}
ALSO = {"cached": "cache_read", "cache_creation": "cache_write"}
"""As the management API calls them."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    provider: str
    model: str
    price: Price


def read(text: str) -> tuple[SheetRow, ...]:
    """Raises Unfit."""
    if len(text) > LONGEST:
        raise Unfit(FIELD, _("The prices are longer than 1 MiB."))
    text = text.lstrip("\ufeff \t\r\n")
    rows = of_json(_parsed(text)) if text.startswith(("{", "[")) else _found(_lines(text))
    if not rows:
        raise Unfit(FIELD, _("There is no price in it. Begin with the line provider,model,input,output."))
    return rows


def of_json(told: Any) -> tuple[SheetRow, ...]:
    """Of a list of rows, or of prices by provider and model. Raises Unfit."""
    return _found(_told(told))


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise Unfit(FIELD, _("The prices are not valid JSON: %(error)s") % {"error": error}) from None


def _told(told: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with its place."""
    if isinstance(told, list):
        yield from ((_("row %(number)d") % {"number": number}, _object(row)) for number, row in enumerate(told, 1))
        return
    for provider, models in _object(told).items():
        for model, prices in _object(models).items():
            yield f"{provider}/{model}", {**_object(prices), "provider": provider, "model": model}


def _object(told: Any) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        message = _("“%(told)s” should be an object: {provider: {model: {input, output}}}, or a list of rows.")
        raise Unfit(FIELD, message % {"told": str(told)[:60]})
    return told


def _lines(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        for row in reader:
            if None in row:  # csv's name for what has no column.
                message = _("line %(number)d: it has more values than the heading has columns.")
                raise Unfit(FIELD, message % {"number": reader.line_num})
            yield (
                _("line %(number)d") % {"number": reader.line_num},
                {str(name).strip().lower(): value for name, value in row.items()},
            )
    except csv.Error as error:
        raise Unfit(FIELD, _("line %(number)d: %(error)s") % {"number": reader.line_num, "error": error}) from None


def _found(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[SheetRow, ...]:
    found: list[SheetRow] = []
    for place, row in rows:
        if len(found) == MOST_ROWS:
            raise Unfit(FIELD, _("There are more than %(most)d prices.") % {"most": MOST_ROWS})
        found.append(_row(place, {ALSO.get(name, name): value for name, value in row.items()}))
    return tuple(found)


def _row(place: str, row: Mapping[str, Any]) -> SheetRow:
    if strange := next((name for name in row if name not in NAMES), None):
        known = ", ".join(sorted(NAMES))
        message = _("%(place)s: there is no column “%(name)s”. Known are %(known)s.")
        raise Unfit(FIELD, message % {"place": place, "name": strange[:60], "known": known})
    provider, model = (str(row.get(name) or "").strip() for name in ("provider", "model"))
    if not provider or not model:
        raise Unfit(FIELD, _("%(place)s: it needs a provider and a model.") % {"place": place})
    own = {name: _price(place, name, row.get(name)) for name in KINDS}
    if missing := next((name for name in ("input", "output") if own[name] is None), None):
        raise Unfit(FIELD, _("%(place)s: it needs a price of %(name)s.") % {"place": place, "name": missing})
    per_request = _price(place, "per_request", row.get("per_request")) or ZERO
    return SheetRow(provider, model, Price(**completed(own), per_request=per_request, source=SOURCE))


def _price(place: str, name: str, told: Any) -> Decimal | None:
    """None where none is given."""
    if told is None or (isinstance(told, str) and not told.strip()):
        return None
    price = _number(told)
    if price is None or not 0 <= price <= DEAREST:
        message = _("%(place)s: “%(told)s” is no price of %(name)s. Write US dollars per million tokens, such as 0.27.")
        raise Unfit(FIELD, message % {"place": place, "told": str(told)[:60], "name": name})
    return price


def _number(told: Any) -> Decimal | None:
    if isinstance(told, bool) or not isinstance(told, (str, int, float)):
        return None
    try:
        price = Decimal(str(told).strip())
    except InvalidOperation:
        return None
    return price if price.is_finite() else None
