"""The pages on health: what is wrong now, limits, profiles, and who is locked out under which policy."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from health import orders
from health.cooldowns import RATE_LIMIT_SECONDS
from health.forms import ProfileForm
from health.health_page import HealthPage
from health.limits_page import LimitsPage
from health.models import (
    Breaker,
    ConnectionLimit,
    Lockout,
    LockoutPolicy,
    ProviderProfile,
    RateLimitDefaults,
)
from health.numbers import NUMBERS
from health.profiles import DEFAULTS, ProfileClass
from health.words import span
from providers.dashboard import Page, SingletonPage, Switchable
from providers.models import Provider
from providers.wording import ago, chip, clipped, on_off

admin.site.register(Breaker, HealthPage)
admin.site.register(ConnectionLimit, LimitsPage)

OF = {number.column: number.of for number in NUMBERS}


@admin.register(RateLimitDefaults)
class RateLimitDefaultsAdmin(SingletonPage):
    purpose = _("What a connection may be asked that has no limits of its own, and how requests wait for room.")
    change_form_show_cancel_button = True
    fields = ("requests_per_minute", "min_gap_ms", "max_concurrent", "queue_length", "queue_seconds")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Where one is led after saving or closing the form: to the page that shows what it says."""
        super().changelist_view(request, extra_context)
        return redirect("admin:health_connectionlimit_changelist")


@admin.register(ProviderProfile)
class ProviderProfileAdmin(Page):
    purpose = _("How patient OmniRoute is with failing providers: by how one logs in, and for those that differ.")
    empty_title = _("No profiles")
    empty_text = _("Without one, the product's own numbers hold. A profile of a provider overrides some of them.")
    empty_button = _("Override for a provider")
    change_form_show_cancel_button = True
    form = ProfileForm
    list_display = ("about", "breaker_opens", "breaker_stays", "after_error", "after_limit", "longest", "jitter")
    list_select_related = ("provider",)
    search_fields = ("provider__name", "provider__slug")
    ordering = (F("provider__name").asc(nulls_first=True), "-profile_class")
    fieldsets = (
        (None, {"fields": ("provider",)}),
        (_("Breaker: the provider is left alone"), {"fields": (("failure_threshold", "breaker_ms"),)}),
        (
            _("Rests: one connection is left alone"),
            {"fields": (("transient_cooldown_ms", "rate_limit_cooldown_ms"), ("rate_limit_sensitivity",))},
        ),
        (
            _("Each further rest is longer"),
            {"fields": (("backoff_base", "backoff_maximum_ms"), ("longest_backoff_level", "jitter_percent"))},
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: ProviderProfile | None = None) -> Any:
        return self.fieldsets[1:] if obj and obj.profile_class else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderProfile | None = None) -> tuple[str, ...]:
        return ("provider",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ProviderProfile | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.profile_class)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        options.setdefault("queryset", Provider.objects.filter(profile=None).order_by("name"))
        return super().formfield_for_foreignkey(db_field, request, **options)

    @display(description=_("whose"))
    def about(self, row: ProviderProfile) -> SafeString:
        if row.profile_class:
            return format_html("{} {}", chip(_("class")), row.get_profile_class_display())
        assert row.provider is not None
        return clipped(row.provider.name)

    @display(description=_("breaker opens after"))
    def breaker_opens(self, row: ProviderProfile) -> str:
        failures = said(row, "failure_threshold")
        if failures == 0:
            return gettext("never")
        return ABOVE if failures is None else gettext("%(count)d failures") % {"count": failures}

    @display(description=_("stays open"))
    def breaker_stays(self, row: ProviderProfile) -> str:
        return seconds(said(row, "breaker_ms"))

    @display(description=_("rest after an error"))
    def after_error(self, row: ProviderProfile) -> str:
        return seconds(said(row, "transient_cooldown_ms"))

    @display(description=_("rest after a 429"))
    def after_limit(self, row: ProviderProfile) -> str:
        shown = said(row, "rate_limit_cooldown_ms")
        return seconds(RATE_LIMIT_SECONDS * 1000 if shown == 0 else shown)

    @display(description=_("longest rest"))
    def longest(self, row: ProviderProfile) -> str:
        return seconds(said(row, "backoff_maximum_ms"))

    @display(description=_("jitter"))
    def jitter(self, row: ProviderProfile) -> str:
        percent = said(row, "jitter_percent")
        return ABOVE if percent is None else f"{percent} %"


ABOVE = "—"
"""As the class says."""


def said(row: ProviderProfile, column: str) -> int | float | Decimal | None:
    """By the row; where a class leaves it empty, by the product. None: a provider that leaves it to its class."""
    number: int | Decimal | None = getattr(row, column)
    if number is None and row.profile_class:
        return OF[column](DEFAULTS[ProfileClass(row.profile_class)])
    return number


def seconds(milliseconds: Any) -> str:
    return ABOVE if milliseconds is None else gettext("%(seconds)s s") % {"seconds": f"{milliseconds / 1000:g}"}


@admin.register(LockoutPolicy)
class LockoutPolicyAdmin(Switchable):
    purpose = _("Who fails again and again is refused for a while. A valid API key is accepted all the same.")
    empty_title = _("The product's own policies hold")
    empty_text = _("Five failures within five minutes refuse for fifteen minutes.")
    change_form_show_cancel_button = True
    switch = "is_enabled"
    list_display = ("about", "failures", "within", "refused_for", "state")
    ordering = ("name",)
    actions = ("enable", "disable")
    fields = ("about", "is_enabled", "failures", "window_seconds", "lock_seconds")
    readonly_fields = ("about",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LockoutPolicy | None = None) -> bool:
        return False

    @display(description=_("about"), ordering="name")
    def about(self, row: LockoutPolicy) -> str:
        return row.get_name_display()

    @display(description=_("within"), ordering="window_seconds")
    def within(self, row: LockoutPolicy) -> str:
        return str(timedelta(seconds=row.window_seconds))

    @display(description=_("refused for"), ordering="lock_seconds")
    def refused_for(self, row: LockoutPolicy) -> str:
        return str(timedelta(seconds=row.lock_seconds))

    @display(description=_("state"), ordering="is_enabled")
    def state(self, row: LockoutPolicy) -> SafeString:
        return on_off(row.is_enabled, _("enabled"), _("disabled"))

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[LockoutPolicy]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: nobody is refused under it"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[LockoutPolicy]) -> None:
        self.set_switch(request, queryset, False)


@admin.register(Lockout)
class LockoutAdmin(Page):
    purpose = _("Who failed lately, how often, and who is refused for it.")
    empty_title = _("Nobody failed lately")
    empty_text = _("Whoever sends wrong API keys or passwords appears here. How many are too many, the policies say.")
    empty_button = _("Lockout policies")
    empty_needs_add = False
    list_display = ("who", "about", "failures", "state", "last_failure")
    list_display_links = None
    list_filter = ("policy",)
    search_fields = ("identifier",)
    ordering = ("-last_seen",)
    actions = ("unlock",)

    def empty_link(self) -> str:
        return reverse("admin:health_lockoutpolicy_changelist")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Lockout | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Lockout | None = None) -> bool:
        return False

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("health.add_healthorder")

    @display(description=_("who"), ordering="identifier")
    def who(self, row: Lockout) -> SafeString:
        return clipped(row.identifier)

    @display(description=_("about"), ordering="policy")
    def about(self, row: Lockout) -> str:
        return row.get_policy_display()

    @display(description=_("state"), ordering="locked_until")
    def state(self, row: Lockout) -> SafeString:
        left = (row.locked_until - timezone.now()).total_seconds() if row.locked_until else 0.0
        if left <= 0:
            return chip(_("counted"))
        return chip(gettext("refused %(span)s") % {"span": span(left)}, "bad")

    @display(description=_("last failure"), ordering="last_seen")
    def last_failure(self, row: Lockout) -> SafeString | str:
        return ago(row.last_seen)

    @action(description=_("Unlock: they may try again at once"), permissions=["unlock"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Lockout]) -> None:
        for row in queryset:
            orders.unlock(row.identifier, request.user.get_username())
        self.message_user(request, gettext("Unlocked. Every worker follows within a second."))
