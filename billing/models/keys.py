"""API keys, whose they are, and what they may do."""

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.api_keys.rules import (
    CONCURRENT,
    REQUESTS_A_MINUTE,
    TOKENS_A_MINUTE,
    Scope,
    check_addresses,
    check_models,
    check_providers,
    check_scopes,
)
from providers.configuration import Configuration, ConfigurationQuerySet


class Team(Configuration):
    """Keys that are paid for together."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        db_table = "teams"
        ordering = ["name"]
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


class ApiKeyQuerySet(ConfigurationQuerySet["ApiKey"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "ApiKeyQuerySet":
        """All of them for who may manage everybody's, else one's own."""
        if user.has_perm("billing.view_every_apikey"):  # type: ignore[union-attr]
            return self
        return self.filter(owner_id=user.pk)


def only_inference() -> list[str]:
    return [Scope.INFERENCE.value]


class ApiKey(Configuration):
    """What a client of ours sends. Only its digest is kept; the key itself is shown once.

    An empty list forbids nothing: every model, every provider, every address. A limit that is null is no limit.
    """

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
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="api_keys", verbose_name=_("team")
    )
    scopes = models.JSONField(_("may"), default=only_inference, validators=[check_scopes])
    allowed_models = models.JSONField(_("models"), default=list, blank=True, validators=[check_models])
    allowed_providers = models.JSONField(_("providers"), default=list, blank=True, validators=[check_providers])
    ip_ranges = models.JSONField(_("addresses"), default=list, blank=True, validators=[check_addresses])
    requests_per_minute = models.PositiveIntegerField(
        _("requests a minute"), null=True, blank=True, validators=REQUESTS_A_MINUTE
    )
    tokens_per_minute = models.PositiveIntegerField(
        _("tokens a minute"), null=True, blank=True, validators=TOKENS_A_MINUTE
    )
    max_concurrent = models.PositiveIntegerField(_("requests at once"), null=True, blank=True, validators=CONCURRENT)
    is_active = models.BooleanField(_("active"), default=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        db_table = "api_keys"
        ordering = ["-created_at"]
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        permissions = [("view_every_apikey", "Can see everybody's API keys")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_admin(self) -> bool:
        """Whether it opens the whole management API."""
        return Scope.MANAGE in self.scopes

    @property
    def opens_management(self) -> bool:
        return Scope.MANAGE in self.scopes or Scope.READ in self.scopes


class FormerKey(Configuration):
    """What a key was before it was rotated: good until the grace period ends."""

    api_key = models.ForeignKey(ApiKey, models.CASCADE, related_name="former_keys")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    shown_prefix = models.CharField(max_length=20, editable=False)
    ends_at = models.DateTimeField()

    class Meta:
        db_table = "api_key_former"
        ordering = ["-ends_at"]
        verbose_name = _("former key")
        verbose_name_plural = _("former keys")

    def __str__(self) -> str:
        return f"{self.shown_prefix}…"
