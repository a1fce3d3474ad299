"""What may be spent: by a key, a user, a team, or everybody together."""

from decimal import Decimal
from functools import reduce
from operator import or_

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.keys import ApiKey, Team
from billing.models.prices import NOT_NEGATIVE
from billing.money import MoneyField, plain
from providers.configuration import Configuration, ConfigurationQuerySet


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


class BudgetQuerySet(ConfigurationQuerySet["Budget"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "BudgetQuerySet":
        """All of them for who may see budgets, else those of oneself and of one's own keys."""
        if user.has_perm("billing.view_budget"):  # type: ignore[union-attr]
            return self
        return self.filter(Q(api_key__owner_id=user.pk) | Q(user_id=user.pk))

    def holding(self, key: ApiKey) -> "BudgetQuerySet":
        """Those that a request with this key counts against."""
        found = Q(api_key=key) | Q(level=Level.GLOBAL)
        if key.owner:
            found |= Q(user=key.owner)
        if key.team:
            found |= Q(team=key.team)
        return self.filter(found)


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

    objects = BudgetQuerySet.as_manager()  # type: ignore[misc]

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
        return f"{self.subject_name}: {plain(self.limit_usd)} US$, {self.get_period_display().lower()}"

    @property
    def subject_name(self) -> str:
        """Whom it is for, by name."""
        return str(self.api_key or self.user or self.team or Level.GLOBAL.label)


class Mark(models.TextChoices):
    """How far a budget is spent, where somebody should know."""

    WARNED = "warned", _("nearly used up")
    USED_UP = "used_up", _("used up")


class BudgetNotice(models.Model):
    """That it was told, once for each window: this much of the budget is spent."""

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="notices", verbose_name=_("budget"))
    window = models.DateField(_("first day of the window"))
    mark = models.CharField(_("mark"), max_length=10, choices=Mark)
    told_at = models.DateTimeField(_("told"), auto_now_add=True)

    class Meta:
        db_table = "budget_notices"
        ordering = ["-told_at"]
        verbose_name = _("notice of a budget")
        verbose_name_plural = _("notices of budgets")
        constraints = [
            models.UniqueConstraint(fields=["budget", "window", "mark"], name="told_once_per_window"),
        ]

    def __str__(self) -> str:
        return f"{self.budget} {self.get_mark_display()} {self.window}"
