"""Job: what a key may use: from where, at which endpoints, which models, which providers.

Law: pure and in memory. A key without restrictions costs a look at three empty fields; for any other, each question is
worked out once and remembered as long as its snapshot lives. A target is judged by what it is, whatever put it in the
line, so neither an alias, a fallback chain nor a conversation that was there before leads around a restriction.

A model is allowed by a pattern for `prefix/model`, in any spelling of the prefix, or for the bare model, if the pattern
has no slash. A name that the client asked for and that is itself allowed grants what it stands for: a combo's targets,
an alias' model. It does not grant fallback chains, which are for many names.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Self

from billing.api_keys.facts import KeyFacts
from billing.api_keys.rules import Network, Scope
from combos.refusals import AmbiguousModel, ForbiddenModel, Refusal, ScopeMissing, UnknownModel, WrongAddress
from combos.resolver import MOST_SUGGESTIONS, ResolvedTarget, Route, Step, close_matches, flat, resolve
from combos.snapshot import MOST_WORKED_OUT, Snapshot
from combos.wildcards import any_of, is_wild
from providers.guard import embedded
from providers.snapshot import ModelFacts, ProviderFacts

INFERENCE = Scope.INFERENCE.value
MOST_LOOKED_AT = 50
"""Names that are alike, for a hint of those that a key may ask for."""


def check_way_in(key: KeyFacts, meta: Mapping[str, str]) -> None:
    """Raises WrongAddress or ScopeMissing."""
    if key.ip_ranges:
        check_address(key.ip_ranges, meta)
    if INFERENCE not in key.scopes:
        raise ScopeMissing(INFERENCE, key.scopes)


def check_address(ranges: Sequence[Network], meta: Mapping[str, str]) -> None:
    """By the socket's other end: what headers say of another address, anybody can write. Raises WrongAddress.

    No ranges are every address.
    """
    if not ranges:
        return
    said = meta.get("REMOTE_ADDR", "")
    try:
        address = embedded(ipaddress.ip_address(said))
    except ValueError:
        raise WrongAddress(said or "unknown") from None
    if not any(address in network for network in ranges):
        raise WrongAddress(str(address))


def is_restricted(key: KeyFacts | None) -> bool:
    return key is not None and bool(key.allowed_models or key.allowed_providers)


@dataclass(frozen=True, slots=True)
class Permissions:
    """A key's lists, ready to be asked. `providers` holds slugs; without `exact` and `wild` every model is allowed."""

    exact: frozenset[str]
    wild: re.Pattern[str] | None
    """All patterns in one, which is ten times as fast as one after the other."""
    providers: frozenset[str]
    has_providers: bool
    """Whether they are restricted at all: what they name may be gone by now."""
    known: dict[tuple[str, str], bool] = field(default_factory=dict, compare=False)
    """What `reaches` said, by provider and model."""

    @classmethod
    def of(cls, key: KeyFacts, snapshot: Snapshot) -> Self:
        known = snapshot.directory.providers
        return cls(
            exact=frozenset(name.casefold() for name in key.allowed_models if not is_wild(name)),
            wild=any_of(*filter(is_wild, key.allowed_models)),
            providers=frozenset(known[name].slug for name in key.allowed_providers if name in known),
            has_providers=bool(key.allowed_providers),
        )

    def takes(self, provider: ProviderFacts) -> bool:
        return not self.has_providers or provider.slug in self.providers

    def names(self, name: str) -> bool:
        if not self.exact and self.wild is None:
            return True
        return name.casefold() in self.exact or (self.wild is not None and self.wild.match(name) is not None)

    def reaches(self, provider: ProviderFacts, model: ModelFacts, snapshot: Snapshot) -> bool:
        """Whether this model of this provider is allowed for its own sake."""
        question = (provider.slug, model.id)
        answer = self.known.get(question)
        if answer is None:
            answer = self.takes(provider) and any(map(self.names, _names_of(provider, model, snapshot)))
            if len(self.known) < MOST_WORKED_OUT:
                self.known[question] = answer
        return answer


def _names_of(provider: ProviderFacts, model: ModelFacts, snapshot: Snapshot) -> list[str]:
    """Every name of it that no other model has: a prefix may have been taken over by a node."""
    known = snapshot.directory.providers
    further = provider.vendor.prefixes if provider.vendor else ()
    prefixes = dict.fromkeys((provider.prefix, provider.slug, *further))
    names = [f"{prefix}/{model.id}" for prefix in prefixes if known.get(prefix) is provider]
    return names if "/" in model.id else [*names, model.id]


def route_of(key: KeyFacts | None, name: str, snapshot: Snapshot) -> Route:
    """As much of what answers for a name as the key may use, which is the whole of it for a key without restrictions.

    Raises UnknownModel, AmbiguousModel, EmptyCombo or ForbiddenModel. None of them names what the key may not ask for.
    """
    if key is None or not is_restricted(key):
        return resolve(name, snapshot)
    return snapshot.once(("permitted", key.id, name), lambda: _route_of(key, name, snapshot))


def _route_of(key: KeyFacts, name: str, snapshot: Snapshot) -> Route:
    try:
        route = resolve(name, snapshot)
    except UnknownModel as unknown:
        raise UnknownModel(unknown.model, close_to(key, unknown.model, snapshot), unknown.alias) from None
    except AmbiguousModel as ambiguous:
        route = _only_one(key, name, ambiguous, snapshot)
    kept = _pruned(key, route, snapshot)
    if not kept.steps and not kept.chain:
        raise _forbidden(key, name)
    return kept


def _only_one(key: KeyFacts, name: str, ambiguous: AmbiguousModel, snapshot: Snapshot) -> Route:
    """What is served by several providers may be served by one alone whom the key may ask."""
    mine = [each for each in ambiguous.candidates if may_ask(key, each, snapshot)]
    if len(mine) > 1:
        raise AmbiguousModel(name, mine)
    if not mine:
        raise _forbidden(key, name)
    return replace(resolve(mine[0], snapshot), asked=name)


def _forbidden(key: KeyFacts, name: str) -> ForbiddenModel:
    return ForbiddenModel(name, key.allowed_models, sorted(key.allowed_providers))


def left_out(key: KeyFacts | None, route: Route, snapshot: Snapshot) -> list[ResolvedTarget]:
    """What answers for the name as well, for keys that may use it."""
    if key is None or not is_restricted(key):
        return []
    try:
        whole = resolve(route.asked, snapshot)
    except AmbiguousModel:
        return []
    kept = {each.place for each in (*route.targets, *route.chain)}
    return [each for each in (*whole.targets, *whole.chain) if each.place not in kept]


def close_to(key: KeyFacts | None, name: str, snapshot: Snapshot) -> list[str]:
    """Names that are much alike, of what the key may ask for."""
    if key is None or not is_restricted(key):
        return close_matches(name, snapshot)
    alike = close_matches(name, snapshot, MOST_LOOKED_AT)
    return list(islice((each for each in alike if may_ask(key, each, snapshot)), MOST_SUGGESTIONS))


def _pruned(key: KeyFacts, route: Route, snapshot: Snapshot) -> Route:
    """Without the targets that the key may not use, which then take no turns either."""
    permissions = _permissions(key, snapshot)

    def may(target: ResolvedTarget) -> bool:
        return permissions.reaches(target.provider, target.model, snapshot)

    def may_by_name(target: ResolvedTarget) -> bool:
        return permissions.takes(target.provider)

    is_named = permissions.names(route.asked) or permissions.names(route.name)
    steps = tuple(_kept(route.steps, may_by_name if is_named else may))
    chain = tuple(filter(may, route.chain))
    is_whole = len(tuple(flat(steps))) == len(route.targets)
    return replace(route, steps=steps, chain=chain, turns="" if is_whole else str(key.id))


def _kept(steps: Iterable[Step], may: Callable[[ResolvedTarget], bool]) -> Iterable[Step]:
    for step in steps:
        if isinstance(step, ResolvedTarget):
            if may(step):
                yield step
        elif inner := tuple(_kept(step.steps, may)):
            yield replace(step, steps=inner)


def _permissions(key: KeyFacts, snapshot: Snapshot) -> Permissions:
    return snapshot.once(("permissions", key.id), lambda: Permissions.of(key, snapshot))


def may_list(key: KeyFacts | None, provider: ProviderFacts, model: ModelFacts, snapshot: Snapshot) -> bool:
    return key is None or not is_restricted(key) or _permissions(key, snapshot).reaches(provider, model, snapshot)


def may_ask(key: KeyFacts | None, name: str, snapshot: Snapshot) -> bool:
    """Whether a request of this key for this name would find anybody to ask."""
    if key is None or not is_restricted(key):
        return True
    try:
        return bool(_pruned(key, resolve(name, snapshot), snapshot).steps)
    except Refusal:
        return False
