"""The What if page in a real browser: every size and theme, and asking by hand."""

import pytest
from playwright.sync_api import expect

from billing.models import Pricing
from omniroute_site.roles import Role
from providers.models import Model, Source
from tests.browser.conftest import OpenAs
from tests.browser.test_dashboard import SIZES, faults_of
from tests.dashboard import make_provider, make_record

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = "/admin/combos/combo/what-if/"
LONG = "a-model-with-a-name-that-is-longer-than-any-column-" * 3


def seed() -> None:
    provider = make_provider()
    Model.objects.create(provider=provider, model_id="cheap", source=Source.OPERATOR)
    Pricing.objects.create(provider=provider, model_id="cheap", input_per_million="0.01", output_per_million="0.02")
    make_record(model_asked=LONG, model=LONG)
    make_record()


def test_a_question_and_its_answer_fit_and_are_quiet(open_as: OpenAs) -> None:
    seed()
    for theme, width in SIZES:
        page = open_as(Role.VIEWER, theme, width).new_page()
        for question in ("", "?to=groq/cheap", "?to=groq/unpriced", "?to=no/such", "?last=24h&to=groq/cheap&key=none"):
            assert faults_of(page, PAGE + question) == []


def test_one_asks_by_hand_and_may_share_the_address(open_as: OpenAs) -> None:
    seed()
    page = open_as(Role.VIEWER).new_page()
    page.goto(PAGE)
    page.get_by_label("If they had gone to").fill("groq/cheap")
    page.get_by_role("button", name="What would it have cost?").click()
    expect(page.get_by_role("heading", name="Everything to groq/cheap")).to_be_visible()
    assert "to=groq%2Fcheap" in page.url


def test_pasted_prices_answer_with_the_question_above_them(open_as: OpenAs) -> None:
    seed()
    page = open_as(Role.VIEWER).new_page()
    page.goto(PAGE + "?last=7d&to=groq/cheap")
    page.get_by_text("At prices of your own").click()
    page.get_by_label("Prices, CSV or JSON").fill("provider,model,input,output\ngroq,cheap,100,100")
    page.get_by_role("button", name="At these prices").click()
    expect(page.get_by_role("heading", name="Everything to groq/cheap, 1 price of your own")).to_be_visible()
    expect(page.get_by_label("If they had gone to")).to_have_value("groq/cheap")
