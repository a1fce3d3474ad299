"""The dashboard in a real browser: every page of every role, light and dark, wide and narrow, and one whole journey."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing.models import ApiKey
from omniroute_site.roles import Role
from providers.models import ProviderConnection, ProviderNode
from providers.sync import sync_catalogue
from tests.browser.conftest import OpenAs
from tests.dashboard import PASSWORD, make_key, make_record
from tests.test_roles import MATRIX, VISITORS, address_of, make_one_of_each

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOT_PAGES = {"billing_usagerecord_csv", "jsi18n", "search", "autocomplete", "view_on_site", "login", "logout"}
SIZES = [(theme, width) for theme in ("light", "dark") for width in (360, 1440)]

ACCOUNT_PAGES = ["account_login", "account_signup", "account_inactive"]
OWN_ACCOUNT_PAGES = ["account_logout", "account_change_password", "account_reauthenticate"]


def pages_of(role: Role, rows: dict[str, Any], client: Client) -> list[str]:
    column = VISITORS.index(role)
    names = [name for name, statuses in MATRIX.items() if statuses[column] == 200 and name not in NOT_PAGES]
    return [address_of(name, rows) for name in names] + [reverse(name) for name in OWN_ACCOUNT_PAGES]


def faults_of(page: Page, address: str) -> list[str]:
    """What is wrong with a page: its status, its console, its title, its width."""
    faults: list[str] = []

    def complain(message: Any) -> None:
        if message.type == "error":
            faults.append(f"{address}: console: {message.text}")

    def crash(error: Any) -> None:
        faults.append(f"{address}: script: {error}")

    page.on("console", complain)
    page.on("pageerror", crash)
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        faults.append(f"{address}: status {answer and answer.status}")
    if "OmniRoute" not in page.title():
        faults.append(f"{address}: title {page.title()!r}")
    excess = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if excess > 0:
        faults.append(f"{address}: {excess} px too wide")
    page.remove_listener("console", complain)
    page.remove_listener("pageerror", crash)
    return faults


@pytest.mark.parametrize(("theme", "width"), SIZES, ids=[f"{theme}-{width}" for theme, width in SIZES])
@pytest.mark.parametrize("role", list(Role), ids=[role.value for role in Role])
def test_every_page_of_a_role_fits_and_is_quiet(
    open_as: OpenAs, client: Client, users: dict[Role, Any], role: Role, theme: str, width: int
) -> None:
    rows = make_one_of_each()
    make_record(make_key(users[role], "a key with a name that is rather long for a table"), status=502, error="x" * 300)
    page = open_as(role, theme, width).new_page()
    assert [fault for address in pages_of(role, rows, client) for fault in faults_of(page, address)] == []


@pytest.mark.parametrize(("theme", "width"), SIZES, ids=[f"{theme}-{width}" for theme, width in SIZES])
def test_the_pages_of_the_login_fit_and_are_quiet(open_as: OpenAs, theme: str, width: int) -> None:
    page = open_as(None, theme, width).new_page()
    assert [fault for name in ACCOUNT_PAGES for fault in faults_of(page, reverse(name))] == []
    background = page.evaluate("getComputedStyle(document.querySelector('.omni-door')).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is (theme == "light")


def test_from_the_login_to_a_request_in_the_log(open_as: OpenAs) -> None:
    page = open_as(None).new_page()
    page.goto("/admin/providers/providernode/")
    page.get_by_label("Login").fill("operator")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Add a node").first.click()
    page.get_by_label("Name").fill("Cellar")
    page.get_by_label("Prefix").fill("cellar")
    page.get_by_label("Base URL").fill("http://127.0.0.1:8000/v1")
    page.locator("#id_allow_private_network").check(force=True)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("cellar")

    page.goto("/admin/providers/providerconnection/add/?provider=cellar")
    page.locator("#id_api_key").fill("a-secret")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("stored")
    assert ProviderNode.objects.get().connections.get() == ProviderConnection.objects.get()

    page.goto("/admin/billing/apikey/add/")
    page.locator("#id_name").fill("laptop")
    page.get_by_role("button", name="Save", exact=True).click()
    key = page.locator("#issued-key").inner_text()
    assert key.startswith("sk-or-")
    assert key in page.locator("#snippet-curl").inner_text()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator("#result_list")).to_contain_text("laptop")
    assert key not in page.content()

    make_record(ApiKey.objects.get(), model_asked="cellar/llama")
    page.locator("#nav-sidebar-apps").get_by_text("Requests", exact=True).click()
    page.get_by_role("link", name="5 min ago").click()
    expect(page.locator(".omni-story")).to_contain_text("asked with laptop")


def test_the_copy_button_says_that_it_copied(open_as: OpenAs) -> None:
    context = open_as(Role.OWNER)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").endswith("/v1")


def test_the_keys_search_and_go_home(open_as: OpenAs) -> None:
    page = open_as(Role.OWNER).new_page()
    page.goto("/admin/providers/provider/")
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("#searchbar").blur()
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/admin/")


def test_a_ready_made_combo_is_made_and_its_targets_are_dragged_into_another_order(open_as: OpenAs) -> None:
    sync_catalogue()
    page = open_as(Role.OPERATOR).new_page()
    page.goto("/admin/combos/combo/")
    page.get_by_role("link", name="Ready-made combos").click()
    page.get_by_role("button", name="Make always-on").click()
    handles = page.locator(r"#targets-data [x-sort\:handle]")
    expect(handles).to_have_count(5)
    handles.nth(2).drag_to(handles.nth(0))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("glm/glm-4.7 → cc/claude-opus-4-6 → cx/gpt-5.2-codex")


def test_a_wrong_figure_among_the_folded_ones_is_seen(open_as: OpenAs) -> None:
    sync_catalogue()
    page = open_as(Role.OPERATOR).new_page()
    page.goto("/admin/combos/combo/add/")
    page.locator("#id_name").fill("coding")
    page.locator("#id_targets-0-model").fill("groq/llama")
    expect(page.locator("#id_max_retries")).not_to_be_visible()
    page.get_by_text("Advanced").click()
    page.locator("#id_max_retries").fill("11")
    page.locator("form#combo_form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("less than or equal to 10")).to_be_visible()
