"""The page of budgets."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import F, QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelect2Widget

from billing.budgets.bars import bar
from billing.budgets.spending import with_spent
from billing.budgets.standing import USED_UP, WARNED, Standing, standing
from billing.forms.budgets import SUBJECTS, BudgetForm, KeySelect
from billing.models import Budget, Level, Period
from billing.usage import days
from providers.dashboard import Page
from providers.wording import chip, clipped, countdown

STATES = {"used-up": USED_UP, "warned": WARNED, "fine": ~USED_UP & ~WARNED}


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("used-up", _("used up")), ("warned", _("nearly used up")), ("fine", _("enough left"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        state = STATES.get(self.value() or "")
        return queryset if state is None else queryset.filter(state)


@admin.register(Budget)
class BudgetAdmin(Page):
    purpose = _(
        "The most that a key, a user, a team or everybody together may spend in a day, a week or a month. "
        "A request counts against every one that applies to it, and is refused by the first that is used up."
    )
    empty_title = _("No budgets yet")
    empty_text = _("Without a budget everybody may spend without a limit.")
    empty_button = _("Add a budget")
    form = BudgetForm
    list_display = ("whom", "level_chip", "every", "spent_so_far", "resets")
    list_filter = ("level", "period", StateFilter)
    list_select_related = ("api_key", "user", "team")
    search_fields = ("api_key__name", "api_key__shown_prefix", "user__username", "team__name")
    ordering = ("level", "api_key__name", "user__username", "team__name", "period")
    conditional_fields = {
        "api_key": "level == 'key'",
        "user": "level == 'user'",
        "team": "level == 'team'",
    }
    change_form_show_cancel_button = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        rows: QuerySet[Budget] = super().get_queryset(request)
        zone = days.time_zone()
        return with_spent(rows, timezone.now(), zone).annotate(zone=Value(zone.key))

    def get_fields(self, request: HttpRequest, obj: Budget | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("level", *SUBJECTS.values(), "period", "limit_usd", "warn_percent")
        return ("whom", "level_chip", "period", "limit_usd", "warn_percent", "spent_so_far", "resets")

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> tuple[str, ...]:
        """Whom it is for stays as it was made: make another budget instead."""
        return ("whom", "level_chip", "spent_so_far", "resets") if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Users and teams are searched in the page itself: not everybody who sets budgets may list them elsewhere."""
        if db_field.name in ("user", "team"):
            options["widget"] = UnfoldAdminSelect2Widget()
        if db_field.name == "api_key":
            options["widget"] = KeySelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **options)

    @display(description=_("for"), ordering="level")
    def whom(self, budget: Budget) -> SafeString:
        return clipped(budget.subject_name)

    @display(description=_("level"), ordering="level")
    def level_chip(self, budget: Budget) -> SafeString:
        return chip(Level(budget.level).label)

    @display(description=_("period"), ordering="period")
    def every(self, budget: Budget) -> str:
        return str(Period(budget.period).label)

    @display(description=_("spent in this window"), ordering=F("spent"))
    def spent_so_far(self, budget: Any) -> SafeString:
        return bar(_standing(budget))

    @display(description=_("starts anew"))
    def resets(self, budget: Any) -> SafeString:
        ends = _standing(budget).ends
        moment = f"{ends:%Y-%m-%d %H:%M}"
        return format_html('{} <span class="omni-quiet">{} {}</span>', countdown(ends), moment, budget.zone)


def _standing(budget: Any) -> Standing:
    return standing(budget, timezone.now(), ZoneInfo(budget.zone))
