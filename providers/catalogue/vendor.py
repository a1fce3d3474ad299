"""Job: the values a catalogue file becomes: a vendor, its models, logins, quota rules and list prices.

Law: frozen, pure, and true of the vendor for every operator. What an operator chooses is a database row,
what a vendor does differently is an adapter, and reading the files is `reader`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from fnmatch import fnmatchcase
from types import MappingProxyType

from providers.catalogue.vocabulary import (
    CAPABILITIES,
    AuthStyle,
    BodyFormat,
    Capability,
    ClientAuthentication,
    LoginFlow,
    ModelType,
    QuotaKind,
    QuotaUnit,
    Tier,
    Wire,
)
from translator import quirks
from translator.quirks import Quirks, Streaming

EMPTY: Mapping[str, str] = MappingProxyType({})
EVERY_MODEL = ("*",)


@dataclass(frozen=True, slots=True)
class PriceTier:
    """What differs, for the whole request, once its prompt has more than `above` tokens."""

    above: int
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    image_input: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ListPrice:
    """What a vendor asks, in USD per million tokens, whether or not a connection pays per token.

    `None` means the vendor names no price of its own for these tokens: cached ones then cost what
    input costs, reasoning ones what output costs. `cache_write` is for five minutes, `per_request` USD for each one.
    """

    input: Decimal
    output: Decimal
    source: str
    as_of: date
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    image_input: Decimal | None = None
    per_request: Decimal | None = None
    tiers: tuple[PriceTier, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaRule:
    """One allowance. `label` is how the vendor's customers say it, for example "1K/day".

    `hours` is the length of a rolling window; `at` the time of day and `day` the day of the month
    another kind starts again, in `zone` (a tz database name). `limit` counts `unit`s and is `None`
    where the vendor tells no number.
    """

    kind: QuotaKind
    label: str
    hours: int | None = None
    at: time = time(0, 0)
    zone: str = "UTC"
    day: int = 1
    limit: int | None = None
    unit: QuotaUnit = QuotaUnit.REQUESTS
    per_model: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """One way to connect an account. The client id is public; a secret stands only in the environment.

    `client_id_env` and `client_secret_env` name variables, the first one set wins; the former override
    `client_id`. `redirect_uri` may hold `{port}`, the loopback port in use. `parameters` are added to the
    authorize URL. At `exchange_url` the login's token is traded for the one that calls carry, and
    `account_url` tells whose account it is.
    """

    flow: LoginFlow
    label: str = ""
    client_id: str = ""
    client_id_env: tuple[str, ...] = ()
    client_secret_env: tuple[str, ...] = ()
    client_authentication: ClientAuthentication = ClientAuthentication.BODY
    authorize_url: str = ""
    device_url: str = ""
    token_url: str = ""
    refresh_url: str = ""
    register_url: str = ""
    exchange_url: str = ""
    account_url: str = ""
    start_url: str = ""
    issuer_url: str = ""
    redirect_uri: str = ""
    redirect_parameter: str = "redirect_uri"
    scopes: tuple[str, ...] = ()
    pkce: bool = False
    token_body: BodyFormat = BodyFormat.FORM
    parameters: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    @property
    def needs_secret(self) -> bool:
        """Whether an operator must put a client secret into the environment first."""
        return bool(self.client_secret_env)


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model. The vendor is sent `upstream_id`; `context_window` counts tokens, `None` is unknown."""

    id: str
    name: str
    type: ModelType
    upstream_id: str
    context_window: int | None = None
    dimensions: int | None = None
    sizes: tuple[str, ...] = ()
    dialect: Wire | None = None
    price: ListPrice | None = None

    @property
    def capability(self) -> Capability:
        """The endpoint this model is asked at."""
        if self.dialect is Wire.RESPONSES:
            return Capability.RESPONSES
        return CAPABILITIES[self.type]


@dataclass(frozen=True, slots=True)
class QuirkRow:
    """What the vendor's chat endpoints do to members of a request that others take, for some of its models.

    `models` are patterns of upstream ids, as in `gpt-5*`; one that begins with `!` takes out what others let in.
    `unsupported` members are refused there, not merely ignored; `renamed` ones are known by the other name; `forced`
    ones must be sent so.
    """

    models: tuple[str, ...] = EVERY_MODEL
    unsupported: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    forced: Mapping[str, str | int | bool] = field(default_factory=lambda: EMPTY)

    def concerns(self, upstream_id: str) -> bool:
        fitting = [pattern for pattern in self.models if fnmatchcase(upstream_id, pattern.removeprefix("!"))]
        return bool(fitting) and not any(pattern.startswith("!") for pattern in fitting)

    def as_quirks(self) -> Quirks:
        return Quirks(frozenset(self.unsupported), self.renamed, self.forced)


@dataclass(frozen=True, slots=True)
class Vendor:
    """One provider as shipped. `prefix` is shown before a model's id, each of `prefixes` is understood there.

    `flat_rate`: another request costs nothing, so a cost at list price is only notional.
    `stream_usage`: the endpoint understands `stream_options.include_usage`; those that do not send their
    usage unasked. `streaming`: whether it answers with streams alone, or never with one. `notice` is what an operator
    should know before connecting.
    """

    id: str
    name: str
    prefix: str
    prefixes: tuple[str, ...]
    tier: Tier
    cost: str
    dialect: Wire
    auth: AuthStyle
    endpoints: Mapping[Capability, str]
    logins: tuple[Login, ...]
    models: Mapping[str, CatalogueModel]
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    quotas: tuple[QuotaRule, ...] = ()
    flat_rate: bool = False
    stream_usage: bool = True
    streaming: Streaming = Streaming.BOTH
    quirks: tuple[QuirkRow, ...] = ()
    website: str = ""
    notice: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def login(self) -> Login:
        """The way most people connect."""
        return self.logins[0]

    @property
    def quota_line(self) -> str:
        """The quota rules in a few words, for example "5 h rolling + weekly"."""
        return " + ".join(rule.label for rule in self.quotas) or "none"

    def model(self, model_id: str) -> CatalogueModel | None:
        """The shipped model of this id (without prefix). `None` is no refusal: unknown ids are passed on."""
        return self.models.get(model_id)

    def upstream_id(self, model_id: str) -> str:
        """The name the vendor is sent for this id."""
        model = self.model(model_id)
        return model.upstream_id if model else model_id

    def dialect_of(self, model_id: str) -> Wire:
        """The wire format this model is spoken to in."""
        model = self.model(model_id)
        return model.dialect if model and model.dialect else self.dialect

    def endpoint(self, capability: str) -> str | None:
        """The URL for a capability, perhaps with `{model}` in it; `None` if the vendor does not offer it."""
        if capability == Capability.CHAT_STREAM and Capability.CHAT_STREAM not in self.endpoints:
            return self.endpoints.get(Capability.CHAT)
        return self.endpoints.get(Capability(capability))

    def endpoint_of(self, model_id: str) -> str | None:
        """The URL this model is asked at; an unknown id is taken for a chat model."""
        model = self.model(model_id)
        return self.endpoint(model.capability if model else Capability.CHAT)

    def quirks_of(self, upstream_id: str) -> Quirks:
        """Of every row that concerns this model, listed or not; a later row wins over an earlier one."""
        found = quirks.NONE
        for row in self.quirks:
            if row.concerns(upstream_id):
                found = found.joined(row.as_quirks())
        return found
