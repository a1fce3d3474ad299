"""Who pays: API keys, prices, budgets, and what every request used and cost."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers.configuration import Configuration, ConfigurationQuerySet
from providers.models import Provider

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class ApiKeyQuerySet(ConfigurationQuerySet["ApiKey"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "ApiKeyQuerySet":
        """All of them for who may manage everybody's, else one's own."""
        if user.has_perm("billing.view_every_apikey"):  # type: ignore[union-attr]
            return self
        return self.filter(owner_id=user.pk)


class ApiKey(Configuration):
    """What a client of ours sends. Only its digest is kept; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100)
    shown_prefix = models.CharField(_("key"), max_length=20, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        verbose_name=_("owner"),
    )
    is_admin = models.BooleanField(
        _("admin scope"), default=False, help_text=_("Opens the management API. Never give such a key to a client.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = ApiKeyQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        db_table = "api_keys"
        ordering = ["-created_at"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        permissions = [("view_every_apikey", "Can see everybody's API keys")]

    def __str__(self) -> str:
        return self.name


class PriceSource(models.TextChoices):
    GENAI_PRICES = "genai-prices", _("genai-prices")
    CATALOGUE = "catalogue", _("Catalogue")
    OPERATOR = "operator", _("Operator")


def price_field(label: object, **options: object) -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(label, max_digits=14, decimal_places=6, validators=NOT_NEGATIVE, **options)  # type: ignore[arg-type]


class Pricing(Configuration):
    """What one model of one provider costs. US dollars for a million tokens."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="prices", verbose_name=_("provider"))
    model_id = models.CharField(_("model id"), max_length=200)
    input_per_million = price_field(_("input"))
    output_per_million = price_field(_("output"))
    cache_read_per_million = price_field(_("cache read"), null=True, blank=True, help_text=_("Empty: as input."))
    cache_write_per_million = price_field(_("cache write"), null=True, blank=True, help_text=_("Empty: as input."))
    reasoning_per_million = price_field(_("reasoning"), null=True, blank=True, help_text=_("Empty: as output."))
    source = models.CharField(_("source"), max_length=20, choices=PriceSource, default=PriceSource.OPERATOR)
    as_of = models.DateField(_("as of"), null=True, blank=True)

    class Meta:
        db_table = "pricing"
        ordering = ["provider", "model_id"]
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        constraints = [
            models.UniqueConstraint(fields=["provider", "model_id"], name="one_price_per_model"),
            models.CheckConstraint(
                condition=Q(input_per_million__gte=0, output_per_million__gte=0), name="prices_are_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}/{self.model_id}"


class Period(models.TextChoices):
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    MONTHLY = "monthly", _("Monthly")


class Budget(Configuration):
    """The most a key may spend in a period. Periods are UTC; a week begins on Monday."""

    api_key = models.ForeignKey(ApiKey, models.CASCADE, related_name="budgets", verbose_name=_("API key"))
    period = models.CharField(_("period"), max_length=10, choices=Period)
    limit_usd = models.DecimalField(_("limit, US$"), max_digits=14, decimal_places=6, validators=NOT_NEGATIVE)

    class Meta:
        db_table = "budgets"
        ordering = ["api_key", "period"]
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        constraints = [
            models.UniqueConstraint(fields=["api_key", "period"], name="one_budget_per_key_and_period"),
            models.CheckConstraint(condition=Q(limit_usd__gte=0), name="budget_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.api_key}: {self.limit_usd} US$ {self.get_period_display()}"


class CostSource(models.TextChoices):
    """Where the price of a row came from."""

    GENAI_PRICES = "genai-prices", _("genai-prices")
    CATALOGUE = "catalogue", _("Catalogue")
    OPERATOR = "operator", _("Operator")
    UNKNOWN = "unknown", _("Unknown price")
    NOTHING = "nothing", _("Nothing used")


class UsageQuerySet(models.QuerySet["UsageRecord"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "UsageQuerySet":
        """All of it for who may see everybody's, else what one's own keys used."""
        if user.has_perm("billing.view_every_usagerecord"):  # type: ignore[union-attr]
            return self
        return self.filter(api_key_id__in=ApiKey.objects.filter(owner_id=user.pk).values("pk"))


class UsageRecord(models.Model):
    """One request: who asked, who answered, what it used and cost. Written once, never changed.

    It outlives what it mentions, so it quotes names instead of pointing at rows. Prompt tokens are disjoint
    (`uncached_input + cache_read + cache_write` is the whole prompt); `reasoning_tokens` is a part of the output.
    """

    request_id = models.CharField(_("request"), max_length=40, unique=True)
    started_at = models.DateTimeField(_("time"), db_index=True)
    api_key_id = models.UUIDField(null=True, db_index=True)
    api_key_name = models.CharField(_("API key"), max_length=100, blank=True)
    dialect = models.CharField(_("dialect"), max_length=20)
    model_asked = models.CharField(_("asked for"), max_length=300)
    provider = models.CharField(_("provider"), max_length=60, blank=True)
    connection = models.CharField(_("connection"), max_length=100, blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True)
    combo = models.CharField(_("combo"), max_length=100, blank=True)
    is_streaming = models.BooleanField(_("streamed"), default=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    status = models.PositiveSmallIntegerField(_("status"), help_text=_("499: the client hung up."))
    error = models.CharField(_("error"), max_length=500, blank=True)
    tried = models.JSONField(
        _("tried before"), default=list, blank=True, help_text=_("Who did not answer: target, status, ms and reason.")
    )
    uncached_input_tokens = models.PositiveBigIntegerField(_("input"), default=0)
    cache_read_tokens = models.PositiveBigIntegerField(_("cache read"), default=0)
    cache_write_tokens = models.PositiveBigIntegerField(_("cache write"), default=0)
    output_tokens = models.PositiveBigIntegerField(_("output"), default=0)
    reasoning_tokens = models.PositiveBigIntegerField(_("reasoning"), default=0)
    is_estimated = models.BooleanField(_("estimated"), default=False)
    cost_usd = models.DecimalField(_("cost, US$"), max_digits=20, decimal_places=10, default=Decimal(0))
    cost_source = models.CharField(_("cost from"), max_length=20, choices=CostSource, default=CostSource.NOTHING)
    header_ms = models.PositiveIntegerField(_("headers, ms"), null=True)
    first_event_ms = models.PositiveIntegerField(_("first event, ms"), null=True)
    total_ms = models.PositiveIntegerField(_("total, ms"))

    objects = UsageQuerySet.as_manager()

    class Meta:
        db_table = "usage_records"
        ordering = ["-started_at"]
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        permissions = [("view_every_usagerecord", "Can see everybody's requests")]
        indexes = [
            models.Index(fields=["api_key_id", "started_at"], name="usage_of_a_key"),
            models.Index(fields=["provider", "started_at"], name="usage_of_a_provider"),
            models.Index(fields=["combo", "started_at"], name="usage_of_a_combo", condition=~Q(combo="")),
        ]

    def __str__(self) -> str:
        return self.request_id

    @property
    def input_tokens(self) -> int:
        return self.uncached_input_tokens + self.cache_read_tokens + self.cache_write_tokens
