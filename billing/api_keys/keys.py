"""API keys: made once, shown once, recognised by their digest.

A key is `sk-or-` and 256 random bits. Its digest is HMAC-SHA256 under API_KEY_SECRET, so a copy of the database
alone cannot tell whether a guessed key is one of ours. A key that was rotated stays the same row under a new secret;
the former one is good until its grace period ends.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from billing.calendar import now
from billing.models import ApiKey, FormerKey, Scope
from providers.models import Canary

PREFIX = "sk-or-"
SHOWN_CHARACTERS = 12
CANARY = "api_key_secret"
GRACE = timedelta(hours=24)
LONGEST_GRACE = timedelta(days=30)
MOST_FORMER = 10
"""Secrets of one key that are good beside the newest."""


class WrongKeySecret(Exception):
    """API_KEY_SECRET is not the one that the stored keys were made with."""


class AlreadyRotated(Exception):
    """Somebody else rotated or deleted the key in the meantime, so this caller's idea of it is old."""


def digest(key: str) -> str:
    """What is stored of `key`. Any text has one, so that unknown and ill-formed keys take the same time."""
    return hmac.digest(settings.API_KEY_SECRET.encode(), key.encode("utf-8", "replace"), "sha256").hex()


def create(name: str, *, owner: User | None = None, is_admin: bool = False, **facts: Any) -> tuple[ApiKey, str]:
    """The new row, and the key itself, which nobody can tell again. `facts` are further fields of the row.

    Raises ValidationError.
    """
    key, stored = _secret()
    row = ApiKey(**{"name": name, "owner": owner, "scopes": scopes_of(is_admin=is_admin), **facts, **stored})
    row.full_clean()
    row.save()
    return row, key


def scopes_of(*, is_admin: bool) -> list[str]:
    """A client's, or an administrator's, who may ask models as well."""
    return [Scope.INFERENCE.value, Scope.MANAGE.value] if is_admin else [Scope.INFERENCE.value]


def change(row: ApiKey, **facts: Any) -> None:
    """Only what is given is checked: a provider that was removed since does not keep a key from being switched off.

    Raises ValidationError.
    """
    for field, value in facts.items():
        setattr(row, field, value)
    row.full_clean(exclude={field.name for field in ApiKey._meta.fields} - set(facts))
    if facts:
        row.save(update_fields=list(facts))


def rotate(row: ApiKey, grace: timedelta = GRACE) -> str:
    """The new key, which is told this once. Both are good while the grace lasts; with none, the former ends at once.

    Former ones keep the ends that they have. Raises ValidationError or AlreadyRotated.
    """
    moment = now()
    _check_grace(grace)
    key, stored = _secret()
    before = {"digest": row.digest, "shown_prefix": row.shown_prefix}
    with transaction.atomic():
        if not ApiKey.objects.filter(pk=row.pk, digest=row.digest).update(**stored):
            raise AlreadyRotated(_("Somebody else rotated this key just now. Look at it again."))
        forget_former(moment)
        _check_room(row, grace)
        if grace:
            FormerKey.objects.create(api_key=row, ends_at=moment + grace, **before)
    row.refresh_from_db()
    return key


def _check_grace(grace: timedelta) -> None:
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise ValidationError({"grace_seconds": _("The grace is from 0 seconds, which is at once, to 30 days.")})


def _check_room(row: ApiKey, grace: timedelta) -> None:
    if grace and row.former_keys.count() >= MOST_FORMER:
        raise ValidationError(
            _("%(number)d former secrets of this key are still good. End them first.") % {"number": MOST_FORMER}
        )


def revoke_former(row: ApiKey) -> int:
    """End every grace period of this key now. How many there were."""
    return FormerKey.objects.filter(api_key=row).delete()[0]


def forget_former(moment: datetime | None = None) -> int:
    """Remove the former keys whose grace has ended. How many there were."""
    return FormerKey.objects.filter(ends_at__lte=moment or now()).delete()[0]


def _secret() -> tuple[str, dict[str, str]]:
    """A new key, and what is kept of it."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, {"digest": digest(key), "shown_prefix": key[:SHOWN_CHARACTERS]}


def check_secret() -> None:
    """Raises WrongKeySecret where every stored key would fail silently; remembers the secret at the first start."""
    canary, _is_new = Canary.objects.get_or_create(pk=CANARY, defaults={"value": digest(CANARY)})
    if not hmac.compare_digest(canary.value, digest(CANARY)):
        raise WrongKeySecret(
            "API_KEY_SECRET is not the one this database's API keys were made with, so all of them would be refused. "
            f"Set the old one again, or restore {settings.DATA_DIR / 'secrets' / 'api_key_secret'} from your backup."
        )
