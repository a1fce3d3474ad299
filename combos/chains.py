"""Deeds on fallback chains."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from combos import snapshot
from combos.models import FallbackChain, FallbackStep
from combos.targets import WrongTargets, known_model

MOST_POSITION = 32_767
"""What a small integer holds on every database."""


def check_together(steps: Sequence[FallbackStep]) -> None:
    """Raises ValidationError."""
    if not steps:
        raise ValidationError(_("A fallback chain needs at least one model."), code="no_steps")


def faults_of(steps: Sequence[FallbackStep]) -> dict[int, ValidationError]:
    """What is wrong with each model, by its place."""
    known, faults = snapshot.load(), {}
    for place, step in enumerate(steps):
        try:
            step.clean_fields(exclude=["chain", "id"])
            known_model(step.model, known)
        except ValidationError as fault:
            faults[place] = fault
    return faults


@transaction.atomic
def save_chain(chain: FallbackChain, steps: Sequence[FallbackStep]) -> None:
    """Write the chain with these models alone. Raises ValidationError or WrongTargets."""
    chain.full_clean()
    check_together(steps)
    if faults := faults_of(steps):
        raise WrongTargets(faults)
    chain.save()
    chain.steps.all().delete()
    for position, step in enumerate(steps, start=1):
        step.chain, step.position = chain, position
    FallbackStep.objects.bulk_create(steps)


def next_position() -> int:
    last = FallbackChain.objects.aggregate(last=Max("position"))["last"] or 0
    return min(int(last) + 1, MOST_POSITION)
