"""The pages on whom we call: providers, nodes, connections, models, timeouts."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from providers.catalogue import LoginFlow, catalogue
from providers.connections import connect, next_priority, save_node, why_not_by_key
from providers.dashboard import Page, SingletonPage, Switchable
from providers.forms import ConnectionForm, NodeForm
from providers.models import Model, Provider, ProviderConnection, ProviderNode, Source, Tier, UpstreamSettings
from providers.snapshot import is_flat
from providers.wording import ago, chip, on_off

TIERS = Case(*(When(tier=tier, then=Value(place)) for place, tier in enumerate(Tier)), default=Value(99))


FLOWS = {
    LoginFlow.APIKEY: _("an API key"),
    LoginFlow.AUTHORIZATION_CODE: _("a login in the browser"),
    LoginFlow.DEVICE_CODE: _("a code entered in the browser"),
    LoginFlow.IMPORT: _("an imported login"),
    LoginFlow.NONE: _("nothing, it is built in"),
}


def count_of(model: type[Any], condition: Q | None = None) -> Coalesce:
    """How many rows of `model` a provider has, without multiplying joins."""
    rows = model.objects.filter(condition or Q(), provider=OuterRef("pk")).order_by().values("provider")
    return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), 0)


class ConnectionsInline(TabularInline):
    """A summary; connections are changed on their own pages."""

    model = ProviderConnection
    fields = readonly_fields = ("page", "priority", "is_active", "changed")
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = _("connections")

    @display(description=_("name"))
    def page(self, connection: ProviderConnection) -> SafeString:
        url = reverse("admin:providers_providerconnection_change", args=[connection.pk])
        return format_html('<a class="omni-link" href="{}">{}</a>', url, connection.name)

    @display(description=_("changed"))
    def changed(self, connection: ProviderConnection) -> SafeString | str:
        return ago(connection.updated_at)

    def has_add_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False


@admin.register(Provider)
class ProviderAdmin(Switchable):
    purpose = _("Everyone who can answer: the vendors OmniRoute ships with, and your own nodes.")
    empty_title = _("No providers yet")
    empty_text = _("The shipped ones arrive with “manage.py sync_catalogue”. A server of your own is a node.")
    empty_button = _("Add a node")
    empty_needs_add = False
    switch = "is_enabled"
    list_display = ("name", "tier_chip", "price_line", "quota_line", "prefix", "connected", "model_count", "state")
    list_filter = ("tier", "is_enabled")
    search_fields = ("name", "slug", "prefix")
    ordering = (TIERS, "name")
    actions = ("enable", "disable")
    readonly_fields = ("name", "prefix", "tier", "facts", "models_link")
    fieldsets = (
        (None, {"fields": ("name", "prefix", "tier", "is_enabled", "models_link")}),
        (_("From the catalogue"), {"fields": ("facts",)}),
    )
    inlines = (ConnectionsInline,)

    def empty_link(self) -> str:
        return reverse("admin:providers_providernode_add")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        active = Q(is_active=True)
        return rows.annotate(
            connections_active=count_of(ProviderConnection, active),
            connections_all=count_of(ProviderConnection),
            models_all=count_of(Model),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False

    @display(description=_("tier"), ordering=TIERS)
    def tier_chip(self, provider: Provider) -> SafeString:
        return chip(Tier(provider.tier).label)

    @display(description=_("price"))
    def price_line(self, provider: Provider) -> str:
        vendor = catalogue().get(provider.slug)
        return vendor.cost if vendor else "—"

    @display(description=_("quota"))
    def quota_line(self, provider: Provider) -> str:
        vendor = catalogue().get(provider.slug)
        return vendor.quota_line if vendor and vendor.quotas else "—"

    @display(description=_("connections"), ordering="connections_all")
    def connected(self, provider: Any) -> SafeString:
        if not provider.connections_all:
            return chip(_("not connected"))
        if not provider.connections_active:
            return chip(_("none active"), "warn")
        text = _("%(active)d of %(all)d active") % {
            "active": provider.connections_active,
            "all": provider.connections_all,
        }
        return chip(text, "good")

    @display(description=_("models"), ordering="models_all")
    def model_count(self, provider: Any) -> int:
        return int(provider.models_all)

    @display(description=_("state"), ordering="is_enabled")
    def state(self, provider: Provider) -> SafeString:
        return on_off(provider.is_enabled, _("enabled"), _("disabled"))

    @display(description=_("models"))
    def models_link(self, provider: Any) -> SafeString:
        url = reverse("admin:providers_model_changelist") + f"?provider__slug__exact={provider.pk}"
        text = _("%(count)d models") % {"count": provider.models_all}
        return format_html('<a class="omni-link" href="{}">{}</a>', url, text)

    @display(description="")
    def facts(self, provider: Provider) -> str:
        vendor = catalogue().get(provider.slug)
        flows = [login.label or FLOWS[login.flow] for login in vendor.logins] if vendor else []
        connectable = why_not_by_key(provider) is None
        context = {"vendor": vendor, "provider": provider, "flows": flows, "connectable": connectable}
        return render_to_string("providers/facts.html", context)

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: no request is sent there"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        self.set_switch(request, queryset, False)


@admin.register(ProviderNode)
class ProviderNodeAdmin(Page):
    purpose = _("Servers of your own: vLLM, Ollama, LiteLLM, a colleague's gateway. Any of the four dialects will do.")
    empty_title = _("No nodes yet")
    empty_text = _("Add the address of a server and the dialect it speaks; then add a connection to it.")
    empty_button = _("Add a node")
    form = NodeForm
    list_display = ("name", "prefix", "base_url", "dialect", "reach", "state")
    search_fields = ("name", "prefix", "base_url")
    ordering = ("name",)
    fields = NodeForm.Meta.fields

    @display(description=_("network"), ordering="allow_private_network")
    def reach(self, node: ProviderNode) -> SafeString:
        return chip(_("private allowed"), "warn") if node.allow_private_network else chip(_("public only"))

    @display(description=_("state"), ordering="is_enabled")
    def state(self, node: ProviderNode) -> SafeString:
        return on_off(node.is_enabled, _("enabled"), _("disabled"))

    def save_model(self, request: HttpRequest, obj: ProviderNode, form: Any, change: bool) -> None:
        save_node(obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], Any]:
        """A node is a provider too: who may delete the node may delete that row, though providers have no delete."""
        listed, counts, missing, protected = super().get_deleted_objects(objs, request)
        return listed, counts, missing - {Provider._meta.verbose_name}, protected


@admin.register(ProviderConnection)
class ProviderConnectionAdmin(Switchable):
    purpose = _("One row per login at a provider. Its key is sealed on arrival and never shown again.")
    empty_title = _("No connections yet")
    empty_text = _("A connection is a key for one provider. With it, requests to that provider's models are answered.")
    empty_button = _("Add a connection")
    form = ConnectionForm
    list_display = ("name", "provider", "priority", "state", "costs", "secret", "changed")
    list_filter = ("is_active", "provider")
    list_select_related = ("provider",)
    search_fields = ("name", "provider__name", "provider__prefix")
    ordering = ("provider__name", "priority", "created_at")
    actions = ("enable", "disable")
    fields = ("provider", "name", "api_key", "priority", "billing", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderConnection | None = None) -> tuple[str, ...]:
        """A stored key is never moved to another provider, which would then be sent it."""
        return ("provider",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        provider = Provider.objects.filter(pk=request.GET.get("provider", "")).first()
        if provider is None:
            return {}
        return {"provider": provider.pk, "name": provider.name, "priority": next_priority(provider)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        connect(obj, None)

    @display(description=_("state"), ordering="is_active")
    def state(self, connection: ProviderConnection) -> SafeString:
        return on_off(connection.is_active, _("active"), _("inactive"))

    @display(description=_("another request costs"))
    def costs(self, connection: ProviderConnection) -> SafeString:
        return chip(_("nothing"), "good") if is_flat(connection) else chip(_("list price"))

    @display(description=_("changed"), ordering="updated_at")
    def changed(self, connection: ProviderConnection) -> SafeString | str:
        return ago(connection.updated_at)

    @display(description=_("API key"))
    def secret(self, connection: ProviderConnection) -> SafeString:
        return chip(_("stored")) if connection.sealed_api_key else chip(_("none"))

    @action(description=_("Switch on"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ProviderConnection]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Switch off: no request is sent through them"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ProviderConnection]) -> None:
        self.set_switch(request, queryset, False)


@admin.register(Model)
class ModelAdmin(Switchable):
    purpose = _("What the providers serve. The catalogue's models are kept up to date; your own you may edit.")
    empty_title = _("No models yet")
    empty_text = _("The shipped ones arrive with “manage.py sync_catalogue”. Add those a node of yours serves.")
    empty_button = _("Add a model")
    switch = "is_enabled"
    list_display = ("full_name", "name", "kind", "context", "source_chip", "state")
    list_filter = ("is_enabled", "source", "kind", "provider")
    list_select_related = ("provider",)
    search_fields = ("model_id", "name", "provider__prefix", "provider__name")
    ordering = ("provider__name", "model_id")
    actions = ("enable", "disable")
    fields = ("provider", "model_id", "name", "kind", "context_window", "is_enabled", "source")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if obj and obj.source == Source.CATALOGUE:
            return ("provider", "model_id", "name", "kind", "context_window", "source")
        return ("source",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.source == Source.OPERATOR)

    @display(description=_("model"), ordering="model_id")
    def full_name(self, model: Model) -> str:
        return str(model)

    @display(description=_("context"), ordering="context_window")
    def context(self, model: Model) -> SafeString | str:
        if model.context_window is None:
            return "—"
        title = _("%(count)s tokens") % {"count": f"{model.context_window:,}"}
        return format_html('<span title="{}">{}K</span>', title, f"{model.context_window / 1000:,.0f}")

    @display(description=_("source"), ordering="source")
    def source_chip(self, model: Model) -> SafeString:
        return chip(Source(model.source).label, "good" if model.source == Source.OPERATOR else "plain")

    @display(description=_("state"), ordering="is_enabled")
    def state(self, model: Model) -> SafeString:
        return on_off(model.is_enabled, _("enabled"), _("disabled"))

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: not listed and not asked"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        self.set_switch(request, queryset, False)


@admin.register(UpstreamSettings)
class UpstreamSettingsAdmin(SingletonPage):
    purpose = _("How long to wait for providers before a request counts as failed. All in seconds.")
