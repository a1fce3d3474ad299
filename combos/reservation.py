"""Job: what a request may cost at worst, asked of the meter before any vendor is called.

Law: a key without limits and without a budget, its own or anybody's, costs nothing here.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from billing.allowances import Allowance, Allowances
from billing.counters import Demand, Limits, SpentUp, TooBusy, Wish
from billing.money import units
from billing.prices import FREE, Price
from billing.snapshot import KeyFacts
from combos import refusals
from combos.account import Account
from combos.candidates import Placed
from combos.gateway import Gateway
from combos.snapshot import Snapshot
from translator import tokens
from translator.ceilings import answers, longest_answer

RESERVED_SECONDS = 5.0
"""When to come again where requests that run hold what is left of a budget."""
LONGEST_SECONDS = 6 * 3600.0
"""A reservation that is older than that was lost together with its worker's disk."""


async def reserve(account: Account, placed: list[Placed], snapshot: Snapshot, gateway: Gateway) -> None:
    """Raises refusals.SpentUp, KeyBusy or Unpriced; then nothing is reserved.

    Targets without a price are taken out of the line where there is a budget that has to know what they cost.
    """
    books, key = snapshot.books, account.key
    allowances = books.allowances.of(*((key.id, key.user_id, key.team_id) if key else (None, None, None)))
    if not allowances and (key is None or not key.is_limited):
        return
    if allowances and not books.allows_unknown_prices:
        _leave_out_unpriced(placed, snapshot)
    wish = _wish(account, placed, allowances, snapshot, gateway)
    account.reserves(wish)
    refused = await gateway.meter.admit(wish)
    if isinstance(refused, TooBusy):
        raise refusals.KeyBusy(refused.limit, getattr(wish.limits, refused.limit), refused.seconds)
    if isinstance(refused, SpentUp):
        raise _spent_up(allowances[refused.demand], refused, account.started_at, books.allowances)


def _leave_out_unpriced(placed: list[Placed], snapshot: Snapshot) -> None:
    priced = [each for each in placed if price_of(each, snapshot) is not None]
    if not priced:
        raise refusals.Unpriced(placed[0].target.provider.slug, placed[0].target.model.id)
    placed[:] = priced


def price_of(each: Placed, snapshot: Snapshot) -> Price | None:
    """None where it is unknown; nothing where another request costs nothing, whichever connection takes it."""
    provider, model = each.target.provider, each.target.model
    if provider.connections and all(connection.is_flat for connection in provider.connections):
        return FREE
    return snapshot.books.prices.get((provider.slug, model.id))


def _wish(
    account: Account,
    placed: Iterable[Placed],
    allowances: tuple[Allowance, ...],
    snapshot: Snapshot,
    gateway: Gateway,
) -> Wish:
    asked, began, key = account.asked, account.started_at, account.key
    prompt = tokens.of_request(asked)
    answer = longest_answer(asked) or snapshot.books.assumed_output_tokens * answers(asked)
    prices = [price_of(each, snapshot) for each in placed] if allowances else []
    worst = max((price.worst_case(prompt, answer) for price in prices if price is not None), default=Decimal(0))
    return Wish(
        request_id=account.request_id,
        amount=units(worst),
        tokens=prompt + answer,
        demands=[_demand(each, began, snapshot.books.allowances, gateway) for each in allowances],
        key=str(key.id) if key else "",
        limits=_limits(key),
        lives_until=began.timestamp() + LONGEST_SECONDS,
    )


def _demand(allowance: Allowance, began: datetime, allowances: Allowances, gateway: Gateway) -> Demand:
    name = allowances.window_name(allowance, began)
    known = gateway.keeper.spent.get((allowance.id, name), 0)
    return Demand(allowance.id, name, allowance.limit, known, allowances.window(allowance, began)[1].timestamp())


def _limits(key: KeyFacts | None) -> Limits:
    if key is None:
        return Limits()
    return Limits(key.requests_per_minute, key.tokens_per_minute, key.max_concurrent)


def _spent_up(allowance: Allowance, refused: SpentUp, began: datetime, allowances: Allowances) -> refusals.SpentUp:
    _, ends = allowances.window(allowance, began)
    seconds = RESERVED_SECONDS if refused.is_reserved else (ends - began).total_seconds()
    return refusals.SpentUp(allowance, ends.astimezone(allowances.zone), seconds, is_reserved=refused.is_reserved)
