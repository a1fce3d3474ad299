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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from billing.api_keys.facts import KeyFacts
from billing.api_keys.rules import Network, Scope
from combos.candidates import CHAIN, Placed
from combos.refusals import ForbiddenModel, Refusal, ScopeMissing, WrongAddress
from combos.resolver import Route, resolve
from combos.snapshot import MOST_WORKED_OUT, Snapshot
from combos.wildcards import any_of, is_wild
from providers.guard import embedded
from providers.snapshot import ModelFacts, ProviderFacts

INFERENCE = Scope.INFERENCE.value


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


def permitted(key: KeyFacts | None, route: Route, placed: list[Placed], snapshot: Snapshot) -> list[Placed]:
    """Those of the line that the key may use, in their order. Raises ForbiddenModel when there is none."""
    if key is None or not is_restricted(key):
        return placed
    kept = _kept(key, route, placed, snapshot)
    if not kept:
        raise ForbiddenModel(route.asked, key.allowed_models, sorted(key.allowed_providers))
    return kept


def _kept(key: KeyFacts, route: Route, placed: list[Placed], snapshot: Snapshot) -> list[Placed]:
    permissions = _permissions(key, snapshot)
    is_named = _is_named(key, route, snapshot)

    def may(each: Placed) -> bool:
        if is_named and each.why != CHAIN:
            return permissions.takes(each.target.provider)
        return permissions.reaches(each.target.provider, each.target.model, snapshot)

    return [each for each in placed if may(each)]


def _permissions(key: KeyFacts, snapshot: Snapshot) -> Permissions:
    return snapshot.once(("permissions", key.id), lambda: Permissions.of(key, snapshot))


def _is_named(key: KeyFacts, route: Route, snapshot: Snapshot) -> bool:
    """Whether the key may ask for that very name, or for what an alias made of it."""
    permissions = _permissions(key, snapshot)
    return snapshot.once(
        ("named", key.id, route.asked), lambda: permissions.names(route.asked) or permissions.names(route.name)
    )


def may_list(key: KeyFacts | None, provider: ProviderFacts, model: ModelFacts, snapshot: Snapshot) -> bool:
    return key is None or not is_restricted(key) or _permissions(key, snapshot).reaches(provider, model, snapshot)


def may_ask(key: KeyFacts | None, name: str, snapshot: Snapshot) -> bool:
    """Whether a request of this key for this name would find anybody to ask."""
    if key is None or not is_restricted(key):
        return True
    try:
        route = resolve(name, snapshot)
    except Refusal:
        return False
    return bool(_kept(key, route, [Placed(target) for target in route.targets], snapshot))
