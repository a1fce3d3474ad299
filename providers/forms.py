"""The forms of nodes and connections. They show errors at fields; the deeds in `connections` decide."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordToggleWidget

from providers.catalogue import catalogue
from providers.connections import prepare, why_not_by_key
from providers.models import Provider, ProviderConnection, ProviderNode
from providers.wording import exact


class NodeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ProviderNode
        fields = ("name", "prefix", "dialect", "base_url", "streaming", "allow_private_network", "is_enabled")
        help_texts = {
            "prefix": _("Clients write it before the slash: prefix/model. Two nodes cannot share one."),
            "dialect": _("The API the server offers. Clients may use any other one: what they send is translated."),
            "base_url": _(
                "For the OpenAI dialects up to and including /v1, for example http://localhost:11434/v1. "
                "For Anthropic and Gemini the version may be left out: /v1 and /v1beta are added."
            ),
            "allow_private_network": _(
                "Needed for addresses of this machine and of your own network (127.0.0.1, 10.x, 192.168.x). "
                "Leave it off for servers on the internet: then a name that starts to answer with a private address "
                "is refused. Addresses of cloud metadata services are refused always."
            ),
        }


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    api_key = forms.CharField(
        label=_("API key"),
        required=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )

    class Meta:
        model = ProviderConnection
        fields = ("provider", "name", "priority", "billing", "is_active")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "api_key" in self.fields:
            self.fields["api_key"].help_text = self._what_is_stored()
        if "billing" in self.fields:
            self.fields["billing"].required = False
            self._say_what_the_provider_does()
        if "provider" in self.fields:
            self._offer_connectable_providers()

    def _say_what_the_provider_does(self) -> None:
        provider = self.initial.get("provider") or self.instance.provider_id
        vendor = catalogue().get(str(provider))
        if provider and vendor and vendor.flat_rate:
            told = gettext("By default nothing: %(provider)s is a flat rate or free (%(cost)s).")
        elif provider:
            told = gettext("By default its list price: %(provider)s is paid by use.")
        else:
            told = gettext("By default what the catalogue says of the provider; a node of your own is paid by use.")
        names = {"provider": vendor.name if vendor else provider, "cost": vendor.cost if vendor else ""}
        self.fields["billing"].help_text = f"{told % names} {self.fields['billing'].help_text}"

    def _what_is_stored(self) -> str:
        if not self.instance.sealed_api_key:
            return gettext("Sealed when it is saved and never shown again. Nodes may go without one.")
        moment = exact(self.instance.updated_at)
        return gettext("Stored; last changed %(moment)s. Leave it empty to keep it.") % {"moment": moment}

    def _offer_connectable_providers(self) -> None:
        others = {row.pk: row.name for row in Provider.objects.all() if why_not_by_key(row)}
        field: Any = self.fields["provider"]
        field.queryset = Provider.objects.exclude(pk__in=others)
        field.help_text = gettext("Not offered, since they are connected by a login in the browser: %(names)s.") % {
            "names": ", ".join(others.values())
        }

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                prepare(self.instance, self.cleaned_data.get("api_key") or None)
            except ValidationError as error:
                self._show(error)

    def _show(self, error: ValidationError) -> None:
        """At its fields, or above the form where the form has no such field."""
        for name, messages in error.message_dict.items():
            self.add_error(name if name in self.fields else None, messages)
