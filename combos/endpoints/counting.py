"""How many tokens a request would have, without sending it: the upstream's own count where it offers one.

No budget is charged, no usage row written, and a count that fails says nothing about a provider's health.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from httpx import URL

from billing.api_keys.facts import KeyFacts
from combos.candidates import DRAW, Candidate, Orderer, nobody
from combos.gateway import Gateway
from combos.outgoing import addressed
from combos.permissions import route_of
from combos.refusals import InvalidBody
from providers.failures import UpstreamError
from providers.upstream import Call
from translator import crossing, tokens
from translator.dialect import ClientRequest, Dialect
from translator.dialects import DIALECTS, claude
from translator.json_body import JsonBody
from translator.losses import InvalidRequest
from translator.messages import Request

PATIENCE_SECONDS = 15.0
MOST_ASKED = 2
"""Candidates. A count is no answer: an estimate in time is better than the count of the third."""
CLAUDE_MEMBERS = ("model", "messages", "system", "tools", "tool_choice", "thinking")
"""What Anthropic's count takes of a request."""
WRAPPED = "generateContentRequest"


@dataclass(frozen=True, slots=True)
class Count:
    tokens: int
    is_estimated: bool


def read(raw: bytes, dialect: Dialect, model: str) -> ClientRequest:
    """A body of which only the prompt is given: Claude's has no `max_tokens`, Gemini's may wrap a whole request.

    Raises MalformedJson or InvalidRequest.
    """
    body = JsonBody.parse(raw)
    if dialect is Dialect.CLAUDE:
        return claude.read_request(body, model, is_streaming=False, needs_max_tokens=False)
    wrapped = body.value.get(WRAPPED)
    if isinstance(wrapped, dict):
        body = JsonBody(orjson.dumps(wrapped), wrapped)
    return DIALECTS[dialect].read_request(body, model, False)


async def count(asked: ClientRequest, request_id: str, key: KeyFacts | None, gateway: Gateway) -> Count:
    """Raises Refusal: the request is wrong, nobody serves its model, or the key may not use it."""
    for candidate, url in await _countable(asked.model, key, gateway):
        timeouts = gateway.keeper.current.directory.timeouts
        body = _body(asked, candidate, request_id)
        headers, reach = candidate.connection.headers, candidate.endpoint.reach
        call = Call(url, headers, body, reach, min(timeouts.connect, PATIENCE_SECONDS), PATIENCE_SECONDS)
        counted = await _counted(call, candidate, gateway)
        if counted is not None:
            return Count(counted, is_estimated=False)
    return Count(tokens.of_request(asked), is_estimated=True)


async def _countable(model: str, key: KeyFacts | None, gateway: Gateway) -> list[tuple[Candidate, URL]]:
    """Where to count, as a request would find it, without taking its turn. Raises Refusal."""
    snapshot = gateway.keeper.current
    orderer, route = Orderer(snapshot, gateway.health, DRAW, peeks=True), route_of(key, model, snapshot)
    placed = await orderer.line_up(route)
    found: list[tuple[Candidate, URL]] = []
    is_connected = False
    for each in placed:
        for candidate in islice(await orderer.connections(each), MOST_ASKED):
            is_connected = True
            url = candidate.endpoint.count_url(candidate.model.upstream_id)
            if url is not None and gateway.health.glance(candidate.slot) is None:
                found.append((candidate, url))
        if len(found) >= MOST_ASKED:
            break
    if not is_connected:
        raise nobody(placed[0], gateway.dashboard)
    return found[:MOST_ASKED]


async def _counted(call: Call, candidate: Candidate, gateway: Gateway) -> int | None:
    try:
        exchange = await gateway.upstream.send(call, PATIENCE_SECONDS)
        try:
            value = orjson.loads(await exchange.whole_body())
        finally:
            await exchange.aclose()
    except (UpstreamError, orjson.JSONDecodeError):
        return None
    name = "input_tokens" if candidate.endpoint.dialect is Dialect.CLAUDE else "totalTokens"
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, int) else None


def _body(asked: ClientRequest, candidate: Candidate, request_id: str) -> bytes:
    """Raises InvalidBody."""
    dialect, model = candidate.endpoint.dialect, candidate.model.upstream_id
    if dialect is asked.dialect is Dialect.CLAUDE:
        return addressed(asked, candidate, request_id).body
    if dialect is asked.dialect:
        return orjson.dumps(_COUNTED[dialect](asked.body.value, model))
    try:
        body = crossing.cross_request(_decode(asked), dialect, model).body
    except InvalidRequest as error:
        raise InvalidBody(error.message, error.param) from None
    return orjson.dumps(_COUNTED[dialect](body, model))


def _decode(asked: ClientRequest) -> Request:
    if asked.dialect is Dialect.CLAUDE:
        return claude.decode_request(asked.body.value, asked.model, needs_max_tokens=False)
    return DIALECTS[asked.dialect].decode_request(asked.body.value, asked.model)


def _for_claude(body: Mapping[str, Any], model: str) -> dict[str, Any]:
    return {name: body[name] for name in CLAUDE_MEMBERS if name in body}


def _for_gemini(body: Mapping[str, Any], model: str) -> dict[str, Any]:
    return {WRAPPED: {**body, "model": f"models/{model}"}}


_COUNTED = {Dialect.CLAUDE: _for_claude, Dialect.GEMINI: _for_gemini}
