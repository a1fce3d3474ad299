"""What a key may use at /v1: nothing leads around it, and whoever is refused learns why, in their own dialect."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests import upstream as play
from tests.fleet import Fleet
from tests.gateway import TRUST
from tests.talk import BODIES, DIALECTS, HTTP, assert_error, path_of
from tests.upstream import ScriptedUpstream

ONCE = {"maxRetries": 0}


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Fleet:
    return built_fleet


@pytest.fixture
def alias(fleet: Fleet) -> Iterator[Callable[[str, str], None]]:
    """Makes aliases, which are gone after the test."""
    made: list[str] = []

    def make_alias(name: str, model: str) -> None:
        made.append(name)
        fleet.gateway.api("PUT", "/models/alias", {"alias": name, "model": model})

    yield make_alias
    for name in made:
        fleet.gateway.api("DELETE", "/models/alias", {"alias": name})


@pytest.fixture
def combo(fleet: Fleet) -> str:
    """It asks one/m, then two/m."""
    return fleet.combo("pair", "one/m", "two/m", config=ONCE)


def make(fleet: Fleet, **facts: Any) -> str:
    made = fleet.gateway.api("POST", "/keys", {"name": "limited"} | facts, 201)
    fleet.gateway.settle_workers()
    return str(made["key"])


def ask(fleet: Fleet, key: str, model: str, **members: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]} | members
    return httpx.post(f"{fleet.gateway.url}/chat/completions", json=body, headers=headers, timeout=30, verify=TRUST)


@pytest.mark.parametrize(
    ("allowed", "model", "is_allowed"),
    [
        (["one/m"], "one/m", True),
        (["one/m"], "one/m2", False),
        (["one/m"], "one/M", True),
        (["one/*"], "one/a/b", True),
        (["one/*"], "two/m", False),
        (["one/m-?"], "one/m-1", True),
        (["one/m-?"], "one/m-", False),
        (["one/m.5*"], "one/mx5", False),
        (["one/m[12]"], "one/m1", False),
        (["*small*"], "two/a-small-one", True),
        (["m"], "one/m", True),
        (["o*"], "one/m", True),
        (["o?"], "one/m", False),
        (["two/*", "one/m"], "one/m", True),
        ([], "one/m", True),
    ],
    ids=str,
)
def test_a_key_asks_for_what_its_patterns_fit(fleet: Fleet, allowed: list[str], model: str, is_allowed: bool) -> None:
    answer = ask(fleet, make(fleet, allowedModels=allowed), model)
    assert answer.status_code == (200 if is_allowed else 403), answer.text
    assert len(fleet.asked()) == is_allowed


def test_who_is_refused_is_told_what_the_key_may_use(fleet: Fleet) -> None:
    answer = ask(fleet, make(fleet, allowedModels=["one/*", "pair"], allowedProviders=["one"]), "two/m")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (403, "model_not_allowed", "model")
    assert error["message"] == "This key may not use `two/m`. It may use: models `one/*`, `pair`; providers `one`."


@pytest.mark.parametrize("client", DIALECTS)
def test_the_refusal_has_the_shape_of_the_clients_dialect(fleet: Fleet, client: str) -> None:
    key = make(fleet, allowedModels=["one/*"])
    body = BODIES["text"][client] | ({} if client == "gemini" else {"model": "two/m"})
    headers = {"authorization": f"Bearer {key}"}
    answer = HTTP.post(fleet.gateway.root + path_of(client, "two/m", False), json=body, headers=headers)
    assert "may not use `two/m`" in assert_error(answer, client, 403)


def test_a_combo_that_is_named_brings_what_it_routes_to(fleet: Fleet, combo: str) -> None:
    key = make(fleet, allowedModels=[combo])
    fleet.tell("one", play.json(500))
    assert ask(fleet, key, combo).status_code == 200
    assert fleet.asked() == ["one", "two"]
    assert ask(fleet, key, "two/m").status_code == 403


def test_an_alias_that_is_named_brings_what_it_stands_for(fleet: Fleet, combo: str, alias: Any) -> None:
    alias("quick", "two/m")
    alias("both", combo)
    key = make(fleet, allowedModels=["quick", combo])
    assert [ask(fleet, key, name).status_code for name in ("quick", "both", "two/m")] == [200, 200, 403]
    assert ask(fleet, make(fleet, allowedModels=["one/*"]), "quick").status_code == 403


def test_of_a_combo_that_is_not_named_only_the_allowed_targets_are_asked(fleet: Fleet, combo: str) -> None:
    key = make(fleet, allowedModels=["two/*"])
    assert ask(fleet, key, combo).status_code == 200
    fleet.tell("two", play.json(500))
    assert ask(fleet, key, combo).status_code == 500
    assert set(fleet.asked()) == {"two"}


def test_providers_are_kept_to_also_by_a_combo_that_is_named(fleet: Fleet, combo: str) -> None:
    assert ask(fleet, make(fleet, allowedModels=[combo], allowedProviders=["two"]), combo).status_code == 200
    assert fleet.asked() == ["two"]
    assert ask(fleet, make(fleet, allowedModels=[combo], allowedProviders=["three"]), combo).status_code == 403


def test_a_fallback_chain_does_not_lead_around_a_restriction(fleet: Fleet) -> None:
    fleet.gateway.api(
        "POST", "/fallback/chains", {"name": "way out", "models": ["two/m", "three/m"], "pattern": "one/*"}
    )
    try:
        fleet.tell("one", play.json(500))
        assert ask(fleet, make(fleet, allowedModels=["one/m", "three/*"]), "one/m").status_code == 200
        assert fleet.asked()[-1] == "three"
        assert ask(fleet, make(fleet, allowedProviders=["one"]), "one/m").status_code == 500
        assert set(fleet.asked()) == {"one"}
    finally:
        fleet.gateway.api("DELETE", "/fallback/chains?name=way out")


def test_a_conversation_does_not_stay_where_its_key_may_no_longer_go(fleet: Fleet) -> None:
    name = fleet.combo("spread", "one/m", "two/m", strategy="round-robin", config=ONCE)
    made = fleet.gateway.api("POST", "/keys", {"name": "talker"}, 201)

    def turn() -> str:
        assert ask(fleet, made["key"], name, prompt_cache_key="a talk").status_code == 200
        return fleet.asked()[-1]

    first = turn()
    assert turn() == first
    other = "two" if first == "one" else "one"
    fleet.gateway.api("PATCH", f"/keys/{made['id']}", {"allowedModels": [f"{other}/*"]})
    fleet.gateway.settle_workers()
    assert {turn() for _ in range(3)} == {other}


def test_a_provider_that_was_removed_opens_nothing_in_its_place(fleet: Fleet) -> None:
    fleet.gateway.add_node("gone", fleet.upstream.base_url)
    key = make(fleet, allowedProviders=["gone"])
    assert ask(fleet, key, "gone/m").status_code == 200
    fleet.gateway.api("DELETE", "/provider-nodes/gone")
    fleet.gateway.settle_workers()
    assert ask(fleet, key, "one/m").status_code == 403


# Lists and counts.


def listed(fleet: Fleet, path: str, key: str) -> set[str]:
    answer = HTTP.get(fleet.gateway.root + path, headers={"authorization": f"Bearer {key}"}).json()
    rows = answer.get("data") or answer.get("models") or []
    return {(row.get("id") or row["name"]).removeprefix("models/") for row in rows}


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", "/api/tags"])
def test_a_list_names_only_what_the_key_may_use(fleet: Fleet, combo: str, alias: Any, path: str) -> None:
    alias("listed-alias", "three/m")
    everything = listed(fleet, path, make(fleet))
    assert {combo, "listed-alias"} <= everything
    assert listed(fleet, path, make(fleet, allowedModels=["three/*"])) & everything >= {"listed-alias"}
    assert combo not in listed(fleet, path, make(fleet, allowedModels=["three/*"]))
    assert combo in listed(fleet, path, make(fleet, allowedModels=["two/*"]))
    assert "listed-alias" not in listed(fleet, path, make(fleet, allowedProviders=["one"]))


def test_one_model_that_the_key_may_not_use_is_not_there(fleet: Fleet, combo: str) -> None:
    def found(**facts: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {make(fleet, **facts)}"}
        return HTTP.get(f"{fleet.gateway.url}/models/{combo}", headers=headers)

    assert found().json()["id"] == combo
    assert found(allowedModels=["three/*"]).status_code == 404


def test_what_may_not_be_asked_is_not_counted(fleet: Fleet) -> None:
    key = make(fleet, allowedModels=["one/*"])
    body = {"model": "two/m", "messages": [{"role": "user", "content": "hello"}]}
    path = f"{fleet.gateway.url}/messages/count_tokens"
    headers = {"x-api-key": key}
    assert HTTP.post(path, json=body, headers=headers).status_code == 403
    assert HTTP.post(path, json=body | {"model": "one/m"}, headers=headers).status_code == 200


# Scopes and addresses.

DOORS = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/responses"),
    ("GET", "/v1/responses/resp_1"),
    ("POST", "/v1/messages/count_tokens"),
    ("POST", "/v1beta/models/one/m:generateContent"),
    ("POST", "/v1beta/models/one/m:countTokens"),
    ("POST", "/api/chat"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/one/m"),
    ("GET", "/v1beta/models"),
    ("GET", "/api/tags"),
]
over_doors = pytest.mark.parametrize(("method", "path"), DOORS, ids=lambda part: part)


def knock(fleet: Fleet, key: str, method: str, path: str) -> httpx.Response:
    body = {"model": "one/m", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}], "input": "hello"}
    body |= {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]} if "v1beta" in path else {}
    headers = {"authorization": f"Bearer {key}"}
    return HTTP.request(method, fleet.gateway.root + path, json=body, headers=headers)


@over_doors
def test_a_key_without_the_scope_opens_no_door_to_models(fleet: Fleet, method: str, path: str) -> None:
    answer = knock(fleet, make(fleet, scopes=["read"]), method, path)
    assert answer.status_code == 403, answer.text
    assert "no scope `inference`" in answer.text
    assert fleet.asked() == []


@over_doors
def test_a_key_opens_no_door_from_elsewhere(fleet: Fleet, method: str, path: str) -> None:
    answer = knock(fleet, make(fleet, ipRanges=["10.0.0.0/8", "2001:db8::/32"]), method, path)
    assert answer.status_code == 403, answer.text
    assert "may not be used from 127.0.0.1" in answer.text


@pytest.mark.parametrize("ranges", [["127.0.0.1"], ["10.0.0.0/8", "127.0.0.0/8"], ["::ffff:127.0.0.0/104"]], ids=str)
def test_a_key_works_from_its_addresses(fleet: Fleet, ranges: list[str]) -> None:
    assert ask(fleet, make(fleet, ipRanges=ranges), "one/m").status_code == 200


def test_a_header_does_not_make_an_address(fleet: Fleet) -> None:
    key = make(fleet, ipRanges=["10.0.0.0/8"])
    headers = {"authorization": f"Bearer {key}", "x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1"}
    assert HTTP.get(f"{fleet.gateway.url}/models", headers=headers).status_code == 403


# Expiry.


def test_an_expired_key_is_told_from_an_unknown_one_in_the_log_alone(fleet: Fleet) -> None:
    expired = make(fleet, name="went off", expiresAt="2020-01-01T00:00:00Z")
    answers = [ask(fleet, key, "one/m") for key in (expired, "sk-or-unknown")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert "a key from 127.0.0.1 was refused: 'went off' expired at 2020-01-01T00:00:00+00:00" in fleet.gateway.log
    assert "a key from 127.0.0.1 was refused: it is unknown" in fleet.gateway.log
    assert expired[:12] not in fleet.gateway.log


# Explaining.


def test_a_route_is_explained_as_a_key_would_have_it(fleet: Fleet, combo: str) -> None:
    made = fleet.gateway.api("POST", "/keys", {"name": "seen through", "allowedModels": ["two/*"]}, 201)
    body = {"model": combo, "keyId": made["id"]}
    order = fleet.gateway.api("POST", "/routes/explain", body)["order"]
    assert [each["target"] for each in order] == ["two/m"]
    fleet.gateway.api("POST", "/routes/explain", body | {"model": "one/m"}, 400)
    fleet.gateway.api("POST", "/routes/explain", body | {"keyId": "00000000-0000-4000-8000-000000000000"}, 404)
