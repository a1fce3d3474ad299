"""Job: what a request may cost at worst, asked of the meter before any vendor is called.

Law: a key without limits and without a budget, its own or anybody's, costs nothing here. What follows from the snapshot
alone is worked out once.
"""

from dataclasses import dataclass

from billing.api_keys.facts import KeyFacts
from billing.budgets.allowances import Allowance, Allowances
from billing.budgets.counters import Demand, Limits, SpentUp, TooBusy, Wish
from billing.prices.cost import FREE, Price
from combos import refusals
from combos.candidates import Placed
from combos.gateway import Gateway
from combos.settling.account import Account
from combos.snapshot import Snapshot
from translator import tokens
from translator.ceilings import answers, longest_answer
from translator.dialect import ClientRequest

RESERVED_SECONDS = 5.0
"""When to come again where requests that run hold what is left of a budget."""
SPARE_SECONDS = 60.0
"""A reservation that outlives the longest request by that was lost together with its worker's disk."""
SHORT_BYTES = 8192
BYTES_A_TOKEN = 3
"""Of a short body, at least: counting it would cost more than reserving a little too much for a moment."""


async def reserve(account: Account, placed: list[Placed], snapshot: Snapshot, gateway: Gateway) -> None:
    """Raises refusals.SpentUp, KeyBusy or Unpriced; then nothing is reserved.

    Targets without a price are taken out of the line where there is a budget that has to know what they cost.
    """
    books, key = snapshot.books, account.key
    allowances = snapshot.once(("allowances", key and key.id), lambda: _allowances(key, books.allowances))
    if not allowances and (key is None or not key.is_limited):
        return
    found = _costs(account, placed, snapshot) if allowances else NO_COSTS
    if found.has_unpriced and not books.allows_unknown_prices:
        _leave_out_unpriced(placed, snapshot)
    wish = _wish(account, found.prices, allowances, snapshot, gateway)
    account.reserves(wish, is_told=gateway.meter.is_shared)
    refused = await gateway.meter.admit(wish)
    if isinstance(refused, TooBusy):
        raise refusals.KeyBusy(refused.limit, getattr(wish.limits, refused.limit), refused.seconds)
    if isinstance(refused, SpentUp):
        raise _spent_up(allowances[refused.demand], refused, account, books.allowances)


def _allowances(key: KeyFacts | None, allowances: Allowances) -> tuple[Allowance, ...]:
    return allowances.of(*((key.id, key.user_id, key.team_id) if key else (None, None, None)))


@dataclass(frozen=True, slots=True)
class Costs:
    """Of whoever may be asked: the different prices, and whether there is one that nobody knows."""

    prices: tuple[Price, ...]
    has_unpriced: bool


NO_COSTS = Costs((), has_unpriced=False)


def _costs(account: Account, placed: list[Placed], snapshot: Snapshot) -> Costs:
    """The line holds the same targets for the same name and key, whatever their order: once is enough."""

    def look() -> Costs:
        prices = [price_of(each, snapshot) for each in placed]
        known = tuple({price.dearest: price for price in prices if price is not None and not price.tiers}.values())
        tiered = tuple(price for price in prices if price is not None and price.tiers)
        return Costs((*known, *tiered), None in prices)

    return snapshot.once(("costs", account.asked.model, account.key and account.key.id), look)


def _leave_out_unpriced(placed: list[Placed], snapshot: Snapshot) -> None:
    priced = [each for each in placed if price_of(each, snapshot) is not None]
    if not priced:
        raise refusals.Unpriced(placed[0].target.provider.slug, placed[0].target.model.id)
    placed[:] = priced


def price_of(each: Placed, snapshot: Snapshot) -> Price | None:
    """None where it is unknown; nothing where another request costs nothing, whichever connection takes it."""
    provider, model = each.target.provider, each.target.model
    price = snapshot.books.prices.get((provider.slug, model.id))
    if price is not None and len(provider.connections) == 1:
        return FREE if provider.connections[0].is_flat else price
    if provider.connections and all(connection.is_flat for connection in provider.connections):
        return FREE
    return price


def _wish(
    account: Account,
    prices: tuple[Price, ...],
    allowances: tuple[Allowance, ...],
    snapshot: Snapshot,
    gateway: Gateway,
) -> Wish:
    asked, key = account.asked, account.key
    prompt = _prompt(asked)
    answer = longest_answer(asked) or snapshot.books.assumed_output_tokens * answers(asked)
    return Wish(
        request_id=account.request_id,
        amount=max((price.worst_case(prompt, answer) for price in prices), default=0),
        tokens=prompt + answer,
        demands=[_demand(each, account, snapshot, gateway) for each in allowances],
        key=str(key.id) if key else "",
        limits=_limits(key),
        lives_until=account.started_at.timestamp() + _longest(snapshot),
    )


def _longest(snapshot: Snapshot) -> float:
    """Seconds: how long a request may look for an answer, and how long that may take."""
    timeouts = snapshot.directory.timeouts
    return snapshot.routing.total_seconds + max(timeouts.stream, timeouts.whole_answer) + SPARE_SECONDS


def _prompt(asked: ClientRequest) -> int:
    size = len(asked.body.raw)
    return size // BYTES_A_TOKEN if size < SHORT_BYTES else tokens.of_request(asked)


def _demand(allowance: Allowance, account: Account, snapshot: Snapshot, gateway: Gateway) -> Demand:
    window = snapshot.books.allowances.window(allowance.period, account.started_at)
    known = gateway.keeper.spent.get((allowance.id, window.name), 0)
    return Demand(allowance.id, window.name, allowance.limit, known, window.ends.timestamp())


def _limits(key: KeyFacts | None) -> Limits:
    if key is None:
        return UNLIMITED
    return Limits(key.requests_per_minute, key.tokens_per_minute, key.max_concurrent)


UNLIMITED = Limits()


def _spent_up(allowance: Allowance, refused: SpentUp, account: Account, allowances: Allowances) -> refusals.SpentUp:
    ends = allowances.window(allowance.period, account.started_at).ends
    seconds = RESERVED_SECONDS if refused.is_reserved else (ends - account.started_at).total_seconds()
    return refusals.SpentUp(allowance, ends.astimezone(allowances.zone), seconds, is_reserved=refused.is_reserved)
