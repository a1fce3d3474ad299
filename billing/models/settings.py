"""The settings of money and of what is kept of requests."""

from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.configuration import Singleton


def check_time_zone(name: str) -> None:
    """Raises ValidationError, quoting a name that no time zone has."""
    if name not in available_timezones():
        raise ValidationError(_("“%(name)s” is no time zone. Give one such as Europe/Oslo."), params={"name": name})


def days(label: Any, default: int, hint: Any) -> "models.PositiveIntegerField[int, int]":
    return models.PositiveIntegerField(label, default=default, validators=[MaxValueValidator(36500)], help_text=hint)


class BillingSettings(Singleton):
    """When days begin, how budgets are strict, how long usage is kept."""

    time_zone = models.CharField(
        _("time zone"),
        max_length=60,
        default="UTC",
        validators=[check_time_zone],
        help_text=_("Days, weeks and months of budgets and reports begin at midnight there."),
    )
    allows_unknown_prices = models.BooleanField(
        _("allow unknown prices"),
        default=False,
        help_text=_("Whether a request with a budget may ask a model that has no price. Its cost is not counted."),
    )
    assumed_output_tokens = models.PositiveIntegerField(
        _("longest answer assumed"),
        default=4096,
        validators=[MinValueValidator(1), MaxValueValidator(1_000_000)],
        help_text=_("Tokens that a budget reserves for an answer whose client gives no limit of its own."),
    )
    usage_days = days(_("keep requests, days"), 365, _("0: for ever. The sums of each day stay in any case."))
    body_days = days(_("keep bodies, days"), 7, _("Of prompts and answers, where ENABLE_REQUEST_LOGS keeps them."))

    class Meta(Singleton.Meta):
        db_table = "billing_settings"
        verbose_name = verbose_name_plural = _("money settings")

    def __str__(self) -> str:
        return str(_("Money settings"))
