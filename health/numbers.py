"""A profile's numbers as people write them: milliseconds and percent, where a request reckons in seconds and shares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from health.models import ProviderProfile
from health.profiles import Profile

Figure: TypeAlias = int | float


@dataclass(frozen=True, slots=True)
class Number:
    name: str
    """In the API, in snake case."""
    column: str
    of: Callable[[Profile], Figure]
    """As the column would say it."""


NUMBERS = (
    Number("transient_cooldown", "transient_cooldown_ms", lambda profile: _ms(profile.transient_cooldown)),
    Number("rate_limit_cooldown", "rate_limit_cooldown_ms", lambda profile: _ms(profile.rate_limit_cooldown)),
    Number("max_backoff_level", "longest_backoff_level", lambda profile: profile.longest_backoff_level),
    Number("circuit_breaker_threshold", "failure_threshold", lambda profile: profile.failure_threshold),
    Number("circuit_breaker_reset", "breaker_ms", lambda profile: _ms(profile.breaker_seconds)),
    Number("rate_limit_sensitivity", "rate_limit_sensitivity", lambda profile: profile.rate_limit_sensitivity),
    Number("backoff_base", "backoff_base", lambda profile: profile.backoff_base),
    Number("backoff_maximum", "backoff_maximum_ms", lambda profile: _ms(profile.backoff_maximum)),
    Number("jitter", "jitter_percent", lambda profile: round(profile.jitter * 100)),
)
COLUMNS = {number.name: number.column for number in NUMBERS}


def said_by(row: ProviderProfile) -> dict[str, Figure]:
    """By their names in the API, the numbers that the row does not leave to what stands above it."""
    columns = {number.name: getattr(row, number.column) for number in NUMBERS}
    return {
        name: float(value) if name == "backoff_base" else value for name, value in columns.items() if value is not None
    }


def of_profile(profile: Profile) -> dict[str, Figure]:
    return {number.name: number.of(profile) for number in NUMBERS}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
