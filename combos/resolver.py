"""From the model a client named to the route that answers for it. Pure.

An alias first: the exact one, else the most specific pattern that fits. What it stands for is not looked up among the
aliases again. Then, in order: a combo of that name; `prefix/model`; a model id that one provider alone serves. An id
may hold slashes. Ids that a provider does not list are passed on to it, since vendors add models faster than
catalogues do.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from combos.refusals import AmbiguousModel, EmptyCombo, UnknownModel
from combos.snapshot import ComboFacts, Snapshot, Target
from providers.snapshot import ModelFacts, ProviderFacts

CLOSE_ENOUGH = 0.5
MOST_SUGGESTIONS = 3
DEEPEST = 3
"""So many combos within each other; deeper ones are refused when they are saved."""


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    provider: ProviderFacts
    model: ModelFacts
    target: Target

    @property
    def weight(self) -> int:
        return self.target.weight

    @property
    def place(self) -> tuple[str, str, UUID | None]:
        """What makes it another one than its neighbours in a combo."""
        return self.provider.slug, self.model.id, self.target.connection_id


@dataclass(frozen=True, slots=True)
class NestedRoute:
    """A combo as a target of another one."""

    combo: ComboFacts
    steps: tuple["Step", ...]
    weight: int


Step = ResolvedTarget | NestedRoute


@dataclass(frozen=True)
class Route:
    """What answers for a name: a plain model is a combo of one, whose `combo` is None."""

    asked: str
    name: str
    """What was looked up: the asked name, or what an alias made of it."""
    alias: str | None
    """The pattern of that alias."""
    combo: ComboFacts | None
    steps: tuple[Step, ...]
    chain: tuple[ResolvedTarget, ...] = ()
    """Whom to ask when everybody else has failed: the models of all fallback chains that cover the asked name."""
    turns: str = ""
    """Whose turns are counted: of requests with the same targets. Empty: of those that may use all of them."""

    @cached_property
    def has_a_choice(self) -> bool:
        """Whether a target can be asked through several connections."""
        return any(len(target.provider.connections) > 1 for target in self.targets)

    @property
    def targets(self) -> tuple[ResolvedTarget, ...]:
        """All of them, nested ones too, in the order in which they are listed."""
        return tuple(flat(self.steps))


def flat(steps: Iterable[Step]) -> Iterable[ResolvedTarget]:
    for step in steps:
        if isinstance(step, NestedRoute):
            yield from flat(step.steps)
        else:
            yield step


def resolve(asked: str, snapshot: Snapshot) -> Route:
    """Raises UnknownModel, AmbiguousModel or EmptyCombo."""
    return snapshot.once(("route", asked), lambda: _resolve(asked, snapshot))


def _resolve(asked: str, snapshot: Snapshot) -> Route:
    alias = snapshot.aliases.find(asked)
    name, pattern = (alias.target, alias.pattern) if alias else (asked, None)
    combo = snapshot.combos.get(name)
    if combo is None:
        steps: tuple[Step, ...] = (resolve_model(Target(name), snapshot, pattern or ""),)
    else:
        steps = _steps(combo, snapshot, (name,))
    if not steps:
        raise EmptyCombo(name)
    return Route(asked, name, pattern, combo, steps, tuple(chain_of(asked, snapshot)))


def _steps(combo: ComboFacts, snapshot: Snapshot, path: tuple[str, ...]) -> tuple[Step, ...]:
    found = (_step(target, snapshot, path) for target in combo.targets)
    return tuple(step for step in found if step is not None)


def _step(target: Target, snapshot: Snapshot, path: tuple[str, ...]) -> Step | None:
    """None for what leads nowhere. `path` names the combos around it: rows that were loaded may form a circle."""
    nested = snapshot.combos.get(target.model)
    if nested is None or target.model == path[-1]:
        return _existing(target, snapshot)
    if target.model in path or len(path) >= DEEPEST:
        return None
    steps = _steps(nested, snapshot, (*path, target.model))
    return NestedRoute(nested, steps, target.weight) if steps else None


def _existing(target: Target, snapshot: Snapshot) -> ResolvedTarget | None:
    """A combo goes on without a target whose provider was removed after it was saved."""
    try:
        return resolve_model(target, snapshot)
    except (UnknownModel, AmbiguousModel):
        return None


def chain_of(asked: str, snapshot: Snapshot) -> Iterable[ResolvedTarget]:
    """Whom fallback chains add to an asked name, without what was removed since."""
    models = (model for chain in snapshot.chains if chain.covers(asked) for model in chain.models)
    found = (_existing(Target(model), snapshot) for model in models)
    return (resolved for resolved in found if resolved is not None)


def resolve_model(target: Target, snapshot: Snapshot, alias: str = "") -> ResolvedTarget:
    """Of a model alone, never of a combo; `alias` stands for it. Raises UnknownModel or AmbiguousModel."""
    prefix, slash, model_id = target.model.partition("/")
    provider = snapshot.directory.providers.get(prefix) if slash and model_id else None
    if provider is not None:
        return ResolvedTarget(provider, _model_of(provider, model_id), target)
    owners = snapshot.directory.owners.get(target.model, ())
    ready = tuple(owner for owner in owners if owner.is_ready()) or owners
    if len(ready) == 1:
        return ResolvedTarget(ready[0], _model_of(ready[0], target.model), target)
    if ready:
        raise AmbiguousModel(target.model, [f"{owner.prefix}/{target.model}" for owner in ready])
    raise UnknownModel(target.model, close_matches(target.model, snapshot), alias)


def _model_of(provider: ProviderFacts, model_id: str) -> ModelFacts:
    return provider.models.get(model_id) or ModelFacts(model_id, model_id, "chat", None, model_id)


def close_matches(model: str, snapshot: Snapshot, most: int = MOST_SUGGESTIONS) -> list[str]:
    """The most alike names of what is connected, or of the whole catalogue while nothing alike is."""
    ready = [facts for facts in snapshot.directory.all() if facts.is_ready()]
    own = [*snapshot.combos, *(alias.pattern for alias in snapshot.aliases.exact.values())]
    wanted = model[:200]
    for facts in (ready, snapshot.directory.all()):
        names = [*own, *_names(facts)]
        by_id = {name.partition("/")[2] or name: name for name in names}
        close = difflib.get_close_matches(wanted, [*names, *by_id], most, CLOSE_ENOUGH)
        if close:
            return list(dict.fromkeys(by_id.get(name, name) for name in close))
    return []


def _names(providers: Iterable[ProviderFacts]) -> list[str]:
    return [f"{facts.prefix}/{model_id}" for facts in providers for model_id in facts.models]
