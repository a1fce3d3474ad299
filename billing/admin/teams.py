"""The page of teams."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.budgets import standing
from billing.budgets.bars import block
from billing.models import Team
from providers.dashboard import Page
from providers.wording import ago


@admin.register(Team)
class TeamAdmin(Page):
    purpose = _("Keys that are paid for together. A team's budgets count what all of its keys spend.")
    empty_title = _("No teams yet")
    empty_text = _("Make one, put keys into it on their own pages, then give it a budget.")
    empty_button = _("Add a team")
    list_display = ("name", "its_keys", "its_budgets", "created")
    search_fields = ("name",)
    ordering = ("name",)
    readonly_fields = ("its_keys", "budgets", "created")

    def get_fieldsets(self, request: HttpRequest, obj: Team | None = None) -> Any:
        of_it = [(_("Money"), {"fields": ["its_keys", "budgets"]}), (_("Dates"), {"fields": ["created"]})]
        return [(None, {"fields": ["name"]}), *(of_it if obj else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        rows: QuerySet[Team] = super().get_queryset(request)
        return rows.annotate(
            number_of_keys=Count("api_keys", distinct=True), number_of_budgets=Count("budgets", distinct=True)
        )

    @display(description=_("keys"), ordering="number_of_keys")
    def its_keys(self, team: Any) -> SafeString:
        url = reverse("admin:billing_apikey_changelist")
        return format_html(
            '<a class="omni-link" href="{}?team__id__exact={}">{}</a>', url, team.pk, team.number_of_keys
        )

    @display(description=_("budgets"), ordering="number_of_budgets")
    def its_budgets(self, team: Any) -> int:
        return int(team.number_of_budgets)

    @display(description=_("budgets that apply"))
    def budgets(self, team: Team) -> SafeString:
        return block(standing.of_team(team.pk), linked=True)

    @display(description=_("created"), ordering="created_at")
    def created(self, team: Team) -> SafeString | str:
        return ago(team.created_at)
