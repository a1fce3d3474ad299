"""The pages Usage and Costs: what was used, by whom and where, and what it was worth."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models import DailyUsage
from billing.reports.costs_page import costs_facts
from billing.reports.usage_page import usage_facts
from providers.dashboard import OneView

PURPOSE_OF_COSTS = _("What was paid, beside what the same tokens cost at list price, and how far budgets have got.")


@admin.register(DailyUsage)
class UsageAdmin(OneView):
    purpose = _("What went through the gateway, by day and by whom. Click a name to see it alone.")

    def get_urls(self) -> list[URLPattern]:
        costs = path("costs/", self.admin_site.admin_view(self.costs), name="billing_dailyusage_costs")
        return [costs, *super().get_urls()]

    def overview(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, "billing/usage.html", title=gettext("Usage"), **usage_facts(request))

    def costs(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        facts = costs_facts(request) | {"purpose": PURPOSE_OF_COSTS}
        return self.page(request, "billing/costs.html", title=gettext("Costs"), **facts)
