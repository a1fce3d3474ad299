"""API keys: made once, shown once, recognised by their digest.

A key is `sk-or-` and 256 random bits. Its digest is HMAC-SHA256 under API_KEY_SECRET, so a copy of the database
alone cannot tell whether a guessed key is one of ours.
"""

import hmac
import secrets
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User

from billing.models import ApiKey, Scope
from providers.models import Canary

PREFIX = "sk-or-"
SHOWN_CHARACTERS = 12
CANARY = "api_key_secret"


class WrongKeySecret(Exception):
    """API_KEY_SECRET is not the one that the stored keys were made with."""


def digest(key: str) -> str:
    """What is stored of `key`. Any text has one, so that unknown and ill-formed keys take the same time."""
    return hmac.digest(settings.API_KEY_SECRET.encode(), key.encode("utf-8", "replace"), "sha256").hex()


def create(
    name: str,
    *,
    owner: User | None = None,
    is_admin: bool = False,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """The new row, and the key itself, which nobody can tell again."""
    key = PREFIX + secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        name=name,
        owner=owner,
        scopes=scopes_of(is_admin=is_admin),
        expires_at=expires_at,
        digest=digest(key),
        shown_prefix=key[:SHOWN_CHARACTERS],
    )
    return row, key


def scopes_of(*, is_admin: bool) -> list[str]:
    """A client's, or an administrator's, who may ask models as well."""
    return [Scope.INFERENCE.value, Scope.MANAGE.value] if is_admin else [Scope.INFERENCE.value]


def check_secret() -> None:
    """Raises WrongKeySecret where every stored key would fail silently; remembers the secret at the first start."""
    canary, _ = Canary.objects.get_or_create(pk=CANARY, defaults={"value": digest(CANARY)})
    if not hmac.compare_digest(canary.value, digest(CANARY)):
        raise WrongKeySecret(
            "API_KEY_SECRET is not the one this database's API keys were made with, so all of them would be refused. "
            f"Set the old one again, or restore {settings.DATA_DIR / 'secrets' / 'api_key_secret'} from your backup."
        )
