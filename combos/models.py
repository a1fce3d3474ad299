"""Names for ordered targets, and what requests of every kind obey."""

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.configuration import Configuration, Singleton
from providers.models import ProviderConnection

name_rule = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9_/.-]*$", _("Use letters, digits, dots, dashes, slashes and underscores.")
)


class Combo(Configuration):
    """A name that clients use as the model, and the targets that answer for it: the first that can, does."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True, validators=[name_rule])
    is_enabled = models.BooleanField(_("enabled"), default=True)
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
    """One step of a combo: a model, maybe pinned to one connection."""

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

    class Meta:
        db_table = "combo_targets"
        ordering = ["combo", "position", "pk"]
        verbose_name = _("target")
        verbose_name_plural = _("targets")

    def __str__(self) -> str:
        return self.model


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
