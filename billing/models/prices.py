"""What models cost, and what they cost before."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers.configuration import Configuration
from providers.models import Provider

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class PriceSource(models.TextChoices):
    GENAI_PRICES = "genai-prices", _("genai-prices")
    CATALOGUE = "catalogue", _("Catalogue")
    OPERATOR = "operator", _("Operator")


def price_field(label: object, **options: object) -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(label, max_digits=14, decimal_places=6, validators=NOT_NEGATIVE, **options)  # type: ignore[arg-type]


def further_price(label: object, empty: object) -> "models.DecimalField[Decimal, Decimal]":
    return price_field(label, null=True, blank=True, help_text=empty)


class Pricing(Configuration):
    """What one model of one provider costs. US dollars for a million tokens; `per_request` for each request."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="prices", verbose_name=_("provider"))
    model_id = models.CharField(_("model id"), max_length=200)
    input_per_million = price_field(_("input"))
    output_per_million = price_field(_("output"))
    cache_read_per_million = further_price(_("cache read"), _("Empty: as input."))
    cache_write_per_million = further_price(_("cache write"), _("Kept for 5 minutes. Empty: as input."))
    cache_write_1h_per_million = further_price(_("cache write, 1 h"), _("Kept for an hour. Empty: as cache write."))
    reasoning_per_million = further_price(_("reasoning"), _("Empty: as output."))
    audio_input_per_million = further_price(_("audio in"), _("Empty: as input."))
    audio_output_per_million = further_price(_("audio out"), _("Empty: as output."))
    image_input_per_million = further_price(_("images in"), _("Empty: as input."))
    per_request = further_price(_("each request"), _("US$ for each request, beside its tokens. Empty: nothing."))
    tiers = models.JSONField(
        _("long prompts"), default=list, blank=True, help_text=_("Prices that hold above so many prompt tokens.")
    )
    source = models.CharField(_("source"), max_length=20, choices=PriceSource, default=PriceSource.OPERATOR)
    as_of = models.DateField(_("as of"), null=True, blank=True)
    version = models.PositiveBigIntegerField(
        _("version"), default=0, editable=False, help_text=_("The change of price that made it what it is.")
    )

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


class PriceChange(models.Model):
    """One entry of the prices' history: what a model costs from a moment on. Written once, never changed.

    Usage rows quote its id as the version of the price they were billed at. It outlives the price.
    """

    provider = models.CharField(_("provider"), max_length=60)
    model_id = models.CharField(_("model id"), max_length=200)
    prices = models.JSONField(_("prices"), help_text=_("By field, as text. Empty: the price was removed."))
    source = models.CharField(_("source"), max_length=60)
    changed_at = models.DateTimeField(_("since"))
    changed_by = models.CharField(_("by"), max_length=150, blank=True)

    class Meta:
        db_table = "price_changes"
        ordering = ["-pk"]
        verbose_name = _("change of price")
        verbose_name_plural = _("changes of price")
        indexes = [models.Index(fields=["provider", "model_id", "-id"], name="changes_of_a_price")]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model_id} #{self.pk}"
