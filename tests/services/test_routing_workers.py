"""What routing promises when four workers share one Redis, from outside."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests import crowd
from tests import upstream as play
from tests.conftest import MakeGateway
from tests.crowd import SEVERAL, Waiting, at_once, load, statuses
from tests.fleet import Fleet
from tests.gateway import GatewayProcess, wait_until
from tests.own_redis import OwnRedis
from tests.upstream import ScriptedUpstream

WITHIN = 1.5
"""A second, and a busy machine's allowance."""
ONCE = {"maxRetries": 0}
TRIO = ["one/m", "two/m", "three/m"]
NO_LIMIT = {"requestsPerMinute": None, "minTimeBetweenRequests": None, "concurrentRequests": None}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def four(make_gateway: MakeGateway, redis: OwnRedis, upstream_server: ScriptedUpstream) -> Fleet:
    gateway = make_gateway(workers=4, REDIS_URL=redis.url).start()
    wait_until(lambda: len(gateway.pids("web")) == 4, 30, "the start of four workers")
    return Fleet(gateway, upstream_server).build()


@pytest.fixture
def fleet(four: Fleet, upstream: ScriptedUpstream) -> Iterator[Fleet]:
    """With nothing resting and no settings but the product's own."""
    wait_until(lambda: is_complete(four.gateway), 60, "four workers that share")
    yield four
    upstream.reset()
    four.gateway.api("PATCH", "/settings", {"fallbackStrategy": "fill-first", "stickyRoundRobinLimit": 3})
    limits = NO_LIMIT | {"queueTimeout": 30000}
    four.gateway.api("PATCH", "/resilience", {"profiles": {"one": None}, "defaults": limits})
    four.gateway.forget_failures()


def is_complete(gateway: GatewayProcess) -> bool:
    return gateway.is_ready() and len(gateway.pids("web")) == 4


def who_is_asked(fleet: Fleet, model: str, count: int = SEVERAL) -> Counter[str]:
    fleet.asked()
    at_once(fleet.gateway, count, model, together=10)
    return Counter(fleet.asked())


def tries_of(answer: httpx.Response) -> Counter[str]:
    """How often each target was really asked."""
    return Counter(each["target"] for each in answer.json()["error"]["attempts"] if "ms" in each)


def limited(seconds: float) -> play.Behaviour:
    return play.json(429, {"error": {"message": "slow down"}}, {"retry-after": str(seconds)})


class TestARestIsEverybodys:
    def test_four_workers_leave_a_limited_model_alone_and_ask_it_again_afterwards(self, fleet: Fleet) -> None:
        fleet.upstream.script(limited(4), key="sk-a", model="m1")
        began = time.monotonic()
        fleet.gateway.chat("many/m1")
        time.sleep(0.3)
        assert set(who_is_asked(fleet, "many/m1")) == {"b"}
        assert set(who_is_asked(fleet, "many/m2")) == {"a"}, "only that model rests"
        wait_until(lambda: "a" in who_is_asked(fleet, "many/m1", 4), 8, "the end of the rest")
        assert time.monotonic() - began >= 4

    @pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
    def test_a_restart_keeps_it_even_with_an_empty_redis(self, fleet: Fleet, redis: OwnRedis, ending: int) -> None:
        fleet.upstream.script(limited(300), key="sk-a", model="m1")
        fleet.gateway.chat("many/m1")
        wait_until(lambda: fleet.gateway.api("GET", "/resilience")["cooldowns"], WITHIN, "the row of the rest")
        fleet.gateway.stop(ending)
        redis.forget()
        fleet.gateway.start()
        wait_until(lambda: is_complete(fleet.gateway), 30, "four workers")
        assert set(who_is_asked(fleet, "many/m1")) == {"b"}


class TestAChangeIsObeyedWithinASecond:
    def test_a_target_that_is_taken_out_while_requests_run(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="random", config=ONCE)
        (row,) = [row for row in fleet.gateway.api("GET", "/combos")["combos"] if row["name"] == "t"]
        with load(fleet.gateway, "t") as seen:
            time.sleep(0.5)
            fleet.gateway.api("PUT", f"/combos/{row['id']}", {"models": ["two/m", "three/m"]})
            changed = time.monotonic()
            time.sleep(2.5)
        assert set(seen) == {200}
        late = [call.key for call in fleet.upstream.calls if call.started_at > changed + WITHIN]
        assert set(late) == {"sk-two", "sk-three"}
        assert len(late) >= SEVERAL

    def test_a_connection_that_is_switched_off_while_requests_run(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="random")
        with load(fleet.gateway, "many/m") as seen:
            time.sleep(0.5)
            fleet.gateway.api("PUT", f"/providers/{fleet.connections['a']}", {"isActive": False})
            changed = time.monotonic()
            time.sleep(2.5)
        fleet.gateway.api("PUT", f"/providers/{fleet.connections['a']}", {"isActive": True})
        assert set(seen) == {200}
        assert {call.key for call in fleet.upstream.calls if call.started_at > changed + WITHIN} == {"sk-b", "sk-c"}

    def test_each_target_is_tried_as_often_as_it_may_be_and_nobody_else_ever(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config={"maxRetries": 1, "retryDelayMs": 0})
        for node in ("one", "two", "three"):
            fleet.tell(node, play.json(500))
        answers = at_once(fleet.gateway, 8, "t")
        assert set(statuses(answers)) <= {500, 503}
        assert set(fleet.asked()) == {"one", "two"}
        assert max(max(tries_of(answer).values(), default=0) for answer in answers) <= 2


class TestBreaker:
    @pytest.fixture(autouse=True)
    def quick(self, fleet: Fleet) -> None:
        profile = {"circuitBreakerReset": 1500, "transientCooldown": 0}
        fleet.gateway.api("PATCH", "/resilience", {"profiles": {"one": profile}})
        fleet.gateway.settle()

    def open(self, fleet: Fleet) -> None:
        """By failures on whatever workers."""
        fleet.upstream.script(*[play.json(500)] * 5, key="sk-one")
        assert [fleet.gateway.chat("one/m").status_code for _ in range(5)] == [500] * 5
        fleet.asked()

    def wait_for_half_open(self) -> None:
        time.sleep(1.7)

    def closes(self, fleet: Fleet, seconds: float = WITHIN) -> None:
        wait_until(lambda: fleet.gateway.chat("one/m").status_code == 200, seconds, "a later probe")
        wait_until(lambda: statuses(at_once(fleet.gateway, SEVERAL, "one/m")) == [200] * SEVERAL, WITHIN, "the closing")

    def test_open_means_no_call_from_any_worker(self, fleet: Fleet) -> None:
        self.open(fleet)
        refused = at_once(fleet.gateway, SEVERAL, "one/m")
        assert fleet.asked() == []
        assert statuses(refused) == [503] * SEVERAL
        assert {answer.headers["retry-after"] for answer in refused} <= {"1", "2"}

    def test_a_hundred_at_once_are_one_probe(self, fleet: Fleet) -> None:
        self.open(fleet)
        self.wait_for_half_open()
        fleet.upstream.script(play.json(500, delay=1.5), key="sk-one")
        assert statuses(at_once(fleet.gateway, 100, "one/m")) == [500] + [503] * 99
        assert fleet.asked() == ["one"]
        self.wait_for_half_open()
        self.closes(fleet)

    def test_the_client_of_the_probe_hangs_up(self, fleet: Fleet) -> None:
        self.open(fleet)
        self.wait_for_half_open()
        fleet.upstream.script(play.hang_before_headers(), key="sk-one")
        probe = Waiting(fleet.gateway, "one/m")
        (call,) = fleet.upstream.wait_for_calls(1)
        assert statuses(at_once(fleet.gateway, 10, "one/m")) == [503] * 10
        probe.hang_up()
        fleet.upstream.wait_until_peer_closed(call)
        self.closes(fleet)

    def test_the_probe_hangs(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", config=ONCE | {"timeoutMs": 1000})
        self.open(fleet)
        self.wait_for_half_open()
        fleet.upstream.script(play.hang_before_headers(), key="sk-one")
        assert fleet.gateway.chat("t").status_code == 504
        assert fleet.gateway.chat("t").status_code == 503, "that was a failure, so it is open again"
        self.wait_for_half_open()
        self.closes(fleet)

    def test_the_probe_was_the_callers_fault(self, fleet: Fleet) -> None:
        self.open(fleet)
        self.wait_for_half_open()
        fleet.upstream.script(play.json(400), key="sk-one")
        assert fleet.gateway.chat("one/m").status_code == 400
        self.closes(fleet)

    def test_the_worker_of_the_probe_is_killed(self, fleet: Fleet) -> None:
        """Nobody reports its probe, so the lease on it has to end."""
        self.open(fleet)
        self.wait_for_half_open()
        fleet.upstream.script(play.hang_before_headers(), key="sk-one")
        probe = Waiting(fleet.gateway, "one/m")
        fleet.upstream.wait_for_calls(1)
        os.kill(probe.worker(), signal.SIGKILL)
        time.sleep(0.2)
        assert set(statuses(at_once(fleet.gateway, 4, "one/m"))) <= {503}
        self.closes(fleet, 40)


class TestConversations:
    TURNS = [
        {"role": "user", "content": "remember me, whoever you are"},
        {"role": "assistant", "content": "I do"},
        {"role": "user", "content": "who am I?"},
    ]

    def go_on(self, fleet: Fleet, count: int) -> set[str]:
        return {fleet.ask("many/m", messages=self.TURNS) for _ in range(count)}

    def test_one_stays_on_its_connection_whichever_worker_is_asked(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=1)
        home = fleet.ask("many/m", messages=self.TURNS[:1])
        assert self.go_on(fleet, 16) == {home}

    def test_it_leaves_for_a_while_and_comes_back(self, fleet: Fleet) -> None:
        home = fleet.ask("many/m", messages=self.TURNS[:1])
        fleet.upstream.script(limited(2), key=f"sk-{home}")
        assert home not in self.go_on(fleet, 4)
        time.sleep(2.6)
        assert self.go_on(fleet, 8) == {home}

    def test_it_leaves_for_good_when_its_connection_is_switched_off(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="random")
        home = fleet.ask("many/m", messages=self.TURNS[:1])
        fleet.gateway.api("PUT", f"/providers/{fleet.connections[home]}", {"isActive": False})
        fleet.gateway.settle()
        (other,) = self.go_on(fleet, 1)
        fleet.gateway.api("PUT", f"/providers/{fleet.connections[home]}", {"isActive": True})
        fleet.gateway.settle()
        assert other != home
        assert self.go_on(fleet, 8) == {other}


class TestTurnsAndShares:
    def test_three_in_a_row_for_each_account_over_all_workers(self, fleet: Fleet) -> None:
        fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=3)
        fleet.gateway.chat("many/m")
        who = "".join(fleet.ask("many/m") for _ in range(18 + 2))
        begins = next(place for place in range(1, 4) if who[place] != who[place - 1]) % 3
        groups = [who[place : place + 3] for place in range(begins, 18, 3)]
        assert set(groups) <= {"aaa", "bbb", "ccc"} | {who[begins + 15 :]}
        assert all(earlier[0] != later[0] for earlier, later in pairwise(groups))

    def test_a_combo_takes_turns_over_all_workers(self, fleet: Fleet) -> None:
        fleet.combo("t", *TRIO, strategy="round-robin")
        who = [fleet.ask("t") for _ in range(12)]
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
        assert statuses(at_once(fleet.gateway, 40, "one/m")) == [200] * 40
        assert crowd.busiest(fleet.upstream.calls) == 3

    def test_a_gap_is_kept_by_all_together(self, fleet: Fleet) -> None:
        self.limit(fleet, minTimeBetweenRequests=400)
        began = time.monotonic()
        assert statuses(at_once(fleet.gateway, 6, "one/m")) == [200] * 6
        started = sorted(call.started_at for call in fleet.upstream.calls)
        assert all(start - began >= number * 0.4 for number, start in enumerate(started))

    def test_a_combo_lets_so_many_at_a_model_at_once(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", config=ONCE | {"concurrencyPerModel": 2})
        fleet.tell("one", play.json(200, delay=0.1))
        assert statuses(at_once(fleet.gateway, 16, "t")) == [200] * 16
        assert crowd.busiest(fleet.upstream.calls) == 2

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


class TestRedisIsLost:
    def test_under_load_no_request_fails_and_workers_share_again_when_it_is_back(
        self, fleet: Fleet, redis: OwnRedis
    ) -> None:
        fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=1)
        limits = {"connectionId": fleet.connections["a"], "concurrentRequests": 500}
        fleet.gateway.api("POST", "/rate-limits", limits)
        fleet.gateway.settle()
        with load(fleet.gateway, "many/m") as seen:
            time.sleep(0.5)
            lost_before = times_said(fleet, "is away")
            redis.hold_up()
            wait_until(lambda: times_said(fleet, "is away") >= lost_before + 4, 5, "the loss")
            time.sleep(1)
            redis.kill()
            time.sleep(1)
            found_before = times_said(fleet, "is there")
            redis.start()
            wait_until(lambda: times_said(fleet, "is there") >= found_before + 4, 10, "the finding")
        assert set(seen) == {200}
        assert len(seen) > 2 * SEVERAL
        fleet.asked()
        who = [fleet.ask("many/m") for _ in range(9)]
        assert all(len(set(who[place : place + 3])) == 3 for place in range(0, 9, 3)), who

    @pytest.fixture(autouse=True)
    def running_afterwards(self, fleet: Fleet, redis: OwnRedis) -> Iterator[None]:
        yield
        redis.kill()
        redis.start()
        fleet.gateway.api("POST", "/rate-limits", {"connectionId": fleet.connections["a"]} | NO_LIMIT)


def times_said(fleet: Fleet, word: str) -> int:
    return sum("shared state" in line and word in line for line in fleet.gateway.log.splitlines())


class TestAWorkerThatStands:
    def test_the_others_serve_what_they_get(self, fleet: Fleet) -> None:
        """The kernel goes on giving the one that stands its share of connections, which wait until it goes on."""
        stopped = fleet.gateway.pids("web")[0]
        os.kill(stopped, signal.SIGSTOP)
        try:
            requests = [Waiting(fleet.gateway, "one/m") for _ in range(SEVERAL)]
            served = wait_until(lambda: len(fleet.asked()), 5, "an answer of the others")
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert served > 0
        assert {request.status() for request in requests} == {200}


class TestEverybodyRefuses:
    def test_calls_stay_few_and_the_workers_calm(self, fleet: Fleet) -> None:
        for node in ("dead-1", "dead-2", "dead-3"):
            fleet.gateway.add_node(node, "http://127.0.0.1:1/v1")
        fleet.combo("t", "dead-1/m", "dead-2/m", "dead-3/m", config={"maxRetries": 1, "retryDelayMs": 50})
        workers = fleet.gateway.pids("web")
        memory = sum(map(crowd.resident_mebibytes, workers))
        cpu, began = sum(map(crowd.cpu_seconds, workers)), time.monotonic()
        answers = []
        for _ in range(20):
            answers += at_once(fleet.gateway, 20, "t")
            time.sleep(0.2)
        seconds = time.monotonic() - began
        tried = [tries_of(answer).total() for answer in answers]
        assert set(statuses(answers)) <= {502, 503}
        assert max(tried) <= 6
        assert sum(tried) < 400, "the breakers keep nearly all from being asked"
        assert sum(map(crowd.resident_mebibytes, workers)) - memory < 40
        assert sum(map(crowd.cpu_seconds, workers)) - cpu < seconds
