"""What may be spent: by a key, a user, a team, or everybody together."""

from decimal import Decimal
from functools import reduce
from operator import or_

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.keys import ApiKey, Team
from billing.models.prices import NOT_NEGATIVE
from billing.money import MoneyField
from providers.configuration import Configuration


class Period(models.TextChoices):
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    MONTHLY = "monthly", _("Monthly")


class Level(models.TextChoices):
    """Whom a budget is for, from the narrowest to the widest."""

    KEY = "key", _("API key")
    USER = "user", _("User")
    TEAM = "team", _("Team")
    GLOBAL = "global", _("Everybody")


def _of_level(level: Level) -> Q:
    """Whose it is, and nobody else's."""
    named = {"api_key": level == Level.KEY, "user": level == Level.USER, "team": level == Level.TEAM}
    return Q(level=level, **{f"{name}__isnull": not is_named for name, is_named in named.items()})


class Budget(Configuration):
    """The most that may be spent in a period of the configured time zone; a week begins on Monday."""

    level = models.CharField(_("for"), max_length=10, choices=Level, default=Level.KEY)
    api_key = models.ForeignKey(
        ApiKey, models.CASCADE, null=True, blank=True, related_name="budgets", verbose_name=_("API key")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="budgets",
        verbose_name=_("user"),
    )
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="budgets", verbose_name=_("team")
    )
    period = models.CharField(_("period"), max_length=10, choices=Period)
    limit_usd = MoneyField(_("limit, US$"), max_digits=14, decimal_places=6, validators=NOT_NEGATIVE)
    warn_percent = models.PositiveSmallIntegerField(
        _("warn at, %"), default=80, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )

    class Meta:
        db_table = "budgets"
        ordering = ["level", "api_key", "user", "team", "period"]
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        constraints = [
            models.UniqueConstraint(fields=["api_key", "period"], name="one_budget_per_key_and_period"),
            models.UniqueConstraint(fields=["user", "period"], name="one_budget_per_user_and_period"),
            models.UniqueConstraint(fields=["team", "period"], name="one_budget_per_team_and_period"),
            models.UniqueConstraint(
                fields=["period"], name="one_global_budget_per_period", condition=Q(level=Level.GLOBAL)
            ),
            models.CheckConstraint(condition=Q(limit_usd__gte=Decimal(0)), name="budget_is_not_negative"),
            models.CheckConstraint(
                condition=reduce(or_, map(_of_level, Level)),
                name="budget_is_for_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_name}: {self.limit_usd} US$ {self.get_period_display()}"

    @property
    def subject_name(self) -> str:
        """Whom it is for, by name."""
        return str(self.api_key or self.user or self.team or Level.GLOBAL.label)
