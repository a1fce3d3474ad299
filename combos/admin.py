"""The pages on routing: combos with their targets, aliases, fallback chains, and what every request obeys."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from billing.figures import count, percent
from combos import chains, ready_made, suggestions
from combos.forms import (
    AliasForm,
    ComboForm,
    RoutingForm,
    StepForm,
    StepFormSet,
    TargetForm,
    TargetFormSet,
    has_too_many,
)
from combos.models import Combo, ComboTarget, FallbackChain, FallbackStep, GatewaySettings, ModelAlias, RoutingSettings
from combos.ready_made import READY_MADE, ReadyMade
from combos.strategies import Strategy
from combos.targets import WrongTargets
from combos.watch import explain_page, metrics, rehearsal_page
from combos.what_if import page as simulation_page
from combos.wildcards import is_wild
from providers.dashboard import PlainChoices, SingletonPage, Switchable
from providers.wording import ago, chip, clipped, on_off

SHOWN_TARGETS = 4
THEN = mark_safe(' <span class="omni-then">→</span> ')


def in_order(models: list[tuple[str, str]]) -> SafeString:
    """The first few models, each with what is to be said of it, and how many more there are."""
    shown = models[:SHOWN_TARGETS]
    links = format_html_join(THEN, '<code class="omni-code">{}{}</code>', shown)
    more = len(models) - len(shown)
    return format_html("{} {}", links, f"+{more}") if more else links


class NamesModels(Switchable):
    """A form whose fields offer the names of models and combos."""

    change_form_after_template = "combos/names.html"

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        context |= {"names": suggestions.targets(), "names_list": suggestions.ELEMENT}
        return super().render_change_form(request, context, *args, **options)


class TargetInline(PlainChoices, TabularInline):
    model = ComboTarget
    form = TargetForm
    formset = TargetFormSet
    fields = ("model", "connection", "weight", "position")
    ordering_field = "position"
    hide_ordering_field = True
    hide_title = True
    extra = 0
    min_num = 1
    template_before = "combos/weights.html"
    verbose_name_plural = _("targets: models, or other combos")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        field: Any = super().formfield_for_foreignkey(db_field, request, **options)
        if db_field.name == "connection" and field is not None:
            field.queryset = field.queryset.select_related("provider")
            field.empty_label = _("Any connection")
            field.choices = list(field.choices)  # Read once, or each row would ask the database.
        return field


@admin.register(Combo)
class ComboAdmin(NamesModels):
    purpose = _("Names of your own that clients use as the model. Behind each stand targets; a strategy orders them.")
    empty_title = _("No combos yet")
    empty_text = _("A combo keeps answering when one provider does not: give it a name and two models.")
    empty_button = _("Make a combo")
    switch = "is_enabled"
    form = ComboForm
    list_display = ("name", "strategy_chip", "chain", "day", "state", "changed")
    list_filter = ("is_enabled", "strategy")
    search_fields = ("name", "targets__model")
    ordering = ("name",)
    actions = ("enable", "disable")
    actions_list = ("ready_made",)
    change_form_outer_before_template = "combos/combo_figures.html"

    fieldsets = (
        (None, {"fields": ("name", "is_enabled", "strategy")}),
        (
            _("Advanced"),
            {
                "classes": ("collapse",),
                "description": _("What is left empty is as the routing settings say."),
                # One a row: only then does Django unfold them where one is wrong.
                "fields": (
                    "max_retries",
                    "retry_delay_ms",
                    "timeout_ms",
                    "concurrency_per_model",
                    "queue_timeout_ms",
                    "skips_unhealthy",
                ),
            },
        ),
    )
    inlines = (TargetInline,)

    class Media:
        js = ("omniroute/combo.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Combo]:
        return metrics.with_day(Combo.objects.prefetch_related("targets"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("explain/", view(self.explain_view), name="combos_combo_explain"),
            path("what-if/", view(self.what_if_view), name="combos_combo_what_if"),
            path("<uuid:pk>/test/", view(self.rehearse_view), name="combos_combo_rehearse"),
            *super().get_urls(),
        ]

    def explain_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = explain_page.facts(explain_page.form_of(request))
        shown = found.get("combo")
        context = self.admin_site.each_context(request) | {
            "title": gettext("Explain"),
            "purpose": gettext("Who would answer a request now, in which order, and why. Nothing is sent."),
            "combo_row": Combo.objects.filter(name=shown.name).first() if shown else None,
        }
        return TemplateResponse(request, "combos/explain.html", context | found)

    def what_if_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("billing.view_usagerecord"):
            raise PermissionDenied
        found = simulation_page.facts(request)
        if request.GET.get("format") == "csv" and "report" in found:
            return simulation_page.download(found["report"])
        context = self.admin_site.each_context(request) | {
            "title": gettext("What if"),
            "purpose": gettext("What recorded requests would have cost otherwise. Nothing is sent or changed."),
        }
        return TemplateResponse(request, "combos/what_if.html", context | found)

    def rehearse_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        combo = get_object_or_404(Combo, pk=pk)
        context = self.admin_site.each_context(request) | {
            "title": gettext("Test of %(name)s") % {"name": combo.name},
            "opts": self.opts,
            "combo": combo,
            "results": None,
        }
        found = rehearsal_page.results(combo) if request.method == "POST" else {}
        return TemplateResponse(request, "combos/rehearsal.html", context | found)

    def get_inlines(self, request: HttpRequest, obj: Combo | None) -> Any:
        return () if has_too_many(obj) else self.inlines

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        combo = context.get("original")
        context["default_strategy"] = RoutingSettings.load().strategy
        context["figures"] = metrics.of(combo) if combo else None
        context["has_too_many"] = has_too_many(combo)
        return super().render_change_form(request, context, *args, **options)

    @display(description=_("strategy"), ordering="strategy")
    def strategy_chip(self, combo: Combo) -> SafeString:
        return chip(Strategy(combo.strategy).label) if combo.strategy else chip(_("default"))

    @display(description=_("targets"))
    def chain(self, combo: Combo) -> SafeString:
        said = gettext(" (weight %(weight)d)") if combo.strategy == Strategy.WEIGHTED else ""
        return in_order(
            [(target.model, said % {"weight": target.weight} if said else "") for target in combo.targets.all()]
        )

    @display(description=_("last 24 h"), ordering="day_requests")
    def day(self, combo: Any) -> SafeString | str:
        """What came of the requests of a day, and the way to them."""
        if not combo.day_requests:
            return gettext("no requests")
        link = f"{reverse('admin:billing_usagerecord_changelist')}?{urlencode({'combo': combo.name, 'window': '24h'})}"
        ok, went_on = combo.day_successes / combo.day_requests, combo.day_fallbacks / combo.day_requests
        number = gettext("%(count)s requests") % {"count": count(combo.day_requests)}
        said = gettext("%(ok)s ok, %(went_on)s fell back") % {"ok": percent(ok), "went_on": percent(went_on)}
        shown = '<a class="omni-link" href="{}">{}</a> <span class="omni-quiet omni-under">{}</span>'
        return format_html(shown, link, number, said)

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

    @action(description=_("Ready-made combos"), url_path="ready-made", permissions=["add"])
    def ready_made(self, request: HttpRequest) -> HttpResponse:
        """The guide's combos, each with the button that makes it."""
        wanted = READY_MADE.get(request.POST.get("name", ""))
        if wanted is not None and (made := self._make(request, wanted)):
            return redirect("admin:combos_combo_change", made.pk)
        existing = {row.name: row.pk for row in Combo.objects.filter(name__in=READY_MADE)}
        context = self.admin_site.each_context(request) | {
            "title": gettext("Ready-made combos"),
            "opts": self.opts,
            "rows": [(each, existing.get(each.name)) for each in ready_made.ALL],
        }
        return TemplateResponse(request, "combos/ready_made.html", context)

    def _make(self, request: HttpRequest, wanted: ReadyMade) -> Combo | None:
        try:
            made = ready_made.make(wanted)
        except (ValidationError, WrongTargets) as refusal:
            why = " ".join(refusal.messages) if isinstance(refusal, ValidationError) else str(refusal)
            self.message_user(request, why, messages.ERROR)
            return None
        self.log_addition(request, made, [{"added": {}}])
        self.message_user(request, gettext("“%(name)s” is made. Connect its providers.") % {"name": made.name})
        return made


@admin.register(ModelAlias)
class ModelAliasAdmin(NamesModels):
    purpose = _("Other names for models and combos: what a client asks for on the left, who answers on the right.")
    empty_title = _("No aliases yet")
    empty_text = _("An alias lets a tool keep the model name it insists on: gpt-* can mean a model of your choice.")
    empty_button = _("Add an alias")
    switch = "is_enabled"
    form = AliasForm
    list_display = ("title", "answered_by", "kind", "state")
    list_filter = ("is_enabled",)
    search_fields = ("pattern", "target")
    ordering = ("pattern",)
    actions = ("enable", "disable")
    fields = AliasForm.Meta.fields

    @display(description=_("pattern"), ordering="pattern")
    def title(self, alias: ModelAlias) -> SafeString:
        return clipped(alias.pattern)

    @display(description=_("target"), ordering="target")
    def answered_by(self, alias: ModelAlias) -> SafeString:
        return clipped(alias.target)

    @display(description=_("kind"))
    def kind(self, alias: ModelAlias) -> SafeString:
        return chip(_("pattern"), "warn") if is_wild(alias.pattern) else chip(_("one name"))

    @display(description=_("state"), ordering="is_enabled")
    def state(self, alias: ModelAlias) -> SafeString:
        return on_off(alias.is_enabled, _("enabled"), _("disabled"))

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ModelAlias]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: the names mean themselves again"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ModelAlias]) -> None:
        self.set_switch(request, queryset, False)


class StepInline(PlainChoices, TabularInline):
    model = FallbackStep
    form = StepForm
    formset = StepFormSet
    fields = ("model", "is_enabled", "position")
    ordering_field = "position"
    hide_ordering_field = True
    hide_title = True
    extra = 0
    min_num = 1
    verbose_name_plural = _("models, in order")


@admin.register(FallbackChain)
class FallbackChainAdmin(NamesModels):
    purpose = _("Who answers when everything a request named has failed. Models that were asked already are left out.")
    empty_title = _("No fallback chains yet")
    empty_text = _("A chain stands behind every request, or behind those for some models: its models are asked last.")
    empty_button = _("Make a fallback chain")
    switch = "is_enabled"
    list_display = ("title", "chain", "scope", "position", "state")
    list_filter = ("is_enabled",)
    search_fields = ("name", "pattern", "steps__model")
    ordering = ("position", "name")
    actions = ("enable", "disable")
    fields = ("name", "pattern", "position", "is_enabled")
    inlines = (StepInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FallbackChain]:
        return FallbackChain.objects.prefetch_related("steps")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"position": chains.next_position()}

    @display(description=_("name"), ordering="name")
    def title(self, chain: FallbackChain) -> SafeString:
        return clipped(chain.name)

    @display(description=_("models, in order"))
    def chain(self, chain: FallbackChain) -> SafeString:
        return in_order([(step.model, "" if step.is_enabled else gettext(" (off)")) for step in chain.steps.all()])

    @display(description=_("only for"), ordering="pattern")
    def scope(self, chain: FallbackChain) -> SafeString:
        return clipped(chain.pattern) if chain.pattern else chip(_("every request"))

    @display(description=_("state"), ordering="is_enabled")
    def state(self, chain: FallbackChain) -> SafeString:
        return on_off(chain.is_enabled, _("enabled"), _("disabled"))

    @action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[FallbackChain]) -> None:
        self.set_switch(request, queryset, True)

    @action(description=_("Disable: their models are not asked"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[FallbackChain]) -> None:
        self.set_switch(request, queryset, False)


@admin.register(RoutingSettings)
class RoutingSettingsAdmin(SingletonPage):
    purpose = _("In which order a provider's connections are asked, and what combos do that say nothing of their own.")
    form = RoutingForm
    fieldsets = (
        (
            _("Connections of one provider"),
            {"fields": ("account_strategy", "sticky_limit", "keeps_conversations", "affinity_minutes")},
        ),
        (
            _("Combos, unless they say otherwise"),
            {
                "fields": (
                    "strategy",
                    "max_retries",
                    "retry_delay_ms",
                    "timeout_ms",
                    "concurrency_per_model",
                    "queue_timeout_ms",
                    "skips_unhealthy",
                )
            },
        ),
        (_("Every request"), {"fields": ("total_seconds",)}),
    )

    class Media:
        js = ("omniroute/combo.js",)


@admin.register(GatewaySettings)
class GatewaySettingsAdmin(SingletonPage):
    purpose = _("What every request obeys: how long it may be, how often it is tried, what is remembered of it.")
