"""The forms of API keys: what one is, and for how long its former secret stays good when it is rotated."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from billing.api_keys.keys import GRACE
from billing.api_keys.rights import SELF_SERVICE, Given, NotYours, check_change, manages_every_key
from billing.api_keys.rules import Scope
from billing.forms.lists import ListField
from billing.models import ApiKey

GRACES = [
    (0, _("none: the former secret ends now")),
    (3600, _("1 hour")),
    (86_400, _("24 hours")),
    (7 * 86_400, _("7 days")),
    (30 * 86_400, _("30 days")),
]
SCOPES = {
    Scope.INFERENCE: _("Ask models, list them, count tokens: /v1"),
    Scope.READ: _("Read the management API: GET at /api, as its owner"),
    Scope.MANAGE: _("Change everything the owner may, over /api. Never give such a key to a client."),
}


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """`actor` is who fills it in; what they may not give away is an error at its field."""

    actor: Any = None

    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        initial=[Scope.INFERENCE.value],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        error_messages={"required": _("Tick at least one, or switch the key off.")},
    )
    allowed_models = ListField(
        label=_("Models"),
        placeholder="openai/gpt-5\nanthropic/*",
        help_text=_(
            "One on a line: prefix/model, prefix/* for all of a provider, the name of a combo or an alias, or any "
            "pattern with * and ?. A combo that is named brings what it routes to. Empty: every model."
        ),
    )
    allowed_providers = ListField(
        label=_("Providers"),
        placeholder="openai\nanthropic",
        help_text=_("One on a line, by id or prefix. Whatever the model, only these are asked. Empty: every provider."),
    )
    ip_ranges = ListField(
        label=_("Addresses"),
        placeholder="203.0.113.7\n10.0.0.0/8",
        help_text=_(
            "From where it may be used: one address or range on a line. It is the address that connects to this "
            "server; behind a proxy, that is the proxy's. Empty: from everywhere."
        ),
    )

    class Meta:
        model = ApiKey
        fields = (
            "name",
            "scopes",
            "allowed_models",
            "allowed_providers",
            "ip_ranges",
            "requests_per_minute",
            "tokens_per_minute",
            "max_concurrent",
            "expires_at",
            "owner",
            "team",
            "is_active",
        )
        help_texts = {
            "name": _("What it is for, or whose: “laptop”, “nightly tests”."),
            "requests_per_minute": _("Empty: no limit."),
            "tokens_per_minute": _("In and out together. Empty: no limit."),
            "max_concurrent": _("How many requests may run at the same time. Empty: no limit."),
            "expires_at": _("From that second on it is refused, in UTC. Empty: never."),
            "owner": _("It is switched off with this user, and at /api acts as this user."),
            "team": _("Its budgets count what the key spends, beside the key's and the owner's own."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "scopes" in self.fields:
            self.fields["scopes"].choices = self._scopes()  # type: ignore[attr-defined]

    def _scopes(self) -> list[tuple[str, Any]]:
        """Those that who fills it in can give, and those that the key has."""
        has = set(self.instance.scopes)
        everything = self.actor is None or manages_every_key(self.actor)
        return [(scope.value, said) for scope, said in SCOPES.items() if everything or scope in SELF_SERVICE | has]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.actor is not None and "scopes" in cleaned:
            self._check_rights(cleaned)
        return cleaned

    def _check_rights(self, cleaned: dict[str, Any]) -> None:
        is_new = self.instance._state.adding
        before = Given.by_nothing_yet(self.actor) if is_new else Given.by(self.instance)
        after = Given(
            frozenset(cleaned["scopes"]),
            _pk(cleaned["owner"]) if "owner" in cleaned else before.owner,
            _pk(cleaned["team"]) if "team" in cleaned else before.team,
        )
        try:
            check_change(self.actor, before, after)
        except NotYours as refused:
            self.add_error(refused.field if refused.field in self.fields else None, refused.message)


def _pk(row: Any) -> int | None:
    return row.pk if row else None


class RotationForm(forms.Form):
    grace = forms.TypedChoiceField(
        label=_("For how long the former secret stays good"),
        choices=GRACES,
        coerce=int,
        initial=int(GRACE.total_seconds()),
        widget=forms.Select(attrs={"class": "omni-input"}),
    )

    def length(self) -> timedelta:
        return timedelta(seconds=self.cleaned_data["grace"])
