"""How busy and how well each model of each connection has been over about the last five minutes.

A worker counts what it did itself, in ten buckets of half a minute, and hears the sums of the other workers once a
second. Buckets are thrown away when somebody looks or counts, never by a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from health.clock import Clock
from health.records import place_key
from health.slots import Outcome, Slot, Vitals

BUCKET_SECONDS = 30.0
BUCKETS = 10
WEIGHT = 0.2
"""Of the newest first event in the moving average."""
MOST = 5000
MOST_TOLD = 1000
OTHERS_LIFE_SECONDS = 10.0
"""A worker that has not been heard of for so long is gone."""


class Sums(msgspec.Struct, frozen=True, array_like=True):
    """One place's, as workers tell each other. `used` is on the shared clock."""

    requests: int
    failures: int
    in_flight: int
    latency_ms: float | None
    used: float


class Told(msgspec.Struct, frozen=True):
    at: float
    places: dict[str, Sums]


@dataclass(slots=True)
class Pulse:
    """Of one model of one connection. A bucket is its number, requests, failures."""

    buckets: list[list[int]] = field(default_factory=list)
    in_flight: int = 0
    latency_ms: float | None = None
    used: float = 0.0

    def count(self, number: int, failures: int) -> None:
        if not self.buckets or self.buckets[-1][0] != number:
            self.drop(number)
            self.buckets.append([number, 0, 0])
        self.buckets[-1][1] += 1
        self.buckets[-1][2] += failures

    def drop(self, number: int) -> None:
        while self.buckets and self.buckets[0][0] <= number - BUCKETS:
            del self.buckets[0]

    def smooth(self, latency_ms: int | None) -> None:
        if latency_ms is None:
            return
        known = self.latency_ms
        self.latency_ms = float(latency_ms) if known is None else known + WEIGHT * (latency_ms - known)


@dataclass(slots=True)
class Pulses:
    clock: Clock
    _own: dict[UUID, dict[str, Pulse]] = field(default_factory=dict)
    _models: dict[tuple[str, str], Pulse] = field(default_factory=dict)
    """The same once more by provider and model, over all connections: a combo compares hundreds of them at once."""
    _others: dict[str, list[Sums]] = field(default_factory=dict)
    _used_by_others: dict[str, float] = field(default_factory=dict)
    """When each connection was last used elsewhere, on the shared clock."""
    _count: int = 0

    def begin(self, slot: Slot) -> None:
        now = self.clock.monotonic()
        for pulse in (self._pulse(slot), self._pulse_of_model(slot)):
            pulse.in_flight += 1
            pulse.used = now

    def end(self, slot: Slot, outcome: Outcome) -> None:
        number, failures = self._number(), int(outcome.failure is not None)
        for pulse in (self._pulse(slot), self._pulse_of_model(slot)):
            pulse.in_flight = max(0, pulse.in_flight - 1)
            if not outcome.is_neutral:
                pulse.count(number, failures)
                pulse.smooth(outcome.first_event_ms)

    def vitals(self, slot: Slot) -> Vitals:
        models = self._own.get(slot.connection)
        pulse = models.get(slot.model) if models else None
        others = self._others.get(place_key(slot.connection, slot.model)) if self._others else None
        return self._of(pulse, others)

    def vitals_of_model(self, provider: str, model: str) -> Vitals:
        """Over all connections of the provider."""
        others = self._others.get(_model_key(provider, model)) if self._others else None
        return self._of(self._models.get((provider, model)), others)

    def idle_seconds(self, connection: UUID) -> float | None:
        """Since any model of the connection was asked; None: never, as far as anybody remembers."""
        own = [pulse.used + self.clock.offset for pulse in self._own.get(connection, {}).values()]
        elsewhere = self._used_by_others.get(str(connection))
        used = max([*own, *([elsewhere] if elsewhere is not None else [])], default=None)
        return None if used is None else max(0.0, self.clock.shared() - used)

    def _of(self, pulse: Pulse | None, others: list[Sums] | None) -> Vitals:
        if others is None:
            return self._alone(self._sums(pulse)) if pulse else NEVER
        return self._together([*([self._sums(pulse)] if pulse else []), *others])

    def told(self) -> str:
        """What this worker tells the others: its most recent places."""
        used = [
            (pulse.used, place_key(connection, model), pulse)
            for connection, models in self._own.items()
            for model, pulse in models.items()
        ]
        used += [(pulse.used, _model_key(*names), pulse) for names, pulse in self._models.items()]
        used.sort(key=lambda each: each[0], reverse=True)
        places = {key: self._sums(pulse) for _, key, pulse in used[:MOST_TOLD]}
        return msgspec.json.encode(Told(self.clock.shared(), places)).decode()

    def hear(self, told: Mapping[str, str], own: str) -> list[str]:
        """What every worker told; gives those that are gone."""
        others: dict[str, list[Sums]] = {}
        used: dict[str, float] = {}
        gone = []
        for worker, text in told.items():
            said = msgspec.json.decode(text, type=Told)
            if abs(self.clock.shared() - said.at) > OTHERS_LIFE_SECONDS:
                gone.append(worker)
            elif worker != own:
                for key, sums in said.places.items():
                    others.setdefault(key, []).append(sums)
                    connection = key.partition(":")[0]
                    used[connection] = max(used.get(connection, 0.0), sums.used)
        self._others, self._used_by_others = others, used
        return gone

    def alone(self) -> None:
        """Nothing is heard of other workers."""
        self._others, self._used_by_others = {}, {}

    def tidy(self) -> None:
        """Forget places that have been idle for long."""
        oldest = self.clock.monotonic() - BUCKETS * BUCKET_SECONDS
        for connection, models in list(self._own.items()):
            for model in [each for each, pulse in models.items() if pulse.used < oldest and not pulse.in_flight]:
                if self._count > MOST:
                    self._count -= 1
                    del models[model]
            if not models:
                del self._own[connection]
        if len(self._models) > MOST:
            self._models = {names: each for names, each in self._models.items() if each.in_flight or each.used > oldest}

    def _pulse(self, slot: Slot) -> Pulse:
        models = self._own.get(slot.connection)
        if models is None:
            models = self._own[slot.connection] = {}
        pulse = models.get(slot.model)
        if pulse is None:
            pulse = models[slot.model] = Pulse()
            self._count += 1
        return pulse

    def _pulse_of_model(self, slot: Slot) -> Pulse:
        names = slot.provider, slot.model
        pulse = self._models.get(names)
        if pulse is None:
            pulse = self._models[names] = Pulse()
        return pulse

    def _number(self) -> int:
        return int(self.clock.monotonic() / BUCKET_SECONDS)

    def _sums(self, pulse: Pulse) -> Sums:
        pulse.drop(self._number())
        requests = failures = 0
        for _, counted, failed in pulse.buckets:
            requests += counted
            failures += failed
        return Sums(requests, failures, pulse.in_flight, pulse.latency_ms, pulse.used + self.clock.offset)

    def _alone(self, sums: Sums) -> Vitals:
        idle = max(0.0, self.clock.shared() - sums.used)
        return Vitals(sums.requests, sums.failures, sums.in_flight, sums.latency_ms, idle)

    def _together(self, every: list[Sums]) -> Vitals:
        weighed = [(sums.latency_ms, max(1, sums.requests)) for sums in every if sums.latency_ms is not None]
        weight = sum(requests for _, requests in weighed)
        return Vitals(
            requests=sum(sums.requests for sums in every),
            failures=sum(sums.failures for sums in every),
            in_flight=sum(sums.in_flight for sums in every),
            latency_ms=sum(latency * requests for latency, requests in weighed) / weight if weighed else None,
            idle_seconds=max(0.0, self.clock.shared() - max(sums.used for sums in every)),
        )


def _model_key(provider: str, model: str) -> str:
    return f"{provider}/{model}"


NEVER = Vitals(0, 0, 0, None, None)
