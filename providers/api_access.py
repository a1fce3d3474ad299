"""Job: what every router of the management API asks of its caller, and how it says no.

Law: an operation without a permission is closed to everybody (`nobody`, the API's default). Who the caller is, is not
decided here: it stands in `request.user` before an operation runs (`omniroute_site.api_access`).

    ApiRefusal            status, code, message, param
    +-- NotPermitted  403   known, but not allowed
    +-- Missing       404   no such row, or none the caller may see
"""

from collections.abc import Callable
from typing import NoReturn

from django.http import HttpRequest


class ApiRefusal(Exception):
    """Why the management API does not do what it was asked; `omniroute_site.api` makes the answer of it."""

    status = 400
    code = "bad_request"
    retry_after: float | None = None
    """Seconds."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class NotPermitted(ApiRefusal):
    status = 403
    code = "permission_denied"


class Missing(ApiRefusal):
    status = 404
    code = "not_found"


def needs(permission: str) -> Callable[[HttpRequest], object]:
    """The `auth` of an operation: the caller must have this permission of Django's, such as `billing.add_apikey`."""

    def check(request: HttpRequest) -> object:
        if not request.user.has_perm(permission):
            raise NotPermitted(f"This needs the permission {permission}, which an Owner can give in the dashboard.")
        return request.user

    return check


def nobody(request: HttpRequest) -> NoReturn:
    """The `auth` of an operation that forgot to name its permission."""
    raise NotPermitted(f"{request.method} {request.path} is open to nobody: it names no permission.")
