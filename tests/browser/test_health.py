"""The Health page in a real browser: it counts down, stays up to date, and its buttons lead through a question."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from health.models import Breaker, Cooldown, HealthOrder
from omniroute_site.roles import Role
from providers.models import ProviderConnection
from tests.browser.conftest import OpenAs
from tests.browser.test_dashboard import SIZES, faults_of
from tests.dashboard import make_connection, make_provider, make_trouble

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HEALTH = "/admin/health/breaker/"
LIMITS = "/admin/health/connectionlimit/"
LONG = "a-name-of-a-model-that-is-longer-than-any-column-" * 3


@pytest.fixture
def connection(users: dict[Role, Any]) -> ProviderConnection:
    return make_connection()


def make_many(connection: ProviderConnection) -> None:
    """A thousand rests, sixty open breakers, sixty connections, and names that are too long."""
    now = timezone.now()
    until = now + timedelta(hours=30)
    Cooldown.objects.bulk_create(
        Cooldown(
            connection=connection, model_id=f"{place}-{LONG}", until=until, seconds=1e6, reason="rate limit", since=now
        )
        for place in range(1000)
    )
    for place in range(60):
        provider = make_provider(f"vendor-{place}", f"Vendor with a long name {place}")
        make_trouble(ProviderConnection.objects.create(provider=provider, name=f"account {place} {LONG[:60]}"))


@pytest.mark.parametrize(("theme", "width"), SIZES, ids=[f"{theme}-{width}" for theme, width in SIZES])
@pytest.mark.parametrize("rows", ["empty", "many"])
def test_the_pages_fit_and_are_quiet_however_much_is_wrong(
    open_as: OpenAs, users: dict[Role, Any], rows: str, theme: str, width: int
) -> None:
    if rows == "many":
        make_many(make_connection())
    page = open_as(Role.OWNER, theme, width).new_page()
    faults = [fault for address in (HEALTH, LIMITS, f"{HEALTH}?deed=reset") for fault in faults_of(page, address)]
    assert faults == []


def at(open_as: OpenAs, role: Role = Role.OPERATOR) -> Page:
    page = open_as(role).new_page()
    page.clock.install()
    page.goto(HEALTH)
    return page


def test_it_counts_down(open_as: OpenAs, connection: ProviderConnection) -> None:
    make_trouble(connection)
    page = at(open_as)
    left = page.locator("[data-countdown]").first
    before = int(left.get_attribute("data-countdown") or "")
    page.clock.fast_forward(3000)
    expect(left).to_have_text(f"0:{before - 1:02}")
    page.clock.run_for(3000)
    expect(left).to_have_text(f"0:{before - 4:02}")


def test_it_keeps_itself_up_to_date_and_the_focus_where_it_was(open_as: OpenAs, connection: ProviderConnection) -> None:
    make_trouble(connection)
    page = at(open_as)
    page.get_by_role("link", name="Unlock").focus()
    Breaker.objects.all().delete()
    page.clock.run_for(10_000)
    expect(page.locator("#health")).not_to_contain_text("open, next probe")
    expect(page.get_by_role("link", name="Unlock")).to_be_focused()


def test_it_says_when_what_it_shows_is_old(open_as: OpenAs, connection: ProviderConnection) -> None:
    page = at(open_as)
    expect(page.locator("[data-stale]")).to_be_hidden()
    page.route("**/health/breaker/**", lambda route: route.abort())
    page.clock.run_for(10_000)
    expect(page.locator("[data-stale]")).to_be_visible()
    page.unroute("**/health/breaker/**")
    page.clock.run_for(10_000)
    expect(page.locator("[data-stale]")).to_be_hidden()


def test_a_button_asks_before_it_does_anything(open_as: OpenAs, connection: ProviderConnection) -> None:
    make_trouble(connection)
    page = at(open_as)
    page.get_by_role("link", name="Close the breaker of Groq").click()
    page.get_by_role("link", name="Cancel").click()
    assert Breaker.objects.exists() and not HealthOrder.objects.exists()
    page.get_by_role("link", name="Reset all").click()
    page.get_by_role("button", name="Reset everything").click()
    expect(page.locator("body")).to_contain_text("Every worker follows within a second.")
    assert not Breaker.objects.exists()


def test_limits_are_edited_saved_or_left(open_as: OpenAs, connection: ProviderConnection) -> None:
    page = open_as(Role.OPERATOR).new_page()
    page.goto(LIMITS)
    page.get_by_role("link", name="Edit the limits of").click()
    page.get_by_label("Requests per minute").fill("7")
    page.get_by_role("link", name="Close").click()
    expect(page.locator(".omni-limits")).not_to_contain_text("7")
    page.get_by_role("link", name="Edit the limits of").click()
    page.get_by_label("Requests per minute").fill("7")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".omni-limits strong")).to_have_text("7")
