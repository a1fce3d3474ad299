"""Job: the management API of API keys.

Law: a key is told once, when it is made. A caller sees and changes the keys that `ApiKey.objects.visible_to` says;
nobody makes a key that may do more than its maker.
"""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from ninja import Router
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Strict

from billing import keys
from billing.models import ApiKey, ApiKeyQuerySet
from providers.api_access import Missing, NotPermitted, needs
from providers.api_bodies import UNCHANGED, Answer, Body, Deleted, Name

router = Router(by_alias=True)


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


class NewKey(Body):
    name: Name
    is_admin: bool = False
    expires_at: Moment | None = None


class KeyChanges(Body):
    name: Name = UNCHANGED
    is_active: bool = UNCHANGED
    expires_at: Moment | None = None


class ShownKey(Answer):
    id: UUID
    name: str
    key: str
    """Its beginning; in the answer to the POST that made it, all of it."""
    is_admin: bool
    is_active: bool
    expires_at: AwareDatetime | None
    owner: str | None
    created_at: AwareDatetime


class Keys(Answer):
    keys: list[ShownKey]


def shown(row: ApiKey, key: str | None = None) -> ShownKey:
    return ShownKey(
        id=row.pk,
        name=row.name,
        key=key or f"{row.shown_prefix}…",
        is_admin=row.is_admin,
        is_active=row.is_active,
        expires_at=row.expires_at,
        owner=row.owner.get_username() if row.owner else None,
        created_at=row.created_at,
    )


@router.get("/keys", auth=needs("billing.view_apikey"), response=Keys)
def list_keys(request: HttpRequest) -> Keys:
    return Keys(keys=[shown(row) for row in _visible(request)])


@router.post("/keys", auth=needs("billing.add_apikey"), response={201: ShownKey})
def make_key(request: HttpRequest, body: NewKey) -> ShownKey:
    """A new key, of the caller's own. This answer is the only one that ever tells it."""
    if body.is_admin and not request.user.has_perm("billing.view_every_apikey"):
        raise NotPermitted("Who sees only keys of their own cannot make one with the admin scope.", "isAdmin")
    owner = request.user if request.user.pk else None
    with transaction.atomic():
        row, key = keys.create(body.name, owner=owner, is_admin=body.is_admin, expires_at=body.expires_at)
    return shown(row, key)


@router.get("/keys/{key_id}", auth=needs("billing.view_apikey"), response=ShownKey)
def show_key(request: HttpRequest, key_id: UUID) -> ShownKey:
    return shown(_one(_visible(request), key_id))


@router.patch("/keys/{key_id}", auth=needs("billing.change_apikey"), response=ShownKey)
@transaction.atomic
def change_key(request: HttpRequest, key_id: UUID, body: KeyChanges) -> ShownKey:
    """Rename it, switch it off or on, or let it end at another time; null: never."""
    row = _one(_visible(request).select_for_update(of=("self",)), key_id)
    for field, value in body.sent().items():
        setattr(row, field, value)
    row.full_clean()
    row.save()
    return shown(row)


@router.delete("/keys/{key_id}", auth=needs("billing.delete_apikey"), response=Deleted)
def delete_key(request: HttpRequest, key_id: UUID) -> Deleted:
    """The key opens nothing from now on. What it used stays in the usage records."""
    _one(_visible(request), key_id).delete()
    return Deleted(deleted=str(key_id))


def _visible(request: HttpRequest) -> ApiKeyQuerySet:
    return ApiKey.objects.visible_to(request.user).select_related("owner")


def _one(rows: ApiKeyQuerySet, key_id: UUID) -> ApiKey:
    row = rows.filter(pk=key_id).first()
    if row is None:
        raise Missing(f"There is no API key {key_id} among those you may see.")
    return row
