"""Job: who calls `/api`. A user by their session and a CSRF token, or a key; the answer is `request.user`.

Law: a key that is sent decides, whatever cookie comes with it. A client's key opens nothing here, one with the scope
`read` only what changes nothing. A key acts as its owner, with what that user may do; one without an owner acts for the
installation, which may do everything.

    ApiRefusal
    +-- NotIdentified    401   no key and no session; or a key that is unknown, switched off, expired, or its owner is
    +-- ClientKey        403   a good key without a scope for this API
    +-- ReadingKey       403   a good key that may only look
    +-- ForeignAddress   403   a good key that is not for use from there
    +-- ForgedRequest    403   a session without its CSRF token
    +-- LockedOut        429   a wrong key, where too many came from before; a good one is accepted all the same
"""

import logging
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.http import HttpRequest
from ninja.utils import check_csrf

from billing.api_keys import keys, last_use
from billing.api_keys.rules import networks_of
from billing.calendar import now
from billing.models import ApiKey, FormerKey
from combos.admission import credential, peer
from combos.permissions import check_address
from combos.refusals import WrongAddress
from health import lockouts
from health.models import PolicyName
from health.words import span
from providers.api_access import ApiRefusal

log = logging.getLogger(__name__)

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class NotIdentified(ApiRefusal):
    status = 401
    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("This needs a login, or an API key with the admin scope as “Authorization: Bearer <key>”.")


class ClientKey(ApiRefusal):
    status = 403
    code = "admin_scope_needed"

    def __init__(self) -> None:
        super().__init__(
            "This key has no scope for the management API; `manage.py apikey create NAME --admin` makes one that has."
        )


class ReadingKey(ApiRefusal):
    status = 403
    code = "manage_scope_needed"

    def __init__(self, method: str) -> None:
        super().__init__(f"This key has the scope `read`, which is for GET alone; {method} needs the scope `manage`.")


class ForeignAddress(ApiRefusal):
    status = 403
    code = "address_not_allowed"


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
        row = row_of(key, now())
    except NotIdentified:
        _count_against(peer(request.META))
        raise
    _check_address(row, request)
    _check_scope(row, request)
    last_use.note_call(row, now())
    return row.owner or Installation()


def _check_address(row: ApiKey, request: HttpRequest) -> None:
    try:
        check_address(networks_of(row.ip_ranges), request.META)
    except WrongAddress as wrong:
        raise ForeignAddress(wrong.message) from None


def _check_scope(row: ApiKey, request: HttpRequest) -> None:
    if row.is_admin:
        return
    if not row.opens_management:
        raise ClientKey
    if request.method not in SAFE:
        raise ReadingKey(str(request.method))


def _count_against(address: str) -> None:
    """Raises LockedOut where enough are counted already."""
    identifier = f"address {address} at /api"
    seconds = lockouts.check_stored(identifier)
    if seconds is not None:
        raise LockedOut(address, seconds)
    lockouts.failed_stored(PolicyName.MANAGEMENT_KEY, identifier)


def row_of(key: str, moment: datetime) -> ApiKey:
    """Unknown, disabled and expired keys take the same steps: one look-up of the digest, of now or of before.

    Only the log tells them apart. Raises NotIdentified.
    """
    digest = keys.digest(key)
    is_it = Q(digest=digest) | Q(pk__in=FormerKey.objects.filter(digest=digest, ends_at__gt=moment).values("api_key"))
    row = ApiKey.objects.filter(is_it).select_related("owner").first()
    why_not = _why_not(row, moment)
    if row is None or why_not:
        log.info("a key at /api was refused: %s", why_not)
        raise NotIdentified
    return row


def _why_not(row: ApiKey | None, moment: datetime) -> str:
    """ "" for a good one."""
    if row is None:
        return "it is unknown"
    if row.expires_at is not None and row.expires_at <= moment:
        return f"{row.name!r} expired at {row.expires_at.isoformat()}"
    is_on = row.is_active and (row.owner is None or row.owner.is_active)
    return "" if is_on else f"{row.name!r} or its owner is switched off"
