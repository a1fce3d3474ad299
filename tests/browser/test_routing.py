"""The pages on routing in a real browser: the form of a combo, and Explain and Test at a really started gateway."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from combos.models import Combo, ComboTarget, ModelAlias
from omniroute_site.roles import Role
from providers.models import Model, Source
from tests import upstream as play
from tests.browser.conftest import OpenAs
from tests.browser.test_dashboard import SIZES, faults_of
from tests.dashboard import make_provider
from tests.fleet import Fleet
from tests.upstream import ScriptedUpstream
from tests.visitors import visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "a-model-with-a-name-that-is-longer-than-any-column-" * 3


def form_of(open_as: OpenAs, strategy: str, weights: list[int], width: int = 1440, role: Role = Role.OPERATOR) -> Page:
    make_provider()
    combo = Combo.objects.create(name="coding", strategy=strategy)
    for position, weight in enumerate(weights, start=1):
        ComboTarget.objects.create(combo=combo, position=position, model=f"groq/{position}", weight=weight)
    page = open_as(role, width=width).new_page()
    page.goto(f"/admin/combos/combo/{combo.pk}/change/")
    return page


def test_weights_are_shares_that_sum_to_100_as_they_are_typed(open_as: OpenAs) -> None:
    page = form_of(open_as, "weighted", [1, 1, 1])
    shares = page.locator("[data-weights] li")
    expect(shares).to_have_text(["groq/1 34 %", "groq/2 33 %", "groq/3 33 %"])
    page.locator("#id_targets-0-weight").fill("6")
    page.locator("#id_targets-2-weight").fill("0")
    expect(shares).to_have_text(["groq/1 86 %", "groq/2 14 %"])
    for place in (0, 1):
        page.locator(f"#id_targets-{place}-weight").fill("0")
    expect(page.locator("[data-weights]")).to_contain_text("give at least one target a weight")


def test_weights_are_seen_only_where_they_count(open_as: OpenAs) -> None:
    page = form_of(open_as, "priority", [1, 1])
    weight = page.locator("#id_targets-0-weight")
    expect(weight).to_be_hidden()
    page.locator("#id_strategy").select_option("weighted")
    expect(weight).to_be_visible()
    page.locator("#id_strategy").select_option("")
    expect(weight).to_be_hidden()
    expect(page.locator("[data-weights]")).to_be_hidden()


def test_who_only_reads_drags_nothing(open_as: OpenAs) -> None:
    page = form_of(open_as, "priority", [1, 1], role=Role.VIEWER)
    expect(page.locator("#targets-data")).to_contain_text("groq/2")
    for handle in page.locator(r"#targets-data [x-sort\:handle]").all():
        expect(handle).to_be_hidden()


def test_what_a_strategy_means_is_whole_on_a_phone(open_as: OpenAs) -> None:
    page = form_of(open_as, "weighted", [1], width=360)
    meaning = page.locator(".omni-meaning")
    expect(meaning).to_have_text("Weighted: In proportion to the weights; a target of weight 0 is never asked.")
    page.locator("#id_strategy").select_option("random")
    expect(meaning).to_have_text("Random: A new order for each request.")


def test_names_are_offered_while_one_types(open_as: OpenAs) -> None:
    Combo.objects.create(name="other")
    ModelAlias.objects.create(pattern="fast", target="other")
    Model.objects.create(provider=make_provider(), model_id="llama", source=Source.OPERATOR)
    page = form_of(open_as, "priority", [1])
    offered = "[...document.querySelector({}).list.options].map(option => option.value)"
    assert page.evaluate(offered.format("'#id_targets-0-model'")) == ["coding", "other", "groq/llama"]
    page.get_by_text("Add another Target").click()
    assert page.evaluate(offered.format("'#id_targets-1-model'")) == ["coding", "other", "groq/llama"]
    page.goto("/admin/combos/combo/explain/")
    assert page.evaluate(offered.format("'#id_model'")) == ["coding", "other", "fast", "groq/llama"]


# At a really started gateway.


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Fleet:
    """Three candidates: one that rests for long, one that may be asked, and one with a name that is too long."""
    built_fleet.combo("t", "one/m", "two/m", f"three/{LONG}", strategy="auto", config={"maxRetries": 0})
    built_fleet.tell("one", play.json(429, {"error": {"message": "slow down " * 40}}, {"retry-after": "600"}))
    built_fleet.gateway.chat("one/m")
    return built_fleet


@pytest.fixture
def at_gateway(browser: Browser, fleet: Fleet) -> Iterator[Any]:
    opened: list[BrowserContext] = []
    cookies = dict(visitors(fleet.gateway)["Owner"].client.cookies)

    def open_(theme: str = "light", width: int = 1440) -> Page:
        root, size = fleet.gateway.root, {"width": width, "height": 900}
        opened.append(browser.new_context(base_url=root, color_scheme=theme, viewport=size))  # type: ignore[arg-type]
        opened[-1].add_cookies([{"name": name, "value": value, "url": root} for name, value in cookies.items()])
        return opened[-1].new_page()

    yield open_
    for context in opened:
        context.close()


def test_an_explanation_and_the_request_it_explains_fit_and_are_quiet(at_gateway: Any, fleet: Fleet) -> None:
    fleet.gateway.chat("t")
    row = fleet.gateway.wait_for_usage(model_asked="t")[-1]["id"]
    for theme, width in SIZES:
        page = at_gateway(theme, width)
        addresses = [f"/admin/combos/combo/explain/?model={name}" for name in ("t", "no-such", "one/m")]
        addresses += ["/admin/billing/usagerecord/", f"/admin/billing/usagerecord/{row}/change/"]
        assert [fault for address in addresses for fault in faults_of(page, address)] == []


def test_an_explanation_counts_down(at_gateway: Any) -> None:
    page = at_gateway()
    page.clock.install()
    page.goto("/admin/combos/combo/explain/?model=t")
    left = page.locator("[data-countdown]")
    before = int(left.get_attribute("data-countdown"))
    page.clock.run_for(3000)
    assert int(left.get_attribute("data-countdown")) == before - 3


def test_from_a_combo_to_its_test(at_gateway: Any) -> None:
    page = at_gateway()
    page.goto("/admin/combos/combo/")
    page.get_by_role("link", name="t", exact=True).click()
    page.get_by_role("link", name="Test", exact=True).click()
    page.get_by_role("button", name="Send the requests").click()
    expect(page.locator(".omni-stack h2")).to_contain_text("would answer")
    page.get_by_role("link", name="Back to the combo").click()
    page.get_by_role("link", name="Explain", exact=True).last.click()
    expect(page.locator("body")).to_contain_text("Asked in this order")
