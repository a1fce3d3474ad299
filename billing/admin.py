"""The pages on money: API keys, requests, prices, budgets."""

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.db.models import F, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from billing import days, keys
from billing.budgets import window
from billing.figures import milliseconds, money, tokens
from billing.forms import KeyForm, PricingForm, sample_costs
from billing.models import ApiKey, Budget, CostSource, Period, PriceSource, Pricing, Scope, UsageRecord
from billing.requests import (
    ComboFilter,
    KeyFilter,
    OutcomeFilter,
    ProviderFilter,
    WindowFilter,
    ending,
    fell_back,
    outcome,
)
from billing.spending import with_spent
from billing.story import events
from providers.dashboard import Page, Switchable
from providers.wording import ago, chip, clipped, on_off

MANAGES_EVERY_KEY = "billing.view_every_apikey"


class ScopeFilter(admin.SimpleListFilter):
    title = _("scope")
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("manage", _("admin")), ("client", _("client"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        manages = Q(scopes__icontains=Scope.MANAGE.value)
        found = {"manage": queryset.filter(manages), "client": queryset.exclude(manages)}
        return found.get(self.value() or "", queryset)


@admin.register(ApiKey)
class ApiKeyAdmin(Switchable):
    form = KeyForm
    purpose = _("What your clients send. A key is shown once, when it is made; only its digest is kept.")
    empty_title = _("No API keys yet")
    empty_text = _("A client needs a key to ask for a model, unless it runs on this machine and keys are not required.")
    empty_button = _("Make an API key")
    list_display = ("name", "shown", "owner_name", "scope", "state", "expires", "created")
    list_filter = ("is_active", ScopeFilter)
    list_select_related = ("owner",)
    search_fields = ("name", "shown_prefix", "owner__username")
    ordering = ("-created_at",)
    actions = ("enable", "disable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return ApiKey.objects.visible_to(request.user)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        everybody = ["owner", "is_admin"] if request.user.has_perm(MANAGES_EVERY_KEY) else []
        return ["name", *everybody, "expires_at", *(["is_active", "shown", "created_at"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """What a key may do and whose it is stays as it was made: make another key instead."""
        return ("owner", "is_admin", "shown", "created_at") if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        return {"owner": request.user.pk} | super().get_changeform_initial_data(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        alone = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**alone, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        wishes = form.cleaned_data
        made, request.issued_key = keys.create(  # type: ignore[attr-defined]
            wishes["name"],
            owner=wishes.get("owner") if "owner" in form.fields else request.user,  # type: ignore[arg-type]
            is_admin=wishes["is_admin"] and request.user.has_perm(MANAGES_EVERY_KEY),
            expires_at=wishes.get("expires_at"),
        )
        obj.pk = made.pk
        obj.refresh_from_db()

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The one page that ever shows the key: it is in this response and nowhere else."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Your new API key"),
            "opts": self.opts,
            "api_key": obj,
            "key": request.issued_key,  # type: ignore[attr-defined]
            "base_url": settings.BASE_URL + "/v1",
        }
        headers = {"Cache-Control": "no-store"}
        return TemplateResponse(request, "billing/api_key_issued.html", context, headers=headers)

    @display(description=_("key"))
    def shown(self, key: ApiKey) -> SafeString:
        return format_html('<code class="omni-code">{}…</code>', key.shown_prefix)

    @display(description=_("owner"), ordering="owner__username")
    def owner_name(self, key: ApiKey) -> str:
        return key.owner.get_username() if key.owner else "—"

    @display(description=_("scope"))
    def scope(self, key: ApiKey) -> SafeString:
        return chip(_("admin"), "warn") if key.is_admin else chip(_("client"))

    @display(description=_("state"), ordering="is_active")
    def state(self, key: ApiKey) -> SafeString:
        if key.expires_at and key.expires_at <= timezone.now():
            return chip(_("expired"), "bad")
        return on_off(key.is_active, _("active"), _("disabled"))

    @display(description=_("expires"), ordering="expires_at")
    def expires(self, key: ApiKey) -> SafeString | str:
        return ago(key.expires_at) if key.expires_at else str(_("never"))

    @display(description=_("created"), ordering="created_at")
    def created(self, key: ApiKey) -> SafeString | str:
        return ago(key.created_at)

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: requests with them are refused"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self.set_switch(request, queryset, False)


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
    list_filter = (WindowFilter, OutcomeFilter, ComboFilter, ProviderFilter, KeyFilter)
    search_fields = ("request_id__startswith", "model_asked", "model")
    search_help_text = _("Request id or model")
    ordering = ("-started_at",)
    sortable_by = ("time", "cost", "total")
    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True
    change_form_template = "billing/request.html"
    actions = None

    def empty_link(self) -> str:
        return reverse("admin:index")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageRecord]:
        return UsageRecord.objects.visible_to(request.user)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        record = context["original"]
        context |= {"title": _("Request"), "outcome": outcome(record), "ending": ending(record)}
        context |= {"fell_back": fell_back(record), "events": events(record)}
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


@admin.register(Pricing)
class PricingAdmin(Page):
    purpose = _("US dollars for a million tokens. A price you save here stays as you set it.")
    empty_title = _("No prices yet")
    empty_text = _(
        "The shipped ones arrive with “manage.py sync_catalogue”. Without a price, a request's cost is unknown."
    )
    empty_button = _("Add a price")
    form = PricingForm
    list_display = ("model_name", "input_price", "output_price", "cache_read", "cache_write", "source_chip", "as_of")
    list_filter = ("source", "provider")
    list_select_related = ("provider",)
    search_fields = ("model_id", "provider__name", "provider__prefix")
    ordering = ("provider__name", "model_id")
    readonly_fields = ("sample", "source", "as_of")
    fieldsets = (
        (None, {"fields": ("provider", "model_id", "input_per_million", "output_per_million")}),
        (
            _("Where they differ"),
            {"fields": ("cache_read_per_million", "cache_write_per_million", "reasoning_per_million")},
        ),
        (_("For example"), {"fields": ("sample", "source", "as_of")}),
    )

    def save_model(self, request: HttpRequest, obj: Pricing, form: Any, change: bool) -> None:
        obj.source, obj.as_of = PriceSource.OPERATOR, timezone.now().date()
        super().save_model(request, obj, form, change)

    @display(description=_("model"), ordering="model_id")
    def model_name(self, price: Pricing) -> str:
        return f"{price.provider.prefix}/{price.model_id}"

    @display(description=_("input, per 1M"), ordering="input_per_million")
    def input_price(self, price: Pricing) -> str:
        return money(price.input_per_million)

    @display(description=_("output, per 1M"), ordering="output_per_million")
    def output_price(self, price: Pricing) -> str:
        return money(price.output_per_million)

    @display(description=_("cache read, per 1M"), ordering="cache_read_per_million")
    def cache_read(self, price: Pricing) -> str:
        return "—" if price.cache_read_per_million is None else money(price.cache_read_per_million)

    @display(description=_("cache write, per 1M"), ordering="cache_write_per_million")
    def cache_write(self, price: Pricing) -> str:
        return "—" if price.cache_write_per_million is None else money(price.cache_write_per_million)

    @display(description=_("source"), ordering="source")
    def source_chip(self, price: Pricing) -> SafeString:
        return chip(PriceSource(price.source).label, "good" if price.source == PriceSource.OPERATOR else "plain")

    @display(description=_("sample"))
    def sample(self, price: Pricing) -> str:
        return render_to_string("billing/sample_cost.html", sample_costs(price))


@admin.register(Budget)
class BudgetAdmin(Page):
    purpose = _("The most a key may spend in a day, a week or a month, UTC. Above it, its requests are refused.")
    empty_title = _("No budgets yet")
    empty_text = _("Without a budget a key may spend without a limit.")
    empty_button = _("Add a budget")
    list_display = ("key_name", "period", "limit", "spent_so_far", "resets")
    list_filter = ("period",)
    list_select_related = ("api_key", "user", "team")
    search_fields = ("api_key__name", "api_key__shown_prefix")
    ordering = ("api_key__name", "period")
    autocomplete_fields = ("api_key",)
    fields = ("api_key", "period", "limit_usd")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        rows: QuerySet[Budget] = super().get_queryset(request)
        zone = days.time_zone()
        return with_spent(rows, timezone.now(), zone).annotate(zone=Value(zone.key))

    @display(description=_("API key"), ordering="api_key__name")
    def key_name(self, budget: Budget) -> str:
        return budget.subject_name

    @display(description=_("limit"), ordering="limit_usd")
    def limit(self, budget: Budget) -> str:
        return money(budget.limit_usd)

    @display(description=_("spent in this window"), ordering=F("spent"))
    def spent_so_far(self, budget: Any) -> str:
        share = min(100, int(100 * budget.spent / budget.limit_usd)) if budget.limit_usd else 100
        tone = "bad" if share >= 100 else "warn" if share >= 80 else "good"
        context = {"budget": budget, "share": share, "tone": tone}
        return render_to_string("billing/budget_bar.html", context)

    @display(description=_("starts anew"))
    def resets(self, budget: Any) -> SafeString | str:
        return ago(window(Period(budget.period), timezone.now(), ZoneInfo(budget.zone))[1])
