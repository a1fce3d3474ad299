"""Who may call the management API: every operation, by every kind of caller. New operations fail until listed."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from billing.api_keys import keys
from billing.models import ApiKey
from health.models import LockoutPolicy, PolicyName
from omniroute_site.api import api
from omniroute_site.roles import Role
from tests.management import (
    MATRIX,
    OWNER,
    VIEWER,
    World,
    call,
    client_of,
    client_with,
    error_of,
    over_matrix,
    path_in,
    state,
)

pytestmark = pytest.mark.django_db


def test_every_operation_stands_in_the_matrix() -> None:
    paths = api.get_openapi_schema()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(MATRIX)


@over_matrix
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_a_session_may_do_what_its_role_may(
    world: World, role: Role, method: str, template: str, body: Any, success: int, roles: set[Role]
) -> None:
    response = call(client_of(world.users[role]), method, path_in(world, template), body)
    assert response.status_code == (success if role in roles else 403), response.content
    if role not in roles:
        assert error_of(response)["code"] == "permission_denied"


@over_matrix
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_an_admin_key_may_do_what_its_owner_may(
    world: World, role: Role, method: str, template: str, body: Any, success: int, roles: set[Role]
) -> None:
    key = keys.create("of a user", owner=world.users[role], is_admin=True)[1]
    response = call(client_with(key), method, path_in(world, template), body)
    assert response.status_code == (success if role in roles else 403), response.content


@over_matrix
def test_an_admin_key_of_nobody_may_do_everything(
    world: World, admin: Client, method: str, template: str, body: Any, success: int, roles: set[Role]
) -> None:
    assert call(admin, method, path_in(world, template), body).status_code == success


def nobody(world: World) -> Client:
    return Client(enforce_csrf_checks=True)


def unknown_key(world: World) -> Client:
    return client_with("sk-or-unknown")


def key_of_no_ascii(world: World) -> Client:
    return client_with("schlüssel")


def basic_login(world: World) -> Client:
    return Client(headers={"Authorization": "Basic b3duZXI6eA=="})


def empty_key(world: World) -> Client:
    return Client(headers={"x-api-key": ""})


def disabled_key(world: World) -> Client:
    row, key = keys.create("off", is_admin=True)
    ApiKey.objects.filter(pk=row.pk).update(is_active=False)
    return client_with(key)


def expired_key(world: World) -> Client:
    return client_with(keys.create("old", is_admin=True, expires_at=timezone.now() - timedelta(seconds=1))[1])


def key_of_a_deactivated_owner(world: World) -> Client:
    key = keys.create("hers", owner=world.users[OWNER], is_admin=True)[1]
    User.objects.filter(pk=world.users[OWNER].pk).update(is_active=False)
    return client_with(key)


def session_of_a_deactivated_user(world: World) -> Client:
    client = client_of(world.users[OWNER])
    User.objects.filter(pk=world.users[OWNER].pk).update(is_active=False)
    return client


def bad_key_with_a_good_session(world: World) -> Client:
    client = client_of(world.users[OWNER])
    client.defaults["HTTP_AUTHORIZATION"] = "Bearer sk-or-unknown"
    return client


UNKNOWN = [
    nobody, unknown_key, key_of_no_ascii, basic_login, empty_key, disabled_key, expired_key,
    key_of_a_deactivated_owner, session_of_a_deactivated_user, bad_key_with_a_good_session,
]  # fmt: skip


@pytest.mark.parametrize("caller", UNKNOWN, ids=lambda caller: caller.__name__)
def test_whoever_is_not_known_gets_the_same_401_everywhere(world: World, caller: Any) -> None:
    LockoutPolicy.objects.filter(name=PolicyName.MANAGEMENT_KEY).update(is_enabled=False)
    client = caller(world)
    before = state()
    expected = error_of(call(Client(), "GET", "/api/providers"))
    for (method, template), (body, _, _) in MATRIX.items():
        response = call(client, method, path_in(world, template), body)
        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer"), (method, template)
        assert error_of(response) == expected
    assert state() == before


def test_a_clients_key_opens_nothing(world: World) -> None:
    client = client_with(keys.create("client", owner=world.users[OWNER])[1])
    before = state()
    for (method, template), (body, _, _) in MATRIX.items():
        response = call(client, method, path_in(world, template), body)
        assert (response.status_code, error_of(response)["code"]) == (403, "admin_scope_needed"), (method, template)
    assert state() == before


def test_a_session_without_its_token_reads_and_changes_nothing(world: World) -> None:
    client = client_of(world.users[OWNER], with_token=False)
    before = state()
    for (method, template), (body, _, _) in MATRIX.items():
        response = call(client, method, path_in(world, template), body)
        assert response.status_code == (200 if method == "GET" else 403), (method, template)
        if method != "GET":
            assert error_of(response)["code"] == "csrf_failed"
    assert state() == before


def test_a_user_without_a_role_may_nothing(world: World) -> None:
    client = client_of(User.objects.create_user("guest"))
    assert {call(client, "GET", path).status_code for method, path in MATRIX if "{" not in path} <= {403, 405}


def test_a_key_wins_over_a_session_and_needs_no_token(world: World) -> None:
    client = client_of(world.users[VIEWER], with_token=False)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {keys.create('a', is_admin=True)[1]}"
    assert call(client, "POST", "/api/keys", {"name": "made"}).status_code == 201


def test_an_admin_key_may_come_as_x_api_key(world: World) -> None:
    key = keys.create("automation", is_admin=True)[1]
    assert Client(headers={"x-api-key": key}).get("/api/keys").status_code == 200


def test_an_operation_without_a_permission_is_closed() -> None:
    """The API's own default; each router names permissions."""
    assert [check.__name__ for check in api.auth or ()] == ["nobody"]  # type: ignore[union-attr]


def test_the_description_of_the_api_is_for_known_callers_only(admin: Client) -> None:
    assert Client().get("/api/openapi.json").status_code == 401
    assert admin.get("/api/openapi.json").json()["paths"]
    assert error_of(call(admin, "POST", "/api/openapi.json"))["code"] == "method_not_allowed"
