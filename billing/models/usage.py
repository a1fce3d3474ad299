"""What every request and every attempt used and cost, and the sums of each day."""

from decimal import Decimal
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.money import MoneyField

NOBODY = UUID(int=0)
"""The API key of requests that came without one, in the sums of a day."""


class CostSource(models.TextChoices):
    """Where the cost of a row came from."""

    VENDOR = "vendor", _("The vendor's own figure")
    GENAI_PRICES = "genai-prices", _("genai-prices")
    CATALOGUE = "catalogue", _("Catalogue")
    OPERATOR = "operator", _("Operator")
    UNKNOWN = "unknown", _("Unknown price")
    NOTHING = "nothing", _("Nothing used")


def tokens_field(label: object, hint: object = "") -> "models.PositiveBigIntegerField[int, int]":
    return models.PositiveBigIntegerField(label, default=0, help_text=hint)  # type: ignore[arg-type]


def money_field(label: object, hint: object = "") -> MoneyField:
    return MoneyField(label, default=Decimal(0), help_text=hint)


class Counted(models.Model):
    """Tokens and what they cost.

    Prompt tokens are disjoint: `uncached_input + cache_read + cache_write` is the whole prompt. Parts of others:
    `reasoning` and `audio_output` of the output, `cache_write_1h` of the cache write, `audio_input` and `image_input`
    of the uncached input.
    """

    uncached_input_tokens = tokens_field(_("input"))
    cache_read_tokens = tokens_field(_("cache read"))
    cache_write_tokens = tokens_field(_("cache write"))
    cache_write_1h_tokens = tokens_field(_("cache write, 1 h"))
    output_tokens = tokens_field(_("output"))
    reasoning_tokens = tokens_field(_("reasoning"))
    audio_input_tokens = tokens_field(_("audio in"))
    audio_output_tokens = tokens_field(_("audio out"))
    image_input_tokens = tokens_field(_("images in"))
    cost_usd = money_field(_("cost, US$"), _("What it costs: nothing where another request costs nothing."))
    list_cost_usd = money_field(_("at list price, US$"), _("What it would cost by the token."))
    cache_saved_usd = money_field(_("saved by the prompt cache, US$"))

    class Meta:
        abstract = True

    @property
    def input_tokens(self) -> int:
        return self.uncached_input_tokens + self.cache_read_tokens + self.cache_write_tokens


class Costed(Counted):
    """Of one request or attempt: and how well the cost is known."""

    is_estimated = models.BooleanField(_("estimated"), default=False)
    cost_source = models.CharField(_("cost from"), max_length=20, choices=CostSource, default=CostSource.NOTHING)
    price_version = models.PositiveBigIntegerField(_("price version"), null=True)

    class Meta:
        abstract = True


def _seen_by(user: AbstractBaseUser | AnonymousUser) -> Q:
    """All of it for who may see everybody's, else what was used with keys of one's own.

    The owner is the one of that time: what a key did before it changed hands is not its next owner's business. One
    column says it, so that an index gives the newest first to who has a million rows and to who has ten.
    """
    if user.has_perm("billing.view_every_usagerecord"):  # type: ignore[union-attr]
        return Q()
    return Q(user_id=user.pk or -1)


class UsageQuerySet(models.QuerySet["UsageRecord"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "UsageQuerySet":
        return self.filter(_seen_by(user))


class DailyUsageQuerySet(models.QuerySet["DailyUsage"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "DailyUsageQuerySet":
        return self.filter(_seen_by(user))


class UsageRecord(Costed):
    """One request: who asked, who answered, what it used and cost. Written once, never changed.

    It outlives what it mentions, so it quotes names instead of pointing at rows. Tokens and costs are the sums of its
    attempts; provider, connection and model are those of the last one.
    """

    request_id = models.CharField(_("request"), max_length=40, unique=True)
    started_at = models.DateTimeField(_("time"), db_index=True)
    api_key_id = models.UUIDField(null=True)
    api_key_name = models.CharField(_("API key"), max_length=100, blank=True)
    user_id = models.BigIntegerField(null=True)
    user_name = models.CharField(_("user"), max_length=150, blank=True)
    team_id = models.BigIntegerField(null=True)
    team_name = models.CharField(_("team"), max_length=100, blank=True)
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
    header_ms = models.PositiveIntegerField(_("headers, ms"), null=True)
    first_event_ms = models.PositiveIntegerField(_("first event, ms"), null=True)
    gap_ms = models.PositiveIntegerField(_("between events, ms"), null=True, help_text=_("The median of a stream."))
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
            models.Index(fields=["user_id", "started_at"], name="usage_of_a_user"),
            models.Index(fields=["provider", "started_at"], name="usage_of_a_provider"),
            models.Index(fields=["model", "started_at"], name="usage_of_a_model"),
            models.Index(fields=["combo", "started_at"], name="usage_of_a_combo", condition=~Q(combo="")),
            models.Index(fields=["started_at"], name="usage_that_failed", condition=Q(status__gte=400)),
            models.Index(fields=["started_at"], name="usage_that_fell_back", condition=Q(attempts__gt=1)),
        ]

    def __str__(self) -> str:
        return self.request_id


class UsageAttempt(Costed):
    """One call to a vendor, as part of a request. `header_ms` and `first_event_ms` count from its own start."""

    request_id = models.CharField(_("request"), max_length=40)
    number = models.PositiveSmallIntegerField(_("attempt"))
    started_at = models.DateTimeField(_("time"), db_index=True)
    provider = models.CharField(_("provider"), max_length=60)
    connection = models.CharField(_("connection"), max_length=100)
    model = models.CharField(_("model"), max_length=200)
    status = models.PositiveSmallIntegerField(_("status"))
    kind = models.CharField(_("kind of failure"), max_length=40, blank=True)
    header_ms = models.PositiveIntegerField(_("headers, ms"), null=True)
    first_event_ms = models.PositiveIntegerField(_("first event, ms"), null=True)
    gap_ms = models.PositiveIntegerField(_("between events, ms"), null=True, help_text=_("The median of a stream."))
    total_ms = models.PositiveIntegerField(_("total, ms"))

    class Meta:
        db_table = "usage_attempts"
        ordering = ["request_id", "number"]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [models.UniqueConstraint(fields=["request_id", "number"], name="one_row_per_attempt")]

    def __str__(self) -> str:
        return f"{self.request_id} #{self.number}"


class DailyUsage(Counted):
    """The sums of one day, in the configured time zone, of one key at one model. It is kept for ever.

    A request counts where it ended; an attempt, its tokens and its cost count where it was made.
    """

    day = models.DateField(_("day"))
    provider = models.CharField(_("provider"), max_length=60, blank=True)
    connection = models.CharField(_("connection"), max_length=100, blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True)
    combo = models.CharField(_("combo"), max_length=100, blank=True)
    dialect = models.CharField(_("dialect"), max_length=20)
    api_key_id = models.UUIDField(default=NOBODY)
    api_key_name = models.CharField(_("API key"), max_length=100, blank=True)
    user_id = models.BigIntegerField(default=0)
    user_name = models.CharField(_("user"), max_length=150, blank=True)
    team_id = models.BigIntegerField(default=0)
    team_name = models.CharField(_("team"), max_length=100, blank=True)
    requests = models.PositiveBigIntegerField(_("requests"), default=0)
    failed = models.PositiveBigIntegerField(_("failed"), default=0)
    hung_up = models.PositiveBigIntegerField(_("hung up"), default=0)
    fell_back = models.PositiveBigIntegerField(_("fell back"), default=0)
    attempts = models.PositiveBigIntegerField(_("attempts"), default=0)
    failed_attempts = models.PositiveBigIntegerField(_("failed attempts"), default=0)
    unpriced = models.PositiveBigIntegerField(_("at an unknown price"), default=0)
    estimated = models.PositiveBigIntegerField(_("estimated"), default=0)
    total_ms = models.PositiveBigIntegerField(_("total, ms"), default=0)
    first_events = models.PositiveBigIntegerField(_("first events"), default=0)
    first_event_ms = models.PositiveBigIntegerField(_("first events, ms"), default=0)

    objects = DailyUsageQuerySet.as_manager()

    class Meta:
        db_table = "usage_days"
        ordering = ["-day"]
        verbose_name = _("usage of a day")
        verbose_name_plural = _("usage by day")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "day", "api_key_id", "provider", "model", "connection", "combo", "dialect", "user_id", "team_id"
                ],
                name="one_row_per_day_and_use",
            )
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["api_key_id", "day"], name="days_of_a_key"),
            models.Index(fields=["user_id", "day"], name="days_of_a_user"),
            models.Index(fields=["team_id", "day"], name="days_of_a_team"),
            models.Index(fields=["combo", "day"], name="days_of_a_combo", condition=~Q(combo="")),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.provider}/{self.model}"


class CallBody(models.Model):
    """What was asked and answered in one request, where ENABLE_REQUEST_LOGS keeps it: cut short, without secrets."""

    request_id = models.CharField(_("request"), max_length=40, unique=True)
    created_at = models.DateTimeField(_("time"), db_index=True)
    request_body = models.TextField(_("request"), blank=True)
    response_body = models.TextField(_("answer"), blank=True)

    class Meta:
        db_table = "call_bodies"
        ordering = ["-created_at"]
        verbose_name = _("logged call")
        verbose_name_plural = _("logged calls")

    def __str__(self) -> str:
        return self.request_id
