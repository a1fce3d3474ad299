"""Whatever is sent to the management API: an error in its one shape, and nothing half done."""

import re
from itertools import product
from typing import Any

import pytest
from django.test import Client

from omniroute_site.api import LARGEST_BODY, LARGEST_TRANSLATION
from omniroute_site.roles import Role
from tests.management import (
    MATRIX,
    NO_ROW,
    NODE,
    OWNER,
    World,
    call,
    client_of,
    error_of,
    over_matrix,
    path_in,
    state,
)

pytestmark = pytest.mark.django_db

GOOD_CONNECTION = {"provider": "groq", "apiKey": "gsk-1"}
COMBO = {"name": "new", "models": ["groq/llama"]}
WEIGHTLESS = {"model": "groq/llama", "weight": 0}
PINNED_TO_NOTHING = {"model": "groq/llama", "connectionId": NO_ROW}
PLACES = [{"provider": "nope", "priority": 2}, {"provider": "groq", "priority": 1}]
GOOD_ALIAS = {"pattern": "gpt-*", "target": "coding"}
BAD_ALIAS = {"pattern": "claude-*", "target": "nope"}
WRITERS = [operation for operation, row in MATRIX.items() if row[0] is not None]
DEEP = b'{"name":' + b"[" * 1000 + b"]" * 1000 + b"}"
HOSTILE = {
    "empty": b"",
    "no JSON": b"{name: 1}",
    "cut off": b'{"name": "a',
    "form": b"name=a&provider=groq",
    "a list": b"[]",
    "null": b"null",
    "a string": b'"name"',
    "NaN": b'{"name": "a", "priority": NaN}',
    "Infinity": b'{"name": "a", "priority": -Infinity}',
    "1e999": b'{"name": "a", "priority": 1e999}',
    "huge integer": b'{"name": "a", "priority": ' + b"9" * 5000 + b"}",
    "invalid UTF-8": b'{"name": "\xff\xfe"}',
    "byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "depth 1000": DEEP,
    "depth 100000": b"[" * 100_000,
    "name twice": b'{"name": "a", "name": "b"}',
    "gzip": b"\x1f\x8b\x08\x00\x00",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_a_400_and_changes_nothing(world: World, admin: Client, body: bytes) -> None:
    before = state()
    for method, template in WRITERS:
        response = call(admin, method, path_in(world, template), body)
        assert response.status_code == 400, (method, template, response.content)
        error_of(response)
    assert state() == before


def test_a_body_over_the_limit_is_a_413(world: World, admin: Client) -> None:
    for method, template in WRITERS:
        limit = LARGEST_TRANSLATION if "translator" in template else LARGEST_BODY
        response = call(admin, method, path_in(world, template), b'{"name": "' + b"a" * limit + b'"}')
        assert (response.status_code, error_of(response)["code"]) == (413, "request_too_large")


# Method, path, body, the field that is named.
WRONG_FIELDS: list[tuple[str, str, Any, str]] = [
    ("POST", "/api/providers", {"apiKey": "k"}, "provider"),
    ("POST", "/api/providers", {"provider": "nope", "apiKey": "k"}, "provider"),
    ("POST", "/api/providers", {"provider": "claude", "apiKey": "k"}, "provider"),
    ("POST", "/api/providers", {"provider": 7}, "provider"),
    ("POST", "/api/providers", {"provider": "x\u0000"}, "provider"),
    ("POST", "/api/providers", {"provider": "groq"}, "apiKey"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"apiKey": "a b"}, "apiKey"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"apiKey": "a\r\nX-Evil: 1"}, "apiKey"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"apiKey": "ключ"}, "apiKey"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"apiKey": "k" * 9000}, "apiKey"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"apiKey": "k" * 20000}, "apiKey"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"apiKey": 5}, "apiKey"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"priority": "3"}, "priority"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"priority": True}, "priority"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"priority": 1.0}, "priority"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"priority": None}, "priority"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"priority": 0}, "priority"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"priority": 101}, "priority"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"name": ""}, "name"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"name": "   "}, "name"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"name": "a\nb"}, "name"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"name": "n" * 101}, "name"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"isActive": 1}, "isActive"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"id": NO_ROW}, "id"),
    ("POST", "/api/providers", GOOD_CONNECTION | {"is_active": True}, "is_active"),
    ("PUT", "/api/providers/{connection_id}", {"provider": "groq"}, "provider"),
    ("PUT", "/api/providers/{connection_id}", {"sealedApiKey": "x"}, "sealedApiKey"),
    ("PUT", "/api/providers/{connection_id}", {"name": None}, "name"),
    ("PUT", "/api/providers/{connection_id}", {"apiKey": None}, "apiKey"),
    ("PUT", "/api/providers/{connection_id}", {"apiKey": ""}, "apiKey"),
    ("PUT", "/api/providers/{connection_id}", {"isActive": "false"}, "isActive"),
    ("POST", "/api/provider-nodes", {"name": "N", "prefix": "n"}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"baseUrl": "ftp://127.0.0.1/v1"}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"baseUrl": "http://a@127.0.0.1/v1"}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"baseUrl": "http://127.0.0.1/v1?key=1"}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"baseUrl": "http://127.0.0.1:99999/v1"}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"baseUrl": "http://[::1/v1"}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"baseUrl": "http:///v1"}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"baseUrl": "http://127.0.0.1/" + "v" * 500}, "baseUrl"),
    ("POST", "/api/provider-nodes", NODE | {"type": "other"}, "type"),
    ("POST", "/api/provider-nodes", NODE | {"type": None}, "type"),
    ("POST", "/api/provider-nodes", NODE | {"apiType": "messages"}, "apiType"),
    ("POST", "/api/provider-nodes", NODE | {"type": "anthropic-compatible", "apiType": "responses"}, "apiType"),
    ("POST", "/api/provider-nodes", NODE | {"type": "gemini-compatible", "apiType": "responses"}, "apiType"),
    ("POST", "/api/provider-nodes", NODE | {"streaming": "sometimes"}, "streaming"),
    ("POST", "/api/provider-nodes", NODE | {"streaming": True}, "streaming"),
    ("POST", "/api/provider-nodes", NODE | {"dialect": "claude"}, "dialect"),
    ("POST", "/api/provider-nodes", NODE | {"allowPrivateNetwork": "true"}, "allowPrivateNetwork"),
    ("POST", "/api/provider-nodes", NODE | {"slug": "groq"}, "slug"),
    ("PUT", "/api/provider-nodes/{node}", {"allowPrivateNetwork": False}, "baseUrl"),
    ("PUT", "/api/provider-nodes/{node}", {"isEnabled": True}, "isEnabled"),
    ("PUT", "/api/provider-nodes/{node}", {"type": None}, "type"),
    ("PUT", "/api/provider-nodes/{node}", {"streaming": None}, "streaming"),
    ("PUT", "/api/provider-nodes/{node}", {"type": "gemini-compatible", "apiType": "responses"}, "apiType"),
    ("POST", "/api/combos", COMBO | {"name": "two words"}, "name"),
    ("POST", "/api/combos", COMBO | {"name": "n" * 101}, "name"),
    ("POST", "/api/combos", {"name": "new"}, "models"),
    ("POST", "/api/combos", COMBO | {"models": []}, "models"),
    ("POST", "/api/combos", COMBO | {"models": ["groq/llama"] * 1001}, "models"),
    ("POST", "/api/combos", COMBO | {"models": ["groq/llama", "nope"]}, "models.1.model"),
    ("POST", "/api/combos", COMBO | {"models": ["groq/llama", "new"]}, "models.1.model"),
    ("POST", "/api/combos", COMBO | {"models": [""]}, "models.0.model"),
    ("POST", "/api/combos", COMBO | {"models": [7]}, "models.0"),
    ("POST", "/api/combos", COMBO | {"models": ["groq/" + "m" * 300]}, "models.0.model"),
    ("POST", "/api/combos", COMBO | {"models": [{"model": "groq/llama", "weight": -1}]}, "models.0.weight"),
    ("POST", "/api/combos", COMBO | {"models": [{"model": "groq/llama", "weight": 101}]}, "models.0.weight"),
    ("POST", "/api/combos", COMBO | {"models": [{"model": "groq/llama", "weight": "NaN"}]}, "models.0.weight"),
    ("POST", "/api/combos", COMBO | {"models": [{"model": "groq/llama", "weight": 1.5}]}, "models.0.weight"),
    ("POST", "/api/combos", COMBO | {"models": [PINNED_TO_NOTHING]}, "models.0.connectionId"),
    ("POST", "/api/combos", COMBO | {"models": [{"model": "groq/llama", "position": 2}]}, "models.0.position"),
    ("POST", "/api/combos", COMBO | {"strategy": "fair"}, "strategy"),
    ("POST", "/api/combos", COMBO | {"strategy": "weighted", "models": [WEIGHTLESS, WEIGHTLESS]}, "models"),
    ("POST", "/api/combos", COMBO | {"config": {"maxRetries": -1}}, "config.maxRetries"),
    ("POST", "/api/combos", COMBO | {"config": {"maxRetries": 11}}, "config.maxRetries"),
    ("POST", "/api/combos", COMBO | {"config": {"retryDelayMs": 60_001}}, "config.retryDelayMs"),
    ("POST", "/api/combos", COMBO | {"config": {"timeoutMs": 999}}, "config.timeoutMs"),
    ("POST", "/api/combos", COMBO | {"config": {"concurrencyPerModel": 0}}, "config.concurrencyPerModel"),
    ("POST", "/api/combos", COMBO | {"config": {"queueTimeoutMs": 600_001}}, "config.queueTimeoutMs"),
    ("POST", "/api/combos", COMBO | {"config": {"healthCheckEnabled": 1}}, "config.healthCheckEnabled"),
    ("POST", "/api/combos", COMBO | {"config": {"trackMetrics": True}}, "config.trackMetrics"),
    ("POST", "/api/combos", COMBO | {"config": None}, "config"),
    ("PUT", "/api/combos/{combo_id}", {"models": None}, "models"),
    ("PUT", "/api/combos/{combo_id}", {"models": ["coding"]}, "models.0.model"),
    ("PUT", "/api/combos/{combo_id}", {"isActive": None}, "isActive"),
    ("PUT", "/api/combos/{combo_id}", {"strategy": "weighted", "models": [WEIGHTLESS]}, "models"),
    ("POST", "/api/combos/templates", {"name": "nope"}, "name"),
    ("PUT", "/api/models/alias", {"model": "coding"}, "pattern"),
    ("PUT", "/api/models/alias", {"alias": "x"}, "target"),
    ("PUT", "/api/models/alias", {"alias": "x", "pattern": "y", "model": "coding"}, "alias"),
    ("PUT", "/api/models/alias", {"alias": "x", "model": "nope"}, "model"),
    ("PUT", "/api/models/alias", {"pattern": "x", "target": "nope"}, "target"),
    ("PUT", "/api/models/alias", {"pattern": "x", "target": "fast"}, "target"),
    ("PUT", "/api/models/alias", {"pattern": "*" * 5000, "target": "coding"}, "pattern"),
    ("PUT", "/api/models/alias", {"pattern": "*a" * 9, "target": "coding"}, "pattern"),
    ("PUT", "/api/models/alias", {"alias": "x" * 201, "model": "coding"}, "alias"),
    ("PUT", "/api/models/alias", {"alias": "x\ny", "model": "coding"}, "alias"),
    ("POST", "/api/fallback/chains", {"models": ["groq/llama"]}, "name"),
    ("POST", "/api/fallback/chains", {"name": "x"}, "models"),
    ("POST", "/api/fallback/chains", {"name": "x", "models": []}, "models"),
    ("POST", "/api/fallback/chains", {"name": "x", "models": ["groq/llama", "nope"]}, "models.1"),
    ("POST", "/api/fallback/chains", {"name": "x", "models": ["coding"]}, "models.0"),
    ("POST", "/api/fallback/chains", {"name": "x", "models": ["groq/llama"], "pattern": "*" * 9}, "pattern"),
    ("POST", "/api/fallback/chains", {"name": "x", "models": ["groq/llama"], "position": -1}, "position"),
    ("POST", "/api/fallback/chains", {"model": "llama"}, "chain"),
    ("POST", "/api/fallback/chains", {"chain": [{"provider": "groq"}]}, "model"),
    ("POST", "/api/fallback/chains", {"model": "llama", "chain": PLACES}, "chain.0.provider"),
    ("POST", "/api/fallback/chains", {"model": "llama", "name": "x", "chain": PLACES}, "model"),
    ("PATCH", "/api/settings", {"fallbackStrategy": "weighted"}, "fallbackStrategy"),
    ("PATCH", "/api/settings", {"stickyRoundRobinLimit": 0}, "stickyRoundRobinLimit"),
    ("PATCH", "/api/settings", {"stickyRoundRobinLimit": 1001}, "stickyRoundRobinLimit"),
    ("PATCH", "/api/settings", {"theme": "dark"}, "theme"),
    ("PATCH", "/api/settings", {"wildcardAliases": None}, "wildcardAliases"),
    ("PATCH", "/api/settings", {"wildcardAliases": [GOOD_ALIAS, {"pattern": "a*"}]}, "wildcardAliases.1.target"),
    ("PATCH", "/api/settings", {"wildcardAliases": [GOOD_ALIAS, BAD_ALIAS]}, "wildcardAliases.1.target"),
    ("PATCH", "/api/settings/combo-defaults", {}, "comboDefaults"),
    ("PATCH", "/api/settings/combo-defaults", {"comboDefaults": {"maxRetries": None}}, "comboDefaults.maxRetries"),
    ("PATCH", "/api/settings/combo-defaults", {"comboDefaults": {"timeoutMs": -1}}, "comboDefaults.timeoutMs"),
    ("PATCH", "/api/settings/combo-defaults", {"comboDefaults": {"strategy": ""}}, "comboDefaults.strategy"),
    ("POST", "/api/keys", {}, "name"),
    ("POST", "/api/keys", {"name": "a", "isAdmin": "yes"}, "isAdmin"),
    ("POST", "/api/keys", {"name": "a", "owner": 1}, "owner"),
    ("POST", "/api/keys", {"name": "a", "digest": "0"}, "digest"),
    ("POST", "/api/keys", {"name": "a", "expiresAt": "tomorrow"}, "expiresAt"),
    ("POST", "/api/keys", {"name": "a", "expiresAt": 4102444800}, "expiresAt"),
    ("POST", "/api/keys", {"name": "a", "expiresAt": "2099-01-01T00:00:00"}, "expiresAt"),
    ("POST", "/api/keys", {"name": "a", "expiresAt": "0001-01-01T00:00:00+14:00"}, "expiresAt"),
    ("PATCH", "/api/keys/{key_id}", {"isAdmin": True}, "isAdmin"),
    ("PATCH", "/api/keys/{key_id}", {"isActive": None}, "isActive"),
]


@pytest.mark.parametrize(("method", "template", "body", "field"), WRONG_FIELDS)
def test_a_wrong_field_is_named_in_a_400(
    world: World, admin: Client, method: str, template: str, body: Any, field: str
) -> None:
    before = state()
    response = call(admin, method, path_in(world, template), body)
    assert response.status_code == 400, response.content
    error = error_of(response)
    assert (error["param"], error["type"]) == (field, "invalid_request_error")
    assert state() == before


def test_every_unknown_field_is_named(admin: Client) -> None:
    message = error_of(call(admin, "POST", "/api/keys", {"name": "a", "scope": 1, "limit": 2}))["message"]
    assert "scope" in message
    assert "limit" in message


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_is_json_whatever_its_type_says(admin: Client, content_type: str) -> None:
    assert admin.generic("POST", "/api/keys", b'{"name": "a&b=c"}', content_type).status_code == 201


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data; boundary=", "application/x-www-form-urlencoded; charset=utf-7", "x" * 300]
)
def test_a_malformed_type_in_a_session_is_refused_in_json(world: World, content_type: str) -> None:
    client = client_of(world.users[OWNER], with_token=False)
    response = client.generic("POST", "/api/keys", b'{"name": "a"}', content_type)
    assert response.status_code in (400, 403)
    error_of(response)


@pytest.mark.parametrize("path", ["/api/", "/api/nope", "/api/nope/", "/api/keys/x/y", "/api/docs", "/api/providers//"])
def test_an_unknown_path_is_a_404_in_json(admin: Client, path: str) -> None:
    for client, method in product((admin, Client(enforce_csrf_checks=True)), ("GET", "POST", "DELETE")):
        response = call(client, method, path)
        assert (response.status_code, error_of(response)["code"]) == (404, "not_found")


@pytest.mark.parametrize("identifier", ["nope", "4711", NO_ROW, "%00", "' OR 1=1 --", "a" * 3000])
def test_an_unknown_id_is_a_404(admin: Client, identifier: str) -> None:
    for method, template in MATRIX:
        if "{" in template:
            response = call(admin, method, re.sub(r"{\w+}", lambda _: identifier, template), {})
            assert (response.status_code, error_of(response)["code"]) == (404, "not_found"), (method, template)


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_a_wrong_method_is_a_405_that_names_the_right_ones(admin: Client, method: str) -> None:
    response = call(admin, method, "/api/keys")
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")
    assert {part.strip() for part in response["Allow"].split(",")} == {"GET", "POST"}


@over_matrix
def test_a_trailing_slash_makes_no_difference(
    world: World, admin: Client, method: str, template: str, body: Any, success: int, roles: set[Role]
) -> None:
    assert call(admin, method, path_in(world, template) + "/", body).status_code == success
