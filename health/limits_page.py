"""The Limits page: what each connection may be asked, beside what all of them may; one edits its own in a form."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from health import snapshot
from health.models import ConnectionLimit, RateLimitDefaults
from health.slots import NO_LIMITS
from providers.models import ProviderConnection

ROWS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is obeyed, and whether it is the connection's own."""

    number: int | None
    is_own: bool


@dataclass(frozen=True, slots=True)
class Line:
    connection: ProviderConnection
    name: str
    is_enabled: bool
    cells: tuple[Cell, Cell, Cell]
    """Requests per minute, the gap in milliseconds, requests at once."""


def line_of(connection: ProviderConnection, defaults: RateLimitDefaults) -> Line:
    row: ConnectionLimit | None = getattr(connection, "limit", None)
    limits = snapshot.limits_of(row, defaults) if row else snapshot.limits_for_all(defaults)
    own = row or ConnectionLimit()
    obeyed = (limits.requests_per_minute, limits.gap_ms, limits.concurrent)
    said = (own.requests_per_minute, own.min_gap_ms, own.max_concurrent)
    cells = [Cell(number, mine is not None) for number, mine in zip(obeyed, said, strict=True)]
    name = f"{connection.provider.name}: {connection.name}"
    return Line(connection, name, own.is_enabled, (cells[0], cells[1], cells[2]))


def _connections() -> QuerySet[ProviderConnection]:
    return ProviderConnection.objects.select_related("provider", "limit").order_by("provider__name", "priority", "name")


def limited(most: int) -> list[Line]:
    """The connections that may not be asked everything."""
    defaults: RateLimitDefaults = RateLimitDefaults.load()
    connections = _connections()
    if snapshot.limits_for_all(defaults) == NO_LIMITS:
        any_number = Q(limit__requests_per_minute__gt=0) | Q(limit__min_gap_ms__gt=0) | Q(limit__max_concurrent__gt=0)
        connections = connections.filter(any_number, limit__is_enabled=True)
    else:
        connections = connections.exclude(limit__is_enabled=False)
    return [line_of(connection, defaults) for connection in connections[:most]]


class LimitForm(forms.ModelForm):  # type: ignore[type-arg]
    """Each empty field shows the number that holds instead."""

    class Meta:
        model = ConnectionLimit
        fields = ("is_enabled", "requests_per_minute", "min_gap_ms", "max_concurrent")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        defaults: RateLimitDefaults = RateLimitDefaults.load()
        for name in self.fields.keys() - {"is_enabled"}:
            number = getattr(defaults, name)
            said = gettext("no limit") if number is None else gettext("%(number)d, as for all") % {"number": number}
            self.fields[name].widget.attrs["placeholder"] = said


class LimitsPage(ModelAdmin):
    purpose = _("What each connection may be asked. Requests wait their turn, or go to another connection.")
    change_form_before_template = "providers/purpose_of_form.html"
    change_form_show_cancel_button = True
    form = LimitForm
    fields = LimitForm.Meta.fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ConnectionLimit | None = None) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ConnectionLimit | None:
        """By the connection, which may have no limits of its own yet."""
        try:
            connection = ProviderConnection.objects.select_related("provider", "limit").get(pk=UUID(object_id))
        except (ValueError, ProviderConnection.DoesNotExist):
            return None
        return getattr(connection, "limit", None) or ConnectionLimit(connection=connection)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        defaults: RateLimitDefaults = RateLimitDefaults.load()
        found = Paginator(_connections(), ROWS_PER_PAGE).get_page(request.GET.get("p"))
        context = self.admin_site.each_context(request) | {
            "title": gettext("Limits"),
            "purpose": self.purpose,
            "defaults": defaults,
            "rows": found,
            "lines": [line_of(connection, defaults) for connection in found],
        }
        return TemplateResponse(request, "health/limits.html", context)
