"""What routing promises when four workers share one Redis, from outside."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests import crowd
from tests import upstream as play
from tests.crowd import SEVERAL, Waiting, at_once, load, statuses, who_is_asked
from tests.fleet import Fleet
from tests.gateway import wait_until
from tests.own_redis import OwnRedis
from tests.services.conftest import NO_LIMIT, is_complete, times_said

WITHIN = 1.5
"""A second, and a busy machine's allowance."""
ONCE = {"maxRetries": 0}
TRIO = ["one/m", "two/m", "three/m"]


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

    def test_a_restart_keeps_it_even_with_an_empty_redis(self, fleet: Fleet, redis: OwnRedis) -> None:
        fleet.upstream.script(limited(300), key="sk-a", model="m1")
        fleet.gateway.chat("many/m1")
        wait_until(lambda: fleet.gateway.api("GET", "/resilience")["cooldowns"], WITHIN, "the row of the rest")
        fleet.gateway.stop(signal.SIGKILL)
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
        time.sleep(2)

    def closes(self, fleet: Fleet, seconds: float = 4) -> None:
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


def everybody_has_a_turn(fleet: Fleet) -> bool:
    who = [fleet.ask("many/m") for _ in range(9)]
    return all(len(set(who[place : place + 3])) == 3 for place in range(0, 9, 3))


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
            wait_until(lambda: times_said(fleet, "is away") > lost_before, 5, "the loss")
            time.sleep(1)
            redis.kill()
            time.sleep(1)
            found_before = times_said(fleet, "is there")
            redis.start()
            wait_until(lambda: times_said(fleet, "is there") >= found_before + 4, 10, "the finding")
        assert set(seen) == {200}
        assert len(seen) > 2 * SEVERAL
        wait_until(lambda: everybody_has_a_turn(fleet), 20, "turns over all workers")

    @pytest.fixture(autouse=True)
    def running_afterwards(self, fleet: Fleet, redis: OwnRedis) -> Iterator[None]:
        yield
        redis.kill()
        redis.start()
        fleet.gateway.api("POST", "/rate-limits", {"connectionId": fleet.connections["a"]} | NO_LIMIT)


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
