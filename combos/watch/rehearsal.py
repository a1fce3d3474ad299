"""A combo's targets asked one question each, to see who would answer. These are real requests, which cost."""

import asyncio
import time
from dataclasses import dataclass
from uuid import uuid4

import orjson

from combos.candidates import DRAW, Orderer, Placed
from combos.gateway import Gateway
from combos.line import Line
from combos.refusals import Refusal
from combos.resolver import Route
from combos.settling.account import Account
from combos.trial import Asked, Trial
from translator.dialect import ClientRequest, Dialect
from translator.json_body import JsonBody

PATIENCE_SECONDS = 15.0
SECONDS = 120.0
"""How long a view waits for all of them."""
AT_ONCE = 8
QUESTION = "Hi"
MOST_TOKENS = 5
LATE = "it did not answer within 15 s"


@dataclass(frozen=True, slots=True)
class Result:
    model: str
    is_ok: bool
    milliseconds: int
    status: int | None = None
    """What a client would have been told."""
    error: str = ""


async def rehearse(route: Route, gateway: Gateway) -> list[Result]:
    """One result for each target, in the order in which they would be asked now."""
    orderer = Orderer(gateway.keeper.current, gateway.health, DRAW, peeks=True)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(placed: Placed) -> Result:
        async with gate:
            return await _asked(placed, orderer, gateway)

    return await asyncio.gather(*map(one, await orderer.line_up(route)))


async def _asked(placed: Placed, orderer: Orderer, gateway: Gateway) -> Result:
    model = f"{placed.target.provider.prefix}/{placed.target.model.id}"
    asked = _question(model)
    account = Account(asked.request_id, None, asked.request, gateway)
    line = Line(orderer, [Placed(placed.target)])
    started = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await Trial(asked, gateway.keeper.current, account, gateway, line).first_that_speaks()
        status, error = 200, ""
    except TimeoutError:
        status, error = 504, LATE
        account.settle(status, error)
    except Refusal as refusal:
        status, error = refusal.status, refusal.message
        account.settle(status, error)
    took = int((time.monotonic() - started) * 1000)
    return Result(model, not error, took, status, error)


def _question(model: str) -> Asked:
    value = {"model": model, "max_tokens": MOST_TOKENS, "messages": [{"role": "user", "content": QUESTION}]}
    request = ClientRequest(Dialect.OPENAI, JsonBody.parse(orjson.dumps(value)), model, is_streaming=False)
    return Asked(f"req_test{uuid4().hex}", None, request)
