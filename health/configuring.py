"""Deeds on what the operator decides about health, which the API and the dashboard share. Each raises ValidationError.

An empty number is another row's: a provider's stands in its class, a class's in the product, a connection's in the
limits for all.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from health.models import ConnectionLimit, LockoutPolicy, PolicyName, ProviderProfile, RateLimitDefaults
from health.profiles import ProfileClass
from providers.models import Provider, ProviderConnection

NUMBERS = (
    "failure_threshold",
    "breaker_ms",
    "transient_cooldown_ms",
    "rate_limit_cooldown_ms",
    "rate_limit_sensitivity",
    "backoff_base",
    "backoff_maximum_ms",
    "longest_backoff_level",
    "jitter_percent",
)
"""Of a profile."""


@transaction.atomic
def change_class(profile_class: ProfileClass, changes: Mapping[str, Any]) -> None:
    rows = ProviderProfile.objects.select_for_update(of=("self",))  # their order joins the provider
    found = rows.filter(profile_class=profile_class).first()
    _save(found or ProviderProfile(profile_class=profile_class), changes)


@transaction.atomic
def change_provider(provider: Provider, changes: Mapping[str, Any]) -> None:
    """A profile that overrides nothing is no row."""
    Provider.objects.select_for_update().get(pk=provider.pk)
    row = ProviderProfile.objects.filter(provider=provider).first() or ProviderProfile(provider=provider)
    _save(row, changes)
    if all(getattr(row, name) is None for name in NUMBERS):
        row.delete()


@transaction.atomic
def change_defaults(changes: Mapping[str, Any]) -> None:
    _save(RateLimitDefaults.load(), changes)


@transaction.atomic
def change_limit(connection: ProviderConnection, changes: Mapping[str, Any]) -> None:
    ProviderConnection.objects.select_for_update(of=("self",)).get(pk=connection.pk)
    found = ConnectionLimit.objects.filter(connection=connection).first()
    _save(found or ConnectionLimit(connection=connection), changes)


@transaction.atomic
def change_policy(name: PolicyName, changes: Mapping[str, Any]) -> None:
    _save(LockoutPolicy.objects.select_for_update().filter(pk=name).first() or LockoutPolicy(name=name), changes)


def _save(row: Any, changes: Mapping[str, Any]) -> None:
    for field, value in changes.items():
        setattr(row, field, value)
    row.full_clean()
    row.save()
