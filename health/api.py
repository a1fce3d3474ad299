"""Job: the management API of resilience: how patient health is, what it knows, and that a person wants it forgotten.

Law: a change is saved whole or not at all; null gives a number back to what stands above it. Durations are milliseconds
and jitter is percent, as in the dashboard.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from ninja import Router
from pydantic import ConfigDict, Field, Strict

from health import api_answers, configuring, numbers, orders, snapshot
from health.api_answers import ShownBreaker, ShownCooldown, ShownLockout, refusal_of, who
from health.limits_api import ShownLimits, effective
from health.models import ConnectionLimit, ProviderProfile, RateLimitDefaults
from health.numbers import COLUMNS, Figure
from health.profiles import ProfileClass
from providers.api_access import ApiRefusal, Missing, NotPermitted, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Line, wire_name
from providers.connections import provider_named
from providers.models import Provider, ProviderConnection

router = Router(by_alias=True)

Place: TypeAlias = tuple[str, ...]
"""Where something stood in the body."""
DEFAULTS = {
    "requests_per_minute": "requests_per_minute",
    "min_time_between_requests": "min_gap_ms",
    "concurrent_requests": "max_concurrent",
    "queue_length": "queue_length",
    "queue_timeout": "queue_seconds",
}
"""The API's names, and the columns."""


class ProfileChanges(Body):
    transient_cooldown: int | None = None
    rate_limit_cooldown: int | None = None
    max_backoff_level: int | None = None
    circuit_breaker_threshold: int | None = None
    circuit_breaker_reset: int | None = None
    rate_limit_sensitivity: int | None = None
    backoff_base: float | None = None
    backoff_maximum: int | None = None
    jitter: int | None = None


Override: TypeAlias = ProfileChanges | None
"""Null: as its class."""


class ProfilesChanges(Body):
    """The two classes; every other name is a provider's. Or providers in `providers`, as the answer has them."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Override]

    oauth: ProfileChanges = UNCHANGED
    apikey: ProfileChanges = UNCHANGED
    providers: dict[str, Override] = UNCHANGED


class DefaultsChanges(Body):
    requests_per_minute: int | None = None
    min_time_between_requests: int | None = None
    concurrent_requests: int | None = None
    queue_length: int = UNCHANGED
    queue_timeout: Annotated[int, Field(multiple_of=1000)] = UNCHANGED


class ResilienceChanges(Body):
    profiles: ProfilesChanges = UNCHANGED
    defaults: DefaultsChanges = UNCHANGED


class ShownDefaults(Answer):
    requests_per_minute: int | None
    min_time_between_requests: int | None
    concurrent_requests: int | None
    queue_length: int
    queue_timeout: int


class ShownProfiles(Answer):
    oauth: dict[str, Figure]
    apikey: dict[str, Figure]
    providers: dict[str, dict[str, Figure]]
    """Only what a provider overrides of its class."""


class Resilience(Answer):
    profiles: ShownProfiles
    defaults: ShownDefaults
    circuit_breakers: list[ShownBreaker]
    cooldowns: list[ShownCooldown]
    rate_limit_status: dict[str, ShownLimits]
    """By the connection's id."""
    lockouts: list[ShownLockout]


@router.get("/resilience", auth=needs("health.view_providerprofile"), response=Resilience)
def show_resilience(request: HttpRequest) -> Resilience:
    """The settings, and what is open, resting or refused now."""
    defaults: RateLimitDefaults = RateLimitDefaults.load()
    limits = {row.connection_id: row for row in ConnectionLimit.objects.all()}
    connections = ProviderConnection.objects.values_list("pk", flat=True)
    return Resilience(
        profiles=_profiles(),
        defaults=_defaults(defaults),
        circuit_breakers=api_answers.breakers(),
        cooldowns=api_answers.cooldowns(),
        rate_limit_status={str(pk): effective(limits.get(pk), defaults) for pk in connections},
        lockouts=api_answers.lockouts(),
    )


def _profiles() -> ShownProfiles:
    rows = list(ProviderProfile.objects.all())
    classes = snapshot.class_profiles(rows)
    shown = {kind.value: _on_the_wire(numbers.of_profile(profile)) for kind, profile in classes.items()}
    own = {row.provider_id: _on_the_wire(numbers.said_by(row)) for row in rows if row.provider_id}
    return ShownProfiles(**shown, providers=own)  # type: ignore[arg-type]


def _on_the_wire(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    return {wire_name(name): figure for name, figure in figures.items()}


def _defaults(row: RateLimitDefaults) -> ShownDefaults:
    return ShownDefaults(
        requests_per_minute=row.requests_per_minute,
        min_time_between_requests=row.min_gap_ms,
        concurrent_requests=row.max_concurrent,
        queue_length=row.queue_length,
        queue_timeout=row.queue_seconds * 1000,
    )


@router.patch("/resilience", auth=needs("health.change_providerprofile"), response=Resilience)
@transaction.atomic
def change_resilience(request: HttpRequest, body: ResilienceChanges) -> Resilience:
    """Set what is sent. In `profiles`, `oauth` and `apikey` are the classes, and other names are providers."""
    if body.profiles is not None:
        _change_profiles(body.profiles)
    if body.defaults is not None:
        _change_defaults(request, body.defaults)
    return show_resilience(request)


def _change_profiles(sent: ProfilesChanges) -> None:
    for kind in ProfileClass:
        changes: ProfileChanges | None = getattr(sent, kind.value)
        if changes is not None:
            _override(("profiles", kind.value), partial(configuring.change_class, kind), changes)
    for place, name, override in _overrides(sent):
        provider = provider_named(name)
        if provider is None:
            raise ApiRefusal(f"There is no provider “{name}”. GET /api/models/catalog lists them.", ".".join(place))
        _override(place, partial(configuring.change_provider, provider), override)


def _overrides(sent: ProfilesChanges) -> Iterator[tuple[Place, str, Override]]:
    for name, override in (sent.__pydantic_extra__ or {}).items():
        yield ("profiles", name), name, override
    for name, override in (sent.providers or {}).items():
        yield ("profiles", "providers", name), name, override


def _override(place: Place, deed: Callable[[Mapping[str, Any]], None], override: Override) -> None:
    sent = dict.fromkeys(COLUMNS) if override is None else override.sent()
    try:
        deed({COLUMNS[name]: value for name, value in sent.items()})
    except ValidationError as invalid:
        raise refusal_of(invalid, COLUMNS, place) from None


def _change_defaults(request: HttpRequest, sent: DefaultsChanges) -> None:
    if not request.user.has_perm("health.change_ratelimitdefaults"):
        raise NotPermitted("defaults needs the permission health.change_ratelimitdefaults.")
    changes = sent.sent()
    if "queue_timeout" in changes:
        changes["queue_timeout"] //= 1000
    try:
        configuring.change_defaults({DEFAULTS[name]: value for name, value in changes.items()})
    except ValidationError as invalid:
        raise refusal_of(invalid, DEFAULTS, ("defaults",)) from None


class Forgotten(Body):
    """Nothing: everything. Or a provider's breaker; or a connection's cooldowns, of one model where it is named."""

    provider: Line | None = None
    connection_id: Annotated[UUID, Strict(False)] | None = None
    model: Line | None = None


class Reset(Answer):
    ok: bool = True
    reset_count: int
    """So many breakers were not closed, connections rested, identifiers were refused."""


@router.post("/resilience/reset", auth=needs("health.add_healthorder"), response=Reset)
def reset(request: HttpRequest, body: Forgotten | None = None) -> Reset:
    """Close breakers, end cooldowns, unlock: on every worker within a second."""
    wanted, by = body or Forgotten(), who(request)
    if wanted.provider and wanted.connection_id:
        raise ApiRefusal("Send either provider or connectionId.", "connectionId")
    if wanted.model and not wanted.connection_id:
        raise ApiRefusal("A model rests at a connection: send its connectionId too.", "connectionId")
    if wanted.provider:
        return Reset(reset_count=orders.close_breaker(_provider(wanted.provider), by))
    if wanted.connection_id:
        return Reset(reset_count=orders.end_cooldowns(_connection(wanted.connection_id), wanted.model or "", by))
    return Reset(reset_count=orders.reset_all(by))


def _provider(name: str) -> Provider:
    found = provider_named(name)
    if found is None:
        raise Missing(f"There is no provider “{name}”. GET /api/models/catalog lists them.")
    return found


def _connection(pk: UUID) -> ProviderConnection:
    found = ProviderConnection.objects.filter(pk=pk).first()
    if found is None:
        raise Missing(f"There is no connection {pk}. GET /api/providers lists them.")
    return found
