"""Job: what recorded requests would have cost at other prices, at other models, without the cache or subscriptions.

Law: pure; money in whole ten-billionths of a dollar, rounded for each call as the ledger does. What a question does not
touch keeps the cost it was recorded with. A cost that nobody knows is never taken for nothing: such requests are set
apart, and no sum has them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeVar

import msgspec

from billing.money import units
from billing.prices.cost import Price, cost
from translator.usage import Usage

Target = tuple[str, str]
"""A provider's id and a model's."""

Name = TypeVar("Name", date, str, Target)


class Unfit(Exception):
    """A question that cannot be answered as it was asked; `field` names the part of it that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Call(msgspec.Struct, frozen=True):
    """One call to a vendor: what it used and cost, in ten-billionths of a dollar."""

    provider: str
    model: str
    usage: Usage
    cost: int
    list_cost: int
    cache_saved: int
    is_known: bool = True
    """Whether its price was known."""

    @property
    def target(self) -> Target:
        return self.provider, self.model

    @property
    def tokens(self) -> int:
        return self.usage.input + self.usage.output

    @property
    def is_flat(self) -> bool:
        """Whether it went through a connection that does not pay by the token."""
        return self.cost != self.list_cost


class Request(msgspec.Struct, frozen=True):
    """One request. The last of its calls answered, if it used anything; those before it failed."""

    day: date
    asked: str
    combo: str
    calls: tuple[Call, ...]

    @property
    def is_answered(self) -> bool:
        return bool(self.calls) and self.calls[-1].tokens > 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Who is asked instead, and whether another request there costs nothing."""

    provider: str
    model: str
    is_flat: bool = False

    @property
    def target(self) -> Target:
        return self.provider, self.model


Reroute = Callable[[Request], Iterable[Stop] | None]
"""In which order to ask for a request; None: it goes where it went."""


def stays(request: Request) -> None:
    """Of a question that sends nothing elsewhere."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is to be different, beside who answers."""

    prices: Mapping[Target, Price]
    """For whatever is asked elsewhere, and for what is priced anew."""
    anew: frozenset[Target] | None = frozenset()
    """Whose calls are priced anew also where they stay; None: everybody's."""
    without_cache: bool = False
    at_list: bool = False
    """As if no connection were flat."""
    all_well: bool = False
    """As if no call had failed; else who failed in a request fails in it again."""

    def prices_anew(self, target: Target) -> bool:
        return self.anew is None or target in self.anew


class Charge(msgspec.Struct, frozen=True):
    """What a call costs, what it costs by the token, and whether that is known."""

    target: Target
    tokens: int
    cost: int = 0
    list_cost: int = 0
    is_known: bool = True
    answers: bool = False


def uncached(usage: Usage) -> Usage:
    """The same tokens, none of them known to the vendor from before."""
    return Usage(
        uncached_input=usage.input,
        output=usage.output,
        reasoning=usage.reasoning,
        audio_input=usage.audio_input,
        audio_output=usage.audio_output,
        image_input=usage.image_input,
    )


def as_recorded(call: Call, answers: bool) -> Charge:
    return Charge(call.target, call.tokens, call.cost, call.list_cost, call.is_known, answers)


def staying(call: Call, rules: Rules, answers: bool) -> Charge:
    """What a call costs that is made where it was made."""
    if not call.tokens:
        return as_recorded(call, answers)
    if rules.prices_anew(call.target):
        return moved(call.usage, Stop(*call.target, is_flat=call.is_flat), rules, answers)
    listed = call.list_cost + (call.cache_saved if rules.without_cache else 0)
    paid = 0 if call.is_flat and not rules.at_list else listed
    return Charge(call.target, call.tokens, paid, listed, call.is_known, answers)


def moved(usage: Usage, stop: Stop, rules: Rules, answers: bool = True) -> Charge:
    """What so many tokens cost elsewhere."""
    tokens, price = usage.input + usage.output, rules.prices.get(stop.target)
    is_free = stop.is_flat and not rules.at_list
    if price is None:
        return Charge(stop.target, tokens, is_known=is_free, answers=answers)
    listed = units(cost(uncached(usage) if rules.without_cache else usage, price))
    return Charge(stop.target, tokens, 0 if is_free else listed, listed, True, answers)


def replayed(request: Request, stops: Iterable[Stop], rules: Rules) -> list[Charge]:
    """The calls that would have been made in that order. The last answers, or, where all fail, none does."""
    answer, before = request.calls[-1], () if rules.all_well else request.calls[:-1]
    made: list[Charge] = []
    for stop in stops:
        failed = [call for call in before if call.target == stop.target]
        made += [staying(call, rules, False) for call in failed]
        if stop.target == answer.target:
            return [*made, staying(answer, rules, True)]
        if not failed:
            return [*made, moved(answer.usage, stop, rules)]
    return made


@dataclass(slots=True)
class Sum:
    requests: int = 0
    tokens: int = 0
    cost: int = 0
    list_cost: int = 0

    def add(self, charges: Iterable[Charge]) -> None:
        for each in charges:
            self.tokens += each.tokens
            self.cost += each.cost
            self.list_cost += each.list_cost


@dataclass(slots=True)
class Pair:
    """What was, and what would have been."""

    before: Sum = field(default_factory=Sum)
    after: Sum = field(default_factory=Sum)

    @property
    def saved(self) -> int:
        return self.before.cost - self.after.cost

    def add(self, before: list[Charge], after: list[Charge]) -> None:
        """One request."""
        self.before.requests += 1
        self.after.requests += 1
        self.before.add(before)
        self.after.add(after)


class Apart(StrEnum):
    """Why a request is in no sum."""

    WAS_UNKNOWN = "cost was unknown"
    NO_PRICE = "no price"
    NOBODY = "nobody left to ask"


@dataclass(slots=True)
class Tally:
    """What came of the requests that were replayed so far."""

    total: Pair = field(default_factory=Pair)
    by_day: dict[date, Pair] = field(default_factory=dict)
    by_model: dict[Target, Pair] = field(default_factory=dict)
    by_asked: dict[str, Pair] = field(default_factory=dict)
    apart: dict[tuple[Apart, Target], Sum] = field(default_factory=dict)
    """With the cost that was recorded, by the model that lacks a price."""
    replayed: int = 0
    rerouted: int = 0
    """How many of them were answered by another."""
    saved_squares: int = 0
    """Of what each request would have saved, for the margin of a sample."""
    unanswered: int = 0
    """How many had been answered by nobody: there are no tokens to replay, so they stay as they are."""

    def add(self, request: Request, rules: Rules, reroute: Reroute = stays) -> None:
        self.replayed += 1
        last = len(request.calls) - 1
        before = [as_recorded(call, place == last) for place, call in enumerate(request.calls)]
        after = self._after(request, rules, reroute, last)
        if missing := _missing(before, after, request):
            why, target = missing
            apart = self.apart.setdefault((why, target), Sum())
            apart.requests += 1
            apart.add(before)
            return
        self._add(request, before, after)

    def _after(self, request: Request, rules: Rules, reroute: Reroute, last: int) -> list[Charge]:
        if not request.is_answered:
            self.unanswered += 1
            return [staying(call, rules, place == last) for place, call in enumerate(request.calls)]
        stops = reroute(request)
        if stops is not None:
            return replayed(request, stops, rules)
        return [staying(call, rules, place == last) for place, call in enumerate(request.calls)]

    def _add(self, request: Request, before: list[Charge], after: list[Charge]) -> None:
        self.total.add(before, after)
        self.saved_squares += (sum(each.cost for each in before) - sum(each.cost for each in after)) ** 2
        self.rerouted += bool(before) and before[-1].target != after[-1].target
        _of(self.by_day, request.day).add(before, after)
        _of(self.by_asked, request.asked).add(before, after)
        for charge in before:
            _add_one(_of(self.by_model, charge.target).before, charge)
        for charge in after:
            _add_one(_of(self.by_model, charge.target).after, charge)


def _missing(before: list[Charge], after: list[Charge], request: Request) -> tuple[Apart, Target] | None:
    """Why the two cannot be compared."""
    for why, charges in ((Apart.WAS_UNKNOWN, before), (Apart.NO_PRICE, after)):
        unknown = next((each.target for each in charges if not each.is_known), None)
        if unknown is not None:
            return why, unknown
    if request.is_answered and not (after and after[-1].answers):
        return Apart.NOBODY, request.calls[-1].target
    return None


def _of(pairs: dict[Name, Pair], name: Name) -> Pair:
    return pairs.get(name) or pairs.setdefault(name, Pair())


def _add_one(whole: Sum, charge: Charge) -> None:
    whole.requests += charge.answers
    whole.add((charge,))
