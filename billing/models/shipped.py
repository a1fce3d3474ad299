"""The list prices that came with this version, whatever an operator charges instead."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.prices import PriceSource


class ShippedPrice(models.Model):
    """What a model costs by the tables that are shipped: what holds where no operator's price does.

    Kept as a row, since the package that knows costs more memory than a worker should give.
    """

    provider = models.CharField(_("provider"), max_length=60)
    model_id = models.CharField(_("model id"), max_length=200)
    prices = models.JSONField(_("prices"), help_text=_("By kind, as text."))
    source = models.CharField(_("source"), max_length=20, choices=PriceSource)
    told_by = models.CharField(_("told by"), max_length=60)
    as_of = models.DateField(_("as of"))

    class Meta:
        db_table = "shipped_prices"
        ordering = ["provider", "model_id"]
        verbose_name = _("shipped price")
        verbose_name_plural = _("shipped prices")
        constraints = [
            models.UniqueConstraint(fields=["provider", "model_id"], name="one_shipped_price_per_model"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model_id}"
