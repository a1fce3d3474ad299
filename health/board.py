"""The records this worker knows, in memory, where a glance costs nothing.

A record's end is put on this worker's own forward-only clock when it is first seen: what is left is between nothing and
the length it was meant to have, whatever the clocks that wrote it have done since.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from health.clock import Clock
from health.records import Kind, Record, place_of, read

MOST = 5000
"""Of each kind. Callers choose model names and addresses, so they must not choose how much is remembered."""


@dataclass(frozen=True, slots=True)
class View:
    """A record as it was written, and when it ends on the monotonic clock."""

    record: Any
    text: str
    ends: float


@dataclass(slots=True)
class Board:
    clock: Clock
    breakers: dict[str, View] = field(default_factory=dict)
    rests: dict[str, View] = field(default_factory=dict)
    reservoirs: dict[str, View] = field(default_factory=dict)
    lockouts: dict[str, View] = field(default_factory=dict)
    resting: dict[UUID, dict[str, View]] = field(default_factory=dict)
    """The rests again, by connection and model, for quick looks."""
    limited: dict[UUID, dict[str, View]] = field(default_factory=dict)
    """The reservoirs again."""
    views: Mapping[Kind, dict[str, View]] = field(init=False)
    _places: Mapping[Kind, dict[UUID, dict[str, View]]] = field(init=False)

    def __post_init__(self) -> None:
        self.views = {
            Kind.BREAKER: self.breakers,
            Kind.REST: self.rests,
            Kind.RESERVOIR: self.reservoirs,
            Kind.LOCKOUT: self.lockouts,
        }
        self._places = {Kind.REST: self.resting, Kind.RESERVOIR: self.limited}

    def left(self, view: View | None) -> float:
        """Seconds until it ends; 0 when it is over."""
        return max(0.0, view.ends - self.clock.monotonic()) if view else 0.0

    def text(self, kind: Kind, key: str) -> str:
        view = self.views[kind].get(key)
        return view.text if view else ""

    def seen(self, kind: Kind, key: str) -> tuple[Any, float]:
        """The record or None, with its `until` where this worker's clock has it, and the seconds left."""
        view = self.views[kind].get(key)
        if view is None:
            return None, 0.0
        left = self.left(view)
        return replace(view.record, until=self.clock.shared() + left) if left else view.record, left

    def has_room(self, kind: Kind, key: str) -> bool:
        views = self.views[kind]
        return key in views or len(views) < MOST

    def put(self, kind: Kind, key: str, text: str) -> None:
        """What is known now; an empty text forgets. A text that is known already keeps its end."""
        if text == self.text(kind, key):
            return
        record: Record | None = read(kind, text)
        self._set(kind, key, None if record is None else self._view(record, text))

    def all(self) -> Iterator[tuple[Kind, str, View]]:
        return ((kind, key, view) for kind, views in self.views.items() for key, view in list(views.items()))

    def _view(self, record: Record, text: str) -> View:
        left = min(max(0.0, record.until - self.clock.shared()), record.seconds)
        return View(record, text, self.clock.monotonic() + left)

    def _set(self, kind: Kind, key: str, view: View | None) -> None:
        _put(self.views[kind], key, view)
        if kind not in self._places:
            return
        connection, model = place_of(key)
        models = self._places[kind].setdefault(connection, {})
        _put(models, model, view)
        if not models:
            del self._places[kind][connection]


def _put(views: dict[str, View], key: str, view: View | None) -> None:
    if view is None:
        views.pop(key, None)
    else:
        views[key] = view
