"""From the model a client named to the route that answers for it. Pure.

In order: a combo of that name; `prefix/model`; a model id that one provider alone serves. An id may hold slashes.
Ids that a provider does not list are passed on to it, since vendors add models faster than catalogues do.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from combos.refusals import AmbiguousModel, UnknownModel
from combos.snapshot import Snapshot, Target
from providers.snapshot import ModelFacts, ProviderFacts

CLOSE_ENOUGH = 0.5
MOST_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    provider: ProviderFacts
    model: ModelFacts
    target: Target


@dataclass(frozen=True, slots=True)
class Route:
    """What answers for a name: a plain model is a combo of one."""

    asked: str
    targets: tuple[ResolvedTarget, ...]


def resolve(asked: str, snapshot: Snapshot) -> Route:
    """Raises UnknownModel or AmbiguousModel."""
    targets = snapshot.combos.get(asked)
    if targets is None:
        return Route(asked, (resolve_model(Target(asked), snapshot),))
    found = [resolved for target in targets if (resolved := _existing(target, snapshot)) is not None]
    if not found:
        raise UnknownModel(asked, [])
    return Route(asked, tuple(found))


def _existing(target: Target, snapshot: Snapshot) -> ResolvedTarget | None:
    """A combo goes on without a target whose provider was removed after it was saved."""
    try:
        return resolve_model(target, snapshot)
    except (UnknownModel, AmbiguousModel):
        return None


def resolve_model(target: Target, snapshot: Snapshot) -> ResolvedTarget:
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
    raise UnknownModel(target.model, close_matches(target.model, snapshot))


def _model_of(provider: ProviderFacts, model_id: str) -> ModelFacts:
    return provider.models.get(model_id) or ModelFacts(model_id, model_id, "chat", None, model_id)


def close_matches(model: str, snapshot: Snapshot) -> list[str]:
    """The most alike names of what is connected, or of the whole catalogue while nothing alike is."""
    ready = [facts for facts in snapshot.directory.all() if facts.is_ready()]
    wanted = model[:200]
    for facts in (ready, snapshot.directory.all()):
        names = [*snapshot.combos, *_names(facts)]
        by_id = {name.partition("/")[2] or name: name for name in names}
        close = difflib.get_close_matches(wanted, [*names, *by_id], MOST_SUGGESTIONS, CLOSE_ENOUGH)
        if close:
            return list(dict.fromkeys(by_id.get(name, name) for name in close))
    return []


def _names(providers: Iterable[ProviderFacts]) -> list[str]:
    return [f"{facts.prefix}/{model_id}" for facts in providers for model_id in facts.models]
