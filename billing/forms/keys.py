"""The form of API keys."""

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.models import ApiKey


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    is_admin = forms.BooleanField(
        label=_("admin scope"),
        required=False,
        help_text=_("Opens the management API. Never give such a key to a client."),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "owner", "expires_at", "is_active")
