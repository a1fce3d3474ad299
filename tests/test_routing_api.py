"""Routing as clients of the management API configure it, and the snapshot that requests obey."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from combos import ready_made, snapshot
from combos.models import Combo, ComboTarget, FallbackChain, FallbackStep, ModelAlias, RoutingSettings
from combos.ready_made import READY_MADE
from combos.resolver import resolve
from combos.snapshot import ComboConfig, Target
from combos.strategies import AccountStrategy, Strategy
from providers.models import Provider, ProviderConnection
from tests.management import World, call, error_of

pytestmark = pytest.mark.django_db


def send(admin: Client, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    response = call(admin, method, f"/api{path}", body)
    assert response.status_code == status, response.content
    return response.json()


def refused(admin: Client, method: str, path: str, body: Any, status: int = 400) -> tuple[str, str]:
    response = call(admin, method, f"/api{path}", body)
    assert response.status_code == status, response.content
    error = error_of(response)
    return error["param"], error["message"]


def add(admin: Client, name: str, *models: Any, **facts: Any) -> str:
    return str(send(admin, "POST", "/combos", {"name": name, "models": list(models), **facts}, 201)["id"])


# Combos.


def test_a_combo_is_shown_as_it_was_made(admin: Client, world: World) -> None:
    pinned = {"model": "deepseek/x", "weight": 70, "connectionId": str(world.connection.pk)}
    body = {"name": "team/fast", "models": [pinned, "groq/llama"], "strategy": "weighted", "config": {"maxRetries": 0}}
    made = send(admin, "POST", "/combos", body, 201)
    assert made["models"] == [pinned, {"model": "groq/llama", "weight": 1, "connectionId": None}]
    assert (made["strategy"], made["config"]["maxRetries"], made["config"]["timeoutMs"]) == ("weighted", 0, None)
    assert made["isActive"]
    assert send(admin, "GET", f"/combos/{made['id']}") == made
    assert made in send(admin, "GET", "/combos")["combos"]


def test_a_change_sets_what_is_sent_and_leaves_the_rest(admin: Client, world: World) -> None:
    combo = add(admin, "new", "groq/a", "groq/b", strategy="random", config={"maxRetries": 3, "timeoutMs": 5000})
    changed = send(admin, "PUT", f"/combos/{combo}", {"config": {"timeoutMs": None}, "isActive": False})
    assert (changed["strategy"], changed["config"]["maxRetries"], changed["config"]["timeoutMs"]) == ("random", 3, None)
    assert [target["model"] for target in changed["models"]] == ["groq/a", "groq/b"]
    changed = send(admin, "PUT", f"/combos/{combo}", {"models": ["groq/c"], "strategy": None})
    assert ([target["model"] for target in changed["models"]], changed["strategy"]) == (["groq/c"], None)
    assert not changed["isActive"]


def test_a_combo_with_a_provider_that_is_gone_can_still_be_switched_off(admin: Client, world: World) -> None:
    combo = add(admin, "new", "lab/x")
    world.node.delete()
    assert not send(admin, "PUT", f"/combos/{combo}", {"isActive": False})["isActive"]


def test_a_name_that_is_taken_is_a_conflict(admin: Client, world: World) -> None:
    assert refused(admin, "POST", "/combos", {"name": "coding", "models": ["groq/a"]}, 409)[0] == "name"


def test_a_deleted_combo_is_gone_and_others_go_on_without_it(admin: Client, world: World) -> None:
    outer = add(admin, "outer", "coding", "groq/llama")
    send(admin, "DELETE", f"/combos/{world.combo.pk}")
    assert call(admin, "GET", f"/api/combos/{world.combo.pk}").status_code == 404
    assert len(send(admin, "GET", f"/combos/{outer}")["models"]) == 2
    assert [target.target.model for target in resolve("outer", snapshot.load()).targets] == ["groq/llama"]


# Combos in combos.


def test_a_circle_is_refused_whoever_closes_it(admin: Client, world: World) -> None:
    first = add(admin, "first", "groq/a")
    add(admin, "second", "groq/a", "first")
    add(admin, "third", "second")
    for nested, path in (("second", "first → second → first"), ("third", "first → third → second → first")):
        param, message = refused(admin, "PUT", f"/combos/{first}", {"models": ["groq/a", nested]})
        assert param == "models.1.model"
        assert path in message


def test_a_circle_through_a_disabled_combo_is_refused_too(admin: Client, world: World) -> None:
    first = add(admin, "first", "groq/a", isActive=False)
    add(admin, "second", "first", isActive=False)
    assert refused(admin, "PUT", f"/combos/{first}", {"models": ["second"]})[0] == "models.0.model"


def test_a_new_name_that_closes_a_circle_is_refused(admin: Client, world: World) -> None:
    add(admin, "outer", "groq/a")
    inner = add(admin, "inner", "outer")
    ComboTarget.objects.filter(combo__name="outer").update(model="renamed")
    param, message = refused(admin, "PUT", f"/combos/{inner}", {"name": "renamed"})
    assert param == "models.0.model"
    assert "renamed → outer → renamed" in message


def test_three_combos_deep_is_deep_enough(admin: Client, world: World) -> None:
    add(admin, "three", "groq/a")
    add(admin, "two", "three")
    add(admin, "one", "two")
    param, message = refused(admin, "POST", "/combos", {"name": "zero", "models": ["one"]})
    assert param == "models.0.model"
    assert "zero → one → two → three" in message
    add(admin, "bottom", "groq/a")
    three = Combo.objects.get(name="three").pk
    assert "one → two → three → bottom" in refused(admin, "PUT", f"/combos/{three}", {"models": ["bottom"]})[1]


def test_a_name_that_others_mention_already_may_not_stand_too_deep(admin: Client, world: World) -> None:
    add(admin, "three", "groq/a")
    add(admin, "two", "three")
    add(admin, "one", "two")
    ComboTarget.objects.filter(combo__name="three").update(model="groq/four")
    assert refused(admin, "POST", "/combos", {"name": "groq/four", "models": ["groq/a"]})[0] == "name"


def test_a_combo_may_stand_in_for_a_model_and_still_ask_it(admin: Client, world: World) -> None:
    add(admin, "deepseek/deepseek-chat", "deepseek/deepseek-chat", "groq/llama")
    route = resolve("deepseek/deepseek-chat", snapshot.load())
    assert [target.provider.slug for target in route.targets] == ["deepseek", "groq"]


def test_a_combo_is_not_pinned_to_a_connection(admin: Client, world: World) -> None:
    target = {"model": "coding", "connectionId": str(world.connection.pk)}
    assert refused(admin, "POST", "/combos", {"name": "new", "models": [target]})[0] == "models.0.connectionId"


# Weights.


def test_weights_of_0_are_fine_until_the_strategy_goes_by_them(admin: Client, world: World) -> None:
    combo = add(admin, "new", {"model": "groq/a", "weight": 0})
    assert refused(admin, "PUT", f"/combos/{combo}", {"strategy": "weighted"})[0] == "models"
    defaults = {"comboDefaults": {"strategy": "weighted"}}
    param, message = refused(admin, "PATCH", "/settings/combo-defaults", defaults)
    assert (param, "“new”" in message) == ("comboDefaults.strategy", True)
    send(admin, "PUT", f"/combos/{combo}", {"strategy": "priority"})
    send(admin, "PATCH", "/settings/combo-defaults", defaults)
    assert refused(admin, "PUT", f"/combos/{combo}", {"strategy": None})[0] == "models"


# The guide's combos.


@pytest.mark.parametrize("name", READY_MADE)
def test_each_of_the_guides_combos_is_made_once(admin: Client, world: World, name: str) -> None:
    assert not {each["name"]: each for each in send(admin, "GET", "/combos/templates")["templates"]}[name]["exists"]
    made = send(admin, "POST", "/combos/templates", {"name": name}, 201)
    assert tuple(target["model"] for target in made["models"]) == READY_MADE[name].models
    assert len(resolve(name, snapshot.load()).targets) == len(READY_MADE[name].models)
    assert {each["name"]: each for each in send(admin, "GET", "/combos/templates")["templates"]}[name]["exists"]
    assert refused(admin, "POST", "/combos/templates", {"name": name}, 409)[0] == "name"


def test_a_ready_made_combo_of_an_unknown_provider_is_refused_whole(admin: Client, world: World) -> None:
    Provider.objects.filter(pk="glm").delete()
    assert "glm/glm-4.7" in refused(admin, "POST", "/combos/templates", {"name": "always-on"})[1]
    assert not Combo.objects.filter(name="always-on").exists()


# Aliases.


@pytest.mark.parametrize("body", [{"alias": "gpt-4o", "model": "coding"}, {"pattern": "gpt-4o", "target": "coding"}])
def test_an_alias_is_taken_in_either_shape(admin: Client, world: World, body: dict[str, str]) -> None:
    assert send(admin, "PUT", "/models/alias", body) == {"pattern": "gpt-4o", "target": "coding", "isEnabled": True}
    assert send(admin, "GET", "/models/alias")["aliases"] == {"fast": "coding", "gpt-4o": "coding"}
    assert resolve("gpt-4o", snapshot.load()).name == "coding"


def test_an_alias_is_changed_whatever_the_case_of_its_letters(admin: Client, world: World) -> None:
    send(admin, "PUT", "/models/alias", {"alias": "FAST", "model": "groq/llama"})
    assert send(admin, "GET", "/models/alias")["aliases"] == {"FAST": "groq/llama"}


@pytest.mark.parametrize(
    ("query", "body"),
    [("?alias=fast", None), ("?pattern=FAST", None), ("", {"alias": "fast"}), ("", {"pattern": "fast"})],
)
def test_an_alias_is_deleted_by_name(admin: Client, world: World, query: str, body: Any) -> None:
    assert send(admin, "DELETE", f"/models/alias{query}", body) == {"deleted": "fast"}
    assert call(admin, "DELETE", f"/api/models/alias{query}", body).status_code == 404
    assert not ModelAlias.objects.exists()


def test_a_disabled_alias_is_kept_and_not_obeyed(admin: Client, world: World) -> None:
    send(admin, "PUT", "/models/alias", {"alias": "fast", "model": "coding", "isEnabled": False})
    shown = send(admin, "GET", "/models/alias")
    assert (shown["aliases"], [row["isEnabled"] for row in shown["rows"]]) == ({}, [False])
    assert snapshot.load().aliases.find("fast") is None


# Fallback chains.


def test_a_named_chain_stands_behind_every_request(admin: Client, world: World) -> None:
    models = ["cc/claude-opus-4-6", "gh/gpt-5.1-codex", "glm/glm-4.7"]
    made = send(admin, "POST", "/fallback/chains", {"name": "production-fallback", "models": models})
    assert (made["models"], made["pattern"], made["position"]) == (models, "", 2)
    assert [(chain.name, chain.models, chain.covers("anything")) for chain in snapshot.load().chains] == [
        ("last", ("groq/llama",), True),
        ("production-fallback", tuple(models), True),
    ]


def test_a_chain_of_the_older_shape_is_for_its_model_alone(admin: Client, world: World) -> None:
    places = [
        {"provider": "groq", "priority": 2},
        {"provider": "lab", "priority": 1},
        {"provider": "cc", "enabled": False},
    ]
    made = send(admin, "POST", "/fallback/chains", {"model": "deepseek/chat", "chain": places})
    assert [(step["model"], step["enabled"]) for step in made["chain"]] == [
        ("cc/chat", False),
        ("lab/chat", True),
        ("groq/chat", True),
    ]
    chain = snapshot.load().chains[1]
    assert (chain.models, chain.covers("deepseek/chat"), chain.covers("chat")) == (
        ("lab/chat", "groq/chat"),
        True,
        False,
    )


def test_a_chain_is_replaced_under_its_name_and_keeps_its_place(admin: Client, world: World) -> None:
    send(admin, "POST", "/fallback/chains", {"name": "next", "models": ["groq/a"]})
    body = {"name": "last", "models": ["groq/b", "groq/c"], "pattern": "gpt-*", "enabled": False}
    changed = send(admin, "POST", "/fallback/chains", body)
    assert (changed["models"], changed["pattern"], changed["enabled"], changed["position"]) == (
        ["groq/b", "groq/c"],
        "gpt-*",
        False,
        1,
    )
    assert [chain.name for chain in snapshot.load().chains] == ["next"]


@pytest.mark.parametrize(("query", "body"), [("?name=last", None), ("?model=last", None), ("", {"model": "last"})])
def test_a_chain_is_deleted_by_name(admin: Client, world: World, query: str, body: Any) -> None:
    assert send(admin, "DELETE", f"/fallback/chains{query}", body) == {"deleted": "last"}
    assert call(admin, "DELETE", f"/api/fallback/chains{query}", body).status_code == 404
    assert not FallbackStep.objects.exists()


# Settings.


def test_settings_are_set_one_by_one(admin: Client, world: World) -> None:
    send(admin, "PATCH", "/settings", {"fallbackStrategy": "round-robin"})
    send(admin, "PATCH", "/settings", {"stickyRoundRobinLimit": 7, "sessionAffinity": False})
    shown = send(admin, "GET", "/settings")
    assert (shown["fallbackStrategy"], shown["stickyRoundRobinLimit"], shown["sessionAffinity"]) == (
        "round-robin",
        7,
        False,
    )
    routing = snapshot.load().routing
    assert (routing.account_strategy, routing.sticky_limit) == (AccountStrategy.ROUND_ROBIN, 7)
    assert not routing.keeps_conversations


def test_wildcard_aliases_are_replaced_together_and_plain_ones_stay(admin: Client, world: World) -> None:
    for pattern in ("gpt-*", "claude-sonnet-*"):
        wanted = [{"pattern": pattern, "target": "coding"}]
        assert send(admin, "PATCH", "/settings", {"wildcardAliases": wanted})["wildcardAliases"] == wanted
    assert send(admin, "GET", "/models/alias")["aliases"] == {"claude-sonnet-*": "coding", "fast": "coding"}


def test_every_unknown_setting_is_named(admin: Client, world: World) -> None:
    message = refused(admin, "PATCH", "/settings", {"theme": "dark", "cloudUrl": "x", "fallbackStrategy": "p2c"})[1]
    assert "theme" in message
    assert "cloudUrl" in message
    assert send(admin, "GET", "/settings")["fallbackStrategy"] == "fill-first"


def test_a_combo_follows_the_defaults_where_it_says_nothing(admin: Client, world: World) -> None:
    add(admin, "own", "groq/a", strategy="auto", config={"maxRetries": 0, "healthCheckEnabled": True})
    defaults = {"strategy": "p2c", "maxRetries": 4, "concurrencyPerModel": 9, "healthCheckEnabled": False}
    shown = send(admin, "PATCH", "/settings/combo-defaults", {"comboDefaults": defaults})["comboDefaults"]
    assert shown == defaults | {"retryDelayMs": 2000, "timeoutMs": None, "queueTimeoutMs": 30_000}
    combos = snapshot.load().combos
    assert combos["coding"].strategy is Strategy.P2C
    assert combos["coding"].config == ComboConfig(4, 2000, None, 9, 30_000, skips_unhealthy=False)
    assert combos["own"].strategy is Strategy.AUTO
    assert combos["own"].config == ComboConfig(0, 2000, None, 9, 30_000, skips_unhealthy=True)


# The snapshot.


def test_the_snapshot_holds_targets_with_weights_and_pins(world: World) -> None:
    connection: ProviderConnection = world.connection
    combo = Combo.objects.create(name="pinned")
    ComboTarget.objects.create(combo=combo, model="deepseek/x", connection=connection, weight=5)
    assert snapshot.load().combos["pinned"].targets == (Target("deepseek/x", connection.pk, 5),)


def test_a_strategy_that_this_version_does_not_know_is_the_default(world: World) -> None:
    Combo.objects.update(strategy="of-another-version")
    assert snapshot.load().combos["coding"].strategy is Strategy.PRIORITY


def test_disabled_combos_and_chains_are_not_in_the_snapshot(world: World) -> None:
    Combo.objects.update(is_enabled=False)
    FallbackChain.objects.update(is_enabled=False)
    known = snapshot.load()
    assert (known.combos, known.chains) == ({}, ())


def test_what_is_configured_survives_a_dump_and_a_load(world: World, tmp_path: Path) -> None:
    RoutingSettings(pk=1, strategy="auto", sticky_limit=9).save()
    ready_made.make(READY_MADE["always-on"])
    before = snapshot.load()
    file = tmp_path / "combos.json"
    call_command("dumpdata", "combos", "--natural-foreign", output=file)
    models = (Combo, ModelAlias, FallbackChain, RoutingSettings)
    for model in models:
        model.objects.all().delete()
    assert snapshot.load().combos == {}
    call_command("loaddata", file, verbosity=0)
    after = snapshot.load()
    assert (after.combos, after.aliases, after.chains, after.routing) == (
        before.combos,
        before.aliases,
        before.chains,
        before.routing,
    )
    assert {row["model"] for row in json.loads(file.read_text())} >= {"combos.fallbackstep", "combos.combotarget"}
