"""Job: the management API of API keys.

Law: a key is told once, when it is made or rotated. A caller sees and changes the keys that
`ApiKey.objects.visible_to` says; nobody makes a key that may do more than its maker (`billing.api_keys.rights`).
Owners and teams go by their names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from ninja import Router
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict

from billing.api_keys import keys
from billing.api_keys.rights import Given, NotYours, check_change, check_rotation
from billing.calendar import now
from billing.models import ApiKey, ApiKeyQuerySet, FormerKey, Team
from providers.api_access import ApiRefusal, Missing, NotPermitted, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Deleted, Line, Name

router = Router(by_alias=True)


class Meanwhile(ApiRefusal):
    status = 409
    code = "conflict"


def _text(value: object) -> object:
    """Dates come as ISO 8601 text; a bare number could be seconds or milliseconds."""
    if value is not None and not isinstance(value, str):
        raise ValueError("give an ISO 8601 time such as 2030-01-31T00:00:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_text), AfterValidator(_in_utc)]
Lines = list[Line]
Grace = Annotated[int, Field(ge=0, le=int(keys.LONGEST_GRACE.total_seconds()))]


class Facts(Body):
    """What can be said of a key when it is made, and changed later. Null is no limit, an empty list no restriction."""

    is_active: bool = UNCHANGED
    expires_at: Moment | None = None
    owner: Line | None = None
    """The name of a user; null: nobody's."""
    team: Line | None = None
    scopes: Lines = UNCHANGED
    allowed_models: Lines = UNCHANGED
    allowed_providers: Lines = UNCHANGED
    ip_ranges: Lines = UNCHANGED
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_concurrent: int | None = None


class NewKey(Facts):
    name: Name
    is_admin: bool = False
    """Short for the scopes inference and manage."""


class KeyChanges(Facts):
    name: Name = UNCHANGED


class Rotation(Body):
    grace_seconds: Grace = int(keys.GRACE.total_seconds())


class ShownFormer(Answer):
    key: str
    ends_at: AwareDatetime


class ShownKey(Answer):
    id: UUID
    name: str
    key: str
    """Its beginning; in the answer to the POST that made or rotated it, all of it."""
    is_admin: bool
    is_active: bool
    scopes: list[str]
    owner: str | None
    team: str | None
    allowed_models: list[str]
    allowed_providers: list[str]
    ip_ranges: list[str]
    requests_per_minute: int | None
    tokens_per_minute: int | None
    max_concurrent: int | None
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    former_keys: list[ShownFormer]
    """Those before a rotation that are still good."""
    created_at: AwareDatetime


class Keys(Answer):
    keys: list[ShownKey]


class Revoked(Answer):
    revoked: int


AS_THEY_ARE = (
    "name",
    "is_admin",
    "is_active",
    "scopes",
    "allowed_models",
    "allowed_providers",
    "ip_ranges",
    "requests_per_minute",
    "tokens_per_minute",
    "max_concurrent",
    "expires_at",
    "last_used_at",
    "created_at",
)


def shown(row: ApiKey, key: str | None = None) -> ShownKey:
    return ShownKey(
        id=row.pk,
        key=key or f"{row.shown_prefix}…",
        owner=row.owner.get_username() if row.owner else None,
        team=row.team.name if row.team else None,
        former_keys=[_shown_former(former) for former in row.former_keys.all() if former.ends_at > now()],
        **{name: getattr(row, name) for name in AS_THEY_ARE},
    )


def _shown_former(former: FormerKey) -> ShownFormer:
    return ShownFormer(key=f"{former.shown_prefix}…", ends_at=former.ends_at)


@router.get("/keys", auth=needs("billing.view_apikey"), response=Keys)
def list_keys(request: HttpRequest) -> Keys:
    return Keys(keys=[shown(row) for row in _visible(request)])


@router.post("/keys", auth=needs("billing.add_apikey"), response={201: ShownKey})
@transaction.atomic
def make_key(request: HttpRequest, body: NewKey) -> ShownKey:
    """A new key, of the caller's own unless they may say otherwise. This answer is the only one that ever tells it."""
    own = {"owner": request.user if request.user.pk else None, "scopes": _scopes_of(body)}
    facts = {**own, **_rows_named(body.sent("is_admin"))}
    wanted = ApiKey(**facts)
    with _rights_told("isAdmin" if body.is_admin else "scopes"):
        check_change(request.user, Given.by_nothing_yet(request.user), Given.by(wanted))
    row, key = keys.create(**facts)
    return shown(row, key)


def _scopes_of(body: NewKey) -> list[str]:
    if body.is_admin and body.scopes is not UNCHANGED:
        raise ApiRefusal("isAdmin is short for scopes: send one of the two.", "isAdmin")
    return keys.scopes_of(is_admin=body.is_admin)


@router.get("/keys/{key_id}", auth=needs("billing.view_apikey"), response=ShownKey)
def show_key(request: HttpRequest, key_id: UUID) -> ShownKey:
    return shown(_one(_visible(request), key_id))


@router.patch("/keys/{key_id}", auth=needs("billing.change_apikey"), response=ShownKey)
@transaction.atomic
def change_key(request: HttpRequest, key_id: UUID, body: KeyChanges) -> ShownKey:
    """Whatever is sent; null is never, no limit or nobody."""
    row = _locked(request, key_id)
    before, facts = Given.by(row), _rows_named(body.sent())
    keys.change(row, **facts)
    with _rights_told("scopes"):
        check_change(request.user, before, Given.by(row))
    return shown(row)


@router.post("/keys/{key_id}/rotate", auth=needs("billing.change_apikey"), response=ShownKey)
@transaction.atomic
def rotate_key(request: HttpRequest, key_id: UUID, body: Rotation) -> ShownKey:
    """A new secret, which this answer alone tells. The former one is good until the grace ends."""
    row, grace = _locked(request, key_id), timedelta(seconds=body.grace_seconds)
    with _rights_told("scopes"):
        check_rotation(request.user, row)
    try:
        key = keys.rotate(row, grace)
    except keys.AlreadyRotated as beaten:
        raise Meanwhile(str(beaten)) from None
    return shown(_one(_visible(request), key_id), key)


@router.post("/keys/{key_id}/revoke-former", auth=needs("billing.change_apikey"), response=Revoked)
def revoke_former(request: HttpRequest, key_id: UUID) -> Revoked:
    """What the key was before it was rotated opens nothing from now on."""
    return Revoked(revoked=keys.revoke_former(_one(_visible(request), key_id)))


@router.delete("/keys/{key_id}", auth=needs("billing.delete_apikey"), response=Deleted)
def delete_key(request: HttpRequest, key_id: UUID) -> Deleted:
    """The key opens nothing from now on. What it used stays in the usage records."""
    _one(_visible(request), key_id).delete()
    return Deleted(deleted=str(key_id))


def _visible(request: HttpRequest) -> ApiKeyQuerySet:
    return ApiKey.objects.visible_to(request.user).select_related("owner", "team").prefetch_related("former_keys")


def _locked(request: HttpRequest, key_id: UUID) -> ApiKey:
    return _one(_visible(request).select_for_update(of=("self",)), key_id)


def _one(rows: ApiKeyQuerySet, key_id: UUID) -> ApiKey:
    row = rows.filter(pk=key_id).first()
    if row is None:
        raise Missing(f"There is no API key {key_id} among those you may see.")
    return row


def _rows_named(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts with rows where names stood. Raises ApiRefusal."""
    found = dict(facts)
    if facts.get("owner") is not None:
        found["owner"] = _named(User.objects.filter(username=facts["owner"]), "owner", f"user “{facts['owner']}”")
    if facts.get("team") is not None:
        found["team"] = _named(Team.objects.filter(name=facts["team"]), "team", f"team “{facts['team']}”")
    return found


def _named(rows: Any, field: str, said: str) -> Any:
    row = rows.first()
    if row is None:
        raise ApiRefusal(f"There is no {said}.", field)
    return row


@contextmanager
def _rights_told(scopes_as: str) -> Iterator[None]:
    """`scopes_as`: under which name the caller sent the scopes."""
    try:
        yield
    except NotYours as refused:
        raise NotPermitted(refused.message, scopes_as if refused.field == "scopes" else refused.field) from None
