"""Deeds on the targets of a combo: whether one names something that exists, and their order."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from combos.models import ComboTarget
from combos.refusals import AmbiguousModel, UnknownModel
from combos.resolver import close_matches, resolve_model
from combos.snapshot import Snapshot, Target
from providers.models import ProviderConnection


def check_target(model: str, connection: ProviderConnection | None, snapshot: Snapshot) -> None:
    """Raises ValidationError by field: a model nobody serves, or a connection of another provider."""
    try:
        resolved = resolve_model(Target(model), snapshot)
    except UnknownModel:
        raise ValidationError({"model": _unknown(model, snapshot)}) from None
    except AmbiguousModel as error:
        raise ValidationError({"model": error.message}) from None
    if connection and connection.provider_id != resolved.provider.slug:
        message = _("“%(connection)s” is not a connection of %(provider)s.")
        names = {"connection": connection.name, "provider": resolved.provider.name}
        raise ValidationError({"connection": message % names})


def _unknown(model: str, snapshot: Snapshot) -> str:
    if model in snapshot.combos:
        return _("“%(model)s” is a combo. A target is a model of a provider.") % {"model": model}
    close = ", ".join(name for name in close_matches(model, snapshot) if name not in snapshot.combos)
    if close:
        return _("No provider serves “%(model)s”. Close to it: %(close)s.") % {"model": model, "close": close}
    return _("No provider serves “%(model)s”. Write it as prefix/model.") % {"model": model}


def put_in_order(targets: Sequence[ComboTarget]) -> None:
    """Number them 1, 2, 3 as they stand; only those that moved are written."""
    moved = []
    for position, target in enumerate(targets, start=1):
        if target.position != position:
            target.position = position
            moved.append(target)
    if moved:
        ComboTarget.objects.bulk_update(moved, ["position"])
