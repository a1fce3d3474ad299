"""Job: who calls `/api`. A user by their session and a CSRF token, or an admin key; the answer is `request.user`.

Law: a key that is sent decides, whatever cookie comes with it. A client's key opens nothing here. An admin key acts as
its owner, with what that user may do; one without an owner acts for the installation and may do everything.

    ApiRefusal
    +-- NotIdentified    401   no key and no session; or a key that is unknown, switched off, expired, or its owner is
    +-- ClientKey        403   a good key without the admin scope
    +-- ForgedRequest    403   a session without its CSRF token
    +-- LockedOut        429   a wrong key, where too many came from before; a good one is accepted all the same
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.http import HttpRequest
from ninja.utils import check_csrf

from billing import keys
from billing.models import ApiKey
from billing.rows import now
from combos.admission import credential, peer
from health import lockouts
from health.models import PolicyName
from health.words import span
from providers.api_access import ApiRefusal


class NotIdentified(ApiRefusal):
    status = 401
    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("This needs a login, or an API key with the admin scope as “Authorization: Bearer <key>”.")


class ClientKey(ApiRefusal):
    status = 403
    code = "admin_scope_needed"

    def __init__(self) -> None:
        super().__init__("This key has no admin scope; `manage.py apikey create NAME --admin` makes one that has.")


class ForgedRequest(ApiRefusal):
    status = 403
    code = "csrf_failed"

    def __init__(self) -> None:
        super().__init__("A change within a session needs the csrftoken cookie's value as X-CSRFToken.")


class LockedOut(ApiRefusal):
    status = 429
    code = "locked_out"

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__(f"Too many wrong keys came from {address}: others are not even looked at for {span(seconds)}.")
        self.retry_after = seconds


class Installation(AnonymousUser):
    """Who acts through an admin key that belongs to nobody: the installation itself."""

    @property
    def is_authenticated(self) -> Any:
        return True

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return True


def identify(request: HttpRequest) -> None:
    """Put who calls into `request.user`. Raises ApiRefusal."""
    key = credential(request.META)
    if key is not None:
        request.user = _keyed(request, key)
    elif not request.user.is_authenticated:
        raise NotIdentified
    elif check_csrf(request) is not None:
        raise ForgedRequest


def _keyed(request: HttpRequest, key: str) -> User | Installation:
    try:
        return user_of(key, now())
    except NotIdentified:
        _count_against(peer(request.META))
        raise


def _count_against(address: str) -> None:
    """Raises LockedOut where enough are counted already."""
    identifier = f"address {address} at /api"
    seconds = lockouts.check_stored(identifier)
    if seconds is not None:
        raise LockedOut(address, seconds)
    lockouts.failed_stored(PolicyName.MANAGEMENT_KEY, identifier)


def user_of(key: str, moment: datetime) -> User | Installation:
    """Unknown, disabled and expired keys take the same steps: one look-up of the digest."""
    is_valid = Q(is_active=True) & (Q(expires_at=None) | Q(expires_at__gt=moment))
    has_no_bad_owner = Q(owner=None) | Q(owner__is_active=True)
    rows = ApiKey.objects.filter(is_valid & has_no_bad_owner, digest=keys.digest(key)).select_related("owner")
    row = rows.first()
    if row is None:
        raise NotIdentified
    if not row.is_admin:
        raise ClientKey
    return row.owner or Installation()
