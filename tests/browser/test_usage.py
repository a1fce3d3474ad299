"""Usage and Costs in a real browser: they fit and are quiet with nothing and with much, and a click leaves one part."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Budget, Level
from omniroute_site.roles import Role
from tests.browser.conftest import OpenAs
from tests.browser.test_dashboard import SIZES, faults_of
from tests.dashboard import make_key, make_record

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

USAGE = "/admin/billing/dailyusage/"
ADDRESSES = [f"{USAGE}{path}?range={name}" for path in ("", "costs/") for name in ("1d", "30d", "all", "oops")]
LONG = "a-name-that-is-longer-than-any-column-of-any-page-" * 2


def make_many(owner: Any) -> None:
    key = make_key(owner, LONG[:100])
    Budget.objects.create(level=Level.KEY, api_key=key, period="daily", limit_usd=1)
    for place in range(60):
        started_at = timezone.now() - timedelta(days=place * 9)
        facts = {"provider": f"vendor-{place}", "model": f"{LONG}{place}", "combo": f"{LONG[:90]}{place}"}
        make_record(key, started_at=started_at, cost_usd=Decimal("123456.789"), total_ms=10_000_000, **facts)


@pytest.mark.parametrize(("theme", "width"), SIZES, ids=[f"{theme}-{width}" for theme, width in SIZES])
@pytest.mark.parametrize("rows", ["none", "one", "many"])
def test_the_pages_fit_and_are_quiet(
    open_as: OpenAs, users: dict[Role, Any], rows: str, theme: str, width: int
) -> None:
    if rows == "one":
        make_record()
    if rows == "many":
        make_many(users[Role.OWNER])
    page = open_as(Role.OWNER, theme, width).new_page()
    assert [fault for address in ADDRESSES for fault in faults_of(page, address)] == []


def test_a_click_leaves_one_part_and_another_gives_the_rest_back(open_as: OpenAs, users: dict[Role, Any]) -> None:
    make_record(provider="openai", model="gpt", cost_usd=Decimal(2))
    make_record(provider="groq", model="llama", cost_usd=Decimal(1))
    page = open_as(Role.OPERATOR).new_page()
    page.goto(USAGE)
    page.get_by_role("link", name="openai", exact=True).click()
    expect(page.locator(".omni-figures")).to_contain_text("$2.00")
    expect(page.locator(".omni-stack")).not_to_contain_text("llama")
    page.get_by_role("link", name="Remove the filter Providers: openai").click()
    expect(page.locator(".omni-figures")).to_contain_text("$3.00")


def test_a_table_is_downloaded(open_as: OpenAs, users: dict[Role, Any]) -> None:
    make_record()
    page = open_as(Role.OPERATOR).new_page()
    for address, name in ((USAGE, "usage-by-day.csv"), ("/admin/billing/usagerecord/", "requests.csv")):
        page.goto(address)
        with page.expect_download() as download:
            page.get_by_role("link", name="Export CSV").click()
        assert download.value.suggested_filename == name
