"""Job: the Explain page: whom a request for a name would be sent to, in which order, and why others are passed over.

Law: it looks. Nothing is sent, no turn is taken. A name stands in the URL, so that an explanation can be shared; a
pasted request does not, since it may hold what nobody else should read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models import ApiKey
from combos import runtime, suggestions
from combos.gateway import Gateway
from combos.refusals import Refusal
from combos.strategies import MEANINGS, SHARES, Score
from combos.watch import explain
from combos.watch.explain import Explained, Explanation, State
from health.slots import SkipReason
from health.words import span
from providers.wording import Text
from translator.json_body import JsonBody, MalformedJson

NOT_SERVING = _("This process serves no requests yet, so it knows nothing of them. Send one to /v1, then ask again.")

TONES: Mapping[State, str] = {
    State.READY: "good",
    State.RESTING: "warn",
    State.WAITING: "warn",
    State.SKIPPED: "bad",
}

MOST_KEYS = 500
"""That are offered."""

READY = _("ready")
UNUSABLE = _("cannot be asked")
WORDS: Mapping[SkipReason, Text] = {
    SkipReason.BREAKER_OPEN: _("open, next probe"),
    SkipReason.PROBING: _("half-open, being probed"),
    SkipReason.COOLING: _("cooling"),
    SkipReason.RATE_LIMITED: _("at its limit"),
    SkipReason.FULL: _("full"),
    SkipReason.UNABLE: _("cannot do this"),
}

PARTS: Mapping[str, Text] = {
    "success": _("success"),
    "latency": _("speed"),
    "price": _("price"),
    "load": _("load"),
}


class QuestionForm(forms.Form):
    """A name alone, or a request whose own name for the model wins; and as which key. `user` sees keys of theirs."""

    model = forms.CharField(
        label=_("Model, alias or combo"),
        required=False,
        max_length=1000,
        widget=forms.TextInput(
            attrs={"class": "omni-input", "list": suggestions.ELEMENT, "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    key = forms.TypedChoiceField(
        label=_("As the key"),
        required=False,
        coerce=UUID,
        empty_value=None,
        widget=forms.Select(attrs={"class": "omni-input"}),
    )
    body = forms.CharField(
        label=_("Request"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"class": "omni-input omni-body", "rows": 8, "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["key"].choices = [("", _("any that is not restricted")), *_restricted_keys(user)]  # type: ignore[attr-defined]

    def clean_body(self) -> Mapping[str, Any]:
        text = self.cleaned_data["body"]
        try:
            return JsonBody.parse(text.encode()).value if text.strip() else {}
        except MalformedJson as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        named = cleaned.get("body", {}).get("model")
        if isinstance(named, str) and named:
            cleaned["model"] = named
        if not cleaned.get("model") and not self.errors:
            self.add_error("model", _("Name a model, an alias or a combo, as a client would."))
        return cleaned


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a score, in hundredths of the whole, beside the most that it can be."""

    name: Text
    points: int
    most: int


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate as the page shows it."""

    of: Explained
    word: Text
    tone: str
    left: str
    bars: tuple[Bar, ...]


def form_of(request: HttpRequest) -> QuestionForm:
    if request.method == "POST":
        return QuestionForm(request.POST, user=request.user)
    return QuestionForm(request.GET if "model" in request.GET else None, user=request.user)


def _restricted_keys(user: Any) -> list[tuple[str, str]]:
    if not user.has_perm("billing.view_apikey"):
        return []
    rows = ApiKey.objects.visible_to(user).exclude(allowed_models=[], allowed_providers=[]).order_by("name")
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:MOST_KEYS]]


def facts(form: QuestionForm) -> dict[str, Any]:
    """What the template needs: the answer, or why there is none."""
    shown: dict[str, Any] = {"form": form, "names": suggestions.names(), "names_list": suggestions.ELEMENT}
    if not form.is_bound or not form.is_valid():
        return shown
    model = form.cleaned_data["model"]
    shown["asked"] = model
    try:
        found = _explained(model, form.cleaned_data["body"], form.cleaned_data["key"])
    except runtime.NotServing:
        return shown | {"trouble": NOT_SERVING}
    except TimeoutError:
        return shown | {"trouble": gettext("It took longer than %(seconds)d s.") % {"seconds": explain.SECONDS}}
    except Refusal as refusal:
        return shown | {"trouble": refusal.message, "status": refusal.status}
    return shown | _told(found)


def _explained(model: str, body: Mapping[str, Any], key: UUID | None) -> Explanation:
    asked = explain.asked_for(model, body)

    def ask(gateway: Gateway) -> Any:
        return explain.explain(replace(asked, key=explain.key_of(key, gateway)), gateway)

    found: Explanation = runtime.from_thread(ask, explain.SECONDS)
    return found


def _told(found: Explanation) -> dict[str, Any]:
    rows = [row_of(each) for each in found.candidates]
    combo = found.route.combo
    return {
        "found": found,
        "combo": combo,
        "meaning": MEANINGS[combo.strategy] if combo else "",
        "order": [row for row in rows if row.of.position is not None],
        "skipped": [row for row in rows if row.of.position is None],
    }


def row_of(each: Explained) -> Row:
    left = span(each.seconds) if each.seconds else ""
    return Row(each, _word(each), TONES[each.state], left, _bars(each.score))


def _word(each: Explained) -> Text:
    if each.state is State.READY:
        return READY
    return WORDS[each.skip] if each.skip else UNUSABLE


def _bars(score: Score | None) -> tuple[Bar, ...]:
    if score is None:
        return ()
    return tuple(
        Bar(PARTS[name], round(100 * points), round(100 * SHARES[name])) for name, points in score.parts.items()
    )
