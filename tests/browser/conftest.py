"""A real Chromium against a really started server. A missing Chromium fails: these tests are never skipped."""

import os
from collections.abc import Callable, Iterator
from typing import Any

# Playwright runs an event loop in this thread; the ORM is only used between its calls.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from omniroute_site.roles import Role
from providers import vault
from tests.dashboard import make_user

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenAs = Callable[..., BrowserContext]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def users(transactional_db: None, data_dir: Any, settings: Any) -> dict[Role, Any]:
    """One user of every role."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    vault.make_first(settings.DATA_DIR)
    return {role: make_user(role) for role in Role}


@pytest.fixture
def open_as(browser: Browser, live_server: Any, users: dict[Role, Any], settings: Any) -> Iterator[OpenAs]:
    """A browser context with the session of a role, or of nobody."""
    opened: list[BrowserContext] = []

    def open_(role: Role | None, theme: str = "light", width: int = 1440) -> BrowserContext:
        context = browser.new_context(
            base_url=live_server.url, color_scheme=theme, viewport={"width": width, "height": 900}
        )
        if role:
            context.add_cookies([session_cookie(users[role], live_server.url)])
        opened.append(context)
        return context

    yield open_
    for context in opened:
        context.close()


def session_cookie(user: Any, url: str) -> Any:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": url,
    }
