"""The pages on health: what they show, that a button says what it will do and does it, and who may press it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from health.models import (
    Breaker,
    ConnectionLimit,
    Cooldown,
    Deed,
    HealthOrder,
    Lockout,
    LockoutPolicy,
    ProviderProfile,
    RateLimitDefaults,
)
from omniroute_site.roles import Role
from providers.models import ProviderConnection
from tests.dashboard import PASSWORD, make_connection, make_provider, make_trouble, make_user, text_of
from tests.test_admin import errors_of, number_of_queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

HEALTH = "/admin/health/breaker/"
LIMITS = "/admin/health/connectionlimit/"
PROFILES = "/admin/health/providerprofile/"


@pytest.fixture
def connection() -> ProviderConnection:
    return make_connection()


def shown(client: Client, address: str = HEALTH) -> str:
    return " ".join(text_of(client.get(address)).split())


# Health.


def test_while_nothing_is_connected_it_says_so(page: Client) -> None:
    assert "No provider is connected, so none can fail." in shown(page)
    assert "No connection rests." in shown(page)


def test_while_all_is_well_it_says_so(page: Client, connection: ProviderConnection) -> None:
    text = shown(page)
    assert text.count("all well") == 3
    assert "No connection is limited" in text


def test_what_is_open_resting_refused_and_limited_is_shown_with_its_time(
    page: Client, connection: ProviderConnection
) -> None:
    make_trouble(connection)
    text = shown(page)
    assert "open, next probe" in text and "5 failures in a row, the last: transient (503)" in text
    assert "0:42" in text or "0:41" in text
    assert "after rate limit (429)" in text
    assert f"address 10.0.0.9 of {connection.pk}" in text
    assert "77 requests per minute" in text


def test_a_provider_whose_time_is_over_is_half_open(page: Client, connection: ProviderConnection) -> None:
    make_trouble(connection)
    Breaker.objects.update(until=timezone.now())
    assert "half-open: the next request probes" in shown(page)


def test_what_is_over_is_not_shown(page: Client, connection: ProviderConnection) -> None:
    make_trouble(connection)
    for model, field in ((Cooldown, "until"), (Lockout, "locked_until")):
        model._default_manager.update(**{field: timezone.now() - timedelta(seconds=1)})
    assert "No connection rests." in shown(page)
    assert "Nobody is refused" in shown(page)


def test_a_thousand_cooldowns_cost_no_more_queries_than_one(page: Client, connection: ProviderConnection) -> None:
    make_trouble(connection)
    shown(page)  # The size of the database is asked for once a minute.
    first = number_of_queries(page, HEALTH)
    now = timezone.now()
    Cooldown.objects.bulk_create(
        Cooldown(
            connection=connection,
            model_id=f"model-{place}",
            until=now + timedelta(hours=1),
            seconds=3600,
            reason="x",
            since=now,
        )
        for place in range(1000)
    )
    assert number_of_queries(page, HEALTH) == first
    assert "50 of 1001 are shown" in shown(page)


DEEDS = {
    Deed.CLOSE_BREAKER: ("Close the breaker of Groq", Breaker),
    Deed.END_COOLDOWN: ("End the cooldown of", Cooldown),
    Deed.UNLOCK: ("Unlock address 10.0.0.9", Lockout),
    Deed.RESET_ALL: ("Breakers that close: 1. Cooldowns that end: 1. Identifiers that are let in again: 1.", Breaker),
}


def asked(deed: Deed, connection: ProviderConnection) -> dict[str, str]:
    subjects = {
        Deed.CLOSE_BREAKER: {"provider": "groq"},
        Deed.END_COOLDOWN: {"connection": str(connection.pk), "model": "llama"},
        Deed.UNLOCK: {"identifier": f"address 10.0.0.9 of {connection.pk}"},
    }
    return {"deed": deed.value, **subjects.get(deed, {})}


@pytest.mark.parametrize(("deed", "says", "model"), [(deed, *row) for deed, row in DEEDS.items()], ids=DEEDS)
def test_a_button_tells_first_what_it_will_do_and_does_it_then(
    page: Client, connection: ProviderConnection, deed: Deed, says: str, model: Any
) -> None:
    make_trouble(connection)
    told = page.get(HEALTH, asked(deed, connection))
    assert says in text_of(told)
    assert model.objects.exists() and not HealthOrder.objects.exists()
    done = page.post(HEALTH, asked(deed, connection), follow=True)
    assert "Every worker follows within a second." in text_of(done)
    assert not model.objects.exists()
    assert HealthOrder.objects.get().ordered_by == "owner"


@pytest.mark.parametrize(
    "gone",
    [
        {"deed": "close", "provider": "nobody"},
        {"deed": "end", "connection": "x"},
        {"deed": "unlock", "identifier": "nobody"},
        {"deed": "explode"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_button_of_what_is_gone_does_nothing(page: Client, gone: dict[str, str], method: str) -> None:
    answer = getattr(page, method)(HEALTH, gone, follow=True)
    assert "nothing is left to do" in text_of(answer)
    assert not HealthOrder.objects.exists()


@pytest.mark.parametrize(("role", "may"), [(Role.OPERATOR, True), (Role.VIEWER, False)], ids=str)
def test_only_who_runs_the_gateway_has_the_buttons(
    client: Client, connection: ProviderConnection, role: Role, may: bool
) -> None:
    make_trouble(connection)
    client.force_login(make_user(role))
    text = shown(client)
    assert ("Reset all" in text, "?deed=" in text) == (may, may)
    for deed in Deed:
        assert client.get(HEALTH, asked(deed, connection)).status_code == (200 if may else 403)
        if not may:
            assert client.post(HEALTH, asked(deed, connection)).status_code == 403
    assert Breaker.objects.exists()


def test_a_deed_needs_its_token(connection: ProviderConnection, owner: User) -> None:
    make_trouble(connection)
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(HEALTH, {"deed": "reset"}).status_code == 403
    assert Breaker.objects.exists()


def test_names_are_shown_as_text(page: Client) -> None:
    provider = make_provider("evil", "<script>alert(1)</script>")
    make_trouble(ProviderConnection.objects.create(provider=provider, name="<b>bold</b>"), model="<i>m</i>")
    for address in (HEALTH, LIMITS, PROFILES, f"{HEALTH}?deed=close&provider=evil"):
        text = shown(page, address)
        assert "<script>alert" not in text and "<b>bold" not in text and "<i>m" not in text


# Limits.


def test_the_limits_stand_beside_those_for_all(page: Client, connection: ProviderConnection) -> None:
    make_connection(name="second")
    RateLimitDefaults.objects.create(id=1, requests_per_minute=60, max_concurrent=4)
    ConnectionLimit.objects.create(connection=connection, requests_per_minute=5)
    text = shown(page, LIMITS)
    assert "<strong>5</strong>" in text
    assert text.count('title="As for all connections">60<') == 1
    assert text.count('title="As for all connections">4<') == 2


def test_without_connections_the_limits_say_what_will_be_here(page: Client) -> None:
    assert "No provider is connected yet. Each connection appears here" in shown(page, LIMITS)


def test_a_connection_gets_limits_of_its_own_and_gives_them_back(page: Client, connection: ProviderConnection) -> None:
    address = f"{LIMITS}{connection.pk}/change/"
    RateLimitDefaults.objects.create(id=1, requests_per_minute=60)
    assert 'placeholder="60, as for all"' in shown(page, address)
    assert "Cancel" in shown(page, address) or "Close" in shown(page, address)
    assert page.post(address, {"is_enabled": "on", "requests_per_minute": "5"}).status_code == 302
    assert ConnectionLimit.objects.get().requests_per_minute == 5
    assert page.post(address, {"is_enabled": "on", "requests_per_minute": ""}).status_code == 302
    assert ConnectionLimit.objects.get().requests_per_minute is None


def test_a_wrong_limit_is_told_at_its_field(page: Client, connection: ProviderConnection) -> None:
    answer = page.post(f"{LIMITS}{connection.pk}/change/", {"requests_per_minute": "0", "max_concurrent": "many"})
    assert errors_of(answer).keys() == {"requests_per_minute", "max_concurrent"}
    assert not ConnectionLimit.objects.exists()


@pytest.mark.parametrize("pk", ["x", "00000000-0000-4000-8000-000000000000"])
def test_limits_of_no_connection_are_not_edited(page: Client, pk: str) -> None:
    assert page.get(f"{LIMITS}{pk}/change/").status_code == 302


def test_the_limits_for_all_are_edited(page: Client) -> None:
    form = {
        "requests_per_minute": "60",
        "min_gap_ms": "",
        "max_concurrent": "",
        "queue_length": "9",
        "queue_seconds": "3",
    }
    assert page.post("/admin/health/ratelimitdefaults/1/change/", form).status_code == 302
    assert (RateLimitDefaults.load().requests_per_minute, RateLimitDefaults.load().queue_length) == (60, 9)


# Profiles.

NUMBERS = {
    "failure_threshold": "",
    "breaker_ms": "",
    "transient_cooldown_ms": "",
    "rate_limit_cooldown_ms": "",
    "rate_limit_sensitivity": "",
    "backoff_base": "",
    "backoff_maximum_ms": "",
    "longest_backoff_level": "",
    "jitter_percent": "",
}


def test_the_two_classes_are_there_from_the_start_and_stay(page: Client) -> None:
    text = shown(page, PROFILES)
    assert "Login" in text and "API key" in text and "5 failures" in text and "30 s" in text
    row = ProviderProfile.objects.get(profile_class="oauth")
    assert page.get(f"{PROFILES}{row.pk}/delete/").status_code == 403
    page.post(PROFILES, {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
    assert ProviderProfile.objects.filter(pk=row.pk).exists()


def test_a_provider_overrides_what_its_form_shows_it_would_inherit(page: Client) -> None:
    provider = make_provider()
    made = page.post(f"{PROFILES}add/", NUMBERS | {"provider": provider.pk, "jitter_percent": "0"})
    assert made.status_code == 302
    row = ProviderProfile.objects.get(provider=provider)
    ProviderProfile.objects.filter(profile_class="apikey").update(failure_threshold=8)
    text = shown(page, f"{PROFILES}{row.pk}/change/")
    assert 'placeholder="8"' in text and 'placeholder="30000"' in text
    assert (row.jitter_percent, row.failure_threshold) == (0, None)


def test_a_class_shows_what_the_product_would_do(page: Client) -> None:
    row = ProviderProfile.objects.get(profile_class="apikey")
    assert page.post(f"{PROFILES}{row.pk}/change/", NUMBERS | {"failure_threshold": "7"}).status_code == 302
    text = shown(page, f"{PROFILES}{row.pk}/change/")
    assert 'value="7"' in text and 'placeholder="5"' in text and 'placeholder="30000"' in text
    assert "30 s" in shown(page, PROFILES)


def test_an_override_of_nothing_or_nobody_is_told(page: Client) -> None:
    provider = make_provider()
    assert errors_of(page.post(f"{PROFILES}add/", NUMBERS | {"provider": provider.pk})).keys() == {"__all__"}
    assert errors_of(page.post(f"{PROFILES}add/", NUMBERS | {"jitter_percent": "5"})).keys() == {"provider"}
    wrong = NUMBERS | {"provider": provider.pk, "jitter_percent": "101", "backoff_base": "0.5"}
    assert errors_of(page.post(f"{PROFILES}add/", wrong)).keys() == {"jitter_percent", "backoff_base"}
    assert ProviderProfile.objects.filter(provider=provider).count() == 0


# Lockouts.


def sign_in(client: Client, password: str) -> Any:
    return client.post("/accounts/login/", {"login": "Owner", "password": password})


def test_who_guesses_passwords_is_listed_and_unlocked(client: Client, owner: User) -> None:
    for _ in range(5):
        last = sign_in(client, "wrong")
    assert "Too many wrong passwords. Try again in 15:00" in text_of(last)
    assert sign_in(client, PASSWORD).status_code == 200

    operator = Client()
    operator.force_login(make_user(Role.OPERATOR))
    text = shown(operator, "/admin/health/lockout/")
    assert "login owner from 127.0.0.1" in text and "refused 1" in text
    row = Lockout.objects.get()
    operator.post("/admin/health/lockout/", {"action": "unlock", "_selected_action": [str(row.pk)]})
    assert sign_in(client, PASSWORD).status_code == 302


def test_a_right_password_forgets_the_wrong_ones(client: Client, owner: User) -> None:
    for _ in range(2):
        for _ in range(4):
            sign_in(client, "wrong")
        assert sign_in(client, PASSWORD).status_code == 302
        client.logout()
    assert not Lockout.objects.exists()


def test_a_lock_on_one_name_or_address_is_not_one_on_another(client: Client, owner: User) -> None:
    for _ in range(5):
        sign_in(client, "wrong")
    elsewhere = Client(REMOTE_ADDR="10.0.0.7")
    assert sign_in(elsewhere, PASSWORD).status_code == 302


def test_a_viewer_sees_who_is_refused_and_unlocks_nobody(client: Client, connection: ProviderConnection) -> None:
    make_trouble(connection)
    client.force_login(make_user(Role.VIEWER))
    assert "address 10.0.0.9" in shown(client, "/admin/health/lockout/")
    row = Lockout.objects.get()
    client.post("/admin/health/lockout/", {"action": "unlock", "_selected_action": [str(row.pk)]})
    assert Lockout.objects.exists()


def test_a_policy_is_changed_and_switched_off(page: Client) -> None:
    address = "/admin/health/lockoutpolicy/"
    assert "0:15:00" in shown(page, address)
    form = {"is_enabled": "on", "failures": "3", "window_seconds": "60", "lock_seconds": "30"}
    assert page.post(f"{address}login/change/", form).status_code == 302
    page.post(address, {"action": "disable", "_selected_action": ["api_key"]})
    policies = {row.name: (row.failures, row.is_enabled) for row in LockoutPolicy.objects.all()}
    assert (policies["login"], policies["api_key"]) == ((3, True), (5, False))
