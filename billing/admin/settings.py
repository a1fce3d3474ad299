"""The page of the money settings."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing import money_settings
from billing.forms.settings import MoneySettingsForm
from billing.models import BillingSettings
from providers.dashboard import SingletonPage


@admin.register(BillingSettings)
class BillingSettingsAdmin(SingletonPage):
    purpose = _("When days begin, how strict budgets are, and how long requests are kept.")
    form = MoneySettingsForm
    fieldsets = (
        (None, {"fields": ("time_zone",)}),
        (_("Budgets"), {"fields": ("allows_unknown_prices", "assumed_output_tokens")}),
        (_("What is kept"), {"fields": ("usage_days", "body_days")}),
    )

    def save_model(self, request: HttpRequest, obj: BillingSettings, form: Any, change: bool) -> None:
        if money_settings.save(obj):
            words = gettext("Days begin at midnight in %(zone)s now. The sums of past days follow within minutes.")
            self.message_user(request, words % {"zone": obj.time_zone})
