"""The pages of API keys."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from billing import keys as api_keys
from billing.forms.keys import KeyForm
from billing.models import ApiKey, Scope
from providers.dashboard import Switchable
from providers.wording import ago, chip, on_off

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
        made, request.issued_key = api_keys.create(  # type: ignore[attr-defined]
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
