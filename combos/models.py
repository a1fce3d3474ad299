"""Names for ordered targets, other names for names, and what requests of every kind obey."""

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from combos.strategies import AccountStrategy, Strategy
from providers.configuration import Configuration, Singleton
from providers.models import ProviderConnection

name_rule = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9_/.-]*$", _("Use letters, digits, dots, dashes, slashes and underscores.")
)

line_rule = RegexValidator(r"\A[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z", _("Leave out line breaks and the like."))

MOST_STARS = 8

RETRIES = (MaxValueValidator(10),)
DELAY_MS = (MaxValueValidator(60_000),)
TIMEOUT_MS = (MinValueValidator(1000), MaxValueValidator(600_000))
CONCURRENCY = (MinValueValidator(1), MaxValueValidator(1000))
QUEUE_MS = (MaxValueValidator(600_000),)

ATTEMPT = _(
    "Until the first word of a stream, or the whole answer; then the next target is asked. Empty: as Timeouts say."
)
IN_TRY = _("How often a target is asked again, once all have failed, after a failure that may pass.")
UNHEALTHY = _(
    "Targets whose provider is down or whose connections all rest are passed over. Off: they are asked anyway."
)


def few_stars(pattern: str) -> None:
    stars = pattern.count("*")
    if stars > MOST_STARS:
        message = _("A pattern has at most %(most)d stars; this one has %(stars)d.")
        raise ValidationError(message % {"most": MOST_STARS, "stars": stars})


class Combo(Configuration):
    """A name that clients use as the model, and the targets that answer for it: the first that can, does."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True, validators=[name_rule])
    is_enabled = models.BooleanField(_("enabled"), default=True)
    strategy = models.CharField(_("strategy"), max_length=20, choices=Strategy, blank=True, default="")
    max_retries = models.PositiveSmallIntegerField(
        _("retries of one target"), null=True, blank=True, validators=RETRIES, help_text=IN_TRY
    )
    retry_delay_ms = models.PositiveIntegerField(
        _("pause before a retry, ms"), null=True, blank=True, validators=DELAY_MS
    )
    timeout_ms = models.PositiveIntegerField(
        _("time for one attempt, ms"),
        null=True,
        blank=True,
        validators=TIMEOUT_MS,
        help_text=ATTEMPT,
    )
    concurrency_per_model = models.PositiveSmallIntegerField(
        _("requests at once per model"), null=True, blank=True, validators=CONCURRENCY
    )
    queue_timeout_ms = models.PositiveIntegerField(
        _("wait for a free place, ms"),
        null=True,
        blank=True,
        validators=QUEUE_MS,
        help_text=_("After so long the next target is asked."),
    )
    skips_unhealthy = models.BooleanField(
        _("pass over what is unhealthy"), null=True, blank=True, default=None, help_text=UNHEALTHY
    )
    metrics_since = models.DateTimeField(_("figures since"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "combos"
        ordering = ["name"]
        verbose_name = _("combo")
        verbose_name_plural = _("combos")

    def __str__(self) -> str:
        return self.name


class ComboTarget(Configuration):
    """One step of a combo: a model, maybe pinned to one connection, or another combo."""

    combo = models.ForeignKey(Combo, models.CASCADE, related_name="targets", verbose_name=_("combo"))
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    model = models.CharField(_("model"), max_length=300, help_text=_("As a client would write it: prefix/model."))
    connection = models.ForeignKey(
        ProviderConnection,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("only through"),
        help_text=_("Empty: any connection of the provider."),
    )
    weight = models.PositiveSmallIntegerField(_("weight"), default=1, validators=[MaxValueValidator(100)])

    class Meta:
        db_table = "combo_targets"
        ordering = ["combo", "position", "pk"]
        verbose_name = _("target")
        verbose_name_plural = _("targets")

    def __str__(self) -> str:
        return self.model


class ModelAlias(Configuration):
    """Another name for a model or a combo, or a pattern of names. The target is no alias itself."""

    pattern = models.CharField(
        _("pattern"),
        max_length=200,
        validators=[line_rule, few_stars],
        help_text=_("A name, or a pattern: * is any characters, ? is one character. Case makes no difference."),
    )
    target = models.CharField(
        _("target"), max_length=300, validators=[line_rule], help_text=_("A model, prefix/model, or a combo.")
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        db_table = "model_aliases"
        ordering = ["pattern"]
        verbose_name = _("alias")
        verbose_name_plural = _("aliases")
        constraints = [
            models.UniqueConstraint(
                Lower("pattern"),
                name="one_alias_of_a_pattern",
                violation_error_message=_("There is an alias of this pattern already."),
            )
        ]

    def __str__(self) -> str:
        return self.pattern


class FallbackChain(Configuration):
    """Models that are asked after everything a request named has failed."""

    name = models.CharField(_("name"), max_length=100, unique=True, validators=[line_rule])
    pattern = models.CharField(
        _("only for"),
        max_length=200,
        blank=True,
        default="",
        validators=[line_rule, few_stars],
        help_text=_("A name, or a pattern with * and ?, of the models that clients ask for. Empty: every request."),
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    position = models.PositiveSmallIntegerField(
        _("position"), default=1, help_text=_("Where several chains apply, the lowest number comes first.")
    )

    class Meta:
        db_table = "fallback_chains"
        ordering = ["position", "name"]
        verbose_name = _("fallback chain")
        verbose_name_plural = _("fallback chains")

    def __str__(self) -> str:
        return self.name


class FallbackStep(Configuration):
    """One model of a chain."""

    chain = models.ForeignKey(FallbackChain, models.CASCADE, related_name="steps", verbose_name=_("chain"))
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    model = models.CharField(_("model"), max_length=300, help_text=_("As a client would write it: prefix/model."))
    is_enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        db_table = "fallback_steps"
        ordering = ["chain", "position", "pk"]
        verbose_name = _("model")
        verbose_name_plural = _("models, in order")

    def __str__(self) -> str:
        return self.model


class RoutingSettings(Singleton):
    """In which order connections are asked, and what combos do that say nothing of their own."""

    account_strategy = models.CharField(
        _("strategy"), max_length=20, choices=AccountStrategy, default=AccountStrategy.FILL_FIRST
    )
    sticky_limit = models.PositiveSmallIntegerField(
        _("sticky limit"),
        default=3,
        validators=CONCURRENCY,
        help_text=_("With round robin: so many requests go to one connection before the next has its turn."),
    )
    keeps_conversations = models.BooleanField(
        _("a conversation stays on its connection"),
        default=True,
        help_text=_(
            "Vendors charge less for what they have read before. Where the connection cannot, another answers."
        ),
    )
    affinity_minutes = models.PositiveSmallIntegerField(
        _("a conversation is remembered, minutes"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
    )
    strategy = models.CharField(_("strategy"), max_length=20, choices=Strategy, default=Strategy.PRIORITY)
    max_retries = models.PositiveSmallIntegerField(
        _("retries of one target"), default=1, validators=RETRIES, help_text=IN_TRY
    )
    retry_delay_ms = models.PositiveIntegerField(_("pause before a retry, ms"), default=2000, validators=DELAY_MS)
    timeout_ms = models.PositiveIntegerField(
        _("time for one attempt, ms"),
        null=True,
        blank=True,
        validators=TIMEOUT_MS,
        help_text=ATTEMPT,
    )
    concurrency_per_model = models.PositiveSmallIntegerField(
        _("requests at once per model"),
        null=True,
        blank=True,
        validators=CONCURRENCY,
        help_text=_("Empty: no limit."),
    )
    queue_timeout_ms = models.PositiveIntegerField(
        _("wait for a free place, ms"),
        default=30_000,
        validators=QUEUE_MS,
        help_text=_("After so long the next target is asked."),
    )
    skips_unhealthy = models.BooleanField(_("pass over what is unhealthy"), default=True, help_text=UNHEALTHY)
    total_seconds = models.PositiveSmallIntegerField(
        _("time until the first word, seconds"),
        default=300,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text=_("Of any request, over all attempts and fallback chains. Later none is begun."),
    )

    class Meta(Singleton.Meta):
        db_table = "routing_settings"
        verbose_name = verbose_name_plural = _("routing")

    def __str__(self) -> str:
        return str(_("Routing"))


class GatewaySettings(Singleton):
    """What every request to /v1 obeys."""

    largest_body_mebibytes = models.PositiveSmallIntegerField(
        _("largest request, MiB"),
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(500)],
        help_text=_("Longer ones are answered with 413."),
    )
    most_attempts = models.PositiveSmallIntegerField(
        _("attempts per request"),
        default=8,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("So many candidates are asked at most before the request fails."),
    )
    models_need_key = models.BooleanField(
        _("the list of models needs a key"),
        default=False,
        help_text=_("Off: /v1/models follows REQUIRE_API_KEY like everything else."),
    )

    memory_hours = models.PositiveIntegerField(
        _("conversations are kept, hours"),
        default=168,
        validators=[MaxValueValidator(8760)],
        help_text=_(
            "For previous_response_id, and for reasoning signatures that a client cannot carry. 0: nothing is kept."
        ),
    )

    keep_alive_seconds = models.PositiveSmallIntegerField(
        _("signs of life, seconds"),
        default=15,
        validators=[MaxValueValidator(300)],
        help_text=_("A client that waits for a stream hears from us so often; proxies cut silent ones. 0: never."),
    )

    class Meta(Singleton.Meta):
        db_table = "gateway_settings"
        verbose_name = verbose_name_plural = _("requests")

    def __str__(self) -> str:
        return str(_("Requests"))


class MemoryEntry(models.Model):
    """Something a conversation needs again, see `memory`. The owner is quoted: a key's id, or "" for none."""

    owner = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=200)
    value = models.BinaryField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "conversation_memory"
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="one_memory_of_a_key_per_owner")]

    def __str__(self) -> str:
        return self.key
