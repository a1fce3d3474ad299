"""The dashboard's pages on routing: what they take, what they refuse and at which field."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from combos.models import Combo, ComboTarget, FallbackChain, FallbackStep, ModelAlias, RoutingSettings
from combos.ready_made import READY_MADE
from combos.strategies import MEANINGS
from combos.watch.metrics import DAY
from omniroute_site.roles import Role
from providers.sync import sync_catalogue
from tests.dashboard import make_provider, make_record, make_user, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

ADD_COMBO = "/admin/combos/combo/add/"
ADD_ALIAS = "/admin/combos/modelalias/add/"
ADD_CHAIN = "/admin/combos/fallbackchain/add/"
READY = "/admin/combos/combo/ready-made/"


@pytest.fixture(autouse=True)
def groq() -> None:
    make_provider()


def rows(prefix: str, *filled: dict[str, str]) -> dict[str, str]:
    numbers = {f"{prefix}-TOTAL_FORMS": str(len(filled)), f"{prefix}-INITIAL_FORMS": "0"}
    return numbers | {
        f"{prefix}-{place}-{name}": text for place, row in enumerate(filled) for name, text in row.items()
    }


def combo_form(*targets: str | dict[str, str], **fields: str) -> dict[str, str]:
    filled = [{"model": target} if isinstance(target, str) else target for target in targets]
    return {"name": "coding", "is_enabled": "on"} | fields | rows("targets", *filled)


def chain_form(*models: str, **fields: str) -> dict[str, str]:
    steps = [{"model": model, "is_enabled": "on"} for model in models]
    return {"name": "last", "is_enabled": "on", "position": "1"} | fields | rows("steps", *steps)


def errors_of(answer: Any) -> dict[str, list[str]]:
    """By field; of the rows below the form, by prefix and field; of all rows together, by prefix."""
    assert answer.status_code == 200, answer.headers
    found = dict(answer.context["adminform"].form.errors)
    for inline in answer.context["inline_admin_formsets"]:
        formset = inline.formset
        if formset.non_form_errors():
            found[formset.prefix] = list(formset.non_form_errors())
        for form in formset.forms:
            found |= {f"{form.prefix}-{name}": messages for name, messages in form.errors.items()}
    return found


# Combos.


def test_a_combo_has_a_strategy_weights_and_figures_of_its_own(page: Client) -> None:
    targets = [{"model": "groq/a", "weight": "70"}, {"model": "groq/b", "weight": "30"}, {"model": "groq/c"}]
    form = combo_form(*targets, strategy="weighted", max_retries="0", skips_unhealthy="false")
    assert page.post(ADD_COMBO, form).status_code == 302
    combo = Combo.objects.get()
    assert (combo.strategy, combo.max_retries, combo.timeout_ms, combo.skips_unhealthy) == ("weighted", 0, None, False)
    assert list(combo.targets.values_list("model", "weight")) == [("groq/a", 70), ("groq/b", 30), ("groq/c", 1)]
    shown = text_of(page.get("/admin/combos/combo/"))
    assert "Weighted" in shown
    assert "groq/a (weight 70)" in shown


def test_the_form_says_what_each_strategy_does_and_what_the_default_is(page: Client) -> None:
    RoutingSettings(pk=1, strategy="auto", timeout_ms=7000).save()
    shown = text_of(page.get(ADD_COMBO))
    assert all(str(meaning) in shown for meaning in MEANINGS.values())
    assert "As the routing settings say: Auto" in shown
    assert 'placeholder="7000"' in shown


def test_a_combo_of_too_many_targets_for_a_form_is_still_switched_and_named(page: Client) -> None:
    combo = Combo.objects.create(name="big", strategy="priority")
    ComboTarget.objects.bulk_create(
        ComboTarget(combo=combo, position=position, model=f"groq/{position}", weight=0) for position in range(1, 102)
    )
    address = f"/admin/combos/combo/{combo.pk}/change/"
    assert f"PUT /api/combos/{combo.pk}" in text_of(page.get(address))
    assert page.post(address, {"name": "bigger", "strategy": "random"}).status_code == 302
    combo.refresh_from_db()
    assert (combo.name, combo.is_enabled, combo.targets.count()) == ("bigger", False, 101)
    errors = errors_of(page.post(address, {"name": "bigger", "strategy": "weighted"}))
    assert "give at least one target a weight" in str(errors)


def test_the_connections_a_target_may_be_pinned_to_are_read_once(page: Client) -> None:
    combo = Combo.objects.create(name="coding")
    counts = []
    for position in range(1, 6):
        ComboTarget.objects.create(combo=combo, position=position, model=f"groq/{position}")
        with CaptureQueriesContext(connection) as captured:
            page.get(f"/admin/combos/combo/{combo.pk}/change/")
        counts.append(len(captured))
    assert len(set(counts[1:])) == 1


def test_the_list_says_what_came_of_a_days_requests(page: Client) -> None:
    combo = Combo.objects.create(name="coding")
    ComboTarget.objects.create(combo=combo, model="groq/llama")
    for facts in ({}, {"attempts": 2}, {"status": 502}, {"status": 499}, {"started_at": timezone.now() - DAY * 2}):
        make_record(combo="coding", **facts)
    shown = text_of(page.get("/admin/combos/combo/"))
    assert "3 requests" in shown
    assert "66.7 % ok, 33.3 % fell back" in shown
    assert "/admin/billing/usagerecord/?combo=coding&amp;window=24h" in shown


def test_a_combos_page_says_how_it_did_by_who_answered(page: Client) -> None:
    combo = Combo.objects.create(name="coding")
    make_record(combo="coding", total_ms=100)
    make_record(combo="coding", total_ms=300, model="other", attempts=2)
    shown = " ".join(text_of(page.get(f"/admin/combos/combo/{combo.pk}/change/")).split())
    assert all(words in shown for words in ("groq/llama", "groq/other", "all together", "200 ms", ">50 %<"))


WRONG_COMBOS = {
    "a negative weight": (combo_form({"model": "groq/a", "weight": "-1"}), "targets-0-weight"),
    "a weight of NaN": (combo_form({"model": "groq/a", "weight": "NaN"}), "targets-0-weight"),
    "a weight over 100": (combo_form("groq/a", {"model": "groq/b", "weight": "101"}), "targets-1-weight"),
    "no weight to go by": (combo_form({"model": "groq/a", "weight": "0"}, strategy="weighted"), "targets"),
    "no target": (combo_form(), "targets"),
    "an unknown model": (combo_form("groq/a", "nope"), "targets-1-model"),
    "itself": (combo_form("groq/a", "coding"), "targets-1-model"),
    "a circle": (combo_form("outer"), "targets-0-model"),
    "too deep": (combo_form("one"), "targets-0-model"),
    "an unknown strategy": (combo_form("groq/a", strategy="fair"), "strategy"),
    "a negative limit": (combo_form("groq/a", max_retries="-1"), "max_retries"),
    "a limit out of range": (combo_form("groq/a", timeout_ms="600001"), "timeout_ms"),
    "a name of two words": (combo_form("groq/a", name="two words"), "name"),
}


@pytest.mark.parametrize(("form", "field"), WRONG_COMBOS.values(), ids=WRONG_COMBOS)
def test_a_wrong_combo_is_refused_at_its_field(page: Client, form: dict[str, str], field: str) -> None:
    for name, target in (("outer", "coding"), ("one", "two"), ("two", "three"), ("three", "groq/a")):
        ComboTarget.objects.create(combo=Combo.objects.create(name=name), model=target)
    assert set(errors_of(page.post(ADD_COMBO, form))) == {field}
    assert not Combo.objects.filter(name="coding").exists()


def test_a_combo_takes_another_combo_as_a_target(page: Client) -> None:
    page.post(ADD_COMBO, combo_form("groq/a", name="inner"))
    assert page.post(ADD_COMBO, combo_form("inner", "groq/b", name="outer")).status_code == 302
    assert list(ComboTarget.objects.filter(combo__name="outer").values_list("model", flat=True)) == ["inner", "groq/b"]


# The guide's combos.


def test_one_click_makes_one_of_the_guides_combos(page: Client) -> None:
    sync_catalogue()
    assert text_of(page.get(READY)).count("Make ") == len(READY_MADE)
    answer = page.post(READY, {"name": "always-on"})
    combo = Combo.objects.get()
    assert answer["Location"] == f"/admin/combos/combo/{combo.pk}/change/"
    assert tuple(combo.targets.values_list("model", flat=True)) == READY_MADE["always-on"].models
    assert LogEntry.objects.get().object_id == str(combo.pk)
    shown = text_of(page.get(READY))
    assert (shown.count("Make "), shown.count("Open it")) == (len(READY_MADE) - 1, 1)


def test_a_combo_that_cannot_be_made_says_why(page: Client) -> None:
    assert "No provider serves “cc/claude-opus-4-6”" in text_of(page.post(READY, {"name": "always-on"}))
    assert not Combo.objects.exists()


def test_who_may_not_add_combos_makes_none(client: Client) -> None:
    sync_catalogue()
    client.force_login(make_user(Role.VIEWER))
    assert client.post(READY, {"name": "always-on"}).status_code == 403
    assert b"Ready-made" not in client.get("/admin/combos/combo/").content
    assert not Combo.objects.exists()


# Aliases.


@pytest.mark.parametrize("target", ["groq/llama", "coding"])
def test_an_alias_leads_to_a_model_or_a_combo(page: Client, target: str) -> None:
    Combo.objects.create(name="coding")
    form = {"pattern": "claude-sonnet-*", "target": target, "is_enabled": "on"}
    assert page.post(ADD_ALIAS, form).status_code == 302
    assert ModelAlias.objects.get().target == target


WRONG_ALIASES = {
    "5,000 stars": ({"pattern": "*" * 5000, "target": "groq/a"}, "pattern"),
    "nine stars": ({"pattern": "*a" * 9, "target": "groq/a"}, "pattern"),
    "no pattern": ({"pattern": "", "target": "groq/a"}, "pattern"),
    "a line break": ({"pattern": "a\nb", "target": "groq/a"}, "pattern"),
    "a pattern that is there": ({"pattern": "FAST", "target": "groq/a"}, "__all__"),
    "an unknown model": ({"pattern": "x", "target": "nope"}, "target"),
    "another alias": ({"pattern": "x", "target": "fast"}, "target"),
    "itself": ({"pattern": "x", "target": "X"}, "target"),
}


@pytest.mark.parametrize(("form", "field"), WRONG_ALIASES.values(), ids=WRONG_ALIASES)
def test_a_wrong_alias_is_refused_at_its_field(page: Client, form: dict[str, str], field: str) -> None:
    ModelAlias.objects.create(pattern="fast", target="groq/a")
    assert set(errors_of(page.post(ADD_ALIAS, form))) == {field}
    assert ModelAlias.objects.get().pattern == "fast"


def test_aliases_and_chains_are_switched_off_together(page: Client) -> None:
    alias, chain = ModelAlias.objects.create(pattern="fast", target="groq/a"), FallbackChain.objects.create(name="last")
    for address, row in (("modelalias", alias), ("fallbackchain", chain)):
        page.post(f"/admin/combos/{address}/", {"action": "disable", "_selected_action": [str(row.pk)]})
        row.refresh_from_db()
        assert not row.is_enabled


# Fallback chains.


def test_a_chain_keeps_the_order_its_models_were_written_in(page: Client) -> None:
    assert page.post(ADD_CHAIN, chain_form("groq/a", "groq/b", pattern="gpt-*")).status_code == 302
    steps = FallbackStep.objects.filter(chain__name="last", chain__pattern="gpt-*")
    assert list(steps.values_list("position", "model", "is_enabled")) == [(1, "groq/a", True), (2, "groq/b", True)]


WRONG_CHAINS = {
    "no model": (chain_form(), "steps"),
    "an unknown model": (chain_form("groq/a", "nope"), "steps-1-model"),
    "a combo": (chain_form("coding"), "steps-0-model"),
    "5,000 stars": (chain_form("groq/a", pattern="*" * 5000), "pattern"),
    "nine stars": (chain_form("groq/a", pattern="*" * 9), "pattern"),
    "a negative position": (chain_form("groq/a", position="-1"), "position"),
}


@pytest.mark.parametrize(("form", "field"), WRONG_CHAINS.values(), ids=WRONG_CHAINS)
def test_a_wrong_chain_is_refused_at_its_field(page: Client, form: dict[str, str], field: str) -> None:
    ComboTarget.objects.create(combo=Combo.objects.create(name="coding"), model="groq/a")
    assert set(errors_of(page.post(ADD_CHAIN, form))) == {field}
    assert not FallbackChain.objects.exists()


def test_the_next_chain_is_offered_the_next_place(page: Client) -> None:
    FallbackChain.objects.create(name="last", position=4)
    assert page.get(ADD_CHAIN).context["adminform"].form.initial["position"] == 5


# Settings.


SETTINGS = "/admin/combos/routingsettings/1/change/"


def settings_form(page: Client, **changes: str) -> dict[str, Any]:
    initial = page.get(SETTINGS).context["adminform"].form.initial
    return {name: value for name, value in initial.items() if value is not None} | changes


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("account_strategy", "weighted"),
        ("sticky_limit", "0"),
        ("max_retries", "-1"),
        ("timeout_ms", "999"),
        ("total_seconds", ""),
        ("strategy", "weighted"),
    ],
)
def test_a_wrong_setting_is_refused_at_its_field(page: Client, field: str, wrong: str) -> None:
    ComboTarget.objects.create(combo=Combo.objects.create(name="follows"), model="groq/a", weight=0)
    assert set(errors_of(page.post(SETTINGS, settings_form(page, **{field: wrong})))) == {field}
    assert not RoutingSettings.objects.exists()
