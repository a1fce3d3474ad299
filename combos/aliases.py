"""Deeds on aliases: what may be saved, and how the API writes them."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from combos import snapshot
from combos.models import Combo, ModelAlias
from combos.snapshot import Snapshot
from combos.targets import known_model
from combos.wildcards import is_wild


def check_alias(alias: ModelAlias, known: Snapshot | None = None) -> None:
    """Raises ValidationError by field: the target is nothing that can answer."""
    if Combo.objects.filter(name=alias.target).exists():
        return
    try:
        known_model(alias.target, known or snapshot.load())
    except ValidationError as fault:
        raise ValidationError({"target": _why_not(alias, fault)}) from None


def _why_not(alias: ModelAlias, fault: ValidationError) -> list[str]:
    if alias.target.casefold() == alias.pattern.casefold():
        return [_("“%(target)s” is this alias itself: name a model or a combo.") % {"target": alias.target}]
    if named(alias.target):
        message = _("“%(target)s” is an alias itself, and aliases are followed once: name a model or a combo.")
        return [message % {"target": alias.target}]
    return fault.messages


def named(pattern: str) -> ModelAlias | None:
    return ModelAlias.objects.filter(pattern__iexact=pattern).first()


def put_alias(pattern: str, target: str, is_enabled: bool = True, known: Snapshot | None = None) -> ModelAlias:
    """The alias of this pattern, made or changed. Raises ValidationError."""
    alias = named(pattern) or ModelAlias()
    alias.pattern, alias.target, alias.is_enabled = pattern, target, is_enabled
    alias.full_clean()
    check_alias(alias, known)
    alias.save()
    return alias


def forget_wild(kept: Iterable[ModelAlias]) -> None:
    """Delete every alias with a wildcard but these. Aliases of one name stay."""
    others = ModelAlias.objects.exclude(pk__in=[alias.pk for alias in kept])
    ModelAlias.objects.filter(pk__in=[alias.pk for alias in others if is_wild(alias.pattern)]).delete()
