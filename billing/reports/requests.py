"""Job: a request as the dashboard tells it: its outcome in words, and the filters of the list.

Law: reads only. The filters are in the URL and never look through the whole table for their choices.
"""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models import ApiKey, UsageAttempt, UsageRecord
from billing.reports.asked import LARGEST_ID
from billing.usage.rows import CLIENT_HUNG_UP
from providers.models import Provider
from providers.wording import chip

LATEST = 1000
"""Requests of which it is said which combos they asked for, and which models answered."""
MOST_CHOICES = 200

BAD = Q(status__gte=400)
"""Said with every such outcome, in these words, by which SQLite knows the index of those that failed."""
OUTCOMES: dict[str, tuple[str | Promise, Q]] = {
    "ok": (_("Ok"), Q(status__lt=400)),
    "hung-up": (_("Client hung up"), BAD & Q(status=CLIENT_HUNG_UP)),
    "refused": (_("Refused (4xx)"), BAD & Q(status__lt=500) & ~Q(status=CLIENT_HUNG_UP)),
    "failed": (_("Failed (5xx)"), BAD & Q(status__gte=500)),
    "fell-back": (_("Fell back"), Q(attempts__gt=1)),
}

WINDOWS: dict[str, tuple[str | Promise, timedelta]] = {
    "1h": (_("Last hour"), timedelta(hours=1)),
    "24h": (_("Last 24 hours"), timedelta(hours=24)),
    "7d": (_("Last 7 days"), timedelta(days=7)),
    "30d": (_("Last 30 days"), timedelta(days=30)),
}

BEGINS_AN_ID = "req_"
SEARCHED_TIME = timedelta(days=7)
"""How far back a part of a model's name is looked for, unless a time is chosen: no index knows of parts."""
SORTED_TIMES = frozenset({"1h", "24h", "7d"})
"""Within these a list may be sorted by what has no index: by cost, by how long it took."""
FAILED = Q(status__gte=400) & ~Q(status=CLIENT_HUNG_UP)


def outcome(record: UsageRecord | UsageAttempt) -> SafeString:
    """`ok`, `client hung up`, `failed 502`."""
    if record.status < 400:
        return chip(_("ok"), "good")
    if record.status == CLIENT_HUNG_UP:
        return chip(_("client hung up"), "warn")
    return chip(gettext("failed %(status)d") % {"status": record.status}, "bad")


def fell_back(record: UsageRecord) -> SafeString | str:
    """Whether more than one candidate was asked."""
    if record.attempts < 2:
        return ""
    attempts = gettext("%(count)d attempts") % {"count": record.attempts}
    return format_html('<span class="omni-chip omni-warn" title="{}">{}</span>', attempts, gettext("fell back"))


def ending(record: UsageRecord) -> str:
    """The last line of a request's story."""
    if record.status < 400:
        return gettext("the whole answer was there, status %(status)d") % {"status": record.status}
    if record.status == CLIENT_HUNG_UP:
        return gettext("the client hung up; what it had used by then is counted")
    return gettext("the client got status %(status)d") % {"status": record.status}


def id_begins(text: str) -> Q:
    """SQLite follows no index for LIKE, so it gets the same as a range; ids are of letters that come before `~`."""
    begins = Q(request_id__startswith=text)
    return begins & Q(request_id__gte=text, request_id__lt=f"{text}~") if connection.vendor == "sqlite" else begins


def searched(text: str) -> Q:
    """The beginning of an id, or a part of a model."""
    if text.startswith(BEGINS_AN_ID):
        return id_begins(text)
    return Q(model_asked__icontains=text) | Q(model__icontains=text)


class OutcomeFilter(admin.SimpleListFilter):
    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(name, words) for name, (words, _condition) in OUTCOMES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = OUTCOMES.get(self.value() or "")
        return queryset.filter(known[1]) if known else queryset


class WindowFilter(admin.SimpleListFilter):
    title = _("time")
    parameter_name = "window"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(name, words) for name, (words, _length) in WINDOWS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = WINDOWS.get(self.value() or "")
        return queryset.filter(started_at__gte=timezone.now() - known[1]) if known else queryset


class ProviderFilter(admin.SimpleListFilter):
    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Those with a connection; another, which was removed since, may be named in the URL."""
        connected = Provider.objects.filter(connections__isnull=False).distinct()
        choices = dict(connected.values_list("slug", "name"))
        if named := request.GET.get("provider"):
            choices.setdefault(named, named)
        return list(choices.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


class ComboFilter(admin.SimpleListFilter):
    title = _("combo")
    parameter_name = "combo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Those of the latest requests; another may be named in the URL."""
        latest = UsageRecord.objects.visible_to(request.user).order_by("-started_at").values_list("combo", flat=True)
        names = {*latest[:LATEST], request.GET.get("combo", "")} - {""}
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The second condition says what the index of combos is about, which SQLite does not conclude by itself."""
        return queryset.filter(combo=self.value()).exclude(combo="") if self.value() else queryset


class UserFilter(admin.SimpleListFilter):
    title = _("user")
    parameter_name = "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Only who sees others' requests has a choice."""
        if not request.user.has_perm("billing.view_every_usagerecord"):
            return []
        owners = ApiKey.objects.filter(owner__isnull=False).order_by("owner__username").distinct()
        return list(owners.values_list("owner_id", "owner__username")[:MOST_CHOICES])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        if not value:
            return queryset
        is_number = value.isascii() and value.isdigit() and int(value[:20]) <= LARGEST_ID
        return queryset.filter(user_id=int(value)) if is_number else queryset.none()


class ModelFilter(admin.SimpleListFilter):
    title = _("model")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Those that answered one of the latest requests; another may be named in the URL."""
        latest = UsageRecord.objects.visible_to(request.user).order_by("-started_at").values_list("model", flat=True)
        names = {*latest[:LATEST], request.GET.get("model", "")} - {""}
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(model=self.value()) if self.value() else queryset


class KeyFilter(admin.SimpleListFilter):
    title = _("API key")
    parameter_name = "key"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        keys = ApiKey.objects.visible_to(request.user).order_by("name")[:MOST_CHOICES]
        return [(key.shown_prefix, f"{key.name} ({key.shown_prefix}…)") for key in keys]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        keys = ApiKey.objects.visible_to(request.user).filter(shown_prefix=self.value())
        return queryset.filter(api_key_id__in=keys.values("pk"))
