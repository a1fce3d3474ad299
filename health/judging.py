"""What this worker's memory says of a slot: to be passed over, to be had for nothing, or to be asked for."""

from dataclasses import dataclass

from health import words
from health.board import Board, View
from health.breaker import OPEN
from health.permits import Permits, Well, Wish
from health.records import place_key
from health.slots import NO_LIMITS, Skip, Slot


@dataclass(frozen=True, slots=True)
class Judge:
    board: Board
    permits: Permits

    def is_plain(self, slot: Slot) -> bool:
        """No limits, no failures, no rest: there is nothing to settle with anybody."""
        board = self.board
        return (
            slot.provider not in board.breakers
            and (slot.limits is NO_LIMITS or slot.limits == NO_LIMITS)
            and slot.connection not in board.resting
            and slot.connection not in board.limited
        )

    def glance(self, slot: Slot) -> Skip | None:
        """Why it would be passed over now."""
        if self.is_plain(slot):
            return None
        skip = self.standing(slot)
        if skip is not None and not skip.is_soft:
            return skip
        denial = self.permits.denial(self.wish(slot))
        return words.denied(denial) if denial else skip

    def standing(self, slot: Slot) -> Skip | None:
        """Why it would be passed over whatever room there is: its breaker is open, or it rests."""
        board = self.board
        view = board.breakers.get(slot.provider)
        if view is not None and view.record.state == OPEN and (left := board.left(view)) > 0:
            return words.open_breaker(view.record, left)
        models = board.resting.get(slot.connection)
        if models is None:
            return None
        found = [words.resting(each.record, left) for each in self._rests(models, slot) if (left := board.left(each))]
        return max(found, key=_gravity, default=None)

    def needs_asking(self, slot: Slot) -> bool:
        """Whether more than this worker's memory has a say."""
        has_limits = slot.limits is not NO_LIMITS and slot.limits != NO_LIMITS
        return has_limits or slot.provider in self.board.breakers or self._well(slot) is not None

    def wish(self, slot: Slot, waits: bool = False) -> Wish:
        view = self.board.breakers.get(slot.provider)
        is_probe = view is not None and view.record.state == OPEN
        text = view.text if view else ""
        return Wish(slot.provider, text, is_probe, slot.connection, slot.limits, self._well(slot), waits)

    def _rests(self, models: dict[str, View], slot: Slot) -> list[View]:
        return [models[model] for model in ("", slot.model) if model in models]

    def _well(self, slot: Slot) -> Well | None:
        models = self.board.limited.get(slot.connection)
        view = models.get(slot.model) if models else None
        left = self.board.left(view)
        if view is None or left <= 0:
            return None
        key = f"{place_key(slot.connection, slot.model)}:{view.record.since:.3f}"
        return Well(key, view.record.remaining, left)


def _gravity(skip: Skip) -> tuple[bool, float]:
    """A rest that must be kept before one that may be broken, then the longer one."""
    return not skip.is_soft, skip.seconds or 0.0
