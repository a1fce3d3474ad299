"""Job: the management API of connections, nodes and the model catalogue. From HTTP to one deed and back.

Law: no secret leaves; an operation names the permission it needs. What a change means is decided in `connections`.
"""

from collections.abc import Iterable
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch
from django.http import HttpRequest
from ninja import Router
from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, Strict

from providers import connections
from providers.api_access import ApiRefusal, Missing, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Deleted, Line, Name
from providers.models import Billing, Model, NodeDialect, Provider, ProviderConnection, ProviderNode, Source
from translator.quirks import Streaming

router = Router(by_alias=True)

Priority = Annotated[int, Field(ge=1, le=100)]
Costs = Annotated[Billing, Strict(False)]
"""What another request through a connection costs."""


def _well_formed(url: str) -> str:
    """Raises ValueError for what urllib cannot take apart; whether it may be called is the node's own rule."""
    _ = urlsplit(url).port
    return url


NodeType = Literal["openai-compatible", "anthropic-compatible", "gemini-compatible"]
ApiType = Literal["chat", "responses"]
NodeStreaming = Literal["both", "only", "never"]
BaseUrl = Annotated[Line, AfterValidator(_well_formed)]


class NewConnection(Body):
    provider: Line
    api_key: SecretStr | None = None
    name: Name = UNCHANGED
    priority: Priority = UNCHANGED
    billing: Costs = Billing.AUTO
    is_active: bool = True


class ConnectionChanges(Body):
    name: Name = UNCHANGED
    priority: Priority = UNCHANGED
    billing: Costs = UNCHANGED
    is_active: bool = UNCHANGED
    api_key: SecretStr = UNCHANGED


class ShownConnection(Answer):
    id: UUID
    provider: str
    name: str
    priority: int
    billing: Costs
    is_active: bool
    auth_type: Literal["apikey"] = "apikey"
    has_api_key: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime


class OneConnection(Answer):
    connection: ShownConnection


class Connections(Answer):
    connections: list[ShownConnection]


def shown_connection(row: ProviderConnection) -> ShownConnection:
    return ShownConnection(
        id=row.pk,
        provider=row.provider_id,
        name=row.name,
        priority=row.priority,
        billing=Billing(row.billing),
        is_active=row.is_active,
        has_api_key=bool(row.sealed_api_key),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


@router.get("/providers", auth=needs("providers.view_providerconnection"), response=Connections)
def list_connections(request: HttpRequest) -> Connections:
    """Every connection, without its secret."""
    return Connections(connections=[shown_connection(row) for row in ProviderConnection.objects.all()])


@router.post("/providers", auth=needs("providers.add_providerconnection"), response={201: OneConnection})
def add_connection(request: HttpRequest, body: NewConnection) -> OneConnection:
    """Connect a provider, named by its id, a prefix, or a node's UUID, with an API key."""
    provider = connections.provider_named(body.provider)
    if provider is None:
        raise ApiRefusal(f"There is no provider “{body.provider}”. GET /api/models/catalog lists them.", "provider")
    secret = body.api_key.get_secret_value() if body.api_key else None
    return OneConnection(
        connection=shown_connection(
            connections.add_connection(provider, secret, **body.sent("provider", "api_key")),
        )
    )


@router.get("/providers/{connection_id}", auth=needs("providers.view_providerconnection"), response=OneConnection)
def show_connection(request: HttpRequest, connection_id: UUID) -> OneConnection:
    return OneConnection(connection=shown_connection(_connection(connection_id)))


@router.put("/providers/{connection_id}", auth=needs("providers.change_providerconnection"), response=OneConnection)
def change_connection(request: HttpRequest, connection_id: UUID, body: ConnectionChanges) -> OneConnection:
    """Set the fields that are sent; an API key needs nothing beside it."""
    secret = body.api_key.get_secret_value() if "api_key" in body.model_fields_set else None
    try:
        changed = connections.change_connection(connection_id, body.sent("api_key"), secret)
    except ProviderConnection.DoesNotExist:
        raise _no_connection(connection_id) from None
    return OneConnection(connection=shown_connection(changed))


@router.delete("/providers/{connection_id}", auth=needs("providers.delete_providerconnection"), response=Deleted)
def delete_connection(request: HttpRequest, connection_id: UUID) -> Deleted:
    """Forget the connection and its key. Combo steps pinned to it go with it."""
    _connection(connection_id).delete()
    return Deleted(deleted=str(connection_id))


def _connection(connection_id: UUID) -> ProviderConnection:
    row = ProviderConnection.objects.filter(pk=connection_id).first()
    if row is None:
        raise _no_connection(connection_id)
    return row


def _no_connection(connection_id: UUID) -> Missing:
    return Missing(f"There is no connection {connection_id}. GET /api/providers lists them.")


class NewNode(Body):
    name: Name
    prefix: Line
    base_url: BaseUrl
    api_type: ApiType | None = None
    type: NodeType = "openai-compatible"
    streaming: NodeStreaming = "both"
    allow_private_network: bool = False


class NodeChanges(Body):
    name: Name = UNCHANGED
    prefix: Line = UNCHANGED
    base_url: BaseUrl = UNCHANGED
    api_type: ApiType | None = None
    type: NodeType = UNCHANGED
    streaming: NodeStreaming = UNCHANGED
    allow_private_network: bool = UNCHANGED


class ShownNode(Answer):
    id: UUID
    type: NodeType
    name: str
    prefix: str
    api_type: ApiType | None
    """Of an openai-compatible node; others have but one API."""
    base_url: str
    streaming: Streaming
    allow_private_network: bool
    created_at: AwareDatetime
    updated_at: AwareDatetime


class OneNode(Answer):
    node: ShownNode


class ChangedNode(OneNode):
    connections_to_reconnect: list[UUID]
    """Those whose key was for another server: it is forgotten, and they are inactive until they get a new one."""


class Nodes(Answer):
    nodes: list[ShownNode]


TYPES: dict[str, tuple[NodeType, ApiType | None]] = {
    NodeDialect.OPENAI: ("openai-compatible", "chat"),
    NodeDialect.RESPONSES: ("openai-compatible", "responses"),
    NodeDialect.CLAUDE: ("anthropic-compatible", None),
    NodeDialect.GEMINI: ("gemini-compatible", None),
}
DIALECTS = {names: dialect for dialect, names in TYPES.items()}


def shown_node(row: ProviderNode) -> ShownNode:
    node_type, api_type = TYPES[row.dialect]
    return ShownNode(
        id=row.id,
        type=node_type,
        name=row.name,
        prefix=row.prefix,
        api_type=api_type,
        base_url=row.base_url,
        streaming=Streaming(row.streaming),
        allow_private_network=row.allow_private_network,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _dialect(node_type: NodeType, api_type: ApiType | None) -> str:
    """The dialect that the two name together. Left out, `apiType` is chat where there is a choice."""
    if node_type == "openai-compatible":
        return DIALECTS[node_type, api_type or "chat"]
    if api_type == "responses":
        raise ApiRefusal(f"apiType “responses” is for openai-compatible nodes, not for {node_type} ones.", "apiType")
    return DIALECTS[node_type, None]


@router.get("/provider-nodes", auth=needs("providers.view_providernode"), response=Nodes)
def list_nodes(request: HttpRequest) -> Nodes:
    """The servers of the operator's own."""
    return Nodes(nodes=[shown_node(row) for row in ProviderNode.objects.all()])


@router.post("/provider-nodes", auth=needs("providers.add_providernode"), response={201: OneNode})
def add_node(request: HttpRequest, body: NewNode) -> OneNode:
    """A server of one's own as a provider. Private and loopback addresses need `allowPrivateNetwork`."""
    dialect = _dialect(body.type, body.api_type)
    node = connections.save_node(ProviderNode(dialect=dialect, **body.model_dump(exclude={"type", "api_type"})))
    return OneNode(node=shown_node(node))


@router.put("/provider-nodes/{node}", auth=needs("providers.change_providernode"), response=ChangedNode)
def change_node(request: HttpRequest, node: Line, body: NodeChanges) -> ChangedNode:
    """Set the fields that are sent. Another server (scheme, host or port) needs its connections' keys again."""
    row = _node(node)
    for field, value in body.sent("type", "api_type").items():
        setattr(row, field, value)
    if not body.model_fields_set.isdisjoint(("type", "api_type")):
        row.dialect = _changed_dialect(row, body)
    forgotten = connections.save_node_and_forget_keys(row)
    return ChangedNode(node=shown_node(row), connections_to_reconnect=[connection.pk for connection in forgotten])


def _changed_dialect(row: ProviderNode, body: NodeChanges) -> str:
    """One of the two alone leaves the other as it is, unless a new type has no use for it."""
    node_type, api_type = TYPES[row.dialect]
    if "type" in body.model_fields_set and body.type != node_type:
        node_type, api_type = body.type, None
    return _dialect(node_type, body.api_type if "api_type" in body.model_fields_set else api_type)


@router.delete("/provider-nodes/{node}", auth=needs("providers.delete_providernode"), response=Deleted)
def delete_node(request: HttpRequest, node: Line) -> Deleted:
    """Forget the node, its connections and its models."""
    row = _node(node)
    found = str(row.id)
    row.delete()
    return Deleted(deleted=found)


def _node(name: str) -> ProviderNode:
    """By its UUID or its prefix."""
    row = connections.node_named(name)
    if row is None:
        raise Missing(f"There is no node “{name}”. GET /api/provider-nodes lists them.")
    return row


class ListedModel(Answer):
    id: str
    name: str
    type: str
    custom: bool


class ListedProvider(Answer):
    provider: str
    active: bool
    """Whether a request could be sent there now."""
    models: list[ListedModel]


class ModelCatalog(Answer):
    catalog: dict[str, ListedProvider]
    """By the prefix that clients write before the slash."""


@router.get("/models/catalog", auth=needs("providers.view_model"), response=ModelCatalog)
def model_catalog(request: HttpRequest) -> ModelCatalog:
    """The models of every provider, connected or not."""
    usable = ProviderConnection.objects.usable().filter(provider=OuterRef("pk"))
    models = Prefetch("models", Model.objects.filter(is_enabled=True))
    rows = Provider.objects.annotate(active=Exists(usable)).prefetch_related(models)
    return ModelCatalog(
        catalog={
            row.prefix: ListedProvider(provider=row.slug, active=row.active, models=[*_listed(row.models.all())])
            for row in rows
        }
    )


def _listed(models: Iterable[Model]) -> Iterable[ListedModel]:
    for model in models:
        yield ListedModel(
            id=model.model_id,
            name=model.name or model.model_id,
            type=model.kind,
            custom=model.source == Source.OPERATOR,
        )
