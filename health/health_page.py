"""The Health page: what is open, resting or refused now, each with the button that ends it, and one that ends it all.

What a button does is told on a page of its own first, with the object and the effect, and done by a POST from there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from health import limits_page, orders, present, storage
from health.breaker import BreakerState
from health.models import Deed, Lockout
from providers.dashboard import OneView
from providers.models import Provider, ProviderConnection

MOST_ROWS = 50
"""Of a card. What ends soonest comes first."""
GIVES_ORDERS = "health.add_healthorder"


@dataclass(frozen=True, slots=True)
class Wish:
    """A deed on something that is there: what it is called, what it will do, and the deed."""

    title: str
    effect: str
    button: str | Promise
    carry_out: Callable[[str], object]
    """With the name of who wants it."""


class HealthPage(OneView):
    purpose = _("What is left alone right now, and until when. A restart forgets none of it; a button here does.")

    def overview(self, request: HttpRequest) -> HttpResponse:
        asked = request.POST if request.method == "POST" else request.GET
        if "deed" in asked:
            return self._deed(request, asked)
        return self.page(request, "health/health.html", title=gettext("Health"), **_facts(request))

    def _deed(self, request: HttpRequest, asked: QueryDict) -> HttpResponse:
        if not request.user.has_perm(GIVES_ORDERS):
            raise PermissionDenied
        wish = wish_of(asked)
        if wish is None:
            self.message_user(request, gettext("That is not there any more: nothing is left to do."))
        elif request.method == "POST":
            wish.carry_out(request.user.get_username())
            self.message_user(
                request, gettext("Done: %(deed)s. Every worker follows within a second.") % {"deed": wish.title}
            )
        else:
            return self.page(request, "health/confirm.html", title=wish.title, wish=wish, asked=asked.items())
        return redirect("admin:health_breaker_changelist")


def _facts(request: HttpRequest) -> dict[str, Any]:
    breakers = sorted(present.breakers(), key=lambda each: (each.state == BreakerState.CLOSED, each.provider.name))
    return {
        "breakers": breakers[:MOST_ROWS],
        "breakers_count": len(breakers),
        "trouble_count": sum(each.state != BreakerState.CLOSED for each in breakers),
        "cooldowns": list(present.cooldowns(MOST_ROWS)),
        "cooldowns_count": present.resting().count(),
        "lockouts": list(present.lockouts(MOST_ROWS)),
        "lockouts_count": present.refused().count(),
        "limited": limits_page.limited(MOST_ROWS),
        "storage": storage.look(),
        "may_order": request.user.has_perm(GIVES_ORDERS),
    }


def wish_of(asked: QueryDict) -> Wish | None:
    """None where it names nothing that is there."""
    wish = _WISHES.get(asked.get("deed", ""))
    return wish(asked) if wish else None


def _reset_all(asked: QueryDict) -> Wish:
    effect = gettext(
        "Breakers that close: %(breakers)d. Cooldowns that end: %(cooldowns)d. Identifiers that are let in again: "
        "%(lockouts)d. Every provider is asked as if nothing had happened; those that still fail are soon left alone."
    )
    count = {
        "breakers": present.not_closed().count(),
        "cooldowns": present.resting().count(),
        "lockouts": present.refused().count(),
    }
    return Wish(gettext("Reset everything"), effect % count, _("Reset everything"), orders.reset_all)


def _close(asked: QueryDict) -> Wish | None:
    provider = Provider.objects.filter(pk=asked.get("provider", "")).first()
    if provider is None:
        return None
    return Wish(
        gettext("Close the breaker of %(provider)s") % {"provider": provider.name},
        gettext("Requests reach %(provider)s again at once. If it still fails, its breaker opens again.")
        % {"provider": provider.name},
        _("Close the breaker"),
        lambda by: orders.close_breaker(provider, by),
    )


def _end(asked: QueryDict) -> Wish | None:
    connection, model = _connection(asked.get("connection", "")), asked.get("model", "")
    if connection is None:
        return None
    what = f"{connection}: {model}" if model else str(connection)
    return Wish(
        gettext("End the cooldown of %(what)s") % {"what": what},
        gettext("It is asked again at once, though the provider may still refuse. If it does, it rests again."),
        _("End the cooldown"),
        lambda by: orders.end_cooldowns(connection, model, by),
    )


def _connection(pk: str) -> ProviderConnection | None:
    try:
        return ProviderConnection.objects.select_related("provider").filter(pk=UUID(pk)).first()
    except ValueError:
        return None


def _unlock(asked: QueryDict) -> Wish | None:
    row = Lockout.objects.filter(identifier=asked.get("identifier", "")).first()
    if row is None:
        return None
    return Wish(
        gettext("Unlock %(identifier)s") % {"identifier": row.identifier},
        gettext("It may try again at once, and its failures are counted from nothing."),
        _("Unlock"),
        lambda by: orders.unlock(row.identifier, by),
    )


_WISHES: Mapping[str, Callable[[QueryDict], Wish | None]] = {
    Deed.RESET_ALL.value: _reset_all,
    Deed.CLOSE_BREAKER.value: _close,
    Deed.END_COOLDOWN.value: _end,
    Deed.UNLOCK.value: _unlock,
}
