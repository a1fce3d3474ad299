"""Job: the management API of aliases, fallback chains and the routing settings.

Law: both shapes are taken in which clients write an alias or a chain; an unknown key is an error that names it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from ninja import Router
from pydantic import Field, Strict

from combos import chains, snapshot
from combos.aliases import forget_wild, named, put_alias
from combos.combo_api import (
    CONFIG,
    Concurrency,
    DelayMs,
    NamedStrategy,
    QueueMs,
    Retries,
    TimeoutMs,
)
from combos.models import FallbackChain, FallbackStep, ModelAlias, RoutingSettings
from combos.strategies import AccountStrategy, Strategy
from combos.targets import WrongTargets, check_default_strategy
from combos.wildcards import is_wild
from providers.api_access import ApiRefusal, Missing, NotPermitted, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Deleted, Line, Name
from providers.connections import provider_named

router = Router(by_alias=True)

Pattern = Annotated[Line, Field(max_length=200)]
Model = Annotated[Line, Field(max_length=300)]

# Aliases.


class AliasBody(Body):
    """`alias` and `model`, or `pattern` and `target`: the same two."""

    alias: Pattern | None = None
    model: Model | None = None
    pattern: Pattern | None = None
    target: Model | None = None
    is_enabled: bool = True


class ShownAlias(Answer):
    pattern: str
    target: str
    is_enabled: bool


class Aliases(Answer):
    aliases: dict[str, str]
    """Those that are enabled."""
    rows: list[ShownAlias]


def shown_alias(row: ModelAlias) -> ShownAlias:
    return ShownAlias(pattern=row.pattern, target=row.target, is_enabled=row.is_enabled)


@router.get("/models/alias", auth=needs("combos.view_modelalias"), response=Aliases)
def list_aliases(request: HttpRequest) -> Aliases:
    rows = [shown_alias(row) for row in ModelAlias.objects.all()]
    return Aliases(aliases={row.pattern: row.target for row in rows if row.is_enabled}, rows=rows)


@router.put("/models/alias", auth=needs("combos.change_modelalias"), response=ShownAlias)
def set_alias(request: HttpRequest, body: AliasBody) -> ShownAlias:
    """Make or change an alias, which may have the wildcards * and ?."""
    pattern, pattern_name = _either(body, "alias", "pattern")
    target, target_name = _either(body, "model", "target")
    if named(pattern) is None and not request.user.has_perm("combos.add_modelalias"):
        raise NotPermitted("This needs the permission combos.add_modelalias: there is no alias of this pattern.")
    try:
        return shown_alias(put_alias(pattern, target, body.is_enabled))
    except ValidationError as invalid:
        raise _renamed(invalid, {"pattern": pattern_name, "target": target_name}) from None


def _either(body: AliasBody, original: str, ours: str) -> tuple[str, str]:
    """The value under one of the two names, and that name."""
    sent = [(value, name) for name in (original, ours) if (value := getattr(body, name)) is not None]
    if len(sent) != 1:
        raise ApiRefusal(f"Send either {original} or {ours}.", ours if not sent else original)
    return sent[0]


def _renamed(invalid: ValidationError, names: Mapping[str, str]) -> ApiRefusal:
    """The refusal of a row that is spelled in other words on the wire."""
    by_field = invalid.message_dict
    return ApiRefusal(" ".join(text for texts in by_field.values() for text in texts), names[_first(by_field, names)])


def _first(by_field: Mapping[str, Any], names: Mapping[str, str]) -> str:
    return next((field for field in by_field if field in names), next(iter(names)))


class GoneAlias(Body):
    alias: Line | None = None
    pattern: Line | None = None


@router.delete("/models/alias", auth=needs("combos.delete_modelalias"), response=Deleted)
def delete_alias(
    request: HttpRequest, alias: str | None = None, pattern: str | None = None, body: GoneAlias | None = None
) -> Deleted:
    """`alias` or `pattern` names it, in the query or in a body."""
    wanted = alias or pattern or (body and (body.alias or body.pattern))
    if not wanted:
        raise ApiRefusal("Say which alias: ?alias= or ?pattern=.", "alias")
    row = named(wanted)
    if row is None:
        raise Missing(f"There is no alias “{wanted}”. GET /api/models/alias lists them.")
    row.delete()
    return Deleted(deleted=row.pattern)


# Fallback chains.


class Place(Body):
    """The chain's model at another provider."""

    provider: Line
    priority: Annotated[int, Field(ge=0, le=32_767)] = 0
    enabled: bool = True


class ChainBody(Body):
    """`name` and `models`; or `model` and, in `chain`, the providers that serve it too."""

    name: Name | None = None
    models: Annotated[list[Model], Field(max_length=100)] | None = None
    pattern: Annotated[str, Field(max_length=200)] = ""
    enabled: bool = True
    position: Annotated[int, Field(ge=0, le=32_767)] | None = None
    model: Annotated[Line, Field(max_length=100)] | None = None
    chain: Annotated[list[Place], Field(max_length=100)] | None = None


class ShownStep(Answer):
    model: str
    priority: int
    enabled: bool


class ShownChain(Answer):
    name: str
    pattern: str
    """Which asked names it is for; empty: every one."""
    enabled: bool
    position: int
    models: list[str]
    chain: list[ShownStep]


class Chains(Answer):
    chains: list[ShownChain]


def shown_chain(row: FallbackChain) -> ShownChain:
    steps = [*row.steps.all()]
    return ShownChain(
        name=row.name,
        pattern=row.pattern,
        enabled=row.is_enabled,
        position=row.position,
        models=[step.model for step in steps if step.is_enabled],
        chain=[ShownStep(model=step.model, priority=step.position, enabled=step.is_enabled) for step in steps],
    )


@router.get("/fallback/chains", auth=needs("combos.view_fallbackchain"), response=Chains)
def list_chains(request: HttpRequest) -> Chains:
    return Chains(chains=[shown_chain(row) for row in FallbackChain.objects.prefetch_related("steps")])


@router.post("/fallback/chains", auth=needs("combos.add_fallbackchain"), response=ShownChain)
@transaction.atomic
def set_chain(request: HttpRequest, body: ChainBody) -> ShownChain:
    """Make a chain, or change the one of this name."""
    wanted, steps, names = _of_name(body) if body.model is None and body.chain is None else _of_model(body)
    chain = FallbackChain.objects.filter(name=wanted.name).first() or wanted
    if chain.pk and not request.user.has_perm("combos.change_fallbackchain"):
        raise NotPermitted("This needs the permission combos.change_fallbackchain: there is a chain of this name.")
    chain.pattern, chain.is_enabled = wanted.pattern, wanted.is_enabled
    if body.position is not None or not chain.pk:
        chain.position = chains.next_position() if body.position is None else body.position
    try:
        chains.save_chain(chain, steps)
    except WrongTargets as wrong:
        raise ApiRefusal(str(wrong), names[next(iter(wrong.faults))]) from None
    return shown_chain(chain)


Read = tuple[FallbackChain, list[FallbackStep], list[str]]
"""What a body asks for, and how each step is spelled in it."""


def _of_name(body: ChainBody) -> Read:
    if body.name is None:
        raise ApiRefusal("Give the chain a name, and its models in order.", "name")
    if not body.models:
        raise ApiRefusal("A fallback chain needs at least one model.", "models")
    chain = FallbackChain(name=body.name, pattern=body.pattern.strip(), is_enabled=body.enabled)
    names = [f"models.{place}" for place in range(len(body.models))]
    return chain, [FallbackStep(model=model) for model in body.models], names


def _of_model(body: ChainBody) -> Read:
    """A chain for one model alone, which bears its name."""
    if body.model is None or not body.chain:
        raise ApiRefusal("Send the model and its chain of providers.", "model" if body.model is None else "chain")
    if body.name is not None or body.models is not None or body.pattern:
        raise ApiRefusal("A chain has a name, a pattern and models, or a model and providers; not both.", "model")
    chain = FallbackChain(name=body.model, pattern=body.model, is_enabled=body.enabled)
    prefix, _slash, rest = body.model.partition("/")
    bare = rest if rest and provider_named(prefix) else body.model
    places = sorted(enumerate(body.chain), key=lambda numbered: numbered[1].priority)
    steps = [FallbackStep(model=f"{each.provider}/{bare}", is_enabled=each.enabled) for _place, each in places]
    return chain, steps, [f"chain.{place}.provider" for place, _each in places]


class GoneChain(Body):
    name: Line | None = None
    model: Line | None = None


@router.delete("/fallback/chains", auth=needs("combos.delete_fallbackchain"), response=Deleted)
def delete_chain(
    request: HttpRequest, name: str | None = None, model: str | None = None, body: GoneChain | None = None
) -> Deleted:
    """`name` names it; of one that was made for a model, that is `model`. In the query, or in a body."""
    wanted = name or model or (body and (body.name or body.model))
    if not wanted:
        raise ApiRefusal("Say which chain: ?name= or ?model=.", "name")
    row = FallbackChain.objects.filter(name=wanted).first()
    if row is None:
        raise Missing(f"There is no fallback chain “{wanted}”. GET /api/fallback/chains lists them.")
    row.delete()
    return Deleted(deleted=wanted)


# Settings.


class WildcardAlias(Body):
    pattern: Pattern
    target: Model


class SettingsChanges(Body):
    fallback_strategy: Annotated[AccountStrategy, Strict(False)] = UNCHANGED
    sticky_round_robin_limit: Annotated[int, Field(ge=1, le=1000)] = UNCHANGED
    session_affinity: bool = UNCHANGED
    session_affinity_minutes: Annotated[int, Field(ge=1, le=1440)] = UNCHANGED
    total_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = UNCHANGED
    wildcard_aliases: Annotated[list[WildcardAlias], Field(max_length=1000)] = UNCHANGED


class ShownWildcardAlias(Answer):
    pattern: str
    target: str


class ShownSettings(Answer):
    fallback_strategy: AccountStrategy
    sticky_round_robin_limit: int
    session_affinity: bool
    session_affinity_minutes: int
    total_timeout_seconds: int
    wildcard_aliases: list[ShownWildcardAlias]


SETTINGS = {
    "fallback_strategy": "account_strategy",
    "sticky_round_robin_limit": "sticky_limit",
    "session_affinity": "keeps_conversations",
    "session_affinity_minutes": "affinity_minutes",
    "total_timeout_seconds": "total_seconds",
}
"""The API's names of the settings, and the model's."""
ALIAS_DEEDS = ("combos.add_modelalias", "combos.change_modelalias", "combos.delete_modelalias")


@router.get("/settings", auth=needs("combos.view_routingsettings"), response=ShownSettings)
def show_settings(request: HttpRequest) -> ShownSettings:
    row: RoutingSettings = RoutingSettings.load()
    aliases = ModelAlias.objects.filter(is_enabled=True)
    return ShownSettings(
        **{name: getattr(row, field) for name, field in SETTINGS.items()},
        wildcard_aliases=[
            ShownWildcardAlias(pattern=alias.pattern, target=alias.target)
            for alias in aliases
            if is_wild(alias.pattern)
        ],
    )


@router.patch("/settings", auth=needs("combos.change_routingsettings"), response=ShownSettings)
@transaction.atomic
def change_settings(request: HttpRequest, body: SettingsChanges) -> ShownSettings:
    """Set those that are sent. `wildcardAliases` replaces every alias with a wildcard."""
    if "wildcard_aliases" in body.model_fields_set:
        _replace_wild(request, body.wildcard_aliases)
    _change_row({SETTINGS[name]: value for name, value in body.sent("wildcard_aliases").items()})
    return show_settings(request)


def _replace_wild(request: HttpRequest, wanted: list[WildcardAlias]) -> None:
    if not request.user.has_perms(ALIAS_DEEDS):
        raise NotPermitted("wildcardAliases needs the permissions to add, change and delete aliases.")
    known = snapshot.load()
    kept = []
    for place, each in enumerate(wanted):
        try:
            kept.append(put_alias(each.pattern, each.target, known=known))
        except ValidationError as invalid:
            names = {field: f"wildcardAliases.{place}.{field}" for field in ("pattern", "target")}
            raise _renamed(invalid, names) from None
    forget_wild(kept)


def _change_row(values: Mapping[str, Any]) -> None:
    if not values:
        return
    row: RoutingSettings = RoutingSettings.load()
    for field, value in values.items():
        setattr(row, field, value)
    row.full_clean()
    row.save()


class DefaultsChanges(Body):
    strategy: NamedStrategy = UNCHANGED
    max_retries: Retries = UNCHANGED
    retry_delay_ms: DelayMs = UNCHANGED
    timeout_ms: TimeoutMs | None = None
    concurrency_per_model: Concurrency | None = None
    queue_timeout_ms: QueueMs = UNCHANGED
    health_check_enabled: bool = UNCHANGED


class ShownDefaults(Answer):
    strategy: Strategy
    max_retries: int
    retry_delay_ms: int
    timeout_ms: int | None
    concurrency_per_model: int | None
    queue_timeout_ms: int
    health_check_enabled: bool


class ChangedDefaults(Body):
    combo_defaults: DefaultsChanges


class Defaults(Answer):
    combo_defaults: ShownDefaults


@router.get("/settings/combo-defaults", auth=needs("combos.view_routingsettings"), response=Defaults)
def show_defaults(request: HttpRequest) -> Defaults:
    row: RoutingSettings = RoutingSettings.load()
    figures = {name: getattr(row, field) for name, field in CONFIG.items()}
    return Defaults(combo_defaults=ShownDefaults(strategy=Strategy(row.strategy), **figures))


@router.patch("/settings/combo-defaults", auth=needs("combos.change_routingsettings"), response=Defaults)
@transaction.atomic
def change_defaults(request: HttpRequest, body: ChangedDefaults) -> Defaults:
    """What combos do that say nothing of their own. Set those that are sent; null: no limit."""
    sent = body.combo_defaults.sent()
    try:
        check_default_strategy(sent.get("strategy", ""))
    except ValidationError as invalid:
        raise ApiRefusal(" ".join(invalid.messages), "comboDefaults.strategy") from None
    _change_row({CONFIG.get(name, name): value for name, value in sent.items()})
    return show_defaults(request)
