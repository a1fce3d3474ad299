"""Job: the management API of teams, which pay for their keys.

Law: which keys a team has is said at the key (`billing.api_keys.api`).
"""

from typing import Any

from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest
from ninja import Router
from pydantic import AwareDatetime

from billing.models import Team
from providers.api_access import Missing, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Deleted, Name

router = Router(by_alias=True)

LARGEST_ID = 1 << 63
"""Beyond which a database has no number."""


class NewTeam(Body):
    name: Name


class TeamChanges(Body):
    name: Name = UNCHANGED


class ShownTeam(Answer):
    id: int
    name: str
    keys: int
    """How many it pays for."""
    created_at: AwareDatetime


class Teams(Answer):
    teams: list[ShownTeam]


def shown_team(row: Any) -> ShownTeam:
    return ShownTeam(id=row.pk, name=row.name, keys=row.number_of_keys, created_at=row.created_at)


@router.get("/teams", auth=needs("billing.view_team"), response=Teams)
def list_teams(request: HttpRequest) -> Teams:
    return Teams(teams=[shown_team(row) for row in _teams()])


@router.post("/teams", auth=needs("billing.add_team"), response={201: ShownTeam})
def make_team(request: HttpRequest, body: NewTeam) -> ShownTeam:
    row = Team(name=body.name)
    row.full_clean()
    row.save()
    return shown_team(_team(row.pk))


@router.get("/teams/{team_id}", auth=needs("billing.view_team"), response=ShownTeam)
def show_team(request: HttpRequest, team_id: int) -> ShownTeam:
    return shown_team(_team(team_id))


@router.patch("/teams/{team_id}", auth=needs("billing.change_team"), response=ShownTeam)
@transaction.atomic
def rename_team(request: HttpRequest, team_id: int, body: TeamChanges) -> ShownTeam:
    row = _team(team_id)
    for field, value in body.sent().items():
        setattr(row, field, value)
    row.full_clean()
    row.save()
    return shown_team(row)


@router.delete("/teams/{team_id}", auth=needs("billing.delete_team"), response=Deleted)
def delete_team(request: HttpRequest, team_id: int) -> Deleted:
    """Its keys go on without a team; its budgets go with it."""
    _team(team_id).delete()
    return Deleted(deleted=str(team_id))


def _teams() -> Any:
    return Team.objects.annotate(number_of_keys=Count("api_keys"))


def _team(team_id: int) -> Any:
    row = _teams().filter(pk=team_id).first() if team_id < LARGEST_ID else None
    if row is None:
        raise Missing(f"There is no team {team_id}.")
    return row
