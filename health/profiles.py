"""How patient health is with a provider: two classes of defaults, and what a provider overrides of its class."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class ProfileClass(models.TextChoices):
    """How one logs in says how a vendor counts: by subscription and account, or by key."""

    OAUTH = "oauth", _("Login")
    API_KEY = "apikey", _("API key")


@dataclass(frozen=True, slots=True)
class Profile:
    """Durations are seconds."""

    failure_threshold: int
    """So many failures in a row open the provider's breaker. 0: never."""
    breaker_seconds: float
    """How long the breaker stays open before one request may probe."""
    transient_cooldown: float
    """The first rest of a connection's model after a server error or a timeout."""
    rate_limit_cooldown: float
    """The first rest after a 429 that names no time. 0: one second."""
    rate_limit_sensitivity: int = 1
    """So many 429 in a row that name no time begin a rest. 1: at once."""
    backoff_base: float = 2.0
    """A rest is so many times as long as the one before it."""
    backoff_maximum: float = 120.0
    """The longest rest that is computed. A vendor may name a longer one."""
    longest_backoff_level: int = 5
    jitter: float = 0.2
    """A rest is lengthened by up to this share of it, so that not all end at once."""


DEFAULTS: Mapping[ProfileClass, Profile] = {
    ProfileClass.OAUTH: Profile(3, 60.0, 5.0, 60.0, longest_backoff_level=8),
    ProfileClass.API_KEY: Profile(5, 30.0, 3.0, 0.0, longest_backoff_level=5),
}
