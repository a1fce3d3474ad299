"""The form of a price in a real browser: one switch of the unit turns every number over, exactly."""

import os

import pytest
from playwright.sync_api import expect

from billing.models import Pricing, ShippedPrice
from omniroute_site.roles import Role
from tests.browser.conftest import OpenAs
from tests.dashboard import make_provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_price_is_typed_in_the_unit_that_is_shown(open_as: OpenAs) -> None:
    row = Pricing.objects.create(
        provider=make_provider(),
        model_id="llama",
        input_per_million="0.15",
        output_per_million="0.6",
        tiers=[{"above": 200_000, "input": "0.3"}],
    )
    page = open_as(Role.OWNER).new_page()
    page.goto(f"/admin/billing/pricing/{row.pk}/change/")
    expect(page.get_by_text("= $0.00015 per 1K.")).to_be_visible()
    page.select_option("#id_unit", "1k")
    expect(page.locator("#id_input_per_million")).to_have_value("0.00015")
    expect(page.locator("#id_tier_input")).to_have_value("0.0003")
    page.fill("#id_input_per_million", "0.0002")
    expect(page.get_by_text("= $0.2 per 1M.")).to_be_visible()
    if (folder := os.environ.get("SCREENSHOTS")) is not None:
        page.screenshot(path=f"{folder}/price.png", full_page=True)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/billing/pricing/")
    row.refresh_from_db()
    assert (str(row.input_per_million), str(row.output_per_million)) == ("0.200000", "0.600000")
    assert row.tiers == [{"above": 200_000, "input": "0.3"}]


def test_a_price_in_the_wrong_unit_is_asked_about(open_as: OpenAs) -> None:
    row = Pricing.objects.create(
        provider=make_provider(), model_id="llama", input_per_million="0.15", output_per_million="0.6"
    )
    page = open_as(Role.OWNER).new_page()
    page.goto(f"/admin/billing/pricing/{row.pk}/change/")
    page.fill("#id_input_per_million", "150")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Is the unit right?")).to_be_visible()
    if (folder := os.environ.get("SCREENSHOTS")) is not None:
        page.screenshot(path=f"{folder}/doubt.png", full_page=True)
    page.get_by_label("They are meant as they stand").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/billing/pricing/")
    row.refresh_from_db()
    assert row.input_per_million == 150


def test_a_price_is_taken_back_by_one_button(open_as: OpenAs) -> None:
    row = Pricing.objects.create(provider=make_provider(), model_id="llama", input_per_million=1, output_per_million=2)
    ShippedPrice.objects.create(
        provider="groq",
        model_id="llama",
        prices={"input": "0.1", "output": "0.2"},
        source="catalogue",
        told_by="catalogue",
        as_of="2026-11-28",
    )
    page = open_as(Role.OWNER, width=360).new_page()
    page.goto(f"/admin/billing/pricing/{row.pk}/change/")
    page.get_by_role("button", name="Back to the shipped price").click()
    expect(page.get_by_text("groq/llama is no longer yours.")).to_be_visible()
    row.refresh_from_db()
    assert (str(row.input_per_million), row.source) == ("0.100000", "catalogue")
