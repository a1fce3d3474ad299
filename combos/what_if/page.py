"""Job: the What if page: a question in the URL, and what the recorded requests would have cost.

Law: it looks, and never takes seconds from the requests that this process serves (`combos.what_if.simulation.look`).
Prices that are pasted do not stand in the URL: they may be long.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import ApiKey, UsageRecord
from billing.usage import days
from billing.what_if import price_sheet
from billing.what_if.costs import Unfit
from billing.what_if.periods import USUAL, span_of
from billing.what_if.recorded import Selection
from combos import suggestions
from combos.strategies import Strategy
from combos.what_if.report import Report, chart_of, report_of
from combos.what_if.simulation import Found, Prices, Scenario, look, strategy_of
from combos.what_if.text import as_csv
from combos.what_if.words import WHY, assumptions_of, title_of

LENGTHS = [
    ("24h", _("Last 24 hours")),
    ("7d", _("Last 7 days")),
    (USUAL, _("Last 30 days")),
    ("90d", _("Last 90 days")),
    ("", _("The days below")),
]
STRATEGIES = [("", _("as it is")), *Strategy.choices]
PRICES = [
    (Prices.RECORDED.value, _("As recorded")),
    (Prices.TODAY.value, _("Today's, for everything")),
    (Prices.DEFAULT.value, _("Default list prices")),
]
SHOWN_KEYS = 200
SHOWN = 15
"""Lines of a table."""
INPUT = {"class": "omni-input", "autocomplete": "off", "spellcheck": "false"}
NAME = INPUT | {"list": suggestions.ELEMENT}
TICKS = ("no_cache", "at_list", "all_well")
CHANGES = ("to", "only", "strategy", "for_combo", "prices", *TICKS)
WHICH = ("since", "until", "key", "user", "combo", "provider", "model")


def _text(label: Any, attributes: dict[str, str] = INPUT) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=300, widget=forms.TextInput(attributes))


def _choice(label: Any, choices: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=choices, widget=forms.Select(INPUT))


def _day(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=30, widget=forms.DateInput(INPUT | {"type": "date"}))


class WhatIfForm(forms.Form):
    """`sheet` is pasted, and comes by POST alone."""

    last = _choice(_("Period"), LENGTHS)
    since = _day(_("From"))
    until = _day(_("To, that day too"))
    key = _choice(_("API key"), [("", _("any"))])
    user = _text(_("User"))
    combo = _text(_("Asked combo"))
    provider = _text(_("Answering provider"))
    model = _text(_("Answering model"))
    to = _text(_("If they had gone to"), NAME | {"placeholder": "prefix/model"})
    only = _text(_("Only requests for"), INPUT | {"placeholder": "gpt-*"})
    for_combo = _text(_("If the combo"), NAME)
    strategy = _choice(_("had the strategy"), STRATEGIES)
    prices = _choice(_("At these prices"), PRICES)
    no_cache = forms.BooleanField(label=_("Without the prompt cache"), required=False)
    at_list = forms.BooleanField(label=_("Without subscriptions: all at list price"), required=False)
    all_well = forms.BooleanField(label=_("As if nobody had failed"), required=False)
    sheet = forms.CharField(
        label=_("Prices, CSV or JSON"),
        required=False,
        max_length=price_sheet.LONGEST,
        widget=forms.Textarea({"class": "omni-input omni-body", "rows": 6, "spellcheck": "false"}),
    )

    def __init__(self, request: HttpRequest) -> None:
        told = request.POST if request.method == "POST" else request.GET
        super().__init__(told or None, initial={"last": USUAL, "prices": Prices.RECORDED.value})
        keys = ApiKey.objects.visible_to(request.user).order_by("name").values_list("name", flat=True)[:SHOWN_KEYS]
        named = told.get("key", "")
        names = sorted({*keys, named} - {""})
        choices: Any = [("", _("any")), *((name, name) for name in names)]
        self.fields["key"].choices = choices  # type: ignore[attr-defined]

    def named(self, names: tuple[str, ...]) -> list[forms.BoundField]:
        return [self[name] for name in names]

    @property
    def ticks(self) -> list[forms.BoundField]:
        return self.named(TICKS)

    @property
    def narrows(self) -> bool:
        return any(self[name].value() for name in WHICH)

    def scenario(self) -> Scenario:
        told = self.cleaned_data
        return Scenario(
            to=told["to"],
            only=told["only"],
            strategy=strategy_of(told["strategy"]),
            for_combo=told["for_combo"],
            prices=Prices(told["prices"] or Prices.RECORDED),
            sheet=price_sheet.read(told["sheet"]) if told["sheet"] else (),
            without_cache=told["no_cache"],
            at_list=told["at_list"],
            all_well=told["all_well"],
        )


def facts(request: HttpRequest) -> dict[str, Any]:
    """What the template needs: the answer, or the question with what is wrong with it."""
    form = WhatIfForm(request)
    shown: dict[str, Any] = {
        "form": form,
        "which": form.named(WHICH),
        "sees_everything": request.user.has_perm("billing.view_every_usagerecord"),
        "names": suggestions.targets(),
        "names_list": suggestions.ELEMENT,
        "kept": [(name, form[name].value()) for name in ("last", *WHICH, *CHANGES) if form[name].value()],
    }
    if not form.is_bound or not form.is_valid():
        return shown
    try:
        return shown | told(_found(request, form))
    except Unfit as unfit:
        form.add_error(unfit.field, unfit.message)
        return shown


def _found(request: HttpRequest, form: WhatIfForm) -> Found:
    """Raises Unfit."""
    zone, said = days.time_zone(), form.cleaned_data
    dates = said["since"], said["until"]
    length = "" if any(dates) and said["last"] in ("", USUAL) else said["last"]
    span = span_of(*dates, length, timezone.now().astimezone(zone), zone)
    selection = Selection(span.since, span.until, *(said[name] for name in WHICH[2:]))
    return look(form.scenario(), selection, UsageRecord.objects.visible_to(request.user), zone)


def told(found: Found) -> dict[str, Any]:
    report, assumptions = report_of(found), assumptions_of(found)
    return {
        "report": report,
        "asked": title_of(found.scenario),
        "bars": (bars := chart_of(report.days)),
        "width": max(1, len(bars)) * 10,
        "models": report.models[:SHOWN],
        "more_models": max(0, len(report.models) - SHOWN),
        "movers": [line for line in report.asked if line.saved][:SHOWN],
        "apart": [(each, WHY[each.why]) for each in report.apart[:SHOWN]],
        "moved": found.scaled(found.tally.rerouted),
        "sampled": assumptions[0] if found.is_sampled else "",
        "assumptions": assumptions[1:] if found.is_sampled else assumptions,
    }


def download(report: Report) -> HttpResponse:
    answer = HttpResponse(as_csv(report), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="what-if.csv"'
    return answer
