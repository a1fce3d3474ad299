"""The management API keeps its promises: connections, nodes, the catalogue and keys, and no secret ever told."""

from typing import Any

import pytest
from django.conf import settings
from django.db.models.signals import pre_save
from django.test import Client

from billing.api_keys import keys
from billing.models import ApiKey
from providers import vault
from providers.connections import add_connection, save_node
from providers.models import Model, Provider, ProviderConnection, ProviderNode
from tests.management import (
    CANARY,
    LOOPBACK,
    MATRIX,
    MEMBER,
    NODE,
    OWNER,
    World,
    call,
    client_of,
    client_with,
    error_of,
    path_in,
    state,
)

pytestmark = pytest.mark.django_db


def test_a_connection_is_made_shown_changed_and_deleted(admin: Client) -> None:
    made = call(admin, "POST", "/api/providers", {"provider": "groq", "apiKey": "gsk-1", "name": "Team", "priority": 3})
    connection = made.json()["connection"]
    assert made.status_code == 201
    assert set(connection) == {
        "id", "provider", "name", "priority", "billing", "isActive", "authType", "hasApiKey", "createdAt", "updatedAt",
    }  # fmt: skip
    assert (connection["provider"], connection["priority"], connection["hasApiKey"]) == ("groq", 3, True)
    path = f"/api/providers/{connection['id']}"
    assert call(admin, "GET", path).json() == {"connection": connection}
    changed = call(admin, "PUT", path, {"name": "Crew", "isActive": False, "apiKey": "gsk-2"}).json()["connection"]
    assert (changed["name"], changed["isActive"], changed["priority"]) == ("Crew", False, 3)
    assert call(admin, "DELETE", path).json() == {"deleted": connection["id"]}
    assert call(admin, "GET", path).status_code == 404


@pytest.mark.parametrize("name", ["deepseek", "ds", "lab", "UUID"])
def test_a_provider_is_named_by_id_prefix_or_uuid(world: World, admin: Client, name: str) -> None:
    named = str(world.node.id).upper() if name == "UUID" else name
    made = call(admin, "POST", "/api/providers", {"provider": named, "apiKey": "k"})
    expected = "deepseek" if name in ("deepseek", "ds") else "lab"
    assert (made.status_code, made.json()["connection"]["provider"]) == (201, expected)


def test_a_connection_without_a_name_is_numbered_on_and_comes_last(world: World, admin: Client) -> None:
    made = [call(admin, "POST", "/api/providers", {"provider": "ds", "apiKey": "k"}).json() for _ in range(2)]
    assert [(one["connection"]["name"], one["connection"]["priority"]) for one in made] == [
        ("Account 2", 2),
        ("Account 3", 3),
    ]


def test_changing_the_key_alone_keeps_the_rest(world: World, admin: Client) -> None:
    before = ProviderConnection.objects.get(pk=world.connection.pk)
    assert call(admin, "PUT", f"/api/providers/{before.pk}", {"apiKey": "sk-next"}).status_code == 200
    after = ProviderConnection.objects.get(pk=before.pk)
    keys_of_vault = vault.load(settings.DATA_DIR)
    assert keys_of_vault.open(after.sealed_api_key, after.place_of_api_key()) == "sk-next"
    assert (after.name, after.priority, after.is_active) == (before.name, before.priority, before.is_active)


def test_an_empty_change_changes_nothing(world: World, admin: Client) -> None:
    path = f"/api/providers/{world.connection.pk}"
    assert call(admin, "PUT", path, {}).json()["connection"]["name"] == "Work"


def test_two_connections_of_a_provider_cannot_share_a_name(world: World, admin: Client) -> None:
    before = state()
    response = call(admin, "POST", "/api/providers", {"provider": "ds", "apiKey": "k", "name": "Work"})
    error = error_of(response)
    assert (response.status_code, error["param"], error["type"]) == (409, "name", "invalid_request_error")
    assert state() == before


def test_a_name_that_is_taken_between_check_and_insert_is_a_409(world: World, admin: Client) -> None:
    def be_faster(sender: Any, instance: ProviderConnection, **_: Any) -> None:
        ProviderConnection.objects.bulk_create([ProviderConnection(provider=instance.provider, name=instance.name)])

    pre_save.connect(be_faster, sender=ProviderConnection)
    try:
        response = call(admin, "POST", "/api/providers", {"provider": "ds", "apiKey": "k", "name": "Race"})
    finally:
        pre_save.disconnect(be_faster, sender=ProviderConnection)
    assert (response.status_code, error_of(response)["code"]) == (409, "conflict")


def test_a_renamed_connection_cannot_take_anothers_name(world: World, admin: Client) -> None:
    other = add_connection(world.connection.provider, "k", name="Home")
    response = call(admin, "PUT", f"/api/providers/{other.pk}", {"name": "Work", "apiKey": "lost"})
    assert (response.status_code, error_of(response)["param"]) == (409, "name")
    assert ProviderConnection.objects.get(pk=other.pk).sealed_api_key == other.sealed_api_key


def test_without_an_encryption_key_nothing_is_stored(world: World, admin: Client, settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path
    before = state()
    response = call(admin, "POST", "/api/providers", {"provider": "ds", "apiKey": "k"})
    assert (response.status_code, error_of(response)["code"]) == (503, "unavailable")
    assert state() == before


def test_a_node_is_made_shown_changed_and_deleted_with_its_connections(admin: Client) -> None:
    made = call(admin, "POST", "/api/provider-nodes", NODE | {"apiType": "chat", "type": "openai-compatible"})
    node = made.json()["node"]
    assert made.status_code == 201
    assert node | NODE | {"apiType": "chat", "type": "openai-compatible"} == node
    assert node in call(admin, "GET", "/api/provider-nodes").json()["nodes"]
    assert call(admin, "POST", "/api/providers", {"provider": "mine"}).status_code == 201
    changed = call(admin, "PUT", "/api/provider-nodes/mine", {"name": "Ours", "prefix": "ours"}).json()
    assert (changed["node"]["name"], changed["node"]["id"]) == ("Ours", node["id"])
    assert changed["connectionsToReconnect"] == []
    assert call(admin, "DELETE", "/api/provider-nodes/ours").json() == {"deleted": node["id"]}
    assert not ProviderConnection.objects.filter(provider_id="mine").exists()
    assert not Provider.objects.filter(pk="mine").exists()


OPENAI, ANTHROPIC, GEMINI = "openai-compatible", "anthropic-compatible", "gemini-compatible"


@pytest.mark.parametrize(
    ("sent", "shown", "dialect"),
    [
        ({}, (OPENAI, "chat"), "openai"),
        ({"type": OPENAI, "apiType": "responses"}, (OPENAI, "responses"), "responses"),
        ({"apiType": "responses"}, (OPENAI, "responses"), "responses"),
        ({"type": OPENAI, "apiType": None}, (OPENAI, "chat"), "openai"),
        ({"type": ANTHROPIC}, (ANTHROPIC, None), "claude"),
        ({"type": ANTHROPIC, "apiType": "chat"}, (ANTHROPIC, None), "claude"),
        ({"type": GEMINI, "apiType": None}, (GEMINI, None), "gemini"),
    ],
)
def test_a_node_speaks_the_dialect_it_was_made_for(admin: Client, sent: Any, shown: Any, dialect: str) -> None:
    made = call(admin, "POST", "/api/provider-nodes", NODE | sent).json()["node"]
    assert (made["type"], made["apiType"], made["streaming"]) == (*shown, "both")
    assert made in call(admin, "GET", "/api/provider-nodes").json()["nodes"]
    assert ProviderNode.objects.get(pk="mine").dialect == dialect


@pytest.mark.parametrize(
    ("before", "sent", "after"),
    [
        ("openai", {"apiType": "responses"}, "responses"),
        ("responses", {"name": "Other"}, "responses"),
        ("responses", {"type": OPENAI}, "responses"),
        ("responses", {"apiType": "chat"}, "openai"),
        ("responses", {"type": ANTHROPIC}, "claude"),
        ("claude", {"type": OPENAI}, "openai"),
        ("claude", {"type": OPENAI, "apiType": "responses"}, "responses"),
        ("claude", {"type": GEMINI, "apiType": None}, "gemini"),
    ],
)
def test_the_dialect_of_a_node_can_be_changed(
    world: World, admin: Client, before: str, sent: dict[str, Any], after: str
) -> None:
    ProviderNode.objects.filter(pk="lab").update(dialect=before)
    keyed = add_connection(world.node, CANARY, name="keyed")
    changed = call(admin, "PUT", "/api/provider-nodes/lab", sent | {"streaming": "only"})
    assert (changed.status_code, changed.json()["node"]["streaming"]) == (200, "only")
    node = ProviderNode.objects.get(pk="lab")
    assert (node.dialect, node.streaming) == (after, "only")
    assert ProviderConnection.objects.get(pk=keyed.pk).sealed_api_key == keyed.sealed_api_key


@pytest.mark.parametrize(
    "url", [LOOPBACK, "http://10.0.0.1/v1", "http://[::1]/v1", "http://2130706433/", "http://[::ffff:7f00:1]/"]
)
def test_a_private_address_must_be_allowed(admin: Client, url: str) -> None:
    before = state()
    response = call(admin, "POST", "/api/provider-nodes", {"name": "N", "prefix": "n", "baseUrl": url})
    assert (response.status_code, error_of(response)["param"]) == (400, "baseUrl")
    assert "allowPrivateNetwork" in error_of(response)["message"]
    assert state() == before


def test_a_metadata_address_is_refused_whatever_is_allowed(admin: Client) -> None:
    response = call(admin, "POST", "/api/provider-nodes", NODE | {"baseUrl": "http://169.254.169.254/v1"})
    assert (response.status_code, error_of(response)["param"]) == (400, "baseUrl")


TAKEN = ("lab", "ds", "deepseek")


@pytest.mark.parametrize("prefix", [*TAKEN, "DS", "a/b", ""])
def test_a_prefix_that_is_taken_or_malformed_is_refused(admin: Client, prefix: str) -> None:
    response = call(admin, "POST", "/api/provider-nodes", NODE | {"prefix": prefix})
    assert (response.status_code, error_of(response)["param"]) == (409 if prefix in TAKEN else 400, "prefix")


def test_a_new_node_never_overwrites_one_that_was_made_meanwhile(world: World, admin: Client) -> None:
    def be_faster(sender: Any, instance: ProviderNode, **_: Any) -> None:
        pre_save.disconnect(be_faster, sender=ProviderNode)
        save_node(ProviderNode(name="First", prefix="mine", base_url=LOOPBACK, allow_private_network=True))

    pre_save.connect(be_faster, sender=ProviderNode)
    response = call(admin, "POST", "/api/provider-nodes", NODE)
    assert (response.status_code, error_of(response)["code"]) == (409, "conflict")


@pytest.mark.parametrize("url", ["http://127.0.0.2:9/v1", "http://127.0.0.1:10/v1", "https://127.0.0.1:9/v1"])
def test_a_key_is_forgotten_when_its_node_moves_to_another_server(world: World, admin: Client, url: str) -> None:
    keyed = add_connection(world.node, CANARY, name="keyed")
    open_one = add_connection(world.node, None, name="open")
    answer = call(admin, "PUT", f"/api/provider-nodes/{world.node.id}", {"baseUrl": url}).json()
    assert answer["connectionsToReconnect"] == [str(keyed.pk)]
    keyed.refresh_from_db()
    assert (keyed.sealed_api_key, keyed.is_active) == ("", False)
    assert ProviderConnection.objects.get(pk=open_one.pk).is_active


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v2", "http://127.0.0.1:9", "HTTP://127.0.0.1:9/v1"])
def test_a_key_stays_when_its_node_stays_on_the_server(world: World, admin: Client, url: str) -> None:
    keyed = add_connection(world.node, CANARY, name="keyed")
    answer = call(admin, "PUT", "/api/provider-nodes/lab", {"baseUrl": url}).json()
    assert answer["connectionsToReconnect"] == []
    assert ProviderConnection.objects.get(pk=keyed.pk).sealed_api_key == keyed.sealed_api_key


def test_the_catalogue_groups_models_by_prefix_and_says_what_is_connected(world: World, admin: Client) -> None:
    Model.objects.create(provider=world.node, model_id="own-model")
    catalog = admin.get("/api/models/catalog").json()["catalog"]
    assert (catalog["ds"]["provider"], catalog["ds"]["active"]) == ("deepseek", True)
    assert {"id": "deepseek-chat", "type": "chat", "custom": False}.items() <= catalog["ds"]["models"][0].items()
    assert catalog["lab"]["models"] == [{"id": "own-model", "name": "own-model", "type": "chat", "custom": True}]
    assert not catalog["lab"]["active"]
    assert not catalog["groq"]["active"]
    kinds = {model["type"] for provider in catalog.values() for model in provider["models"]}
    assert {"chat", "embedding", "image", "audio_transcription", "audio_speech"} <= kinds


def test_the_catalogue_costs_a_fixed_number_of_queries(admin: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(4):
        admin.get("/api/models/catalog")


def test_a_key_is_told_once_and_works(world: World, admin: Client) -> None:
    made = call(admin, "POST", "/api/keys", {"name": "ci", "isAdmin": True, "expiresAt": "2099-01-31T01:00:00+01:00"})
    key = made.json()["key"]
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    assert made.json()["expiresAt"] == "2099-01-31T00:00:00Z"
    shown = client_with(key).get(f"/api/keys/{made.json()['id']}").json()
    assert made.json()["lastUsedAt"] is None
    assert shown.pop("lastUsedAt") is not None
    assert shown | {"lastUsedAt": None} == made.json() | {"key": key[: keys.SHOWN_CHARACTERS] + "…"}


def test_a_changed_key_is_changed_at_once(world: World, admin: Client) -> None:
    row, key = keys.create("ci", is_admin=True)
    path = f"/api/keys/{row.pk}"
    assert call(admin, "PATCH", path, {"expiresAt": "2020-01-01T00:00:00Z", "name": "CI"}).json()["name"] == "CI"
    assert client_with(key).get(path).status_code == 401
    assert call(admin, "PATCH", path, {"expiresAt": None}).json()["expiresAt"] is None
    assert client_with(key).get(path).status_code == 200
    assert call(admin, "DELETE", path).json() == {"deleted": str(row.pk)}
    assert client_with(key).get(path).status_code == 401


def test_a_member_sees_and_changes_only_their_own_keys(world: World) -> None:
    foreign, _ = keys.create("foreign", owner=world.users[OWNER])
    member = client_of(world.users[MEMBER])
    assert [row["id"] for row in member.get("/api/keys").json()["keys"]] == [str(world.key.pk)]
    for method, body in (("GET", None), ("PATCH", {"name": "mine"}), ("DELETE", None)):
        assert call(member, method, f"/api/keys/{foreign.pk}", body).status_code == 404
    assert ApiKey.objects.get(pk=foreign.pk).name == "foreign"


def test_a_member_makes_keys_of_their_own_and_none_with_the_admin_scope(world: World) -> None:
    member = client_of(world.users[MEMBER])
    assert call(member, "POST", "/api/keys", {"name": "mine"}).json()["owner"] == "member"
    refused = call(member, "POST", "/api/keys", {"name": "more", "isAdmin": True})
    assert (refused.status_code, error_of(refused)["param"]) == (403, "isAdmin")
    assert not any(key.is_admin for key in ApiKey.objects.all())


def test_a_secret_that_went_in_comes_out_of_no_answer(world: World, admin: Client) -> None:
    add_connection(world.node, CANARY, name="keyed")
    key = call(admin, "POST", "/api/keys", {"name": "told once"}).json()["key"]
    answers = [call(admin, "GET", path_in(world, path)) for method, path in MATRIX if method == "GET"]
    answers += [
        call(admin, "PUT", path_in(world, "/api/providers/{connection_id}"), {"apiKey": CANARY}),
        call(admin, "POST", "/api/providers", {"provider": "groq", "apiKey": f"{CANARY} with a space"}),
        call(admin, "POST", "/api/providers", {"provider": "nope", "apiKey": CANARY}),
        call(admin, "POST", "/api/providers", {"provider": "groq", "apiKey": CANARY, "extra": 1}),
        call(admin, "POST", "/api/providers", {"provider": "groq", "apiKey": [CANARY]}),
    ]
    told = b"".join(b"".join(answer) for answer in answers).decode()
    digests = ApiKey.objects.values_list("digest", flat=True)
    for secret in (CANARY, key, world.connection.sealed_api_key, *digests):
        assert secret not in told
