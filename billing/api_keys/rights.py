"""Job: who may give what to an API key.

Law: whoever has a key may have what the key may do, so nobody gives away, or takes, more than they have. A Member looks
after keys of their own: whom a key is paid by, and whether it runs the gateway, is decided by who manages everybody's.

    NotYours    the field, and why
"""

from dataclasses import dataclass
from typing import Any, Self

from django.utils.translation import gettext as _

from billing.api_keys.rules import Scope
from billing.models import ApiKey

MANAGES_EVERY_KEY = "billing.view_every_apikey"
MOVES_BETWEEN_TEAMS = "billing.change_team"
MANAGES_USERS = "auth.change_user"

SELF_SERVICE = frozenset({Scope.INFERENCE.value, Scope.READ.value})
"""What a key may open that was made by who manages only keys of their own."""


class NotYours(Exception):
    """The caller may change this key, but not so."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Given:
    """What a key gives to whoever has it, and who pays."""

    scopes: frozenset[str]
    owner: int | None
    team: int | None

    @classmethod
    def by(cls, row: ApiKey) -> Self:
        return cls(frozenset(row.scopes), row.owner_id, row.team_id)

    @classmethod
    def by_nothing_yet(cls, actor: Any) -> Self:
        """What a new key is compared with: one of the actor's own that opens nothing."""
        return cls(frozenset(), actor.pk, None)


def manages_every_key(actor: Any) -> bool:
    return bool(actor.has_perm(MANAGES_EVERY_KEY))


def chooses_teams(actor: Any) -> bool:
    return manages_every_key(actor) or bool(actor.has_perm(MOVES_BETWEEN_TEAMS))


def check_change(actor: Any, before: Given, after: Given) -> None:
    """`actor` is a user, or the installation itself. Raises NotYours."""
    manages = manages_every_key(actor)
    if not manages and not after.scopes - before.scopes <= SELF_SERVICE:
        raise NotYours("scopes", _("Who manages only keys of their own cannot make one with the admin scope."))
    if not manages and after.owner != before.owner:
        raise NotYours("owner", _("Who manages only keys of their own cannot give one to somebody else."))
    if after.team != before.team and not chooses_teams(actor):
        raise NotYours("team", _("A team pays for its keys, so only who manages teams puts a key into one."))
    if (after.scopes, after.owner) != (before.scopes, before.owner):
        _check_management(actor, after, "owner" if after.owner != before.owner else "scopes")


def check_rotation(actor: Any, row: ApiKey) -> None:
    """Who rotates a key has it from then on. Raises NotYours."""
    _check_management(actor, Given.by(row), "body")


def _check_management(actor: Any, given: Given, field: str) -> None:
    """A key to the management API acts as its owner, so it is like that user's login."""
    opens = given.scopes & {Scope.READ.value, Scope.MANAGE.value}
    if opens and given.owner != actor.pk and not actor.has_perm(MANAGES_USERS):
        raise NotYours(
            field, _("A key to the management API acts as its owner: only who manages users has one that is another's.")
        )
