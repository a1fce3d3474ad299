"""Job: what the page Costs shows: what was paid beside what it would have cost, who it was for, and their budgets.

Law: as `billing.reports.usage_page`. A budget is shown with what its own window has spent, whatever range the page is
about.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise

from billing.budgets import standing
from billing.budgets.bars import facts
from billing.models import Budget, Level
from billing.reports import reports
from billing.reports.asked import DIMENSIONS
from billing.reports.reports import Part
from billing.reports.usage_page import MOST_ROWS, Breakdown, Row, breakdown, colours_of, shell, usage_of, view_of

SUBJECTS = {"apiKey": "api_key_id", "user": "user_id", "team": "team_id"}
"""Whose cost is shown with a budget: by dimension, the column of Budget."""


Gauge = dict[str, Any]
"""A budget and how much of it is spent, as `billing.budgets.bars` shows it."""


@dataclass(frozen=True, slots=True)
class Payer:
    row: Row
    gauges: Sequence[Gauge]


@dataclass(frozen=True, slots=True)
class Payers:
    title: str | Promise
    payers: Sequence[Payer]
    others: int
    csv: str


def costs_facts(request: HttpRequest) -> dict[str, Any]:
    view = view_of(request)
    usage = usage_of(request, view)
    sees_all = request.user.has_perm("billing.view_every_usagerecord")
    names = ["apiKey", "user", "team"] if sees_all else ["apiKey"]
    found = reports.report(usage.filter(view.span.condition), ["provider", *names])
    told = [breakdown(name, found, view, {}) for name in names]
    gauges = _gauges(_budgets_of(request, _ids(names, found.parts)))
    return shell(view, found) | {
        "providers": breakdown("provider", found, view, colours_of(found)),
        "payers": [_payers(name, each, gauges) for name, each in zip(names, told, strict=True)],
        "month": reports.month(usage, timezone.now(), view.zone),
        "everybody": gauges["", None],
    }


def _ids(names: Iterable[str], parts: Mapping[str, Sequence[Part]]) -> dict[str, list[Any]]:
    """Of those that are shown, by column of Budget."""
    return {SUBJECTS[name]: [part.id[0] for part in parts[name][:MOST_ROWS]] for name in names}


def _budgets_of(request: HttpRequest, ids: Mapping[str, list[Any]]) -> QuerySet[Budget]:
    """Those of the subjects shown, and everybody's, that the user may see."""
    wanted = Q(level=Level.GLOBAL)
    for column, found in ids.items():
        wanted |= Q(**{f"{column}__in": found})
    return Budget.objects.visible_to(request.user).filter(wanted)


def _gauges(budgets: QuerySet[Budget]) -> Mapping[tuple[str, Any], list[Gauge]]:
    """By column and id; everybody's under no column."""
    gauges: dict[tuple[str, Any], list[Gauge]] = defaultdict(list)
    for each in standing.standings(budgets):
        column = next((column for column in SUBJECTS.values() if getattr(each.budget, column)), "")
        gauges[column, getattr(each.budget, column, None)].append(facts(each))
    return gauges


def _payers(name: str, told: Breakdown, gauges: Mapping[tuple[str, Any], list[Gauge]]) -> Payers:
    column = SUBJECTS[name]
    payers = [Payer(row, gauges.get((column, row.part.id[0]), [])) for row in told.rows]
    return Payers(DIMENSIONS[name].title, payers, told.others, told.csv)
