"""Which records an outcome changes, and by which rules. Pure.

`claimed` is when the attempt began, on the shared clock: good news from before a rest began does not end it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from health import breaker, cooldowns
from health.board import Board
from health.breaker import BreakerRecord, Circumstances, Sign
from health.cooldowns import Blow, Part, Rest
from health.knowledge import Rule
from health.records import Kind, Reservoir, place_key
from health.slots import Claim, Outcome, Slot
from providers.failures import UpstreamError
from providers.hints import RateHints

TIGHT_SHARE = 0.1
"""Where less than this share of a vendor's limit is left, it is counted here too."""
QUIET = frozenset({Sign.NEUTRAL, Sign.PROBE_NEUTRAL})

Changes: TypeAlias = Iterator[tuple[Kind, str, Rule]]


@dataclass(frozen=True, slots=True)
class Learned:
    """An allowance that is used up, or nearly."""

    remaining: int
    limit: int
    seconds: float


def learned(hints: RateHints | None) -> Learned | None:
    """None where there is plenty left, or the vendor does not say until when."""
    if hints is None or hints.remaining is None or hints.reset_seconds is None:
        return None
    remaining, limit = max(0, hints.remaining), hints.limit or 0
    seconds = cooldowns.usable_hint(hints.reset_seconds)
    is_tight = remaining == 0 or remaining < limit * TIGHT_SHARE
    return Learned(remaining, limit, seconds) if is_tight and seconds > 0 else None


def changes(claim: Claim, outcome: Outcome, board: Board, claimed: float, draw: float) -> Changes:
    """What the outcome of a claim changes, in order."""
    slot = claim.slot
    failure = None if outcome.is_neutral else outcome.failure
    sign = breaker.sign_of(failure.kind if failure else None, outcome.is_neutral, claim.is_probe)
    if sign not in QUIET and (sign in (Sign.BAD, Sign.PROBE_BAD) or slot.provider in board.breakers):
        why = f"{failure.kind.value} ({failure.status})" if failure else ""
        yield Kind.BREAKER, slot.provider, partial(_move, sign, slot, why)
    if failure is not None:
        yield from _of_failure(slot, failure, draw)
    elif not outcome.is_neutral:
        yield from _of_success(slot, board, claimed)
    if (found := learned(outcome.hints)) is not None:
        yield _of_hints(slot, found)


def _of_failure(slot: Slot, failure: UpstreamError, draw: float) -> Changes:
    part = cooldowns.part_of(failure)
    if part is not None:
        model = slot.model if part is Part.MODEL else ""
        yield Kind.REST, place_key(slot.connection, model), partial(_rest, slot, failure, draw)


def _of_success(slot: Slot, board: Board, claimed: float) -> Changes:
    models = board.resting.get(slot.connection, {})
    for model in ("", slot.model):
        if model in models:
            yield Kind.REST, place_key(slot.connection, model), partial(_end, claimed)


def _of_hints(slot: Slot, found: Learned) -> tuple[Kind, str, Rule]:
    place = place_key(slot.connection, slot.model)
    if found.remaining == 0:
        return Kind.REST, place, partial(_used_up, found)
    return Kind.RESERVOIR, place, partial(_reserve, found)


def _move(
    sign: Sign, slot: Slot, why: str, record: BreakerRecord | None, left: float, now: float
) -> BreakerRecord | None:
    return breaker.moved(record, left, sign, Circumstances(slot.profile, now, why))


def _rest(slot: Slot, failure: UpstreamError, draw: float, rest: Rest | None, left: float, now: float) -> Rest | None:
    return cooldowns.rested(rest, left, Blow(failure, slot.profile, now, draw))


def _end(claimed: float, rest: Rest | None, left: float, now: float) -> Rest | None:
    return rest if rest is not None and left > 0 and claimed < rest.since else None


def _used_up(found: Learned, rest: Rest | None, left: float, now: float) -> Rest | None:
    if rest is not None and left >= found.seconds:
        return rest
    level = rest.level if rest else 0
    return Rest(now, now + found.seconds, found.seconds, level, 0, "the provider's limit was used up", None, False)


def _reserve(found: Learned, known: Reservoir | None, left: float, now: float) -> Reservoir:
    """Vendors say it with each answer; every time it has halved is often enough."""
    if known is not None and left > 0 and found.remaining * 2 > known.remaining:
        return known
    return Reservoir(now, now + found.seconds, found.seconds, found.remaining, found.limit)
