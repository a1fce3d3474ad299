"""Budgets in a real browser: the form shows what belongs to the level, and no page is wider than a phone."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Budget, Team
from omniroute_site.roles import Role
from tests.browser.conftest import OpenAs
from tests.dashboard import make_key, make_record

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD, LIST, SETTINGS = (
    "/admin/billing/budget/add/",
    "/admin/billing/budget/",
    "/admin/billing/billingsettings/1/change/",
)


@pytest.fixture
def spent(users: dict[Role, Any]) -> Budget:
    """Budgets of every level: one is used up, one nearly."""
    team = Team.objects.create(name="core")
    key = make_key(users[Role.MEMBER], "laptop")
    key.team = team
    key.save()
    user = users[Role.MEMBER]
    make_record(key, cost_usd=Decimal("8.5"), started_at=timezone.now(), user_id=user.pk, team_id=team.pk)
    Budget.objects.create(level="user", user=user, period="weekly", limit_usd=40)
    Budget.objects.create(level="team", team=team, period="monthly", limit_usd=8)
    Budget.objects.create(level="global", period="monthly", limit_usd=250)
    return Budget.objects.create(api_key=key, period="daily", limit_usd=10)


def test_the_form_shows_the_one_field_that_belongs_to_the_level(open_as: OpenAs, spent: Budget) -> None:
    page = open_as(Role.OPERATOR).new_page()
    page.goto(ADD)
    rows = {name: page.locator(f".field-{name}") for name in ("api_key", "user", "team")}
    for level, shown in (("user", "user"), ("team", "team"), ("global", ""), ("key", "api_key")):
        page.select_option("[name=level]", level)
        for name, row in rows.items():
            expect(row).to_be_visible(visible=name == shown)
    page.select_option("[name=level]", "user")
    page.locator(".field-user .select2-selection").click()
    page.locator(".select2-search__field").fill("view")
    page.locator(".select2-results__option", has_text="viewer").click()
    page.select_option("[name=period]", "daily")
    page.fill("[name=limit_usd]", "2.5")
    page.locator("[name=_save]").first.click()
    expect(page.locator("#result_list")).to_contain_text("$0.00 of $2.50")


def test_a_key_is_found_by_its_name(open_as: OpenAs, spent: Budget) -> None:
    page = open_as(Role.OPERATOR).new_page()
    page.goto(ADD)
    page.locator(".field-api_key .select2-selection").click()
    page.locator(".select2-search__field").fill("lap")
    page.locator(".select2-results__option", has_text="laptop").click()
    page.select_option("[name=period]", "weekly")
    page.fill("[name=limit_usd]", "7")
    page.locator("[name=_save]").first.click()
    expect(page.locator("#result_list")).to_contain_text("$8.50 of $7.00")


def test_a_time_zone_is_found_by_typing(open_as: OpenAs) -> None:
    page = open_as(Role.OPERATOR).new_page()
    page.goto(SETTINGS)
    page.locator(".field-time_zone .select2-selection").click()
    page.locator(".select2-search__field").fill("kathm")
    page.locator(".select2-results__option", has_text="Asia/Kathmandu").click()
    page.locator("[name=_save]").first.click()
    expect(page.locator("body")).to_contain_text("Days begin at midnight in Asia/Kathmandu now.")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_no_page_is_wider_than_the_window(
    open_as: OpenAs, spent: Budget, users: dict[Role, Any], theme: str, width: int, tmp_path: Any
) -> None:
    user, key = users[Role.MEMBER], spent.api_key
    assert key is not None
    page = open_as(Role.OWNER, theme, width).new_page()
    member = open_as(Role.MEMBER, theme, width).new_page()
    pages = {"list": LIST, "add": ADD, "change": f"{LIST}{spent.pk}/change/", "settings": SETTINGS, "home": "/admin/"}
    pages |= {"user": f"/admin/auth/user/{user.pk}/change/", "key": f"/admin/billing/apikey/{key.pk}/change/"}
    for visitor, addresses in ((page, pages), (member, {"home-member": "/admin/", "key-member": pages["key"]})):
        for name, address in addresses.items():
            visitor.goto(address)
            visitor.wait_for_load_state("networkidle")
            visitor.screenshot(path=tmp_path / f"{name}-{theme}-{width}.png", full_page=True)
            assert visitor.evaluate("document.documentElement.scrollWidth") <= width, name
