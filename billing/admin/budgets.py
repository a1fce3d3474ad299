"""The page of budgets."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import F, QuerySet, Value
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing import days
from billing.budgets import window
from billing.figures import money
from billing.models import Budget, Period
from billing.spending import with_spent
from providers.dashboard import Page
from providers.wording import ago


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
