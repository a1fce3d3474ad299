"""How budgets are shown: a bar for each, with the amounts beside it and when it begins anew."""

from collections.abc import Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from billing.budgets.standing import Standing
from billing.models import Mark

TONES = {None: "good", Mark.WARNED: "warn", Mark.USED_UP: "bad"}


def facts(each: Standing) -> dict[str, Any]:
    """What the templates show of one."""
    return {"each": each, "budget": each.budget, "share": min(100, int(each.percent)), "tone": TONES[each.mark]}


def bar(each: Standing) -> SafeString:
    return mark_safe(render_to_string("billing/budget_bar.html", facts(each)))  # noqa: S308 - our own template


def block(found: Sequence[Standing], *, linked: bool) -> SafeString:
    """All budgets that apply to somebody; `linked` for who may open their pages."""
    context = {"budgets": [facts(each) for each in found], "linked": linked}
    return mark_safe(render_to_string("billing/budgets.html", context))  # noqa: S308 - our own template
