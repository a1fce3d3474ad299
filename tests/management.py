"""What the tests of the management API share: the world they find, callers, and the matrix of who may do what."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from billing.api_keys import keys
from billing.models import ApiKey, Budget, PriceChange, Team, UsageRecord
from billing.prices import pricing
from combos.chains import save_chain
from combos.models import Combo, ComboTarget, FallbackChain, FallbackStep, ModelAlias
from combos.targets import save_combo
from omniroute_site.roles import Role
from providers import vault
from providers.connections import add_connection, save_node
from providers.models import ConfigurationStamp, Provider, ProviderConnection, ProviderNode
from providers.sync import sync_catalogue

CONNECTION = "11111111-1111-4111-8111-111111111111"
NO_ROW = "00000000-0000-4000-8000-000000000000"
CANARY = "sk-canary-3f9c1d77"
LOOPBACK = "http://127.0.0.1:9/v1"
NODE = {"name": "Mine", "prefix": "mine", "baseUrl": LOOPBACK, "allowPrivateNetwork": True}


@dataclass
class World:
    """What every test finds: the catalogue, and one row of each kind; the key is the member's."""

    connection: ProviderConnection
    node: ProviderNode
    key: ApiKey
    team: Team
    combo: Combo
    record: UsageRecord
    budget: Budget
    users: dict[Role, User]


@pytest.fixture
def world() -> World:
    vault.make_first(settings.DATA_DIR)
    sync_catalogue()
    users = {role: User.objects.create_user(role.value.lower()) for role in Role}
    for role, user in users.items():
        user.groups.add(Group.objects.get(name=role.value))
    key, _ = keys.create("laptop", owner=users[Role.MEMBER])
    combo = Combo(name="coding")
    save_combo(combo, [ComboTarget(model="deepseek/deepseek-chat"), ComboTarget(model="groq/llama")])
    ModelAlias.objects.create(pattern="fast", target="coding")
    pricing.set_by_operator({("deepseek", "deepseek-chat"): {"input": "1", "output": "2"}}, "", datetime.now(UTC))
    save_chain(FallbackChain(name="last"), [FallbackStep(model="groq/llama")])
    facts = {"dialect": "openai", "model_asked": "groq/llama", "status": 200, "total_ms": 5}
    record = UsageRecord.objects.create(
        request_id="req_1", started_at=timezone.now(), api_key_id=key.pk, user_id=users[Role.MEMBER].pk, **facts
    )
    return World(
        record=record,
        connection=add_connection(Provider.objects.get(pk="deepseek"), CANARY, name="Work", id=UUID(CONNECTION)),
        node=save_node(ProviderNode(name="Lab", prefix="lab", base_url=LOOPBACK, allow_private_network=True)),
        key=key,
        team=Team.objects.create(pk=71, name="lab"),
        combo=combo,
        budget=Budget.objects.create(api_key=key, period="daily", limit_usd=5),
        users=users,
    )


@pytest.fixture
def admin(world: World) -> Client:
    """Calls with an admin key that belongs to nobody."""
    return client_with(keys.create("automation", is_admin=True)[1])


def client_with(key: str) -> Client:
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"}, raise_request_exception=False)


def client_of(user: User, with_token: bool = True) -> Client:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(user)
    if with_token:
        client.cookies["csrftoken"] = token = "a" * 32
        client.defaults["HTTP_X_CSRFTOKEN"] = token
    return client


def call(client: Client, method: str, path: str, body: Any = None) -> Any:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return client.generic(method, path, content, "application/json")


def error_of(response: Any) -> dict[str, Any]:
    """The error of an answer, which has exactly the documented shape."""
    assert response["Content-Type"].startswith("application/json"), response.content[:200]
    error = response.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert error["message"]
    assert "Traceback" not in error["message"]
    return dict(error)


OWNER, OPERATOR, MEMBER, VIEWER = Role.OWNER, Role.OPERATOR, Role.MEMBER, Role.VIEWER
RUN, LOOK, ALL = {OWNER, OPERATOR}, {OWNER, OPERATOR, VIEWER}, set(Role)

# Operation, a good body, the status of success, the roles that may.
TRANSLATION = {
    "source": "openai",
    "target": "claude",
    "kind": "request",
    "payload": {"model": "m", "messages": [{"role": "user", "content": "Hello"}]},
}
MATRIX: dict[tuple[str, str], tuple[Any, int, set[Role]]] = {
    ("GET", "/api/providers"): (None, 200, LOOK),
    ("POST", "/api/providers"): ({"provider": "groq", "apiKey": "gsk-1", "name": "New"}, 201, RUN),
    ("GET", "/api/providers/{connection_id}"): (None, 200, LOOK),
    ("PUT", "/api/providers/{connection_id}"): ({"priority": 7}, 200, RUN),
    ("DELETE", "/api/providers/{connection_id}"): (None, 200, RUN),
    ("GET", "/api/provider-nodes"): (None, 200, LOOK),
    ("POST", "/api/provider-nodes"): (NODE, 201, RUN),
    ("PUT", "/api/provider-nodes/{node}"): ({"name": "Laboratory"}, 200, RUN),
    ("DELETE", "/api/provider-nodes/{node}"): (None, 200, RUN),
    ("GET", "/api/models/catalog"): (None, 200, ALL),
    ("POST", "/api/translator/translate"): (TRANSLATION, 200, ALL),
    ("POST", "/api/translator/detect"): ({"body": {"contents": []}}, 200, ALL),
    ("GET", "/api/combos"): (None, 200, ALL),
    ("POST", "/api/combos"): ({"name": "new", "models": ["groq/llama"]}, 201, RUN),
    ("GET", "/api/combos/templates"): (None, 200, ALL),
    ("POST", "/api/combos/templates"): ({"name": "always-on"}, 201, RUN),
    ("POST", "/api/combos/test"): ({"comboName": "none"}, 503, RUN),
    ("GET", "/api/combos/metrics"): (None, 200, ALL),
    ("DELETE", "/api/combos/metrics"): (None, 200, RUN),
    ("POST", "/api/routes/explain"): ({"model": "groq/llama"}, 503, ALL),
    ("POST", "/api/usage/simulate"): ({"withModel": "groq/llama"}, 200, ALL),
    ("GET", "/api/combos/{combo_id}"): (None, 200, ALL),
    ("PUT", "/api/combos/{combo_id}"): ({"strategy": "random"}, 200, RUN),
    ("DELETE", "/api/combos/{combo_id}"): (None, 200, RUN),
    ("GET", "/api/models/alias"): (None, 200, ALL),
    ("PUT", "/api/models/alias"): ({"alias": "quick", "model": "coding"}, 200, RUN),
    ("DELETE", "/api/models/alias"): ({"alias": "fast"}, 200, RUN),
    ("GET", "/api/fallback/chains"): (None, 200, LOOK),
    ("POST", "/api/fallback/chains"): ({"name": "new", "models": ["groq/llama"]}, 200, RUN),
    ("DELETE", "/api/fallback/chains"): ({"name": "last"}, 200, RUN),
    ("GET", "/api/settings"): (None, 200, LOOK),
    ("PATCH", "/api/settings"): ({"fallbackStrategy": "p2c"}, 200, RUN),
    ("GET", "/api/settings/combo-defaults"): (None, 200, LOOK),
    ("PATCH", "/api/settings/combo-defaults"): ({"comboDefaults": {"maxRetries": 0}}, 200, RUN),
    ("GET", "/api/resilience"): (None, 200, LOOK),
    ("PATCH", "/api/resilience"): ({"profiles": {"oauth": {"circuitBreakerThreshold": 7}}}, 200, RUN),
    ("POST", "/api/resilience/reset"): (None, 200, RUN),
    ("GET", "/api/rate-limits"): (None, 200, LOOK),
    ("POST", "/api/rate-limits"): ({"connectionId": CONNECTION, "requestsPerMinute": 5}, 200, RUN),
    ("GET", "/api/policies"): (None, 200, LOOK),
    ("POST", "/api/policies"): ({"action": "configure", "policy": "login", "failures": 3}, 200, RUN),
    ("GET", "/api/pricing"): (None, 200, ALL),
    ("PATCH", "/api/pricing"): ({"ds": {"deepseek-chat": {"input": 0.1}}}, 200, RUN),
    ("DELETE", "/api/pricing"): ({"provider": "ds"}, 200, RUN),
    ("GET", "/api/pricing/defaults"): (None, 200, ALL),
    ("GET", "/api/pricing/models"): (None, 200, ALL),
    ("GET", "/api/pricing/{provider}/{model}/history"): (None, 200, ALL),
    ("GET", "/api/keys"): (None, 200, ALL),
    ("POST", "/api/keys"): ({"name": "phone"}, 201, {OWNER, OPERATOR, MEMBER}),
    ("GET", "/api/keys/{key_id}"): (None, 200, ALL),
    ("PATCH", "/api/keys/{key_id}"): ({"isActive": False}, 200, {OWNER, OPERATOR, MEMBER}),
    ("DELETE", "/api/keys/{key_id}"): (None, 200, {OWNER, OPERATOR, MEMBER}),
    ("GET", "/api/usage/analytics"): (None, 200, ALL),
    ("GET", "/api/usage/speed"): (None, 200, ALL),
    ("GET", "/api/usage/history"): (None, 200, ALL),
    ("GET", "/api/usage/call-logs"): (None, 200, ALL),
    ("GET", "/api/usage/call-logs.csv"): (None, 200, ALL),
    ("GET", "/api/usage/call-logs/{request_id}"): (None, 200, ALL),
    ("GET", "/api/usage/export.csv"): (None, 200, ALL),
    ("POST", "/api/keys/{key_id}/rotate"): ({"graceSeconds": 60}, 200, {OWNER, OPERATOR, MEMBER}),
    ("POST", "/api/keys/{key_id}/revoke-former"): (None, 200, {OWNER, OPERATOR, MEMBER}),
    ("GET", "/api/teams"): (None, 200, LOOK),
    ("POST", "/api/teams"): ({"name": "design"}, 201, RUN),
    ("GET", "/api/teams/{team_id}"): (None, 200, LOOK),
    ("PATCH", "/api/teams/{team_id}"): ({"name": "crew"}, 200, RUN),
    ("DELETE", "/api/teams/{team_id}"): (None, 200, RUN),
    ("GET", "/api/usage/budget"): (None, 200, ALL),
    ("POST", "/api/usage/budget"): ({"level": "global", "limit": 9, "period": "weekly"}, 200, RUN),
    ("DELETE", "/api/usage/budget"): (None, 400, RUN),
    ("DELETE", "/api/usage/budget/{budget_id}"): (None, 200, RUN),
}
ROWS = [pytest.param(*operation, *row, id=" ".join(operation)) for operation, row in MATRIX.items()]
over_matrix = pytest.mark.parametrize(("method", "template", "body", "success", "roles"), ROWS)


def path_in(world: World, template: str) -> str:
    return template.format(
        connection_id=world.connection.pk,
        node=world.node.id,
        key_id=world.key.pk,
        combo_id=world.combo.pk,
        request_id=world.record.request_id,
        provider="deepseek",
        model="deepseek-chat",
        team_id=world.team.pk,
        budget_id=world.budget.pk,
    )


def state() -> tuple[int, ...]:
    """What a refused change must leave as it was."""
    stamp = ConfigurationStamp.objects.values_list("version", flat=True).first() or 0
    rows = (
        PriceChange,
        ProviderConnection,
        ProviderNode,
        ApiKey,
        ProviderConnection,
        ProviderNode,
        ApiKey,
        Budget,
        Combo,
        ComboTarget,
        ModelAlias,
        FallbackChain,
        FallbackStep,
    )
    rows = (ProviderConnection, ProviderNode, ApiKey, Combo, ComboTarget, ModelAlias, FallbackChain, FallbackStep, Team)
    return stamp, *(model.objects.count() for model in rows)
