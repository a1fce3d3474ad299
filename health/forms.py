"""The form of a profile: each empty field shows the number that holds instead."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from health import snapshot
from health.models import ProviderProfile
from health.numbers import NUMBERS
from health.profiles import DEFAULTS, Profile, ProfileClass
from providers.models import ProviderNode


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ProviderProfile
        fields = ("provider", *(number.column for number in NUMBERS))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        above = self._above()
        for number in NUMBERS:
            if number.column in self.fields:
                said = gettext("as its class says") if above is None else f"{number.of(above):g}"
                self.fields[number.column].widget.attrs["placeholder"] = said

    def _above(self) -> Profile | None:
        """What stands above the row; None while nobody knows whose it will be."""
        row: ProviderProfile = self.instance
        if row.profile_class:
            return DEFAULTS[ProfileClass(row.profile_class)]
        if row.provider_id is None:
            return None
        is_node = ProviderNode.objects.filter(slug=row.provider_id).exists()
        classes = snapshot.class_profiles(ProviderProfile.objects.filter(provider=None))
        return classes[snapshot.profile_class(row.provider_id, is_node)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "provider" in self.fields and not cleaned.get("provider") and "provider" not in self.errors:
            self.add_error("provider", gettext("Choose the provider that differs from its class."))
        is_empty = all(cleaned.get(number.column) is None for number in NUMBERS)
        if is_empty and not self.errors and not self.instance.profile_class:
            raise ValidationError(gettext("Set at least one number; a provider that sets none is as its class says."))
        return cleaned
