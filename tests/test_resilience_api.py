"""The management API of resilience: what it says, what it takes, what it refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from health.models import (
    Breaker,
    ConnectionLimit,
    Cooldown,
    HealthOrder,
    Lockout,
    LockoutPolicy,
    ProviderProfile,
    RateLimitDefaults,
)
from providers.models import ConfigurationStamp, ProviderConnection
from tests.management import CONNECTION, NO_ROW, World, call, error_of

pytestmark = pytest.mark.django_db

OAUTH = {
    "transientCooldown": 5000,
    "rateLimitCooldown": 60000,
    "maxBackoffLevel": 8,
    "circuitBreakerThreshold": 3,
    "circuitBreakerReset": 60000,
    "rateLimitSensitivity": 1,
    "backoffBase": 2.0,
    "backoffMaximum": 120000,
    "jitter": 20,
}
APIKEY = OAUTH | {
    "transientCooldown": 3000,
    "rateLimitCooldown": 0,
    "maxBackoffLevel": 5,
    "circuitBreakerThreshold": 5,
    "circuitBreakerReset": 30000,
}
NO_LIMIT = {"requestsPerMinute": None, "minTimeBetweenRequests": None, "concurrentRequests": None}
CLOSED = {
    "state": "CLOSED",
    "failureCount": 0,
    "lastFailureTime": None,
    "until": None,
    "seconds": 0,
    "reason": "",
}


def trouble() -> None:
    """DeepSeek's breaker is open, its connection rests for one model, one address is refused; old rows beside each."""
    now = timezone.now()
    soon, past = now + timedelta(seconds=40), now - timedelta(minutes=5)
    Breaker.objects.create(
        provider_id="deepseek",
        state="open",
        failures=5,
        until=soon,
        seconds=60,
        changed_at=now,
        last_failure="transient (500)",
    )
    for model, until in (("deepseek-chat", soon), ("deepseek-reasoner", past)):
        Cooldown.objects.create(
            connection_id=CONNECTION,
            model_id=model,
            until=until,
            seconds=60,
            level=2,
            reason="rate limit",
            status=429,
            since=past,
        )
    for place, until in enumerate((soon, past, None)):
        Lockout.objects.create(
            identifier=f"address 10.0.0.{place}",
            policy="api_key",
            failures=5,
            locked_until=until,
            since=now,
            last_seen=now,
        )


def shown(admin: Client) -> Any:
    return call(admin, "GET", "/api/resilience").json()


def test_it_shows_the_products_numbers_first(admin: Client) -> None:
    assert shown(admin) == {
        "profiles": {"oauth": OAUTH, "apikey": APIKEY, "providers": {}},
        "defaults": NO_LIMIT | {"queueLength": 100, "queueTimeout": 30000},
        "circuitBreakers": [CLOSED | {"name": "deepseek"}, CLOSED | {"name": "demo"}],
        "cooldowns": [],
        "rateLimitStatus": {str(row.pk): NO_LIMIT for row in ProviderConnection.objects.all()},
        "lockouts": [],
    }


def test_it_shows_what_is_open_resting_and_refused(admin: Client) -> None:
    trouble()
    found = shown(admin)
    breaker = found["circuitBreakers"][0]
    assert (breaker["state"], breaker["failureCount"], breaker["reason"]) == ("OPEN", 5, "transient (500)")
    assert 30 < breaker["seconds"] <= 40
    [cooldown] = found["cooldowns"]
    assert 30 < cooldown.pop("seconds") <= 40
    assert cooldown.pop("until")
    assert cooldown == {
        "connectionId": CONNECTION,
        "connection": "Work",
        "provider": "deepseek",
        "model": "deepseek-chat",
        "reason": "rate limit",
        "status": 429,
        "level": 2,
    }
    assert [row["identifier"] for row in found["lockouts"]] == ["address 10.0.0.0"]


def test_a_breaker_whose_time_is_over_is_half_open(admin: Client) -> None:
    trouble()
    Breaker.objects.update(until=timezone.now())
    assert shown(admin)["circuitBreakers"][0]["state"] == "HALF_OPEN"


def test_a_clock_that_jumped_makes_no_time_longer_than_it_was_meant(admin: Client) -> None:
    trouble()
    Breaker.objects.update(until=timezone.now() + timedelta(days=400))
    assert shown(admin)["circuitBreakers"][0]["seconds"] == 60


def test_what_is_sent_is_changed_and_nothing_else(admin: Client) -> None:
    changes = {"profiles": {"oauth": {"circuitBreakerThreshold": 7}}, "defaults": {"requestsPerMinute": 60}}
    answer = call(admin, "PATCH", "/api/resilience", changes)
    assert answer.json()["profiles"]["oauth"] == OAUTH | {"circuitBreakerThreshold": 7}
    assert answer.json()["profiles"]["apikey"] == APIKEY
    assert answer.json()["defaults"]["requestsPerMinute"] == 60
    assert answer.json() == shown(admin)


def test_null_gives_a_classs_number_back_to_the_product(admin: Client) -> None:
    for value in (7, None):
        call(admin, "PATCH", "/api/resilience", {"profiles": {"oauth": {"circuitBreakerThreshold": value}}})
    assert shown(admin)["profiles"]["oauth"] == OAUTH


@pytest.mark.parametrize("name", ["deepseek", "lab", "ds"])
def test_a_provider_overrides_numbers_of_its_class(admin: Client, world: World, name: str) -> None:
    call(admin, "PATCH", "/api/resilience", {"profiles": {name: {"jitter": 0, "backoffBase": 1.5}}})
    overrides = shown(admin)["profiles"]["providers"]
    assert list(overrides.values()) == [{"jitter": 0, "backoffBase": 1.5}]
    call(admin, "PATCH", "/api/resilience", {"profiles": {name: {"jitter": None}}})
    assert list(shown(admin)["profiles"]["providers"].values()) == [{"backoffBase": 1.5}]


@pytest.mark.parametrize("reset", [None, {"jitter": None}], ids=["the provider", "its last number"])
def test_null_ends_a_providers_overrides(admin: Client, reset: Any) -> None:
    for override in ({"jitter": 0}, reset):
        call(admin, "PATCH", "/api/resilience", {"profiles": {"deepseek": override}})
    assert shown(admin)["profiles"]["providers"] == {}
    assert not ProviderProfile.objects.filter(provider="deepseek").exists()


def test_what_is_read_can_be_sent_back(admin: Client) -> None:
    call(admin, "PATCH", "/api/resilience", {"profiles": {"deepseek": {"jitter": 0}}})
    found = shown(admin)
    sent = {name: found[name] for name in ("profiles", "defaults")}
    assert call(admin, "PATCH", "/api/resilience", sent).json() == found


# The body, and the field that is named.
WRONG: list[tuple[Any, str]] = [
    ({"profile": {}}, "profile"),
    ({"profiles": []}, "profiles"),
    ({"profiles": None}, "profiles"),
    ({"profiles": {"oauth": None}}, "profiles.oauth"),
    ({"profiles": {"oauth": {"transientCooldown": -1}}}, "profiles.oauth.transientCooldown"),
    ({"profiles": {"oauth": {"transientCooldown": 86_400_001}}}, "profiles.oauth.transientCooldown"),
    ({"profiles": {"oauth": {"transientCooldown": 10**18}}}, "profiles.oauth.transientCooldown"),
    ({"profiles": {"oauth": {"transientCooldown": 1.5}}}, "profiles.oauth.transientCooldown"),
    ({"profiles": {"oauth": {"transientCooldown": "5"}}}, "profiles.oauth.transientCooldown"),
    ({"profiles": {"oauth": {"transientCooldown": True}}}, "profiles.oauth.transientCooldown"),
    ({"profiles": {"oauth": {"maxBackoffLevel": 16}}}, "profiles.oauth.maxBackoffLevel"),
    ({"profiles": {"oauth": {"circuitBreakerReset": 0}}}, "profiles.oauth.circuitBreakerReset"),
    ({"profiles": {"oauth": {"rateLimitSensitivity": 0}}}, "profiles.oauth.rateLimitSensitivity"),
    ({"profiles": {"apikey": {"backoffBase": 0.5}}}, "profiles.apikey.backoffBase"),
    ({"profiles": {"apikey": {"backoffBase": 1.001}}}, "profiles.apikey.backoffBase"),
    ({"profiles": {"apikey": {"backoffBase": 1e300}}}, "profiles.apikey.backoffBase"),
    ({"profiles": {"apikey": {"jitter": 101}}}, "profiles.apikey.jitter"),
    ({"profiles": {"apikey": {"jitters": 1}}}, "profiles.apikey.jitters"),
    ({"profiles": {"nobody": {"jitter": 1}}}, "profiles.nobody"),
    ({"profiles": {"nobody": None}}, "profiles.nobody"),
    ({"profiles": {"deepseek": {"jitter": -1}}}, "profiles.deepseek.jitter"),
    ({"profiles": {"deepseek": 5}}, "profiles.deepseek"),
    ({"profiles": {"providers": {"deepseek": {"jitter": -1}}}}, "profiles.providers.deepseek.jitter"),
    ({"defaults": {"requestsPerMinute": 0}}, "defaults.requestsPerMinute"),
    ({"defaults": {"minTimeBetweenRequests": 600_001}}, "defaults.minTimeBetweenRequests"),
    ({"defaults": {"concurrentRequests": -5}}, "defaults.concurrentRequests"),
    ({"defaults": {"queueLength": None}}, "defaults.queueLength"),
    ({"defaults": {"queueTimeout": 1500}}, "defaults.queueTimeout"),
    ({"defaults": {"queueTimeout": -1000}}, "defaults.queueTimeout"),
    ({"defaults": {"rpm": 1}}, "defaults.rpm"),
]


def stored() -> Any:
    rows = (ProviderProfile, RateLimitDefaults, ConnectionLimit, LockoutPolicy, HealthOrder)
    stamp = ConfigurationStamp.objects.values_list("version", flat=True).first()
    return stamp, *(list(model._default_manager.values()) for model in rows)


@pytest.mark.parametrize(("body", "param"), WRONG, ids=[str(body)[:80] for body, _ in WRONG])
def test_a_wrong_number_is_named_and_nothing_is_half_saved(admin: Client, body: Any, param: str) -> None:
    before = stored()
    good = {"profiles": {"apikey": {"circuitBreakerThreshold": 9}}} if "defaults" in body else {}
    answer = call(admin, "PATCH", "/api/resilience", good | body)
    assert (answer.status_code, error_of(answer)["param"]) == (400, param), answer.content
    assert stored() == before


def test_resetting_all_says_how_much_that_was_and_leaves_an_order(admin: Client) -> None:
    trouble()
    assert call(admin, "POST", "/api/resilience/reset").json() == {"ok": True, "resetCount": 3}
    found = shown(admin)
    assert (found["circuitBreakers"][0]["state"], found["cooldowns"], found["lockouts"]) == ("CLOSED", [], [])
    assert HealthOrder.objects.get().ordered_by == "an admin key"
    assert call(admin, "POST", "/api/resilience/reset", {}).json() == {"ok": True, "resetCount": 0}


def test_one_breaker_or_one_rest_is_reset_alone(admin: Client) -> None:
    trouble()
    one = {"connectionId": CONNECTION, "model": "deepseek-chat"}
    assert call(admin, "POST", "/api/resilience/reset", {"provider": "deepseek"}).json()["resetCount"] == 1
    assert shown(admin)["cooldowns"]
    assert call(admin, "POST", "/api/resilience/reset", one).json()["resetCount"] == 1
    assert (shown(admin)["cooldowns"], len(shown(admin)["lockouts"])) == ([], 1)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"provider": "nobody"}, 404, None),
        ({"connectionId": NO_ROW}, 404, None),
        ({"connectionId": "x"}, 400, "connectionId"),
        ({"model": "m"}, 400, "connectionId"),
        ({"provider": "deepseek", "connectionId": CONNECTION}, 400, "connectionId"),
        ({"all": True}, 400, "all"),
    ],
    ids=str,
)
def test_a_reset_of_what_is_not_there_resets_nothing(admin: Client, body: Any, status: int, param: str | None) -> None:
    trouble()
    answer = call(admin, "POST", "/api/resilience/reset", body)
    assert (answer.status_code, error_of(answer)["param"]) == (status, param)
    assert Breaker.objects.exists() and not HealthOrder.objects.exists()


def limited(admin: Client, **changes: Any) -> Any:
    """The connection's own row, after a change."""
    answer = call(admin, "POST", "/api/rate-limits", {"connectionId": CONNECTION} | changes)
    return next(row for row in answer.json()["connections"] if row["connectionId"] == CONNECTION)


def test_a_connections_limits_are_its_own_or_those_for_all(admin: Client) -> None:
    call(admin, "PATCH", "/api/resilience", {"defaults": {"requestsPerMinute": 60, "concurrentRequests": 4}})
    effective = {"requestsPerMinute": 60, "minTimeBetweenRequests": 250, "concurrentRequests": 2}
    own = NO_LIMIT | {"minTimeBetweenRequests": 250, "concurrentRequests": 2}
    about = {"connectionId": CONNECTION, "name": "Work", "provider": "deepseek", "enabled": True}
    row = limited(admin, minTimeBetweenRequests=250, concurrentRequests=2)
    assert row == about | own | {"effective": effective, "cooldowns": []}
    assert shown(admin)["rateLimitStatus"][CONNECTION] == effective
    assert limited(admin, concurrentRequests=None)["effective"]["concurrentRequests"] == 4
    row = limited(admin, enabled=False)
    assert (row["effective"], row["minTimeBetweenRequests"]) == (NO_LIMIT, 250)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "connectionId"),
        ({"connectionId": NO_ROW}, "connectionId"),
        ({"connectionId": CONNECTION, "requestsPerMinute": 0}, "requestsPerMinute"),
        ({"connectionId": CONNECTION, "requestsPerMinute": 10_001}, "requestsPerMinute"),
        ({"connectionId": CONNECTION, "enabled": None}, "enabled"),
        ({"connectionId": CONNECTION, "enabled": "yes"}, "enabled"),
        ({"connectionId": CONNECTION, "queueLength": 1}, "queueLength"),
    ],
    ids=str,
)
def test_a_wrong_limit_is_named(admin: Client, body: Any, param: str) -> None:
    before = stored()
    answer = call(admin, "POST", "/api/rate-limits", body)
    assert (answer.status_code, error_of(answer)["param"]) == (400, param)
    assert stored() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_singular_of_rate_limits_leads_there(admin: Client, method: str) -> None:
    answer = call(admin, method, "/api/rate-limit")
    assert (answer.status_code, answer["Location"]) == (308, "/api/rate-limits")
    assert call(Client(), method, "/api/rate-limit").status_code == 401


def test_a_policy_is_configured(admin: Client) -> None:
    sent = {"action": "configure", "policy": "api_key", "enabled": False, "failures": 3}
    policies = {row["policy"]: row for row in call(admin, "POST", "/api/policies", sent).json()["policies"]}
    same = {"windowSeconds": 300, "lockSeconds": 900}
    assert policies["api_key"] == {"policy": "api_key", "enabled": False, "failures": 3} | same
    assert policies["login"] == {"policy": "login", "enabled": True, "failures": 5} | same


def test_an_identifier_is_unlocked(admin: Client) -> None:
    trouble()
    [locked] = call(admin, "GET", "/api/policies").json()["lockedIdentifiers"]
    assert 30 < locked["seconds"] <= 40
    answer = call(admin, "POST", "/api/policies", {"action": "unlock", "identifier": locked["identifier"]})
    assert answer.json()["lockedIdentifiers"] == []
    assert HealthOrder.objects.get().subject == "address 10.0.0.0"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "action"),
        ({"action": "lock"}, 400, "action"),
        ({"action": "unlock"}, 400, "identifier"),
        ({"action": "unlock", "identifier": ""}, 400, "identifier"),
        ({"action": "unlock", "identifier": "address 10.9.9.9"}, 404, None),
        ({"action": "unlock", "identifier": "address 10.0.0.0", "lockSeconds": 5}, 400, "lockSeconds"),
        ({"action": "configure", "failures": 3}, 400, "policy"),
        ({"action": "configure", "policy": "nothing"}, 400, "policy"),
        ({"action": "configure", "policy": "login", "failures": 0}, 400, "failures"),
        ({"action": "configure", "policy": "login", "lockSeconds": 86_401}, 400, "lockSeconds"),
        ({"action": "configure", "policy": "login", "windowSeconds": -1}, 400, "windowSeconds"),
    ],
    ids=str,
)
def test_a_wrong_deed_on_a_policy_is_named(admin: Client, body: Any, status: int, param: str | None) -> None:
    trouble()
    before = stored()
    answer = call(admin, "POST", "/api/policies", body)
    assert (answer.status_code, error_of(answer)["param"]) == (status, param), answer.content
    assert stored() == before
