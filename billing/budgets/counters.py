"""Job: what is spent and reserved of each budget, and how busy each key is, in the memory of one process.

A window of a budget holds `stored`, the sum that the database knows, and an entry for each request that is in no such
sum yet: at its worst case while it runs, then at what it cost, until its row is stored. So nothing is missed, nothing
is counted twice, and whatever this process forgets comes back with the next reading of the sums.

Law: no clock, no database, no waiting. `billing/budgets/scripts` do the same in Redis, where workers count together; a
test holds the two together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MINUTE = 60.0


class Demand(NamedTuple):
    """What a request wants of one window of one budget. Money is in ten-billionths of a dollar."""

    budget: int
    window: str
    limit: int
    known: int
    """What the database knew to be spent when it was asked last."""
    ends_at: float


class Limits(NamedTuple):
    """Of a key. 0 is no limit."""

    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    concurrent: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """One request that wants to begin."""

    request_id: str
    amount: int
    """The most it may cost."""
    tokens: int
    """The most it may use."""
    demands: Sequence[Demand]
    key: str
    limits: Limits
    lives_until: float
    """By then it has ended, one way or the other. Seconds, as `now`."""


@dataclass(frozen=True, slots=True)
class SpentUp:
    """The demand that is refused. `is_reserved`: what runs may leave something over when it has ended."""

    demand: int
    is_reserved: bool


@dataclass(frozen=True, slots=True)
class TooBusy:
    """Which limit of the key refuses, and in how many seconds to come again."""

    limit: str
    seconds: float


@dataclass(slots=True)
class Window:
    stored: int = 0
    open: int = 0
    """The sum of the entries."""
    running: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Reserved amounts, and when they are given up for lost."""
    settled: dict[str, int] = field(default_factory=dict)
    """What requests cost whose rows are not stored yet."""
    ends_at: float = 0.0

    def refusal(self, wish: Wish, demand: Demand, place: int) -> SpentUp | None:
        """A request that runs alone may go beyond the limit by what it costs more than is left."""
        self.stored = max(self.stored, demand.known)
        spent = self.stored + self.open
        if spent >= demand.limit:
            settled = self.stored + sum(self.settled.values())
            return SpentUp(place, is_reserved=settled < demand.limit)
        if self.running and spent + wish.amount > demand.limit:
            return SpentUp(place, is_reserved=True)
        return None

    def reserve(self, wish: Wish) -> None:
        self.running[wish.request_id] = wish.amount, wish.lives_until
        self.open += wish.amount

    def settle(self, request_id: str, cost: int) -> None:
        if (reserved := self.running.pop(request_id, None)) is not None:
            self.settled[request_id] = cost
            self.open += cost - reserved[0]

    def forget(self, request_id: str) -> None:
        if (reserved := self.running.pop(request_id, None)) is not None:
            self.open -= reserved[0]
        self.open -= self.settled.pop(request_id, 0)

    def sweep(self, now: float) -> None:
        for request_id in [name for name, (_, until) in self.running.items() if until <= now]:
            self.forget(request_id)


@dataclass(slots=True)
class Busy:
    """One key's last two minutes, and its requests that run."""

    minute: int = 0
    requests: int = 0
    tokens: int = 0
    requests_before: int = 0
    tokens_before: int = 0
    running: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    """Reserved tokens, the minute they count in, and when they are given up for lost."""

    def turn(self, now: float) -> None:
        minute = int(now // MINUTE)
        if minute == self.minute:
            return
        follows = minute == self.minute + 1
        self.requests_before, self.tokens_before = (self.requests, self.tokens) if follows else (0, 0)
        self.minute, self.requests, self.tokens = minute, 0, 0

    def refusal(self, wish: Wish, now: float) -> TooBusy | None:
        self.turn(now)
        limits = wish.limits
        if limits.concurrent and len(self.running) >= limits.concurrent:
            self.sweep(now)
            if len(self.running) >= limits.concurrent:
                return TooBusy("concurrent", 1.0)
        wait = room_after(self.requests_before, self.requests, 1, limits.requests_per_minute, now)
        if wait is not None:
            return TooBusy("requests_per_minute", wait)
        wanted = min(wish.tokens, limits.tokens_per_minute)
        wait = room_after(self.tokens_before, self.tokens, wanted, limits.tokens_per_minute, now)
        return None if wait is None else TooBusy("tokens_per_minute", wait)

    def begin(self, wish: Wish) -> None:
        self.requests += 1
        self.tokens += wish.tokens
        self.running[wish.request_id] = wish.tokens, self.minute, wish.lives_until

    def end(self, request_id: str, tokens: int) -> None:
        reserved, minute, _ = self.running.pop(request_id, (0, -1, 0.0))
        if minute == self.minute:
            self.tokens += tokens - reserved
        elif minute == self.minute - 1:
            self.tokens_before += tokens - reserved

    def sweep(self, now: float) -> None:
        self.running = {name: each for name, each in self.running.items() if each[2] > now}


def room_after(before: int, used: int, wanted: int, limit: int, now: float) -> float | None:
    """None where there is room now, else the seconds until there is.

    A sliding minute: what was used in the last whole minute counts less and less as this one goes on.
    """
    if not limit:
        return None
    gone = (now % MINUTE) / MINUTE
    over = before * (1 - gone) + used + wanted - limit
    if over <= 0:
        return None
    rest = MINUTE * (1 - gone)
    if used + wanted <= limit and before:
        return max(0.05, MINUTE * over / before)
    return rest + max(0.0, MINUTE * (1 - (limit - wanted) / used)) if used else rest


@dataclass(slots=True)
class Counters:
    windows: dict[tuple[int, str], Window] = field(default_factory=dict)
    busy: dict[str, Busy] = field(default_factory=dict)
    open_in: dict[str, tuple[Window, ...]] = field(default_factory=dict)
    """Where each request has an entry."""

    def admit(self, wish: Wish, now: float) -> SpentUp | TooBusy | None:
        """None where it may begin, and everything is reserved; else nothing is."""
        busy = self._busy_of(wish)
        if busy is not None and (refused := busy.refusal(wish, now)) is not None:
            return refused
        windows = tuple(self._window(demand) for demand in wish.demands)
        for place, (window, demand) in enumerate(zip(windows, wish.demands, strict=True)):
            if window.refusal(wish, demand, place) is not None:
                window.sweep(now)
                if (spent := window.refusal(wish, demand, place)) is not None:
                    return spent
        for window in windows:
            window.reserve(wish)
        if windows:
            self.open_in[wish.request_id] = windows
        if busy is not None:
            busy.begin(wish)
        return None

    def _busy_of(self, wish: Wish) -> Busy | None:
        return self.busy.setdefault(wish.key, Busy()) if any(wish.limits) else None

    def _window(self, demand: Demand) -> Window:
        place = demand.budget, demand.window
        window = self.windows.get(place)
        if window is None:
            self._forget_ended(demand)
            window = self.windows[place] = Window(ends_at=demand.ends_at)
        return window

    def _forget_ended(self, demand: Demand) -> None:
        """Earlier windows of the same budget, once nothing is open in them."""
        for place in [p for p in self.windows if p[0] == demand.budget and p[1] != demand.window]:
            if not self.windows[place].running and not self.windows[place].settled:
                del self.windows[place]

    def settle(self, wish: Wish, cost: int, tokens: int) -> None:
        """It has ended, and cost that much. The second time it does nothing."""
        for window in self.open_in.get(wish.request_id, ()):
            window.settle(wish.request_id, cost)
        if (busy := self.busy.get(wish.key)) is not None:
            busy.end(wish.request_id, tokens)

    def stored(self, request_ids: Iterable[str], totals: Mapping[tuple[int, str], int]) -> None:
        """The rows of these requests are in the database, whose sums are these now."""
        for place, total in totals.items():
            if (window := self.windows.get(place)) is not None:
                window.stored = max(window.stored, total)
        for request_id in request_ids:
            for window in self.open_in.pop(request_id, ()):
                window.forget(request_id)
