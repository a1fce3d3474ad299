"""The names that a form offers while somebody types a model: combos, aliases, models. Any other will do too."""

from django.db.models import Exists, OuterRef

from combos.models import Combo, ModelAlias
from combos.wildcards import is_wild
from providers.models import Model, ModelKind, ProviderConnection

MOST = 500
ELEMENT = "omni-names"
"""The id of the list on a page, which fields refer to."""


def names() -> list[str]:
    """What a client may ask for: the operator's own names first."""
    return [*_combos(), *_aliases(), *_models()][:MOST]


def targets() -> list[str]:
    """What may stand behind a name. An alias may not: they are followed once."""
    return [*_combos(), *_models()][:MOST]


def _combos() -> list[str]:
    return list(Combo.objects.filter(is_enabled=True).order_by("name").values_list("name", flat=True)[:MOST])


def _aliases() -> list[str]:
    patterns = ModelAlias.objects.filter(is_enabled=True).order_by("pattern").values_list("pattern", flat=True)
    return [pattern for pattern in patterns[:MOST] if not is_wild(pattern)]


def _models() -> list[str]:
    """Those of connected providers first, since they can answer."""
    connections = ProviderConnection.objects.filter(provider=OuterRef("provider"), is_active=True)
    usable = Model.objects.filter(kind=ModelKind.CHAT, is_enabled=True, provider__is_enabled=True)
    ordered = usable.annotate(answers=Exists(connections)).order_by("-answers", "provider__prefix", "model_id")
    return [f"{prefix}/{model}" for prefix, model in ordered.values_list("provider__prefix", "model_id")[:MOST]]
