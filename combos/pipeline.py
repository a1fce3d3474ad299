"""One client request, one answer: admit, resolve, line up, try until one speaks, stream, settle.

The pipeline knows no vendor, no dialect, no HTTP server and no Django request; a task, a command or a test can call
it. Until an upstream has said something we may change our mind; afterwards never, so that no client sees two answers in
one. What a request used and cost is settled exactly once, whoever hangs up first.
"""

import asyncio

from combos.candidates import DRAW, Candidate, Orderer, is_spread
from combos.conversations import affinity
from combos.conversations.affinity import Bound, Place
from combos.gateway import Gateway
from combos.line import Line
from combos.permissions import route_of
from combos.refusals import Refusal
from combos.resolver import Route
from combos.settling.account import Account
from combos.settling.reservation import reserve
from combos.snapshot import Snapshot
from combos.streaming import Streaming
from combos.trial import Asked, Trial, Whole
from providers.failures import FailureKind

FOR_GOOD = frozenset({FailureKind.CREDENTIAL, FailureKind.MODEL_ACCESS, FailureKind.MODEL_GONE})
"""After these a conversation has another home."""


async def answer(asked: Asked, gateway: Gateway) -> Whole | Streaming:
    """Raises Refusal: why there is no answer."""
    snapshot = gateway.keeper.current
    account = Account(asked.request_id, asked.key, asked.request, gateway)
    try:
        route = route_of(asked.key, asked.request.model, snapshot)
        account.combo = route.combo.name if route.combo else ""
        place = await place_of(asked, route, snapshot, gateway)
        orderer = Orderer(snapshot, gateway.health, DRAW)
        placed = await orderer.line_up(route, place.bound)
        await reserve(account, placed, snapshot, gateway)
        line = Line(orderer, placed, place.bound)
        trial = Trial(asked, snapshot, account, gateway, line)
        answered = await trial.first_that_speaks()
        if place.conversation is not None:
            place.keep(_bound_to(answered.candidate), is_gone=_is_gone(place.bound, trial))
        return answered
    except Refusal as refusal:
        account.settle(refusal.status, refusal.message)
        raise
    except asyncio.CancelledError:
        account.hung_up()
        raise


async def place_of(asked: Asked, route: Route, snapshot: Snapshot, gateway: Gateway) -> Place:
    """Nowhere, at no cost, where there is nothing to choose from."""
    routing = snapshot.routing
    conversation = None
    if routing.keeps_conversations and (is_spread(route.combo) or route.has_a_choice):
        conversation = affinity.conversation_of(asked.request, asked.owner, asked.session)
    return await Place.of(conversation, gateway.affinities, routing.affinity_seconds)


def _bound_to(candidate: Candidate) -> Bound:
    return Bound(candidate.connection.id, candidate.provider.slug, candidate.model.id)


def _is_gone(bound: Bound | None, trial: Trial) -> bool:
    """Switched off, removed, or refused for good: as opposed to busy."""
    if bound is None:
        return False
    provider = trial.snapshot.directory.providers.get(bound.provider)
    if provider is None or all(each.id != bound.connection for each in provider.connections):
        return True
    refusals = (each for each in trial.trail.failed if each.candidate.connection.id == bound.connection)
    return any(each.failure.kind in FOR_GOOD for each in refusals)
