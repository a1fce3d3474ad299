"""The pages of requests: what came in and what became of it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator
from unfold.views import ChangeList

from billing.figures import milliseconds, money, tokens
from billing.models import CostSource, UsageRecord
from billing.reports import csv_export
from billing.reports.call_logs import HEADER, USUAL_TIME, piece_of
from billing.reports.requests import (
    BEGINS_AN_ID,
    SEARCHED_TIME,
    SORTED_TIMES,
    ComboFilter,
    KeyFilter,
    ModelFilter,
    OutcomeFilter,
    ProviderFilter,
    UserFilter,
    WindowFilter,
    ending,
    fell_back,
    outcome,
    searched,
)
from billing.reports.story import attempts, events
from billing.usage import logged_calls
from providers.dashboard import Page
from providers.wording import ago, chip, clipped


class RequestList(ChangeList):
    """In the order of time, unless the list is short enough to be sorted by something else."""

    def get_ordering_field(self, field_name: Any) -> Any:
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        ordering = super().get_ordering(request, queryset)
        return ["-started_at", "-pk"] if ordering == ["-pk"] else ordering


@admin.register(UsageRecord)
class UsageRecordAdmin(Page):
    purpose = _("Every request that came in, newest first: who asked, who answered, how long it took, what it cost.")
    empty_title = _("No requests yet")
    empty_text = _("Send the first one: the front page has the address and a command to try.")
    empty_button = _("Show me how")
    empty_needs_add = False
    list_display = (
        "time",
        "key",
        "asked",
        "answered",
        "outcome",
        "tokens_in_out",
        "cost",
        "first",
        "total",
        "streamed",
    )
    list_filter = (WindowFilter, OutcomeFilter, ComboFilter, ProviderFilter, ModelFilter, KeyFilter, UserFilter)
    search_fields = ("request_id", "model_asked", "model")
    search_help_text = _("Request id, or model within a week; for more choose a time")
    ordering = ("-started_at",)
    sortable_by = ("time", "cost", "total")
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True
    list_before_template = "billing/requests_head.html"
    change_form_template = "billing/request.html"
    actions = None

    def empty_link(self) -> str:
        return reverse("admin:index")

    def get_urls(self) -> list[URLPattern]:
        table = path("csv/", self.admin_site.admin_view(self.export), name="billing_usagerecord_csv")
        return [table, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows, as a table: of the last 30 days, unless a time is chosen."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        records = self.get_changelist_instance(request).get_queryset(request)
        if WindowFilter.parameter_name not in request.GET:
            records = records.filter(started_at__gte=timezone.now() - USUAL_TIME)
        return csv_export.response("requests", HEADER, piece_of(records))

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageRecord]:
        return UsageRecord.objects.visible_to(request.user)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return RequestList

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        is_short = request.GET.get(WindowFilter.parameter_name) in SORTED_TIMES
        return self.sortable_by if is_short else ("time",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UsageRecord], search_term: str
    ) -> tuple[QuerySet[UsageRecord], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        if not text.startswith(BEGINS_AN_ID) and not request.GET.get(WindowFilter.parameter_name):
            queryset = queryset.filter(started_at__gte=timezone.now() - SEARCHED_TIME)
        return queryset.filter(searched(text)), False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        record = context["original"]
        context |= {"title": _("Request"), "outcome": outcome(record), "ending": ending(record)}
        context |= {"fell_back": fell_back(record), "events": events(record), "attempts": attempts(record)}
        context |= logged_calls.shown(record, request.user)
        return super().render_change_form(request, context, *args, **options)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: UsageRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: UsageRecord | None = None) -> bool:
        return False

    @display(description=_("time"), ordering="started_at")
    def time(self, record: UsageRecord) -> SafeString | str:
        return ago(record.started_at)

    @display(description=_("API key"))
    def key(self, record: UsageRecord) -> SafeString:
        return clipped(record.api_key_name or _("no key"))

    @display(description=_("asked for"))
    def asked(self, record: UsageRecord) -> SafeString:
        return clipped(record.model_asked)

    @display(description=_("answered by"))
    def answered(self, record: UsageRecord) -> SafeString | str:
        if not record.provider:
            return str(_("nobody"))
        return clipped(f"{record.provider}/{record.model}")

    @display(description=_("outcome"))
    def outcome(self, record: UsageRecord) -> SafeString:
        return format_html("{} {}", outcome(record), fell_back(record))

    @display(description=_("tokens in / out"))
    def tokens_in_out(self, record: UsageRecord) -> SafeString:
        mark = chip(_("estimated"), "warn") if record.is_estimated else ""
        return format_html("{} / {} {}", tokens(record.input_tokens), tokens(record.output_tokens), mark)

    @display(description=_("cost"), ordering="cost_usd")
    def cost(self, record: UsageRecord) -> SafeString | str:
        if record.cost_source == CostSource.UNKNOWN:
            return chip(_("unknown price"), "warn")
        return format_html('<span title="${}">{}</span>', f"{record.cost_usd:f}", money(record.cost_usd))

    @display(description=_("first token"))
    def first(self, record: UsageRecord) -> str:
        return milliseconds(record.first_event_ms)

    @display(description=_("total"), ordering="total_ms")
    def total(self, record: UsageRecord) -> str:
        return milliseconds(record.total_ms)

    @display(description=_("streamed"))
    def streamed(self, record: UsageRecord) -> str:
        return str(_("yes")) if record.is_streaming else str(_("no"))
