"""What the operator decides about health, and what health knows, so that a restart knows it too."""

import uuid
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from health.breaker import BreakerState
from health.profiles import ProfileClass
from providers.configuration import Configuration, Singleton
from providers.models import Provider, ProviderConnection

DAY_MS = 24 * 3600 * 1000


def between(lowest: int, highest: int) -> dict[str, Any]:
    """A number that may be left empty, which then is another row's."""
    return {"null": True, "blank": True, "validators": [MinValueValidator(lowest), MaxValueValidator(highest)]}


class ProviderProfile(Configuration):
    """How patient health is: with a class of providers, or with one provider that differs. Empty: as above it."""

    profile_class = models.CharField(
        _("class"), max_length=10, choices=ProfileClass, unique=True, null=True, blank=True
    )
    provider = models.OneToOneField(
        Provider, models.CASCADE, null=True, blank=True, related_name="profile", verbose_name=_("provider")
    )
    failure_threshold = models.PositiveSmallIntegerField(
        _("failures until the breaker opens"), help_text=_("In a row. 0: it never opens."), **between(0, 1000)
    )
    breaker_ms = models.PositiveIntegerField(
        _("breaker stays open, ms"), help_text=_("Then one request may probe."), **between(100, DAY_MS)
    )
    transient_cooldown_ms = models.PositiveIntegerField(
        _("rest after a server error, ms"),
        help_text=_("Other connections are preferred meanwhile."),
        **between(0, DAY_MS),
    )
    rate_limit_cooldown_ms = models.PositiveIntegerField(
        _("rest after a 429, ms"), help_text=_("Where the provider names no time. 0: one second."), **between(0, DAY_MS)
    )
    rate_limit_sensitivity = models.PositiveSmallIntegerField(
        _("429 until a rest"), help_text=_("In a row, where the provider names no time."), **between(1, 100)
    )
    backoff_base = models.DecimalField(
        _("backoff base"),
        max_digits=4,
        decimal_places=2,
        help_text=_("Each rest is so many times as long as the one before."),
        **between(1, 10),
    )
    backoff_maximum_ms = models.PositiveIntegerField(_("longest rest, ms"), **between(0, DAY_MS))
    longest_backoff_level = models.PositiveSmallIntegerField(_("backoff steps"), **between(0, 15))
    jitter_percent = models.PositiveSmallIntegerField(
        _("jitter, %"), help_text=_("A rest is lengthened by up to this share."), **between(0, 100)
    )

    class Meta:
        db_table = "provider_profiles"
        ordering = ["provider", "profile_class"]
        verbose_name = _("provider profile")
        verbose_name_plural = _("provider profiles")
        constraints = [
            models.CheckConstraint(
                condition=Q(profile_class__isnull=True, provider__isnull=False)
                | Q(profile_class__isnull=False, provider__isnull=True),
                name="profile_of_a_class_or_of_a_provider",
            ),
        ]

    def __str__(self) -> str:
        return str(self.provider_id or self.get_profile_class_display())


class RateLimitDefaults(Singleton):
    """What connections may be asked that have no limits of their own, and how requests wait for room."""

    requests_per_minute = models.PositiveIntegerField(
        _("requests per minute"), help_text=_("Empty: no limit."), **between(1, 10_000)
    )
    min_gap_ms = models.PositiveIntegerField(
        _("gap between requests, ms"), help_text=_("Empty: none."), **between(1, 600_000)
    )
    max_concurrent = models.PositiveIntegerField(
        _("requests at once"), help_text=_("Empty: no limit."), **between(1, 10_000)
    )
    queue_length = models.PositiveIntegerField(
        _("waiting requests"),
        default=100,
        validators=[MaxValueValidator(10_000)],
        help_text=_("So many wait for a connection in each worker; further ones are refused."),
    )
    queue_seconds = models.PositiveIntegerField(
        _("longest wait, seconds"), default=30, validators=[MaxValueValidator(600)]
    )

    class Meta(Singleton.Meta):
        db_table = "rate_limit_defaults"
        verbose_name = verbose_name_plural = _("rate limits")

    def __str__(self) -> str:
        return str(_("Rate limits"))


class ConnectionLimit(Configuration):
    """What one connection may be asked. Empty: as in the rate limits for all."""

    connection = models.OneToOneField(
        ProviderConnection, models.CASCADE, related_name="limit", verbose_name=_("connection")
    )
    is_enabled = models.BooleanField(_("enabled"), default=True, help_text=_("Off: this connection has no limit."))
    requests_per_minute = models.PositiveIntegerField(_("requests per minute"), **between(1, 10_000))
    min_gap_ms = models.PositiveIntegerField(_("gap between requests, ms"), **between(1, 600_000))
    max_concurrent = models.PositiveIntegerField(_("requests at once"), **between(1, 10_000))

    class Meta:
        db_table = "connection_limits"
        verbose_name = _("limit of a connection")
        verbose_name_plural = _("limits of connections")

    def __str__(self) -> str:
        return str(self.connection)


class PolicyName(models.TextChoices):
    API_KEY = "api_key", _("Wrong API keys")
    MANAGEMENT_KEY = "management_key", _("Wrong keys at /api")
    LOGIN = "login", _("Wrong passwords")


class LockoutPolicy(Configuration):
    """When somebody who fails again and again is refused for a while."""

    name = models.CharField(_("about"), max_length=20, choices=PolicyName, primary_key=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    failures = models.PositiveSmallIntegerField(
        _("failures"), default=5, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    window_seconds = models.PositiveIntegerField(
        _("within, seconds"), default=300, validators=[MinValueValidator(1), MaxValueValidator(86400)]
    )
    lock_seconds = models.PositiveIntegerField(
        _("refused for, seconds"), default=900, validators=[MinValueValidator(1), MaxValueValidator(86400)]
    )

    class Meta:
        db_table = "lockout_policies"
        ordering = ["name"]
        verbose_name = _("lockout policy")
        verbose_name_plural = _("lockout policies")

    def __str__(self) -> str:
        return self.get_name_display()


class Deed(models.TextChoices):
    RESET_ALL = "reset", _("reset everything")
    CLOSE_BREAKER = "close", _("close a breaker")
    END_COOLDOWN = "end", _("end a cooldown")
    UNLOCK = "unlock", _("unlock")


class HealthOrder(Configuration):
    """What a person wants undone. Every worker forgets what it knew before the order was given."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deed = models.CharField(max_length=10, choices=Deed)
    subject = models.CharField(max_length=300, blank=True)
    """The provider, the connection's id or the identifier; empty for all."""
    model_id = models.CharField(max_length=200, blank=True)
    ordered_at = models.DateTimeField()
    ordered_by = models.CharField(max_length=150)

    class Meta:
        db_table = "health_orders"
        ordering = ["ordered_at"]

    def __str__(self) -> str:
        return f"{self.get_deed_display()} {self.subject}".strip()


class Breaker(models.Model):
    """A provider's breaker while it is not closed."""

    provider = models.OneToOneField(
        Provider, models.CASCADE, primary_key=True, related_name="breaker", verbose_name=_("provider")
    )
    state = models.CharField(_("state"), max_length=10, choices=BreakerState)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    until = models.DateTimeField(_("open until"))
    seconds = models.FloatField(default=0)
    changed_at = models.DateTimeField(_("changed"))
    last_failure = models.CharField(_("last failure"), max_length=300, blank=True)

    class Meta:
        db_table = "breakers"
        verbose_name = _("breaker")
        verbose_name_plural = _("breakers")

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.get_state_display()}"


class Cooldown(models.Model):
    """Until when a connection is left alone, for one model or, where `model_id` is empty, for all."""

    connection = models.ForeignKey(
        ProviderConnection, models.CASCADE, related_name="cooldowns", verbose_name=_("connection")
    )
    model_id = models.CharField(_("model"), max_length=200, blank=True)
    until = models.DateTimeField(_("until"))
    seconds = models.FloatField(default=0)
    level = models.PositiveSmallIntegerField(_("level"), default=0)
    reason = models.CharField(_("reason"), max_length=40)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    is_soft = models.BooleanField(default=False)
    since = models.DateTimeField(_("since"))

    class Meta:
        db_table = "cooldowns"
        verbose_name = _("cooldown")
        verbose_name_plural = _("cooldowns")
        constraints = [
            models.UniqueConstraint(fields=["connection", "model_id"], name="one_cooldown_of_a_model_per_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.model_id}".strip()


class Lockout(models.Model):
    """Who failed how often, and until when they are refused."""

    identifier = models.CharField(_("who"), max_length=300, unique=True)
    policy = models.CharField(_("about"), max_length=20, choices=PolicyName)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    locked_until = models.DateTimeField(_("refused until"), null=True, blank=True)
    since = models.DateTimeField(_("since"))
    last_seen = models.DateTimeField(_("last seen"))

    class Meta:
        db_table = "lockouts"
        verbose_name = _("lockout")
        verbose_name_plural = _("lockouts")

    def __str__(self) -> str:
        return self.identifier
