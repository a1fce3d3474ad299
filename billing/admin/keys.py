"""The pages of API keys."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from billing.api_keys import keys as api_keys
from billing.api_keys.rights import NotYours, check_rotation, chooses_teams, manages_every_key
from billing.budgets import standing
from billing.budgets.bars import block
from billing.figures import count
from billing.forms.keys import KeyForm, RotationForm
from billing.models import ApiKey, Scope
from providers.dashboard import Switchable
from providers.wording import ago, chip, clipped, on_off

SCOPE_CHIPS = {
    Scope.INFERENCE: (_("models"), "plain"),
    Scope.READ: (_("read"), "plain"),
    Scope.MANAGE: (_("manage"), "warn"),
}
AS_TEXT = {
    "scopes": "scope",
    "allowed_models": "models_told",
    "allowed_providers": "providers_told",
    "ip_ranges": "addresses_told",
}
"""For who may only look, lists as text."""


class ScopeFilter(admin.SimpleListFilter):
    title = _("scope")
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("manage", _("manages")), ("read", _("reads the management API")), ("client", _("asks models only"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        manages = Q(scopes__icontains=Scope.MANAGE.value)
        reads = Q(scopes__icontains=Scope.READ.value)
        found = {
            "manage": queryset.filter(manages),
            "read": queryset.filter(reads),
            "client": queryset.exclude(manages | reads),
        }
        return found.get(self.value() or "", queryset)


@admin.register(ApiKey)
class ApiKeyAdmin(Switchable):
    form = KeyForm
    purpose = _("What your clients send. A key is shown once, when it is made or rotated; only its digest is kept.")
    empty_title = _("No API keys yet")
    empty_text = _("A client needs a key to ask for a model, unless it runs on this machine and keys are not required.")
    empty_button = _("Make an API key")
    change_form_outer_before_template = "billing/key_above_form.html"
    list_display = ("name", "shown", "payers", "scope", "limits", "state", "last_used", "expires")
    list_filter = ("is_active", ScopeFilter, "team")
    search_fields = ("name", "shown_prefix", "owner__username", "team__name")
    ordering = ("-created_at",)
    actions = ("enable", "disable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        visible = ApiKey.objects.visible_to(request.user)
        return visible.select_related("owner", "team").prefetch_related("former_keys")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("<uuid:pk>/rotate/", view(self.rotate_view), name="billing_apikey_rotate"), *super().get_urls()]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.list_filter if manages_every_key(request.user) else ("is_active", ScopeFilter)

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        is_looked_at = obj is not None and not self.has_change_permission(request, obj)
        may = [AS_TEXT[field] if is_looked_at else field for field in AS_TEXT]
        limits = ["requests_per_minute", "tokens_per_minute", "max_concurrent", "expires_at"]
        payers = self._payers(request, obj)
        return [
            (None, {"fields": ["name", *(["is_active", "last_used", "created"] if obj else [])]}),
            (_("What it may do"), {"fields": may}),
            (_("Limits"), {"fields": limits}),
            *([(_("Who pays"), {"fields": payers})] if payers else []),
            *([(_("Budgets"), {"fields": ["budgets"]})] if obj else []),
        ]

    def _payers(self, request: HttpRequest, obj: ApiKey | None) -> list[str]:
        if manages_every_key(request.user):
            return ["owner", "team"]
        return ["team"] if chooses_teams(request.user) or (obj and obj.team_id) else []

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        told = ("shown", "last_used", "created", "budgets", *AS_TEXT.values())
        return told if chooses_teams(request.user) else ("team", *told)

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        form.actor = request.user
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        return {"owner": request.user.pk} | super().get_changeform_initial_data(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        alone = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**alone, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        key = context.get("original")
        context["former_keys"] = good_former_keys(key) if key else []
        return super().render_change_form(request, context, *args, **options)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        wishes = form.cleaned_data
        if change:
            api_keys.change(obj, **{field: wishes[field] for field in form.changed_data if field in wishes})
            return
        facts: dict[str, Any] = {"owner": request.user} | wishes
        made, request.issued_key = api_keys.create(**facts)  # type: ignore[attr-defined]
        obj.pk = made.pk
        obj.refresh_from_db()

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        return self._told_once(request, obj, request.issued_key)  # type: ignore[attr-defined]

    def _told_once(self, request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
        """The one page that ever shows the key: it is in this response and nowhere else."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Your new API key"),
            "opts": self.opts,
            "api_key": key,
            "key": secret,
            "former_keys": good_former_keys(key),
            "base_url": settings.BASE_URL + "/v1",
        }
        headers = {"Cache-Control": "no-store"}
        return TemplateResponse(request, "billing/api_key_issued.html", context, headers=headers)

    # Rotation.

    def rotate_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Asks for the grace, then shows the new key; `revoke` ends the graces that run."""
        key = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_change_permission(request, key):
            raise PermissionDenied
        if request.method == "POST" and "revoke" in request.POST:
            return self._revoke(request, key)
        form = RotationForm(request.POST if request.method == "POST" else None)
        try:
            check_rotation(request.user, key)
            if form.is_valid():
                return self._rotate(request, key, form)
        except (NotYours, ValidationError, api_keys.AlreadyRotated) as refused:
            return self._rotation(request, key, form, _said(refused))
        return self._rotation(request, key, form, "")

    def _rotate(self, request: HttpRequest, key: ApiKey, form: RotationForm) -> HttpResponse:
        secret = api_keys.rotate(key, form.length())
        self.log_change(request, key, gettext("Rotated."))
        return self._told_once(request, get_object_or_404(self.get_queryset(request), pk=key.pk), secret)

    def _revoke(self, request: HttpRequest, key: ApiKey) -> HttpResponse:
        number = api_keys.revoke_former(key)
        self.log_change(request, key, gettext("Former secrets ended."))
        said = ngettext("%(number)d former secret has ended.", "%(number)d former secrets have ended.", number)
        self.message_user(request, said % {"number": number}, messages.SUCCESS)
        return redirect("admin:billing_apikey_change", key.pk)

    def _rotation(self, request: HttpRequest, key: ApiKey, form: RotationForm, trouble: str) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": gettext("Rotate %(name)s") % {"name": key.name},
            "opts": self.opts,
            "api_key": key,
            "form": form,
            "former_keys": good_former_keys(key),
            "trouble": trouble,
        }
        return TemplateResponse(request, "billing/rotate_key.html", context)

    # Columns.

    @display(description=_("key"))
    def shown(self, key: ApiKey) -> SafeString:
        return format_html('<code class="omni-code">{}…</code>', key.shown_prefix)

    @display(description=_("owner"), ordering="owner__username")
    def payers(self, key: ApiKey) -> SafeString:
        owner = key.owner.get_username() if key.owner else "—"
        team = format_html('<span class="omni-under omni-quiet">{}</span>', key.team.name) if key.team else ""
        return format_html("{}{}", clipped(owner), team)

    @display(description=_("may"))
    def scope(self, key: ApiKey) -> SafeString:
        found = [chip(*SCOPE_CHIPS[scope]) for scope in Scope if scope in key.scopes]
        if key.allowed_models or key.allowed_providers or key.ip_ranges:
            found.append(chip(_("restricted")))
        return format_html_join(" ", "{}", ((each,) for each in found))

    @display(description=_("limits"))
    def limits(self, key: ApiKey) -> str:
        told = (
            (key.requests_per_minute, _("%s requests/min")),
            (key.tokens_per_minute, _("%s tokens/min")),
            (key.max_concurrent, _("%s at once")),
        )
        return ", ".join(str(words) % count(number) for number, words in told if number) or "—"

    @display(description=_("state"), ordering="is_active")
    def state(self, key: ApiKey) -> SafeString:
        if key.expires_at and key.expires_at <= timezone.now():
            return chip(_("expired"), "bad")
        if key.owner and not key.owner.is_active:
            return chip(_("owner switched off"), "bad")
        if key.is_active and good_former_keys(key):
            return chip(_("rotating"), "warn")
        return on_off(key.is_active, _("active"), _("disabled"))

    @display(description=_("last used"), ordering="last_used_at")
    def last_used(self, key: ApiKey) -> SafeString | str:
        return ago(key.last_used_at) if key.last_used_at else gettext("never")

    @display(description=_("budgets that apply"))
    def budgets(self, key: ApiKey) -> SafeString:
        """Without links: a Member reads this, who may not open them."""
        return block(standing.holding(key), linked=False)

    @display(description=_("expires"), ordering="expires_at")
    def expires(self, key: ApiKey) -> SafeString | str:
        return ago(key.expires_at) if key.expires_at else gettext("never")

    @display(description=_("created"), ordering="created_at")
    def created(self, key: ApiKey) -> SafeString | str:
        return ago(key.created_at)

    @display(description=_("models"))
    def models_told(self, key: ApiKey) -> str:
        return ", ".join(key.allowed_models) or gettext("every model")

    @display(description=_("providers"))
    def providers_told(self, key: ApiKey) -> str:
        return ", ".join(key.allowed_providers) or gettext("every provider")

    @display(description=_("addresses"))
    def addresses_told(self, key: ApiKey) -> str:
        return ", ".join(key.ip_ranges) or gettext("from everywhere")

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: requests with them are refused"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self.set_switch(request, queryset, False)


def good_former_keys(key: ApiKey) -> list[Any]:
    """Of before a rotation, the last to end first."""
    now = timezone.now()
    return [former for former in key.former_keys.all() if former.ends_at > now]


def _said(refused: Exception) -> str:
    return " ".join(refused.messages) if isinstance(refused, ValidationError) else str(refused)
