"""Who may sign up: nobody. Users are made by an Owner, in the dashboard. And who guesses passwords is locked out.

The lock is on a name from an address, so that nobody locks another out from elsewhere. While it holds, a right password
does not help: it could be a guess.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from combos.admission import peer
from health import lockouts
from health.models import PolicyName
from health.words import span

LONGEST_NAME = 150


class InvitationOnly(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        super().pre_authenticate(request, **credentials)
        _refuse(lockouts.check_stored(_identifier(request, credentials)))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            lockouts.forgive_stored(_identifier(request, credentials))
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        _refuse(lockouts.failed_stored(PolicyName.LOGIN, _identifier(request, credentials)))


def _identifier(request: HttpRequest, credentials: dict[str, Any]) -> str:
    name = str(credentials.get("username") or credentials.get("email") or "")
    return f"login {name[:LONGEST_NAME].lower()} from {peer(request.META)}"


def _refuse(seconds: float | None) -> None:
    """Raises ValidationError while it is refused."""
    if seconds is not None:
        said = _("Too many wrong passwords. Try again in %(span)s, or ask an Owner to unlock you under Health.")
        raise ValidationError(said % {"span": span(seconds)}, code="locked_out")
