"""The part of the hot path's snapshot that says how patient we are, what connections may be asked, what was ordered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from health.models import (
    ConnectionLimit,
    Deed,
    HealthOrder,
    LockoutPolicy,
    PolicyName,
    ProviderProfile,
    RateLimitDefaults,
)
from health.profiles import DEFAULTS, Profile, ProfileClass
from health.slots import NO_LIMITS, Limits
from providers.catalogue import Vendor, catalogue
from providers.catalogue.vocabulary import LoginFlow
from providers.models import Provider, ProviderConnection, ProviderNode

ORDER_LIFE = timedelta(hours=1)
BY_KEY = frozenset({LoginFlow.APIKEY, LoginFlow.NONE})


@dataclass(frozen=True, slots=True)
class Policy:
    failures: int
    window_seconds: float
    lock_seconds: float


DEFAULT_POLICY = Policy(5, 300.0, 900.0)


@dataclass(frozen=True, slots=True)
class Order:
    id: UUID
    deed: Deed
    subject: str
    model: str
    ordered_at: datetime


@dataclass(frozen=True, slots=True)
class HealthFacts:
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """By the provider's slug."""
    limits: Mapping[UUID, Limits] = field(default_factory=dict)
    """Of the connections that have their own."""
    default_limits: Limits = NO_LIMITS
    queue_length: int = 100
    queue_seconds: float = 30.0
    policies: Mapping[PolicyName, Policy] = field(default_factory=dict)
    """Those that are in force."""
    orders: tuple[Order, ...] = ()
    logins: Mapping[UUID, int] = field(default_factory=dict)
    """A number for the secret of each connection, by which a new one is noticed."""

    def profile_of(self, provider: str) -> Profile:
        return self.profiles.get(provider, DEFAULTS[ProfileClass.API_KEY])

    def limits_of(self, connection: UUID) -> Limits:
        return self.limits.get(connection, self.default_limits)


def load() -> HealthFacts:
    defaults: RateLimitDefaults = RateLimitDefaults.load()
    return HealthFacts(
        profiles=_profiles(),
        limits={row.connection_id: limits_of(row, defaults) for row in ConnectionLimit.objects.all()},
        default_limits=limits_for_all(defaults),
        queue_length=defaults.queue_length,
        queue_seconds=float(defaults.queue_seconds),
        policies=_policies(),
        orders=_orders(),
        logins={pk: hash(sealed) for pk, sealed in ProviderConnection.objects.values_list("pk", "sealed_api_key")},
    )


def profile_class(slug: str, is_node: bool) -> ProfileClass:
    """Vendors that count by account, because one logs in there, have another patience than those that count by key."""
    vendor: Vendor | None = None if is_node else catalogue().get(slug)
    logs_in = vendor is not None and any(login.flow not in BY_KEY for login in vendor.logins)
    return ProfileClass.OAUTH if logs_in else ProfileClass.API_KEY


def _profiles() -> dict[str, Profile]:
    rows = list(ProviderProfile.objects.all())
    classes = class_profiles(rows)
    own = {row.provider_id: row for row in rows if row.provider_id}
    nodes = set(ProviderNode.objects.values_list("slug", flat=True))
    found = {}
    for slug in Provider.objects.values_list("slug", flat=True):
        above = classes[profile_class(slug, slug in nodes)]
        found[slug] = merged(above, own[slug]) if slug in own else above
    return found


def class_profiles(rows: Iterable[ProviderProfile]) -> dict[ProfileClass, Profile]:
    said = {ProfileClass(row.profile_class): row for row in rows if row.profile_class}
    return {kind: merged(above, said[kind]) if kind in said else above for kind, above in DEFAULTS.items()}


def merged(above: Profile, row: ProviderProfile) -> Profile:
    """What the row says, and for what it leaves empty what stands above it."""
    said: dict[str, Any] = {
        "failure_threshold": row.failure_threshold,
        "breaker_seconds": _seconds(row.breaker_ms),
        "transient_cooldown": _seconds(row.transient_cooldown_ms),
        "rate_limit_cooldown": _seconds(row.rate_limit_cooldown_ms),
        "rate_limit_sensitivity": row.rate_limit_sensitivity,
        "backoff_base": None if row.backoff_base is None else float(row.backoff_base),
        "backoff_maximum": _seconds(row.backoff_maximum_ms),
        "longest_backoff_level": row.longest_backoff_level,
        "jitter": None if row.jitter_percent is None else row.jitter_percent / 100,
    }
    return replace(above, **{name: value for name, value in said.items() if value is not None})


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def limits_for_all(defaults: RateLimitDefaults) -> Limits:
    return _as_limits(defaults.requests_per_minute, defaults.min_gap_ms, defaults.max_concurrent)


def limits_of(row: ConnectionLimit, defaults: RateLimitDefaults) -> Limits:
    """What it comes to: the row's own numbers, and for what it leaves empty those for all."""
    if not row.is_enabled:
        return NO_LIMITS
    return _as_limits(
        row.requests_per_minute or defaults.requests_per_minute,
        row.min_gap_ms or defaults.min_gap_ms,
        row.max_concurrent or defaults.max_concurrent,
    )


def _as_limits(requests_per_minute: int | None, gap_ms: int | None, concurrent: int | None) -> Limits:
    found = Limits(requests_per_minute or None, _seconds(gap_ms or None), concurrent or None)
    return NO_LIMITS if found == NO_LIMITS else found


def _policies() -> dict[PolicyName, Policy]:
    rows = {row.name: row for row in LockoutPolicy.objects.all()}
    found = {}
    for name in PolicyName:
        row = rows.get(name.value)
        if row is None:
            found[name] = DEFAULT_POLICY
        elif row.is_enabled:
            found[name] = Policy(row.failures, float(row.window_seconds), float(row.lock_seconds))
    return found


def _orders() -> tuple[Order, ...]:
    rows = HealthOrder.objects.filter(ordered_at__gte=timezone.now() - ORDER_LIFE)
    return tuple(Order(row.pk, Deed(row.deed), row.subject, row.model_id, row.ordered_at) for row in rows)
