"""What a key's lists allow, without a server: spellings of a prefix, neighbours of a name, and the time it takes."""

import asyncio
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.api_keys.facts import KeyFacts
from billing.api_keys.rules import networks_of
from combos.candidates import Orderer
from combos.permissions import check_address, left_out, may_ask, route_of
from combos.refusals import AmbiguousModel, ForbiddenModel, UnknownModel, WrongAddress
from combos.snapshot import Snapshot
from combos.strategies import Strategy
from combos.wildcards import Wildcard, any_of
from health.health import Health
from health.snapshot import HealthFacts
from tests.routing import make_combo, make_provider, make_snapshot
from tests.stopwatch import least_seconds

MOST_SECONDS = 0.001


BARE = KeyFacts(id=uuid4(), name="k", scopes=frozenset({"inference"}), is_active=True, expires_at=None)


def key(**facts: Any) -> KeyFacts:
    return replace(BARE, id=uuid4(), **facts)


def allowed(facts: KeyFacts, asked: str, snapshot: Snapshot) -> list[str]:
    try:
        kept = route_of(facts, asked, snapshot).targets
    except ForbiddenModel:
        return []
    return [f"{each.provider.slug}/{each.model.id}" for each in kept]


@pytest.mark.parametrize("pattern", ["ds/*", "deepseek/*", "ds/chat", "deepseek/CHAT", "chat", "c*t"])
@pytest.mark.parametrize("asked", ["ds/chat", "deepseek/chat", "chat"])
def test_every_spelling_of_a_model_is_the_same_model(pattern: str, asked: str) -> None:
    snapshot = make_snapshot(make_provider("ds", "chat", slug="deepseek"))
    assert allowed(key(allowed_models=(pattern,)), asked, snapshot) == ["deepseek/chat"]


def test_a_bare_name_with_a_slash_is_not_taken_for_another_providers_model() -> None:
    snapshot = make_snapshot(make_provider("openai", "gpt"), make_provider("router", "openai/gpt"))
    facts = key(allowed_models=("openai/gpt",))
    assert allowed(facts, "openai/gpt", snapshot) == ["openai/gpt"]
    assert allowed(facts, "router/openai/gpt", snapshot) == []


@pytest.mark.parametrize("name", ["ds", "deepseek"])
def test_a_provider_is_named_by_id_or_prefix(name: str) -> None:
    snapshot = make_snapshot(make_provider("ds", "chat", slug="deepseek"), make_provider("other", "chat"))
    facts = key(allowed_providers=frozenset({name}))
    assert allowed(facts, "ds/chat", snapshot) == ["deepseek/chat"]
    assert allowed(facts, "other/chat", snapshot) == []


def test_a_combo_within_a_combo_is_granted_by_the_outer_name_alone() -> None:
    combos = [make_combo("inner", "a/m", "b/m"), make_combo("outer", "inner", "c/m")]
    snapshot = make_snapshot(*(make_provider(name, "m") for name in "abc"), combos=combos)
    assert allowed(key(allowed_models=("outer",)), "outer", snapshot) == ["a/m", "b/m", "c/m"]
    assert allowed(key(allowed_models=("inner", "c/*")), "outer", snapshot) == ["c/m"]
    assert not may_ask(key(allowed_models=("inner",)), "outer", snapshot)


def test_what_is_remembered_of_one_key_says_nothing_of_another() -> None:
    snapshot = make_snapshot(make_provider("a", "m"), make_provider("b", "m"))
    first, second = key(allowed_models=("a/*",)), key(allowed_models=("b/*",))
    for _ in range(2):
        assert [allowed(first, f"{name}/m", snapshot) for name in "ab"] == [["a/m"], []]
        assert [allowed(second, f"{name}/m", snapshot) for name in "ab"] == [[], ["b/m"]]
    assert allowed(key(), "a/m", snapshot) == ["a/m"]


@given(st.lists(st.text("ab*?./", max_size=6), min_size=1, max_size=5), st.text("ab./", max_size=8))
def test_patterns_together_match_what_any_of_them_does(patterns: list[str], name: str) -> None:
    together = any_of(*patterns)
    assert together is not None
    assert bool(together.match(name)) == any(Wildcard.of(pattern).matches(name) for pattern in patterns)


@pytest.mark.parametrize(
    ("ranges", "address", "is_inside"),
    [
        (["10.0.0.0/8"], "10.255.255.255", True),
        (["10.0.0.0/8"], "11.0.0.0", False),
        (["203.0.113.7"], "203.0.113.7", True),
        (["203.0.113.7"], "203.0.113.8", False),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["::ffff:10.0.0.0/104"], "10.1.2.3", True),
        (["::ffff:10.1.2.3"], "10.1.2.3", True),
        (["2001:db8::/32"], "2001:db8:1::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["::/0"], "10.0.0.1", False),
        (["0.0.0.0/0", "::/0"], "unix", False),
        (["0.0.0.0/0"], "", False),
        (["nonsense"], "10.0.0.1", False),
        ([], "anything", True),
    ],
    ids=str,
)
def test_an_address_is_inside_or_not(ranges: list[str], address: str, is_inside: bool) -> None:
    try:
        check_address(networks_of(ranges), {"REMOTE_ADDR": address})
        found = True
    except WrongAddress:
        found = False
    assert found is is_inside


def test_a_hint_names_only_what_the_key_may_ask_for() -> None:
    providers = [make_provider(name, "model-1", "model-2") for name in "ab"]
    snapshot = make_snapshot(*providers, combos=[make_combo("modem", "a/model-1"), make_combo("models", "b/model-1")])
    for model in ("modell", "model-", "model-3"):
        with pytest.raises(UnknownModel, match=r"Did you mean (models|b/model-)") as refused:
            route_of(key(allowed_models=("b/*",)), model, snapshot)
        assert "a/" not in refused.value.message
        assert "modem" not in refused.value.message


def test_a_bare_name_is_not_ambiguous_where_the_key_may_ask_one_provider_of_it() -> None:
    snapshot = make_snapshot(*(make_provider(name, "m") for name in "abc"))
    assert allowed(key(allowed_providers=frozenset("b")), "m", snapshot) == ["b/m"]
    assert route_of(key(allowed_models=("c/*",)), "m", snapshot).asked == "m"
    with pytest.raises(AmbiguousModel, match=r"one of a/m, b/m\."):
        route_of(key(allowed_providers=frozenset("ab")), "m", snapshot)
    with pytest.raises(ForbiddenModel):
        route_of(key(allowed_providers=frozenset("d")), "m", snapshot)


def test_what_a_key_may_not_use_takes_no_turn_from_what_it_may() -> None:
    inner = make_combo("inner", "a/m", "b/m", strategy=Strategy.ROUND_ROBIN)
    outer = make_combo("outer", "inner", "c/m", strategy=Strategy.ROUND_ROBIN)
    snapshot = make_snapshot(*(make_provider(name, "m") for name in "abc"), combos=[inner, outer])

    async def first_asked(*keys: KeyFacts) -> list[Counter[str]]:
        health, asked = Health(HealthFacts()), [Counter[str]() for _ in keys]
        for _ in range(12):
            for each, counter in zip(keys, asked, strict=True):
                placed = await Orderer(snapshot, health, Random(1)).line_up(route_of(each, "outer", snapshot))
                counter[placed[0].target.provider.slug] += 1
        return asked

    some, others, whole = (key(allowed_models=names) for names in (("a/*", "b/*"), ("b/*", "c/*"), ()))
    expected = [Counter(a=6, b=6), Counter(b=6, c=6), Counter(a=3, b=3, c=6)]
    assert asyncio.run(first_asked(some, others, whole)) == expected
    assert [each.provider.slug for each in left_out(some, route_of(some, "outer", snapshot), snapshot)] == ["c"]


def test_many_patterns_over_many_targets_cost_less_than_a_millisecond() -> None:
    models = [f"m{number}" for number in range(200)]
    combo = make_combo("all", *(f"up/{model}" for model in models))
    snapshot = make_snapshot(make_provider("up", *models), combos=[combo])
    facts = key(allowed_models=(*(f"other-{number}/x*y*" for number in range(19)), "up/m*"))
    assert len(route_of(facts, "all", snapshot).targets) == len(models)
    assert least_seconds(may_ask, facts, "all", snapshot, rounds=50) < MOST_SECONDS
    assert least_seconds(route_of, facts, "all", snapshot) < MOST_SECONDS / 10
