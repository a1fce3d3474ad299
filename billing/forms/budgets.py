"""The form of budgets: one subject, the one that belongs to the level."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models import Budget, Level, Period
from billing.money import plain

SUBJECTS = {Level.KEY: "api_key", Level.USER: "user", Level.TEAM: "team"}
"""The field that says whom a budget of that level is for."""


class KeySelect(AutocompleteSelect):
    """Django's own asks the database for whatever was sent, which ends in an exception where that is no UUID."""

    def optgroups(self, name: Any, value: Any, attr: Any = None) -> Any:
        return super().optgroups(name, [each for each in value if _is_uuid(str(each))], attr)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Budget
        fields = ("level", *SUBJECTS.values(), "period", "limit_usd", "warn_percent")
        labels = {"limit_usd": _("Limit, US$"), "warn_percent": _("Warn at, % of the limit")}
        help_texts = {
            "level": _("Everybody together is all requests, also those without a key."),
            "period": _("In the time zone under Money settings; a week begins on Monday."),
            "limit_usd": _("With 0 nothing may be spent."),
            "warn_percent": _("From there on it stands under “Needs attention” at Home."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "limit_usd" in self.fields:
            self.fields["limit_usd"].widget.attrs |= {"min": "0", "step": "any", "inputmode": "decimal"}
        if self.instance.pk:
            self.initial["limit_usd"] = plain(self.instance.limit_usd)

    def clean(self) -> dict[str, Any] | None:
        """Fields of other levels are forgotten: they are not shown, and may be left from another choice."""
        cleaned = super().clean()
        if cleaned is None or "level" not in self.fields or "level" not in cleaned:
            self._check_alone(Level(self.instance.level))
            return cleaned
        level = Level(cleaned["level"])
        for other, name in SUBJECTS.items():
            if other is not level:
                cleaned[name] = None
        own = SUBJECTS.get(level)
        if own and not cleaned.get(own) and own not in self.errors:
            self.add_error(own, ValidationError(gettext("Say which one.")))
        self._check_alone(level)
        return cleaned

    def _check_alone(self, level: Level) -> None:
        """One budget for each subject and period."""
        name, period = SUBJECTS.get(level), self.cleaned_data.get("period")
        subject = self._subject(name) if name else None
        if not period or (name and not subject):
            return
        others = Budget.objects.filter(level=level, period=period, **({name: subject} if name else {}))
        if others.exclude(pk=self.instance.pk).exists():
            whose = subject or Level.GLOBAL.label
            phrase = gettext("%(whose)s has a %(period)s budget already. Change that one.")
            self.add_error("period", phrase % {"whose": whose, "period": str(Period(period).label).lower()})

    def _subject(self, name: str) -> Any:
        return self.cleaned_data.get(name) if name in self.fields else getattr(self.instance, name)
