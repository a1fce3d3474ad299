"""The form of the money settings."""

from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelect2Widget

from billing.models import BillingSettings

NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/")


def time_zones() -> list[tuple[str, str]]:
    """By place, as people look for theirs; UTC first."""
    names = {name for name in available_timezones() if "/" in name and not name.startswith(NO_PLACES)}
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in sorted(names))]


class MoneySettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        widget=UnfoldAdminSelect2Widget,
        help_text=_(
            "Days, weeks and months of budgets and reports begin at midnight there. When it changes, the days whose "
            "requests are still kept are summed anew in the background; older days stay as they are."
        ),
    )

    class Meta:
        model = BillingSettings
        fields = ("time_zone", "allows_unknown_prices", "assumed_output_tokens", "usage_days", "body_days")
        help_texts = {
            "body_days": _(
                "Of prompts and answers, where ENABLE_REQUEST_LOGS keeps them. 0: as long as their request."
            ),
            "allows_unknown_prices": _(
                "Off: a request that counts against a budget is refused (403) where nobody knows what its model costs. "
                "On: it is sent, and counts as nothing against the budget."
            ),
        }

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        if "time_zone" in self.fields:
            self.fields["time_zone"].choices = self._zones()  # type: ignore[attr-defined]

    def _zones(self) -> list[tuple[str, str]]:
        """With the one that is set, also where it is no place or an older spelling."""
        zones, now = time_zones(), self.instance.time_zone
        return zones if any(name == now for name, _label in zones) else [*zones, (now, now)]
