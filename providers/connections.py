"""Deeds on connections and nodes that the dashboard and the management API share."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from providers.catalogue import AuthStyle, LoginFlow, catalogue, vendor_of
from providers.models import Model, Provider, ProviderConnection, ProviderNode, Source, Tier


def needs_api_key(provider: Provider) -> bool:
    """Nodes may go without one, since many local servers ask for none."""
    vendor = catalogue().get(provider.slug)
    return vendor is not None and vendor.auth is not AuthStyle.NONE


def why_not_by_key(provider: Provider) -> str | None:
    """Why an API key cannot connect this provider; None where it can."""
    vendor = catalogue().get(provider.slug)
    if vendor is None or any(login.flow in (LoginFlow.APIKEY, LoginFlow.NONE) for login in vendor.logins):
        return None
    return _("%(provider)s is connected by a login in the browser, which this version does not offer yet.") % {
        "provider": vendor.name
    }


def provider_named(name: str) -> Provider | None:
    """By its prefix, its id, another prefix the catalogue knows it by, or a node's UUID."""
    vendor = vendor_of(name)
    slugs = [name, vendor.id] if vendor else [name]
    found = {row.slug: row for row in Provider.objects.filter(models.Q(prefix=name) | models.Q(slug__in=slugs))}
    by_prefix = next((row for row in found.values() if row.prefix == name), None)
    return by_prefix or next((found[slug] for slug in slugs if slug in found), None) or node_named(name)


def node_named(name: str) -> ProviderNode | None:
    """By its prefix, or its UUID."""
    by_prefix = ProviderNode.objects.filter(prefix=name).first()
    try:
        return by_prefix or ProviderNode.objects.filter(id=UUID(name)).first()
    except ValueError:
        return None


@transaction.atomic
def add_connection(provider: Provider, secret: str | None, **facts: Any) -> ProviderConnection:
    """A new connection with `facts` as its fields. Raises ValidationError by field.

    The lock lets two that are added at once take two names and two priorities; the constraint would settle it too.
    """
    Provider.objects.select_for_update().get(pk=provider.pk)
    chosen = {"name": next_name(provider), "priority": next_priority(provider)} | facts
    return connect(ProviderConnection(provider=provider, **chosen), secret)


@transaction.atomic
def change_connection(pk: UUID, changes: Mapping[str, object], secret: str | None) -> ProviderConnection:
    """Set the named fields, and the secret unless None. Raises DoesNotExist, and ValidationError by field."""
    rows = ProviderConnection.objects.select_for_update(of=("self",)).select_related("provider")
    connection = rows.get(pk=pk)
    for name, value in changes.items():
        setattr(connection, name, value)
    return connect(connection, secret)


@transaction.atomic
def connect(connection: ProviderConnection, secret: str | None) -> ProviderConnection:
    """Check and save a connection; `secret` None keeps the one it has. Raises ValidationError by field."""
    prepare(connection, secret)
    connection.save()
    return connection


def prepare(connection: ProviderConnection, secret: str | None) -> None:
    """What `connect` does before it saves, for forms. Raises ValidationError by field."""
    if why := why_not_by_key(connection.provider):
        raise ValidationError({"provider": why})
    if secret is not None:
        _seal(connection, secret)
    if needs_api_key(connection.provider) and not connection.sealed_api_key:
        raise ValidationError({"api_key": _("This provider needs an API key.")})
    connection.full_clean()


def _seal(connection: ProviderConnection, secret: str) -> None:
    try:
        connection.seal_api_key(secret)
    except ValidationError as error:
        raise ValidationError({"api_key": error.messages}) from None


def next_priority(provider: Provider) -> int:
    last = provider.connections.order_by("-priority").values_list("priority", flat=True).first()
    return min(100, (last or 0) + 1)


def next_name(provider: Provider) -> str:
    """“Account 3” for the third, or the first number after it that is free."""
    taken = set(provider.connections.values_list("name", flat=True))
    numbers = range(len(taken) + 1, 2 * len(taken) + 2)
    return next(name for name in (f"Account {number}" for number in numbers) if name not in taken)


def save_node(node: ProviderNode) -> ProviderNode:
    """Check and save a node. Its id is the prefix it was made with. Raises ValidationError by field."""
    save_node_and_forget_keys(node)
    return node


def save_node_and_forget_keys(node: ProviderNode) -> list[ProviderConnection]:
    """`save_node`, and the connections that must be given their key again, since it was for another server.

    A key goes only to the server it was stored for. The check resolves the host's name, which may take seconds, so it
    stands before the transaction. A new node is inserted, never saved over one that was made meanwhile.
    """
    node.tier = Tier.OWN
    node.full_clean(exclude={"slug"})
    node.slug = node.slug or node.prefix
    with transaction.atomic():
        if node._state.adding:
            node.save(force_insert=(models.Model,))
            return []
        before = ProviderNode.objects.select_for_update().get(pk=node.pk)
        node.save()
        return _forget_keys(node) if _server(before.base_url) != _server(node.base_url) else []


def _server(base_url: str) -> tuple[str, str | None, int | None]:
    """What a key was stored for: scheme, host and port. A plain http connection is another one than https."""
    url: SplitResult = urlsplit(base_url)
    return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _forget_keys(provider: Provider) -> list[ProviderConnection]:
    keyed = list(provider.connections.select_for_update().exclude(sealed_api_key=""))
    for connection in keyed:
        connection.sealed_api_key, connection.is_active = "", False
        connection.save(update_fields=["sealed_api_key", "is_active", "updated_at"])
    return keyed


@transaction.atomic
def add_model(provider: Provider, model_id: str, **facts: Any) -> Model:
    """A model that a provider serves and no catalogue lists. Raises ValidationError."""
    model = Model(provider=provider, model_id=model_id, source=Source.OPERATOR, **facts)
    model.full_clean()
    model.save()
    return model
