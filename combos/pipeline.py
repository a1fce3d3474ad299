"""One client request, one answer: admit, resolve, line up, try until one speaks, stream, settle.

The pipeline knows no vendor, no dialect, no HTTP server and no Django request; a task, a command or a test can call
it. Until an upstream has said something we may change our mind; afterwards never, so that no client sees two answers in
one. What a request used and cost is settled exactly once, whoever hangs up first.
"""

import asyncio

from billing.budgets import BudgetExceeded
from combos.account import CLIENT_CLOSED, Account
from combos.candidates import line_up
from combos.gateway import Gateway
from combos.refusals import Refusal, SpentUp
from combos.resolver import resolve
from combos.streaming import Streaming
from combos.trial import Asked, Trial, Whole


async def answer(asked: Asked, gateway: Gateway) -> Whole | Streaming:
    """Raises Refusal: why there is no answer."""
    snapshot = gateway.keeper.current
    account = Account(asked.request_id, asked.key, asked.request, gateway)
    try:
        admit(asked, account, gateway)
        candidates = line_up(resolve(asked.request.model, snapshot), gateway.dashboard)
        trial = Trial(asked, snapshot, account, gateway)
        return await trial.first_that_speaks(candidates)
    except Refusal as refusal:
        account.settle(refusal.status, refusal.message)
        raise
    except asyncio.CancelledError:
        account.settle(CLIENT_CLOSED, "the client hung up before the answer began")
        raise


def admit(asked: Asked, account: Account, gateway: Gateway) -> None:
    """Raises SpentUp."""
    try:
        gateway.keeper.meter.admit(asked.key.id if asked.key else None, account.started_at)
    except BudgetExceeded as spent:
        seconds = (spent.resets_at - account.started_at).total_seconds()
        raise SpentUp(
            f"The {spent.period} budget of this key, {spent.limit.normalize():f} US$, is used up. "
            f"It begins anew at {spent.resets_at:%Y-%m-%d %H:%M} UTC.",
            seconds,
        ) from None
