"""The pages on routing: combos with their targets, and what every request obeys."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from combos.forms import TargetForm, TargetFormSet
from combos.models import Combo, ComboTarget, GatewaySettings
from providers.dashboard import PlainChoices, SingletonPage, Switchable
from providers.wording import ago, on_off

SHOWN_TARGETS = 4
THEN = mark_safe(' <span class="omni-then">→</span> ')


class TargetInline(PlainChoices, TabularInline):
    model = ComboTarget
    form = TargetForm
    formset = TargetFormSet
    fields = ("position", "model", "connection")
    ordering_field = "position"
    hide_ordering_field = True
    extra = 0
    min_num = 1
    verbose_name_plural = _("targets: the first that can answer, does")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field: Any = super().formfield_for_foreignkey(db_field, request, **options)
        if db_field.name == "connection" and field is not None:
            field.queryset = field.queryset.select_related("provider")
            field.empty_label = _("Any connection")
        return field


@admin.register(Combo)
class ComboAdmin(Switchable):
    purpose = _("Names of your own that clients use as the model. Behind each stand targets, asked in order.")
    empty_title = _("No combos yet")
    empty_text = _("A combo keeps answering when one provider does not: give it a name and two models.")
    empty_button = _("Make a combo")
    switch = "is_enabled"
    list_display = ("name", "chain", "state", "changed")
    list_filter = ("is_enabled",)
    search_fields = ("name", "targets__model")
    ordering = ("name",)
    actions = ("enable", "disable")
    fields = ("name", "is_enabled")
    inlines = (TargetInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Combo]:
        return Combo.objects.prefetch_related("targets")

    @display(description=_("targets, in order"))
    def chain(self, combo: Combo) -> SafeString:
        targets = list(combo.targets.all())
        shown = [(target.model,) for target in targets[:SHOWN_TARGETS]]
        links = format_html_join(THEN, '<code class="omni-code">{}</code>', shown)
        more = len(targets) - len(shown)
        return format_html("{} {}", links, f"+{more}") if more else links

    @display(description=_("state"), ordering="is_enabled")
    def state(self, combo: Combo) -> SafeString:
        return on_off(combo.is_enabled, _("enabled"), _("disabled"))

    @display(description=_("changed"), ordering=F("updated_at"))
    def changed(self, combo: Combo) -> SafeString | str:
        return ago(combo.updated_at)

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Combo]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: requests for them are refused"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Combo]) -> None:
        self.set_switch(request, queryset, False)


@admin.register(GatewaySettings)
class GatewaySettingsAdmin(SingletonPage):
    purpose = _("What every request obeys: how long it may be, how often it is tried, what is remembered of it.")
