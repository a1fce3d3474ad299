"""The part of the hot path's snapshot that says whom we can call, with everything a call needs made ready."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import httpx
from django.conf import settings

from providers import vault
from providers.catalogue import Capability, Vendor, catalogue
from providers.models import Model, Provider, ProviderConnection, ProviderNode, UpstreamSettings
from providers.transport import Reach
from providers.upstream import Timeouts
from providers.vault import Vault, VaultError
from translator.dialects import Dialect

log = logging.getLogger(__name__)

USER_AGENT = b"OmniRoute/0.1"

SPOKEN = frozenset({Dialect.OPENAI.value})
"""The upstream dialects requests can be sent in."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider takes chats, and in which dialect. `dialect` is the wire format's name."""

    url: httpx.URL
    dialect: str
    reach: Reach
    stream_usage: bool
    """Whether it understands a request for usage in a stream."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    id: str
    name: str
    kind: str
    context_window: int | None
    upstream_id: str
    """The id that the vendor itself knows the model by."""
    endpoint: Endpoint | None = None
    """Where this model is asked, if not where the provider's others are."""


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    id: UUID
    name: str
    priority: int
    headers: httpx.Headers


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    slug: str
    name: str
    prefix: str
    is_enabled: bool
    is_node: bool
    endpoint: Endpoint | None
    connections: tuple[ConnectionFacts, ...]
    """Usable ones, in the order of their priority."""
    models: Mapping[str, ModelFacts]

    def is_ready(self) -> bool:
        """Whether a request could be sent there now."""
        return self.is_enabled and self.endpoint is not None and bool(self.connections)

    def endpoint_of(self, model: ModelFacts) -> Endpoint | None:
        return model.endpoint or self.endpoint

    def speaks(self, model: ModelFacts) -> bool:
        """Whether the model can be asked in a dialect we send."""
        endpoint = self.endpoint_of(model)
        return endpoint is not None and endpoint.dialect in SPOKEN


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
    return ProviderFacts(
        slug=row.slug,
        name=row.name,
        prefix=row.prefix,
        is_enabled=row.is_enabled,
        is_node=node is not None,
        endpoint=_endpoint_of_node(node) if node else _endpoint_of_vendor(catalogue().get(row.slug)),
        connections=connections,
        models=models,
    )


def _endpoint_of_node(node: ProviderNode) -> Endpoint:
    reach = Reach.PRIVATE if node.allow_private_network else Reach.PUBLIC
    url = httpx.URL(node.base_url.rstrip("/") + "/chat/completions")
    return Endpoint(url, node.dialect, reach, stream_usage=True)


def _endpoint_of_vendor(vendor: Vendor | None) -> Endpoint | None:
    url = vendor.endpoint(Capability.CHAT) if vendor else None
    if vendor is None or url is None:
        return None
    return Endpoint(httpx.URL(url), vendor.dialect.value, Reach.VENDOR, vendor.stream_usage)


def _endpoint_of_model(vendor: Vendor, model_id: str) -> Endpoint | None:
    """Its own, where the vendor speaks another dialect for this model than for the rest."""
    dialect, url = vendor.dialect_of(model_id), vendor.endpoint_of(model_id)
    if dialect is vendor.dialect or url is None:
        return None
    return Endpoint(httpx.URL(url), dialect.value, Reach.VENDOR, vendor.stream_usage)


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
        vendor = catalogue().get(row.provider_id)
        models.setdefault(row.provider_id, {})[row.model_id] = ModelFacts(
            id=row.model_id,
            name=row.name or row.model_id,
            kind=row.kind,
            context_window=row.context_window,
            upstream_id=vendor.upstream_id(row.model_id) if vendor else row.model_id,
            endpoint=_endpoint_of_model(vendor, row.model_id) if vendor else None,
        )
    return models


def _connections(keys: Vault, nodes: Mapping[str, ProviderNode]) -> dict[str, tuple[ConnectionFacts, ...]]:
    found: dict[str, tuple[ConnectionFacts, ...]] = {}
    for row in ProviderConnection.objects.usable().order_by("provider_id", "priority", "created_at"):
        try:
            secret = keys.open(row.sealed_api_key, row.place_of_api_key()) if row.sealed_api_key else ""
        except VaultError as error:
            log.error("connection %s is left out: %s", row, error)
            continue
        headers = _headers(catalogue().get(row.provider_id) if row.provider_id not in nodes else None, secret)
        facts = ConnectionFacts(row.pk, row.name, row.priority, headers)
        found[row.provider_id] = (*found.get(row.provider_id, ()), facts)
    return found


AUTHORIZATIONS: Mapping[str, tuple[bytes, bytes]] = {
    "bearer": (b"authorization", b"Bearer %s"),
    "token": (b"authorization", b"Token %s"),
    "raw": (b"authorization", b"%s"),
    "x-api-key": (b"x-api-key", b"%s"),
    "x-goog-api-key": (b"x-goog-api-key", b"%s"),
}


def _headers(vendor: Vendor | None, secret: str) -> httpx.Headers:
    """Header names and values of a call through this connection. We say who we are."""
    fixed = [(b"content-type", b"application/json"), (b"user-agent", USER_AGENT)]
    required = vendor.headers.items() if vendor else ()
    fixed += [(name.lower().encode(), value.encode()) for name, value in required]
    style = vendor.auth if vendor else "bearer"
    if secret and style in AUTHORIZATIONS:
        name, form = AUTHORIZATIONS[style]
        fixed.append((name, form % secret.encode()))
    return httpx.Headers(fixed)


def _timeouts() -> Timeouts:
    row: UpstreamSettings = UpstreamSettings.load()
    return Timeouts(
        connect=row.connect_timeout_seconds,
        first_event=row.first_event_timeout_seconds,
        gap=row.gap_timeout_seconds,
        whole_answer=row.whole_answer_timeout_seconds,
        stream=row.stream_timeout_seconds,
    )
