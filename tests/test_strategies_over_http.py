"""Every strategy, from outside: whom a request reaches, and whom the next one does."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests import upstream as play
from tests.fleet import ACCOUNTS, Fleet
from tests.upstream import ScriptedUpstream

TRIO = ("one/m", "two/m", "three/m")
QUICK = {"maxRetries": 0}


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Iterator[Fleet]:
    yield built_fleet
    built_fleet.routing(fallbackStrategy="fill-first", stickyRoundRobinLimit=3)


class TestTargetsOfACombo:
    def test_priority_asks_the_first_always_and_the_next_when_it_fails(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="priority", config=QUICK)
        assert [fleet.ask("t") for _ in range(3)] == ["one"] * 3
        fleet.tell("one", play.json(500))
        assert fleet.ask("t") == "two"

    def test_round_robin_takes_turns(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="round-robin")
        who = [fleet.ask("t") for _ in range(7)]
        first = who[0]
        assert who == [*who[:3], *who[:3], first]
        assert set(who) == {"one", "two", "three"}

    def test_random_asks_all_of_them(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="random")
        assert {fleet.ask("t") for _ in range(40)} == {"one", "two", "three"}

    def test_weighted_draws_in_proportion_and_never_draws_weight_zero(self, fleet: Fleet) -> None:
        models = [{"model": model, "weight": weight} for model, weight in zip(TRIO, (75, 25, 0), strict=True)]
        fleet.combo("t", *models, strategy="weighted")
        drawn = Counter(fleet.ask("t") for _ in range(200))
        assert drawn["three"] == 0
        assert 120 <= drawn["one"] <= 180

    def test_a_weight_of_zero_is_not_asked_when_the_others_fail(self, fleet: Fleet) -> None:
        models = [{"model": "one/m", "weight": 1}, {"model": "two/m", "weight": 0}]
        fleet.combo("t", *models, strategy="weighted", config=QUICK)
        fleet.tell("one", play.json(500))
        assert fleet.gateway.chat("t").status_code == 500
        assert fleet.asked() == ["one"]

    def test_a_combo_whose_only_weight_is_gone_says_so(self, fleet: Fleet) -> None:
        fleet.gateway.add_node("passing", fleet.upstream.base_url)
        fleet.combo("t", {"model": "passing/m", "weight": 1}, {"model": "one/m", "weight": 0}, strategy="weighted")
        (node,) = [row for row in fleet.gateway.api("GET", "/provider-nodes")["nodes"] if row["prefix"] == "passing"]
        fleet.gateway.api("DELETE", f"/provider-nodes/{node['id']}")
        refused = fleet.gateway.chat("t")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "no_target")

    def test_least_used_evens_out(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/even", "two/even", strategy="least-used")
        assert [fleet.ask("one/even") for _ in range(3)] == ["one"] * 3
        assert [fleet.ask("t") for _ in range(3)] == ["two"] * 3

    def test_cost_optimized_asks_the_cheapest(self, fleet: Fleet) -> None:
        fleet.gateway.manage(
            "shell",
            "-v0",
            "-c",
            "from billing.models import Pricing as P; [P.objects.create(provider_id=p, model_id='dear',"
            " input_per_million=i, output_per_million=1, source='operator') for p, i in (('one', 9), ('two', 2))]",
        )
        fleet.gateway.settle()
        fleet.combo("t", "three/dear", "one/dear", "two/dear", strategy="cost-optimized", config=QUICK)
        assert fleet.ask("t") == "two"
        fleet.tell("two", play.json(500))
        fleet.tell("one", play.json(500))
        assert fleet.ask("t") == "three", "what has no price comes last"

    def test_fill_first_fills_the_first_until_it_is_limited(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="fill-first", config=QUICK)
        assert [fleet.ask("t") for _ in range(3)] == ["one"] * 3
        fleet.tell("one", play.json(429, headers={"retry-after": "60"}))
        assert [fleet.ask("t") for _ in range(2)] == ["two"] * 2

    def test_p2c_leaves_the_one_that_fails(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/p2c", "two/p2c", strategy="p2c", config=QUICK)
        fleet.tell("one", play.json(500))
        fleet.gateway.chat("one/p2c")
        fleet.asked()
        assert [fleet.ask("t") for _ in range(5)] == ["two"] * 5

    def test_fastest_asks_the_quickest_after_it_has_tried_each(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/fast", "two/fast", strategy="fastest")
        fleet.upstream.always(play.sse(play.wire.openai_chunks("hi"), delay=0.2), key="sk-one")
        fleet.upstream.always(play.sse(play.wire.openai_chunks("hi")), key="sk-two")
        assert {fleet.ask("t", stream=True) for _ in range(2)} == {"one", "two"}
        assert [fleet.ask("t", stream=True) for _ in range(4)] == ["two"] * 4

    def test_auto_prefers_what_succeeds_and_says_why(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/auto", "two/auto", strategy="auto", config=QUICK)
        fleet.tell("one", play.json(400, {"error": {"message": "this model does not support images"}}))
        for _ in range(4):
            fleet.gateway.chat("one/auto")
        fleet.asked()
        assert fleet.ask("t") == "two"
        told = fleet.gateway.api("POST", "/routes/explain", {"model": "t"})
        best, worst = told["order"]
        assert (best["provider"], worst["provider"]) == ("two", "one")
        assert best["score"]["parts"]["success"] > worst["score"]["parts"]["success"]

    def test_a_nested_combo_is_ordered_by_its_own_strategy(self, fleet: Fleet) -> None:
        fleet.combo("inner", "two/m", "three/m", strategy="round-robin")
        fleet.combo("t", "inner", "one/m", strategy="priority")
        assert {fleet.ask("t") for _ in range(4)} == {"two", "three"}
        fleet.tell("two", play.json(500))
        fleet.tell("three", play.json(500))
        assert fleet.ask("t") == "one"

    def test_turns_within_turns_come_to_everybody(self, fleet: Fleet) -> None:
        fleet.combo("inner", "two/m", "three/m", strategy="round-robin")
        fleet.combo("t", "inner", "one/m", strategy="round-robin")
        assert Counter(fleet.ask("t") for _ in range(8)) == {"one": 4, "two": 2, "three": 2}


class TestAccountsOfAProvider:
    def test_fill_first_lets_the_primary_take_everything(self, fleet: Fleet) -> None:
        assert [fleet.ask("many/m") for _ in range(4)] == ["a"] * 4

    def test_round_robin_sticks_for_as_many_requests_as_the_limit_says(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=3)
        who = [fleet.ask("many/m") for _ in range(18)]
        changes = [place for place in range(1, 18) if who[place] != who[place - 1]]
        assert all(later - earlier == 3 for earlier, later in pairwise(changes))
        assert Counter(who) == {"a": 6, "b": 6, "c": 6}

    def test_p2c_leaves_the_one_that_fails(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="p2c")
        fleet.tell("a", play.json(500))
        assert {fleet.ask("many/m") for _ in range(12)} == {"b", "c"}

    def test_random_asks_each(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="random")
        assert {fleet.ask("many/m") for _ in range(40)} == set(ACCOUNTS)

    def test_least_used_asks_the_one_that_has_rested_longest(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="least-used")
        who = [fleet.ask("many/m") for _ in range(6)]
        assert who[:3] == who[3:]
        assert set(who) == set(ACCOUNTS)

    def test_cost_optimized_asks_the_lowest_priority_number(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="cost-optimized")
        fleet.gateway.api("PUT", f"/providers/{fleet.connections['a']}", {"priority": 9})
        assert [fleet.ask("many/m") for _ in range(2)] == ["b", "b"]
        fleet.gateway.api("PUT", f"/providers/{fleet.connections['a']}", {"priority": 1})
        assert fleet.ask("many/m") == "a"


class TestConversations:
    TURNS = [
        {"role": "user", "content": "remember me"},
        {"role": "assistant", "content": "I do"},
        {"role": "user", "content": "who am I?"},
    ]

    def go_on(self, fleet: Fleet, model: str = "many/m") -> str:
        return fleet.ask(model, messages=self.TURNS)

    def begin(self, fleet: Fleet, model: str = "many/m") -> str:
        return fleet.ask(model, messages=self.TURNS[:1])

    def test_one_stays_on_its_connection_while_others_take_turns(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=1)
        home = self.begin(fleet)
        assert [self.go_on(fleet) for _ in range(5)] == [home] * 5
        assert {fleet.ask("many/m", "another") for _ in range(6)} == set(ACCOUNTS)

    def test_a_limited_connection_loses_this_request_alone(self, fleet: Fleet) -> None:
        home = self.begin(fleet)
        fleet.upstream.script(play.json(429, headers={"retry-after": "1"}), key=f"sk-{home}")
        assert self.go_on(fleet) != home
        time.sleep(1.5)
        assert self.go_on(fleet) == home

    def test_a_connection_that_is_switched_off_loses_the_conversation(self, fleet: Fleet) -> None:
        home = self.begin(fleet)
        fleet.gateway.api("PUT", f"/providers/{fleet.connections[home]}", {"isActive": False})
        other = self.go_on(fleet)
        fleet.gateway.api("PUT", f"/providers/{fleet.connections[home]}", {"isActive": True})
        assert other != home
        assert self.go_on(fleet) == other

    def test_one_stays_with_its_target_where_any_order_would_do(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="round-robin")
        home = self.begin(fleet, "t")
        assert [self.go_on(fleet, "t") for _ in range(4)] == [home] * 4

    def test_a_session_that_the_client_names_is_one_conversation(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=1)
        body = {"model": "many/m", "messages": [{"role": "user", "content": "hi"}]}
        who = set()
        for _ in range(5):
            fleet.post("/v1/chat/completions", body, **{"x-session-id": "s-1"})
            who |= set(fleet.asked())
        assert len(who) == 1
