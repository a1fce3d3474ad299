"""Turns, shares and limits with four workers: four of them are not four times as much."""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests import crowd
from tests import upstream as play
from tests.crowd import SEVERAL, Waiting, at_once, statuses, who_is_asked
from tests.fleet import Fleet
from tests.services.conftest import NO_LIMIT, while_shared

ONCE = {"maxRetries": 0}
TRIO = ["one/m", "two/m", "three/m"]


class TestTurnsAndShares:
    def test_three_in_a_row_for_each_account_over_all_workers(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=3)
        who = while_shared(fleet, lambda: "".join(fleet.ask("many/m") for _ in range(20)))
        begins = next(place for place in range(1, 4) if who[place] != who[place - 1]) % 3
        groups = [who[place : place + 3] for place in range(begins, begins + 18, 3)]
        assert set(groups) <= {"aaa", "bbb", "ccc"} | {who[begins + 15 :]}
        assert all(earlier[0] != later[0] for earlier, later in pairwise(groups))

    def test_a_combo_takes_turns_over_all_workers(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="round-robin")
        who = while_shared(fleet, lambda: [fleet.ask("t") for _ in range(12)])
        assert all(len(set(who[place : place + 3])) == 3 for place in range(0, 12, 3))

    def test_weights_are_shares_of_two_thousand_requests(self, fleet: Fleet) -> None:
        weights = {"one": 70, "two": 20, "three": 10, "many": 0}
        models = [{"model": f"{node}/m", "weight": weight} for node, weight in weights.items()]
        fleet.combo("t", *models, strategy="weighted")
        asked = who_is_asked(fleet, "t", 2000)
        assert sum(asked.values()) == 2000
        for node in ("one", "two", "three"):
            assert abs(asked[node] / 20 - weights[node]) <= 3
        assert set(asked) == {"one", "two", "three"}

    def test_least_used_knows_what_the_other_workers_did(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/even", "two/even", strategy="least-used")
        assert who_is_asked(fleet, "one/even") == {"one": SEVERAL}
        time.sleep(2.2)
        assert who_is_asked(fleet, "t", 30) == {"two": 30}


class TestLimits:
    """Four workers are not four times the limit."""

    def limit(self, fleet: Fleet, **limits: Any) -> None:
        fleet.gateway.api("POST", "/rate-limits", {"connectionId": fleet.connections["one"]} | limits)
        fleet.gateway.settle()

    @pytest.fixture(autouse=True)
    def no_limit_afterwards(self, fleet: Fleet) -> Iterator[None]:
        yield
        self.limit(fleet, **NO_LIMIT)

    def test_twenty_a_minute_are_twenty(self, fleet: Fleet) -> None:
        fleet.gateway.api("PATCH", "/resilience", {"defaults": {"queueTimeout": 1000}})
        self.limit(fleet, requestsPerMinute=20)
        answers = at_once(fleet.gateway, 60, "one/m")
        assert statuses(answers) == [200] * 20 + [429] * 40
        assert len(fleet.asked()) == 20
        waits = [int(answer.headers["retry-after"]) for answer in answers if answer.status_code == 429]
        assert len(waits) == 40
        assert all(50 <= wait <= 60 for wait in waits)

    def test_three_at_once_are_never_four(self, fleet: Fleet) -> None:
        self.limit(fleet, concurrentRequests=3)
        fleet.tell("one", play.json(200, delay=0.1))
        assert while_shared(fleet, lambda: most_at_once(fleet, "one/m", 40)) == 3

    def test_a_combo_lets_so_many_at_a_model_at_once(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", config=ONCE | {"concurrencyPerModel": 2})
        fleet.tell("one", play.json(200, delay=0.1))
        assert while_shared(fleet, lambda: most_at_once(fleet, "t", 16)) == 2

    def test_a_gap_is_kept_by_all_together(self, fleet: Fleet) -> None:
        self.limit(fleet, minTimeBetweenRequests=400)

        def moments() -> list[float]:
            fleet.asked()
            began = time.monotonic()
            assert statuses(at_once(fleet.gateway, 6, "one/m")) == [200] * 6
            return [moment - began for moment in sorted(call.started_at for call in fleet.upstream.calls)]

        assert all(moment >= number * 0.399 for number, moment in enumerate(while_shared(fleet, moments)))

    def test_who_hangs_up_in_the_queue_leaves_it(self, fleet: Fleet) -> None:
        fleet.gateway.api("PATCH", "/resilience", {"defaults": {"queueTimeout": 20000}})
        self.limit(fleet, concurrentRequests=1)
        fleet.upstream.script(play.hang_before_headers(), key="sk-one")
        first = Waiting(fleet.gateway, "one/m")
        fleet.upstream.wait_for_calls(1)
        queued = [Waiting(fleet.gateway, "one/m") for _ in range(12)]
        time.sleep(0.5)
        for each in queued:
            each.hang_up()
        first.hang_up()
        assert statuses(at_once(fleet.gateway, 12, "one/m")) == [200] * 12
        assert len(fleet.asked()) == 13


def most_at_once(fleet: Fleet, model: str, count: int) -> int:
    fleet.asked()
    assert statuses(at_once(fleet.gateway, count, model)) == [200] * count
    return crowd.busiest(fleet.upstream.calls)
