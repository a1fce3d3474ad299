"""Whom we call: providers, their models, nodes of the operator's own, and connections (one login each)."""

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from providers import configuration, guard, vault
from providers.catalogue import vendor_of
from providers.configuration import Configuration, ConfigurationQuerySet, Singleton
from providers.guard import AddressRefused
from translator.dialect import Dialect
from translator.quirks import Streaming

ConfigurationStamp = configuration.ConfigurationStamp

prefix_rule = RegexValidator(r"^[a-z0-9][a-z0-9_.-]*$", _("Use small letters, digits, dots, dashes and underscores."))


api_key_rule = RegexValidator(
    r"\A[\x21-\x7e]{1,8192}\Z", _("An API key is one word of plain ASCII characters, without spaces or line breaks.")
)


class Tier(models.TextChoices):
    """What a provider costs, in one word; the order is the order in which one would use them up."""

    SUBSCRIPTION = "subscription", _("Subscription")
    API_KEY = "apikey", _("API key")
    CHEAP = "cheap", _("Cheap")
    FREE = "free", _("Free")
    AUDIO = "audio", _("Audio")
    OWN = "own", _("Your own")


class ModelKind(models.TextChoices):
    CHAT = "chat", _("Chat")
    EMBEDDING = "embedding", _("Embedding")
    IMAGE = "image", _("Image")
    TRANSCRIPTION = "audio_transcription", _("Transcription")
    SPEECH = "audio_speech", _("Speech")
    RERANK = "rerank", _("Rerank")


class Source(models.TextChoices):
    """Who wrote a row: the catalogue may update its own, and never touches an operator's."""

    CATALOGUE = "catalogue", _("Catalogue")
    OPERATOR = "operator", _("Operator")


class NodeDialect(models.TextChoices):
    """The wire formats a node can be asked in."""

    OPENAI = Dialect.OPENAI.value, _("OpenAI Chat Completions")
    RESPONSES = Dialect.RESPONSES.value, _("OpenAI Responses")
    CLAUDE = Dialect.CLAUDE.value, _("Anthropic Messages")
    GEMINI = Dialect.GEMINI.value, _("Gemini generateContent")


class NodeStreaming(models.TextChoices):
    """The ways in which a node answers."""

    BOTH = Streaming.BOTH.value, _("Streams and whole answers")
    ONLY = Streaming.ONLY.value, _("Streams only")
    NEVER = Streaming.NEVER.value, _("Whole answers only")


class Provider(Configuration):
    """Who serves models: a vendor of the catalogue, or a node. The vendor's facts stay in its TOML file."""

    slug = models.CharField(_("id"), max_length=60, primary_key=True, validators=[prefix_rule])
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(
        _("prefix"), max_length=60, unique=True, validators=[prefix_rule], help_text=_("Stands before the slash.")
    )
    tier = models.CharField(_("tier"), max_length=20, choices=Tier)
    is_enabled = models.BooleanField(_("enabled"), default=True, help_text=_("Off: no request is sent there."))

    class Meta:
        db_table = "providers"
        ordering = ["name"]
        verbose_name = _("provider")
        verbose_name_plural = _("providers")

    def __str__(self) -> str:
        return self.name


class ProviderNode(Provider):
    """A server of the operator's own that speaks one of the dialects: vLLM, Ollama, LiteLLM, a colleague's gateway."""

    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dialect = models.CharField(_("dialect"), max_length=20, choices=NodeDialect, default=NodeDialect.OPENAI)
    base_url = models.CharField(
        _("base URL"), max_length=500, help_text=_("Up to and including /v1, for example http://localhost:11434/v1")
    )
    streaming = models.CharField(
        _("streaming"),
        max_length=10,
        choices=NodeStreaming,
        default=NodeStreaming.BOTH,
        help_text=_("What the server can do. Clients get streams and whole answers all the same."),
    )
    allow_private_network = models.BooleanField(
        _("may be on a private network"),
        default=False,
        help_text=_("Needed for addresses of this machine and of your own network."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "provider_nodes"
        verbose_name = _("node")
        verbose_name_plural = _("nodes")

    def clean(self) -> None:
        """A prefix nobody else answers to, and an address that may be called."""
        check_prefix_is_free(self)
        check_base_url(self.base_url, self.allow_private_network)


def check_prefix_is_free(node: ProviderNode) -> None:
    """Raises ValidationError naming `prefix`. Ids and the catalogue's further prefixes are taken as well."""
    if not node.prefix:
        return
    others = Provider.objects.exclude(pk=node.pk).filter(models.Q(prefix=node.prefix) | models.Q(slug=node.prefix))
    if others.exists() or vendor_of(node.prefix) is not None:
        said = _("“%(prefix)s” is the prefix of another provider.") % {"prefix": node.prefix}
        raise ValidationError({"prefix": ValidationError(said, code="unique")})


def check_base_url(base_url: str, allows_private: bool) -> None:
    """Raises ValidationError naming `base_url`: not a plain http(s) URL, or an address that is never called."""
    try:
        url = urlsplit(base_url)
        url.port  # noqa: B018 - raises where it is no port
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
            raise AddressRefused(_("Give an http or https URL without query, fragment or credentials."))
        guard.judge_now(url.hostname, allows_private)
    except ValueError as error:
        raise ValidationError({"base_url": str(error)}) from None


class Model(Configuration):
    """A model that a provider serves, by the name the provider gives it."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="models", verbose_name=_("provider"))
    model_id = models.CharField(_("model id"), max_length=200)
    name = models.CharField(_("name"), max_length=200, blank=True)
    kind = models.CharField(_("type"), max_length=30, choices=ModelKind, default=ModelKind.CHAT)
    context_window = models.PositiveIntegerField(_("context window"), null=True, blank=True, help_text=_("Tokens."))
    is_enabled = models.BooleanField(_("enabled"), default=True)
    source = models.CharField(_("source"), max_length=20, choices=Source, default=Source.OPERATOR, editable=False)

    class Meta:
        db_table = "provider_models"
        ordering = ["provider", "model_id"]
        verbose_name = _("model")
        verbose_name_plural = _("models")
        constraints = [
            models.UniqueConstraint(fields=["provider", "model_id"], name="one_row_per_model_of_a_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.provider.prefix}/{self.model_id}"


class Billing(models.TextChoices):
    """What another request through a connection costs."""

    AUTO = "auto", _("As the provider does")
    PER_USE = "per_use", _("By use, at list price")
    FLAT = "flat", _("Nothing: flat rate or free")


class ConnectionQuerySet(ConfigurationQuerySet["ProviderConnection"]):
    def usable(self) -> "ConnectionQuerySet":
        """Those that requests may be sent through."""
        return self.filter(is_active=True, provider__is_enabled=True)


class ProviderConnection(Configuration):
    """One login at one provider. Its secret is sealed for this row and never shown again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(Provider, models.CASCADE, related_name="connections", verbose_name=_("provider"))
    name = models.CharField(_("name"), max_length=100)
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("1 is asked first."),
    )
    billing = models.CharField(
        _("another request costs"),
        max_length=10,
        choices=Billing,
        default=Billing.AUTO,
        help_text=_("What costs nothing counts against no budget; reports show what it would have cost."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    sealed_api_key = models.TextField(_("API key"), blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConnectionQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        db_table = "provider_connections"
        ordering = ["provider", "priority", "created_at"]
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="one_connection_of_a_name_per_provider"),
            models.CheckConstraint(condition=models.Q(priority__range=(1, 100)), name="priority_from_1_to_100"),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.name}"

    def place_of_api_key(self) -> str:
        return f"provider_connections.sealed_api_key.{self.pk}"

    def seal_api_key(self, secret: str) -> None:
        """Put the secret into this row; save it afterwards. Raises ValidationError: no header can carry it."""
        api_key_rule(secret or "none")
        keys = vault.load(settings.DATA_DIR)
        self.sealed_api_key = keys.seal(secret, self.place_of_api_key()) if secret else ""


class Canary(models.Model):
    """A known text made with a secret, by which a later start notices that the secret is another one."""

    name = models.CharField(max_length=40, primary_key=True)
    value = models.TextField()

    class Meta:
        db_table = "secret_canaries"

    def __str__(self) -> str:
        return self.name


class UpstreamSettings(Singleton):
    """How long to wait for providers. Seconds."""

    connect_timeout_seconds = models.PositiveSmallIntegerField(
        _("connect"), default=10, validators=[MinValueValidator(1), MaxValueValidator(300)]
    )
    first_event_timeout_seconds = models.PositiveSmallIntegerField(
        _("first event"),
        default=120,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text=_("Until a streamed answer says something."),
    )
    gap_timeout_seconds = models.PositiveSmallIntegerField(
        _("gap between events"), default=60, validators=[MinValueValidator(1), MaxValueValidator(3600)]
    )
    whole_answer_timeout_seconds = models.PositiveSmallIntegerField(
        _("whole answer"),
        default=600,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text=_("For answers that are not streamed."),
    )
    stream_timeout_seconds = models.PositiveIntegerField(
        _("whole stream"), default=3600, validators=[MinValueValidator(1), MaxValueValidator(86400)]
    )

    class Meta(Singleton.Meta):
        db_table = "upstream_settings"
        verbose_name = verbose_name_plural = _("timeouts")

    def __str__(self) -> str:
        return str(_("Timeouts"))
