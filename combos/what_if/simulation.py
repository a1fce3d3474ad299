"""Job: "what if": the recorded requests of a period once more, at another combo, model, strategy or table of prices.

Law: it looks. Nothing is sent, no turn is taken, nothing is written. Strategies are the gateway's own
(`combos.strategies`), with a draw and turns that are the same each time. What is asked elsewhere is taken for connected
and well, except that who failed in a request fails in it again; what it assumes, it says (`combos.what_if.words`).
"""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from time import perf_counter
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.models import PriceSource, UsageRecord
from billing.money import ZERO, dollars
from billing.prices.cost import Price
from billing.prices.table import completed
from billing.what_if import recorded
from billing.what_if.costs import Reroute, Rules, Tally, Target, Unfit, stays
from billing.what_if.price_sheet import SheetRow
from billing.what_if.recorded import Selection
from combos import runtime, snapshot
from combos.gateway import Gateway
from combos.models import MOST_STARS
from combos.refusals import Refusal
from combos.resolver import Route, resolve
from combos.snapshot import Snapshot
from combos.strategies import Strategy
from combos.what_if.routes import Replayer
from combos.wildcards import Wildcard
from providers.catalogue import ListPrice, catalogue

SNAPSHOT_SECONDS = 2.0
TWO_SIGMA = 1.96
MOST = 20_000
"""Requests that are replayed for one look; of more a sample is. About half a second's work."""

_looking = threading.Lock()


class Prices(StrEnum):
    """Which prices hold for whatever is not priced by a sheet."""

    RECORDED = "recorded"
    """What stays where it was keeps its cost; what is moved is priced as of today."""
    TODAY = "today"
    DEFAULT = "default"
    """Today's, with the list price where an operator has entered another."""


class Kind(StrEnum):
    """What a name has to be of."""

    ANY = "any"
    COMBO = "combo"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What should have been different."""

    to: str = ""
    """A combo or a model, as a client would name it."""
    kind: Kind = Kind.ANY
    """Which of them it has to be."""
    only: str = ""
    """Of requests for this name, or names of this pattern."""
    strategy: Strategy | None = None
    for_combo: str = ""
    prices: Prices = Prices.RECORDED
    sheet: tuple[SheetRow, ...] = ()
    without_cache: bool = False
    at_list: bool = False
    all_well: bool = False

    @property
    def is_empty(self) -> bool:
        is_priced = self.prices is not Prices.RECORDED or bool(self.sheet)
        return not (self.to or self.strategy or is_priced or self.without_cache or self.at_list)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer. The tally is of `replayed` requests; `scaled` makes it one of all."""

    selection: Selection
    scenario: Scenario
    route: Route | None
    tally: Tally
    matching: int
    """How many requests were selected."""
    seconds: float

    @property
    def replayed(self) -> int:
        return self.tally.replayed

    @property
    def is_sampled(self) -> bool:
        return self.replayed < self.matching

    def scaled(self, number: int) -> int:
        if not self.is_sampled or not self.replayed:
            return number
        return (2 * number * self.matching + self.replayed) // (2 * self.replayed)  # exact, unlike a float

    @property
    def margin(self) -> Decimal:
        """How far what is said to be saved may be off because of the sample, 19 times in 20; in US dollars."""
        number, left_out = self.replayed, self.matching - self.replayed
        if number < 2 or left_out <= 0:
            return Decimal(0)
        variance = (self.tally.saved_squares - self.tally.total.saved**2 / number) / (number - 1)
        return dollars(round(TWO_SIGMA * math.sqrt(max(0.0, variance) * self.matching * left_out / number)))


def current() -> Snapshot:
    """The one this process serves by, or, where it serves nothing, a new one."""

    async def ask(gateway: Gateway) -> Snapshot:
        return gateway.keeper.current

    try:
        return runtime.from_thread(ask, SNAPSHOT_SECONDS)
    except (runtime.NotServing, TimeoutError):
        return snapshot.load()


def look(scenario: Scenario, selection: Selection, visible: QuerySet[UsageRecord], zone: ZoneInfo) -> Found:
    """`simulate` for a process that serves requests: at most `MOST` of them, one question at a time. Raises Unfit."""
    with _looking:
        return simulate(scenario, selection, visible, zone, MOST)


def simulate(
    scenario: Scenario,
    selection: Selection,
    visible: QuerySet[UsageRecord],
    zone: ZoneInfo,
    most: int | None = None,
    known: Snapshot | None = None,
) -> Found:
    """Replay all the requests, or a sample of about `most`. Raises Unfit."""
    began = perf_counter()
    known = known or current()
    check(scenario, known)
    route = route_of(scenario, known)
    rules = rules_of(scenario, known)
    reroute = reroute_of(scenario, Replayer.along(route, scenario.strategy, rules, selection))
    rows = selection.rows(visible)
    matching, tally = rows.count(), Tally()
    if not matching:
        selection.check(visible)
    for request in recorded.stream(recorded.sample(rows, matching, most or matching), zone):
        tally.add(request, rules, reroute)
    return Found(selection, scenario, route, tally, matching, perf_counter() - began)


def check(scenario: Scenario, known: Snapshot) -> None:
    """Raises Unfit."""
    if scenario.is_empty:
        message = _("Say what should have been different: another combo or model, a strategy, prices, or the cache.")
        raise Unfit("to", message)
    if scenario.to and scenario.strategy:
        raise Unfit("strategy", _("Choose one: another model or combo, or another strategy for a combo."))
    if scenario.only.count("*") > MOST_STARS:
        raise Unfit("only", _("A pattern has at most %(most)d stars.") % {"most": MOST_STARS})
    if scenario.only and not scenario.to:
        raise Unfit("only", _("Say where the requests for “%(only)s” should have gone.") % {"only": scenario.only})
    if bool(scenario.strategy) != bool(scenario.for_combo):
        field = "for_combo" if scenario.strategy else "strategy"
        raise Unfit(field, _("A strategy needs the name of a combo, and the name a strategy."))
    if scenario.for_combo and scenario.for_combo not in known.combos:
        names = ", ".join(sorted(known.combos)[:5]) or _("none")
        message = _("There is no combo “%(name)s” that is enabled. There are: %(names)s.")
        raise Unfit("for_combo", message % {"name": scenario.for_combo, "names": names})


def route_of(scenario: Scenario, known: Snapshot) -> Route | None:
    """Where requests would go; None: where they went. Raises Unfit."""
    name, field = (scenario.to, "to") if scenario.to else (scenario.for_combo, "for_combo")
    if not name:
        return None
    try:
        route = resolve(name, known)
    except Refusal as refusal:
        raise Unfit(field, refusal.message) from None
    if scenario.to:
        _check_kind(scenario, route)
    if scenario.for_combo and (route.combo is None or route.combo.name != name):
        message = _("An alias leads “%(name)s” to “%(to)s”, so requests for it do not reach the combo.")
        raise Unfit(field, message % {"name": name, "to": route.name})
    if scenario.strategy is Strategy.WEIGHTED and not any(step.weight for step in route.steps):
        raise Unfit("strategy", _("“%(name)s” has no target with a weight, so nobody would be asked.") % {"name": name})
    return route


def _check_kind(scenario: Scenario, route: Route) -> None:
    if scenario.kind is Kind.COMBO and route.combo is None:
        raise Unfit("to", _("“%(name)s” is no combo that is enabled, but a model.") % {"name": scenario.to})
    if scenario.kind is Kind.MODEL and route.combo is not None:
        raise Unfit("to", _("“%(name)s” is a combo, not a model.") % {"name": scenario.to})


def strategy_of(name: str) -> Strategy | None:
    """None of no name. Raises Unfit."""
    if name and name not in Strategy.values:
        message = _("There is no strategy “%(name)s”. There are: %(names)s.")
        raise Unfit("strategy", message % {"name": name[:60], "names": ", ".join(Strategy.values)})
    return Strategy(name) if name else None


def reroute_of(scenario: Scenario, replayer: Replayer | None) -> Reroute:
    if replayer is None:
        return stays
    if scenario.for_combo:
        return lambda request: replayer.stops() if request.combo == scenario.for_combo else None
    if not scenario.only:
        return lambda request: replayer.stops()
    pattern = Wildcard.of(scenario.only)
    return lambda request: replayer.stops() if pattern.matches(request.asked) else None


def rules_of(scenario: Scenario, known: Snapshot) -> Rules:
    sheet = _sheet(scenario.sheet, known)
    table = _defaults(known.books.prices) if scenario.prices is Prices.DEFAULT else dict(known.books.prices)
    return Rules(
        prices=table | sheet,
        anew=frozenset(sheet) if scenario.prices is Prices.RECORDED else None,
        without_cache=scenario.without_cache,
        at_list=scenario.at_list,
        all_well=scenario.all_well,
    )


def _sheet(rows: tuple[SheetRow, ...], known: Snapshot) -> dict[Target, Price]:
    """By the provider's id, whichever of its names the sheet has."""
    found: dict[Target, Price] = {}
    for row in rows:
        provider = known.directory.providers.get(row.provider)
        if provider is None:
            message = _("There is no provider “%(name)s”. Write its id or its prefix, such as groq.")
            raise Unfit("sheet", message % {"name": row.provider[:60]})
        found[provider.slug, row.model] = row.price
    return found


def _defaults(prices: Mapping[Target, Price]) -> dict[Target, Price]:
    """The list price where an operator has entered another, if the catalogue has one."""
    return {target: _default(target, price) for target, price in prices.items()}


def _default(target: Target, price: Price) -> Price:
    vendor = catalogue().get(target[0]) if price.source == PriceSource.OPERATOR else None
    model = vendor.models.get(target[1]) if vendor else None
    return _listed(model.price) if model and model.price else price


def _listed(listed: ListPrice) -> Price:
    own = {name: getattr(listed, name) for name in ("input", "output", "cache_read", "cache_write", "reasoning")}
    return Price(**completed(own), per_request=ZERO, source=PriceSource.CATALOGUE)
