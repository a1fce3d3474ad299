"""The part of the hot path's snapshot that says whom we can call, with everything a call needs made ready."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import httpx
from django.conf import settings

from providers import addresses, headers, vault
from providers.catalogue import Capability, Vendor, catalogue
from providers.models import Billing, Model, Provider, ProviderConnection, ProviderNode, UpstreamSettings
from providers.transport import Reach
from providers.upstream import Timeouts
from providers.vault import Vault, VaultError
from translator import quirks
from translator.dialect import UPSTREAM_DIALECTS, Dialect
from translator.quirks import Quirks, Streaming

log = logging.getLogger(__name__)

DIALECTS: Mapping[str, Dialect] = {dialect.value: dialect for dialect in UPSTREAM_DIALECTS}
"""Those that requests can be sent in, by their name in the catalogue. Its other formats need an adapter."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider takes chats, and how it is spoken to there. The addresses are templates, see `addresses`."""

    dialect: Dialect
    reach: Reach
    stream_usage: bool
    """Whether it understands a request for usage in a stream."""
    streaming: Streaming
    whole: str
    stream: str
    count: str | None

    def url(self, model: str, streams: bool) -> httpx.URL:
        """Where the model of this upstream id is asked."""
        return addresses.filled(self.stream if streams else self.whole, model)

    def count_url(self, model: str) -> httpx.URL | None:
        """Where the tokens of a chat can be counted; None where that is not offered."""
        return addresses.filled(self.count, model) if self.count else None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    id: str
    name: str
    kind: str
    context_window: int | None
    upstream_id: str
    """The id that the vendor itself knows the model by."""
    wire: str | None = None
    """The wire format this model is asked in, if not the provider's."""
    endpoint: Endpoint | None = None
    """Where it is asked then; None if no dialect of ours reaches it."""
    quirks: Quirks = quirks.NONE


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    id: UUID
    name: str
    priority: int
    headers: httpx.Headers
    is_flat: bool = False
    """Whether another request through it costs nothing."""


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    slug: str
    name: str
    prefix: str
    is_enabled: bool
    is_node: bool
    wire: str
    """The name of its wire format: a dialect, or a format that only an adapter knows."""
    endpoint: Endpoint | None
    """Where its models are asked; None if no dialect of ours reaches them."""
    connections: tuple[ConnectionFacts, ...]
    """Usable ones, in the order of their priority."""
    models: Mapping[str, ModelFacts]
    vendor: Vendor | None = None

    def is_ready(self) -> bool:
        """Whether a request could be sent there now."""
        return self.is_enabled and self.endpoint is not None and bool(self.connections)

    def endpoint_of(self, model: ModelFacts) -> Endpoint | None:
        return model.endpoint if model.wire else self.endpoint

    def wire_of(self, model: ModelFacts) -> str:
        """The name of the format this model is asked in, for messages."""
        return model.wire or self.wire

    def speaks(self, model: ModelFacts) -> bool:
        """Whether the model can be asked in a dialect of ours."""
        return self.endpoint_of(model) is not None

    def quirks_of(self, upstream_id: str) -> Quirks:
        """Those of any model, also of one that no catalogue lists."""
        return self.vendor.quirks_of(upstream_id) if self.vendor else quirks.NONE


@dataclass(frozen=True, slots=True)
class Directory:
    """`providers` by every prefix they answer to; `owners` are the providers of a bare model id."""

    providers: Mapping[str, ProviderFacts]
    owners: Mapping[str, tuple[ProviderFacts, ...]]
    timeouts: Timeouts

    def all(self) -> list[ProviderFacts]:
        return list({facts.slug: facts for facts in self.providers.values()}.values())


def load() -> Directory:
    keys = vault.load(settings.DATA_DIR)
    nodes = {node.slug: node for node in ProviderNode.objects.all()}
    models = _models()
    connections = _connections(keys, nodes)
    found = [
        _facts(row, nodes.get(row.slug), connections.get(row.slug, ()), models.get(row.slug, {}))
        for row in Provider.objects.all()
    ]
    return Directory(_by_prefix(found), _owners(found), _timeouts())


def _facts(
    row: Provider,
    node: ProviderNode | None,
    connections: tuple[ConnectionFacts, ...],
    models: Mapping[str, ModelFacts],
) -> ProviderFacts:
    vendor = catalogue().get(row.slug) if node is None else None
    return ProviderFacts(
        slug=row.slug,
        name=row.name,
        prefix=row.prefix,
        is_enabled=row.is_enabled,
        is_node=node is not None,
        wire=node.dialect if node else vendor.dialect.value if vendor else "",
        endpoint=_endpoint_of_node(node) if node else _endpoint_of_vendor(vendor),
        connections=connections,
        models=models,
        vendor=vendor,
    )


def _endpoint_of_node(node: ProviderNode) -> Endpoint:
    dialect = Dialect(node.dialect)
    reach = Reach.PRIVATE if node.allow_private_network else Reach.PUBLIC
    found = addresses.of_node(dialect, node.base_url)
    return Endpoint(dialect, reach, True, Streaming(node.streaming), found.whole, found.stream, found.count)


def _endpoint_of_vendor(vendor: Vendor | None) -> Endpoint | None:
    whole = vendor.endpoint(Capability.CHAT) if vendor else None
    dialect = DIALECTS.get(vendor.dialect) if vendor else None
    if vendor is None or whole is None or dialect is None:
        return None
    stream, count = vendor.endpoint(Capability.CHAT_STREAM) or whole, vendor.endpoint(Capability.COUNT)
    return Endpoint(dialect, Reach.VENDOR, vendor.stream_usage, vendor.streaming, whole, stream, count)


def _endpoint_of_model(vendor: Vendor, model_id: str) -> Endpoint | None:
    """Its own, where the vendor speaks another dialect for this model than for the rest."""
    dialect, url = DIALECTS.get(vendor.dialect_of(model_id)), vendor.endpoint_of(model_id)
    if dialect is None or url is None:
        return None
    return Endpoint(dialect, Reach.VENDOR, vendor.stream_usage, vendor.streaming, url, url, None)


def _by_prefix(found: list[ProviderFacts]) -> dict[str, ProviderFacts]:
    """The catalogue's further prefixes first, so that an operator's own prefix wins over them."""
    by_prefix = {
        prefix: facts
        for facts in found
        if not facts.is_node and facts.slug in catalogue()
        for prefix in catalogue()[facts.slug].prefixes
    }
    return by_prefix | {facts.slug: facts for facts in found} | {facts.prefix: facts for facts in found}


def _owners(found: list[ProviderFacts]) -> dict[str, tuple[ProviderFacts, ...]]:
    owners: dict[str, tuple[ProviderFacts, ...]] = {}
    for facts in found:
        for model_id in facts.models:
            owners[model_id] = (*owners.get(model_id, ()), facts)
    return owners


def _models() -> dict[str, dict[str, ModelFacts]]:
    models: dict[str, dict[str, ModelFacts]] = {}
    for row in Model.objects.filter(is_enabled=True).order_by("provider_id", "model_id"):
        facts = _model(row, catalogue().get(row.provider_id))
        models.setdefault(row.provider_id, {})[row.model_id] = facts
    return models


def _model(row: Model, vendor: Vendor | None) -> ModelFacts:
    facts = ModelFacts(row.model_id, row.name or row.model_id, row.kind, row.context_window, row.model_id)
    return _at_vendor(facts, vendor) if vendor else facts


def _at_vendor(facts: ModelFacts, vendor: Vendor) -> ModelFacts:
    wire, upstream_id = vendor.dialect_of(facts.id), vendor.upstream_id(facts.id)
    facts = replace(facts, upstream_id=upstream_id, quirks=vendor.quirks_of(upstream_id))
    if wire is vendor.dialect:
        return facts
    return replace(facts, wire=wire.value, endpoint=_endpoint_of_model(vendor, facts.id))


def _connections(keys: Vault, nodes: Mapping[str, ProviderNode]) -> dict[str, tuple[ConnectionFacts, ...]]:
    found: dict[str, tuple[ConnectionFacts, ...]] = {}
    for row in ProviderConnection.objects.usable().order_by("provider_id", "priority", "created_at"):
        try:
            secret = keys.open(row.sealed_api_key, row.place_of_api_key()) if row.sealed_api_key else ""
        except VaultError as error:
            log.error("connection %s is left out: %s", row, error)
            continue
        sent = _headers(nodes.get(row.provider_id), catalogue().get(row.provider_id), secret)
        facts = ConnectionFacts(row.pk, row.name, row.priority, sent, is_flat(row))
        found[row.provider_id] = (*found.get(row.provider_id, ()), facts)
    return found


def is_flat(row: ProviderConnection) -> bool:
    """Whether another request through it costs nothing, so that its list price is only notional."""
    if row.billing != Billing.AUTO:
        return row.billing == Billing.FLAT
    vendor = catalogue().get(row.provider_id)
    return vendor is not None and vendor.flat_rate


def _headers(node: ProviderNode | None, vendor: Vendor | None, secret: str) -> httpx.Headers:
    if node is None and vendor is not None:
        return headers.of_vendor(vendor, secret)
    return headers.of_node(Dialect(node.dialect) if node else Dialect.OPENAI, secret)


def _timeouts() -> Timeouts:
    row: UpstreamSettings = UpstreamSettings.load()
    return Timeouts(
        connect=row.connect_timeout_seconds,
        first_event=row.first_event_timeout_seconds,
        gap=row.gap_timeout_seconds,
        whole_answer=row.whole_answer_timeout_seconds,
        stream=row.stream_timeout_seconds,
    )
