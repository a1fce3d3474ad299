"""Bring the rows of providers and models in step with the catalogue.

Law: an operator's row is never touched, nor what an operator chose in a row of the catalogue (switched off, priorities,
connections). A model that left the catalogue leaves the table too.
"""

from django.db import transaction

from providers.catalogue import AuthStyle, CatalogueModel, Vendor, catalogue
from providers.models import Model, Provider, ProviderConnection, ProviderNode, Source


def sync_catalogue() -> dict[str, int]:
    """How many rows were added, changed and removed. A second call in a row changes nothing."""
    counts = {"providers added": 0, "models added": 0, "models changed": 0, "models removed": 0}
    with transaction.atomic():
        for vendor in catalogue().values():
            if not _is_taken_by_a_node(vendor):
                _sync_vendor(vendor, counts)
    return counts


def _is_taken_by_a_node(vendor: Vendor) -> bool:
    """An operator who named a node like a vendor that we learned of later keeps the name."""
    nodes = ProviderNode.objects
    return nodes.filter(slug=vendor.id).exists() or nodes.filter(prefix=vendor.prefix).exists()


def _sync_vendor(vendor: Vendor, counts: dict[str, int]) -> None:
    facts = {"name": vendor.name, "prefix": vendor.prefix, "tier": vendor.tier.value}
    provider, is_new = Provider.objects.get_or_create(slug=vendor.id, defaults=facts)
    if is_new:
        counts["providers added"] += 1
        _connect_if_no_login_is_needed(vendor, provider)
    elif any(getattr(provider, name) != value for name, value in facts.items()):
        Provider.objects.filter(pk=provider.pk).update(**facts)
    _sync_models(vendor, provider, counts)


def _connect_if_no_login_is_needed(vendor: Vendor, provider: Provider) -> None:
    """Once, when the provider is new: an operator who removes the connection means it."""
    if vendor.auth is AuthStyle.NONE:
        ProviderConnection.objects.create(provider=provider, name=vendor.name)


def _sync_models(vendor: Vendor, provider: Provider, counts: dict[str, int]) -> None:
    known = {row.model_id: row for row in provider.models.all()}
    missing = [model for model in vendor.models.values() if model.id not in known]
    if missing:
        Model.objects.bulk_create([_row(provider, model) for model in missing])
    counts["models added"] += len(missing)
    for row in known.values():
        if row.source == Source.CATALOGUE:
            _sync_model(row, vendor, counts)


def _row(provider: Provider, model: CatalogueModel) -> Model:
    return Model(
        provider=provider,
        model_id=model.id,
        name=model.name,
        kind=model.type.value,
        context_window=model.context_window,
        source=Source.CATALOGUE,
    )


def _sync_model(row: Model, vendor: Vendor, counts: dict[str, int]) -> None:
    model = vendor.model(row.model_id)
    if model is None:
        row.delete()
        counts["models removed"] += 1
        return
    facts = {"name": model.name, "kind": model.type.value, "context_window": model.context_window}
    if any(getattr(row, name) != value for name, value in facts.items()):
        Model.objects.filter(pk=row.pk).update(**facts)
        counts["models changed"] += 1
