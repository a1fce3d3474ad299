"""In which order a request would be tried now, and why whoever is passed over is. Nothing is sent, no turn is taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from billing.api_keys.facts import KeyFacts
from combos import translations
from combos.candidates import DRAW, Candidate, Orderer, Placed
from combos.endpoints.answering import read
from combos.gateway import Gateway
from combos.line import NO_ROOM, minds_health
from combos.permissions import left_out, route_of
from combos.pipeline import place_of
from combos.refusals import Refusal
from combos.resolver import ResolvedTarget, Route
from combos.snapshot import ComboFacts
from combos.strategies import Score, Strategy, score
from combos.trial import Asked
from health.slots import Skip, SkipReason
from translator.dialect import ClientRequest, Dialect
from translator.json_body import JsonBody

MOST = 500
"""Candidates that are told of."""
FORBIDDEN = "the key may not use it"
SECONDS = 10.0
"""How long a view waits for an explanation."""


class State(StrEnum):
    READY = "ready"
    RESTING = "resting"
    """Asked when nobody who is ready is left."""
    WAITING = "waiting"
    """Has no room now; waited for when nobody else is left."""
    SKIPPED = "skipped"


AS_ASKED = {State.READY: 0, State.RESTING: 1, State.WAITING: 2, State.SKIPPED: 3}


@dataclass(frozen=True, slots=True)
class Explained:
    """One candidate. `position` is when it would be asked, from 1; None: not at all."""

    target: str
    provider: str
    model: str
    connection: str
    combo: str
    why: str
    state: State
    position: int | None = None
    skip: SkipReason | None = None
    """None also where it leads nowhere at all; `reason` says so."""
    reason: str = ""
    seconds: float | None = None
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    route: Route
    candidates: tuple[Explained, ...]
    chains: tuple[str, ...]
    left_out: int
    """How many more there are than are told of."""


def asked_for(model: str, body: Mapping[str, Any] | None = None) -> Asked:
    """A request for that model, with its conversation where the body, in any dialect, has one that can be read."""
    value = {**(body or {}), "model": model}
    raw = orjson.dumps(value)
    bare = ClientRequest(Dialect.OPENAI, JsonBody(raw, value), model, is_streaming=False)
    if not body or set(body) == {"model"}:
        return Asked("explain", None, bare)
    try:
        return Asked("explain", None, read(raw, translations.detect(value), model, False))
    except Refusal:
        return Asked("explain", None, bare)


def key_of(id: UUID | None, gateway: Gateway) -> KeyFacts | None:
    """As whom to ask; None for nobody, or for a key that this process does not know yet."""
    found = (facts for facts in gateway.keeper.current.books.keys.values() if facts.id == id)
    return next(found, None)


async def explain(asked: Asked, gateway: Gateway) -> Explanation:
    """Raises Refusal, as the request would."""
    snapshot = gateway.keeper.current
    route = route_of(asked.key, asked.request.model, snapshot)
    orderer = Orderer(snapshot, gateway.health, DRAW, peeks=True)
    bound = (await place_of(asked, route, snapshot, gateway)).bound
    found: list[Explained] = []
    for placed in await orderer.line_up(route, bound):
        candidates = await orderer.connections(placed, bound)
        found += [_explained(each, placed, orderer) for each in candidates] or [_nobody(placed)]
    found += [_passed_over(target, FORBIDDEN) for target in left_out(asked.key, route, snapshot)]
    found.sort(key=lambda each: AS_ASKED[each.state])
    chains = tuple(chain.name for chain in snapshot.chains if chain.covers(route.asked))
    return Explanation(route, tuple(_numbered(found))[:MOST], chains, max(0, len(found) - MOST))


def _explained(candidate: Candidate, placed: Placed, orderer: Orderer) -> Explained:
    skip = orderer.health.glance(candidate.slot)
    return Explained(
        target=candidate.name,
        provider=candidate.provider.name,
        model=candidate.model.id,
        connection=candidate.connection.name,
        combo=placed.combo.name if placed.combo else "",
        why=candidate.why,
        state=_state(skip, candidate),
        skip=skip.reason if skip else None,
        reason=skip.detail if skip else "",
        seconds=skip.seconds if skip else None,
        score=_score(placed.target, placed.combo, orderer),
    )


def _state(skip: Skip | None, candidate: Candidate) -> State:
    if skip is None:
        return State.READY
    if skip.reason in NO_ROOM:
        return State.WAITING
    if not minds_health(candidate):
        return State.READY
    return State.RESTING if skip.is_soft else State.SKIPPED


def _score(target: ResolvedTarget, combo: ComboFacts | None, orderer: Orderer) -> Score | None:
    if combo is None or combo.strategy is not Strategy.AUTO:
        return None
    return score(target, orderer.facts_of_steps(0))


def _nobody(placed: Placed) -> Explained:
    """A target that leads nowhere."""
    target = placed.target
    provider, model = target.provider, target.model
    reason = "it has no usable connection"
    if not provider.is_enabled:
        reason = "the provider is switched off"
    elif not provider.speaks(model):
        reason = f"it speaks {provider.wire_of(model)}, which cannot be asked yet"
    return _passed_over(target, reason, placed)


def _passed_over(target: ResolvedTarget, reason: str, placed: Placed | None = None) -> Explained:
    combo = placed.combo.name if placed and placed.combo else ""
    name = f"{target.provider.prefix}/{target.model.id}"
    why = placed.why if placed else ""
    return Explained(name, target.provider.name, target.model.id, "", combo, why, State.SKIPPED, reason=reason)


def _numbered(found: Iterable[Explained]) -> Iterable[Explained]:
    for position, each in enumerate(found, start=1):
        yield each if each.state is State.SKIPPED else replace(each, position=position)
