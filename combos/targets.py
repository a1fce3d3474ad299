"""Deeds on combos and their targets: what may be saved, and in which order.

A combo is judged as a whole before anything of it is written: each target names a model or another combo, no combo
ends up in itself, and a strategy that goes by weights has one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from combos import nesting, snapshot
from combos.models import Combo, ComboTarget, FallbackStep, RoutingSettings
from combos.nesting import Nesting
from combos.refusals import AmbiguousModel, UnknownModel
from combos.resolver import ResolvedTarget, close_matches, resolve_model
from combos.snapshot import Snapshot, Target
from combos.strategies import Strategy

Faults = Mapping[int, ValidationError]


class WrongTargets(Exception):
    """`faults` by the place of the target."""

    def __init__(self, faults: Faults) -> None:
        super().__init__("; ".join(message for fault in faults.values() for message in fault.messages))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Judge:
    """What is needed to say whether a combo may have a target."""

    known: Snapshot
    nesting: Nesting

    def check(self, target: ComboTarget) -> None:
        """Raises ValidationError by field."""
        if self.nesting.nests(target.model):
            self._check_combo(target)
        else:
            self._check_model(target)

    def _check_combo(self, target: ComboTarget) -> None:
        if why_not := self.nesting.why_not(target.model):
            raise ValidationError({"model": why_not})
        if target.connection:
            raise ValidationError({"connection": _("“%(model)s” is a combo: leave this empty.") % _named(target.model)})

    def _check_model(self, target: ComboTarget) -> None:
        try:
            resolved = known_model(target.model, self.known)
        except ValidationError:
            if target.model != self.nesting.name:
                raise
            raise ValidationError({"model": _("“%(model)s” is this combo itself.") % _named(target.model)}) from None
        if target.connection and target.connection.provider_id != resolved.provider.slug:
            message = _("“%(connection)s” is not a connection of %(provider)s.")
            names = {"connection": target.connection.name, "provider": resolved.provider.name}
            raise ValidationError({"connection": message % names})


def _named(model: str) -> dict[str, str]:
    return {"model": model}


def known_model(model: str, known: Snapshot) -> ResolvedTarget:
    """Raises ValidationError: nobody serves it, or several do."""
    try:
        return resolve_model(Target(model), known)
    except UnknownModel:
        raise ValidationError({"model": _unknown(model, known)}) from None
    except AmbiguousModel as error:
        raise ValidationError({"model": error.message}) from None


def _unknown(model: str, known: Snapshot) -> str:
    if model in known.combos:
        return _("“%(model)s” is a combo. Here stands a model of a provider.") % {"model": model}
    close = ", ".join(close_matches(model, known))
    if close:
        return _("No provider serves “%(model)s”. Close to it: %(close)s.") % {"model": model, "close": close}
    return _("No provider serves “%(model)s”. Write it as prefix/model.") % {"model": model}


def faults_of(combo: Combo, targets: Sequence[ComboTarget]) -> dict[int, ValidationError]:
    """What is wrong with each target, by its place."""
    judge = Judge(snapshot.load(), nesting.around(combo))
    faults = {}
    for place, target in enumerate(targets):
        try:
            target.clean_fields(exclude=["combo", "id"])
            judge.check(target)
        except ValidationError as fault:
            faults[place] = fault
    return faults


def check_name(combo: Combo) -> None:
    """Raises ValidationError: others mention the name already, and with it combos would stand too deep."""
    if why_not := nesting.around(combo).why_not_this_name():
        raise ValidationError({"name": why_not})


def check_together(combo: Combo, targets: Sequence[ComboTarget]) -> None:
    """What concerns no target alone. Raises ValidationError."""
    if not targets:
        raise ValidationError(_("A combo needs at least one target, or it could answer nothing."), code="no_targets")
    strategy = combo.strategy or RoutingSettings.load().strategy
    if strategy == Strategy.WEIGHTED and not any(target.weight for target in targets):
        raise ValidationError(_("The strategy goes by weights: give at least one target a weight."), code="no_weight")


@transaction.atomic
def save_combo(combo: Combo, targets: Sequence[ComboTarget] | None = None) -> None:
    """Write the combo, with other targets where some are given. Raises ValidationError or WrongTargets."""
    combo.full_clean()
    check_name(combo)
    check_together(combo, list(combo.targets.all()) if targets is None else targets)
    faults = faults_of(combo, targets) if targets is not None else _circles_of(combo)
    if faults:
        raise WrongTargets(faults)
    combo.save()
    if targets is not None:
        combo.targets.all().delete()
        for position, target in enumerate(targets, start=1):
            target.combo, target.position = combo, position
        ComboTarget.objects.bulk_create(targets)


def _circles_of(combo: Combo) -> Faults:
    """Of the targets as they are stored: the combo's new name may have closed a circle."""
    around = nesting.around(combo)
    nested = ((place, row.model) for place, row in enumerate(combo.targets.all()) if around.nests(row.model))
    found = ((place, around.why_not(model)) for place, model in nested)
    return {place: ValidationError({"model": why_not}) for place, why_not in found if why_not}


def check_default_strategy(strategy: str) -> None:
    """Raises ValidationError where a combo that follows the default would have nobody to ask."""
    if strategy != Strategy.WEIGHTED:
        return
    for combo in Combo.objects.filter(strategy="").exclude(targets__weight__gt=0):
        message = _("“%(combo)s” follows the default, and none of its targets has a weight.") % {"combo": combo.name}
        raise ValidationError({"strategy": message})


Placed = TypeVar("Placed", ComboTarget, FallbackStep)


def put_in_order(rows: Sequence[Placed]) -> None:
    """Number them 1, 2, 3 as they stand; only those that moved are written."""
    moved = []
    for position, row in enumerate(rows, start=1):
        if row.position != position:
            row.position = position
            moved.append(row)
    if moved:
        type(moved[0]).objects.bulk_update(moved, ["position"])
