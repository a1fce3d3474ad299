"""What each kind of failure means for the request at hand, from outside: who is asked next, what is told at last."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import upstream as play
from tests import wire
from tests.fleet import Fleet
from tests.upstream import ScriptedUpstream

ONCE = {"maxRetries": 0}
LONG = {"error": {"message": "This model's maximum context length is 8192 tokens.", "code": "context_length_exceeded"}}
BLIND = {"error": {"message": "this model does not support images"}}


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Fleet:
    return built_fleet


def set_requests(fleet: Fleet, **values: int) -> None:
    row = "GatewaySettings.objects.update_or_create"
    code = f"from combos.models import GatewaySettings; {row}(pk=1, defaults={values!r})"
    fleet.gateway.manage("shell", "-v0", "-c", code)
    fleet.gateway.settle()


def failure(status: int, body: Any = None, **headers: str) -> play.Behaviour:
    return play.json(status, body or {"error": {"message": "the reason"}}, headers)


NEXT_CONNECTION = [
    pytest.param(failure(401), id="401"),
    pytest.param(failure(402), id="402"),
    pytest.param(failure(403), id="403"),
    pytest.param(failure(429, None, **{"retry-after": "30"}), id="429"),
    pytest.param(failure(500), id="500"),
    pytest.param(failure(502), id="502"),
    pytest.param(failure(503), id="503"),
    pytest.param(failure(529), id="529"),
    pytest.param(play.rst_after(0), id="reset"),
    pytest.param(play.json(200, {"error": {"message": "no", "code": 429}}), id="200 with an error"),
    pytest.param(play.json(200, b"<html>log in</html>"), id="200 with a page"),
    pytest.param(play.json(200, b""), id="200 with nothing"),
]

OTHER_MODEL = [
    pytest.param(
        failure(404, {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}), id="gone"
    ),
    pytest.param(failure(400, LONG), id="context too long"),
    pytest.param(failure(400, BLIND), id="unsupported feature"),
]


class TestKinds:
    @pytest.mark.parametrize("behaviour", NEXT_CONNECTION)
    @pytest.mark.parametrize("stream", [False, True])
    def test_the_next_connection_answers(self, fleet: Fleet, behaviour: play.Behaviour, stream: bool) -> None:
        fleet.tell("a", behaviour)
        assert fleet.gateway.chat("many/m", stream=stream).status_code == 200
        assert fleet.asked() == ["a", "b"]

    @pytest.mark.parametrize("behaviour", OTHER_MODEL)
    def test_another_model_answers_and_no_other_connection_is_bothered(
        self, fleet: Fleet, behaviour: play.Behaviour
    ) -> None:
        fleet.combo("t", "many/m", "two/m", config=ONCE)
        fleet.tell("a", behaviour)
        assert fleet.gateway.chat("t").status_code == 200
        assert fleet.asked() == ["a", "two"]

    def test_after_a_refused_picture_nobody_is_asked_who_is_known_to_be_blind(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/deepseek-chat", "three/gpt-4o", config=ONCE)
        fleet.tell("one", failure(400, BLIND))
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
        answer = fleet.gateway.chat("t", messages=[{"role": "user", "content": [picture]}])
        assert answer.status_code == 200
        assert fleet.asked() == ["one", "three"]
        assert "two/deepseek-chat (main) unable" in answer.headers["x-omniroute-route"]

    @pytest.mark.parametrize("status", [400, 422])
    def test_what_is_the_callers_fault_is_told_at_once(self, fleet: Fleet, status: int) -> None:
        fleet.combo("t", "many/m", "two/m")
        fleet.tell("a", failure(status))
        assert fleet.gateway.chat("t").status_code == status
        assert fleet.asked() == ["a"]

    def test_a_context_too_long_says_so_to_agents(self, fleet: Fleet) -> None:
        fleet.tell("one", failure(400, LONG))
        answer = fleet.gateway.chat("one/m")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


class TestRests:
    def test_a_limited_connection_is_left_alone_as_long_as_the_vendor_says(self, fleet: Fleet) -> None:
        fleet.tell("a", failure(429, None, **{"retry-after": "60"}))
        fleet.ask("many/m")
        assert [fleet.ask("many/m") for _ in range(3)] == ["b"] * 3

    def test_only_the_model_that_was_limited_rests(self, fleet: Fleet) -> None:
        fleet.upstream.always(failure(429, None, **{"retry-after": "60"}), key="sk-a", model="m1")
        fleet.ask("many/m1")
        assert (fleet.ask("many/m1"), fleet.ask("many/m2")) == ("b", "a")

    def test_a_login_that_was_refused_rests_for_every_model(self, fleet: Fleet) -> None:
        fleet.upstream.always(failure(401), key="sk-a", model="m1")
        fleet.ask("many/m1")
        assert fleet.ask("many/m2") == "b"

    def test_a_new_key_ends_the_rest_of_the_old_one(self, fleet: Fleet) -> None:
        fleet.upstream.script(failure(401), key="sk-one")
        assert fleet.gateway.chat("one/m").status_code == 401
        assert fleet.gateway.chat("one/m").status_code == 503
        fleet.gateway.api("PUT", f"/providers/{fleet.connections['one']}", {"apiKey": "sk-one-new"})
        answer = fleet.gateway.chat("one/m")
        fleet.gateway.api("PUT", f"/providers/{fleet.connections['one']}", {"apiKey": "sk-one"})
        assert answer.status_code == 200

    def test_all_limited_is_429_with_the_earliest_end(self, fleet: Fleet) -> None:
        for account, seconds in (("a", 90), ("b", 30), ("c", 60)):
            fleet.tell(account, failure(429, None, **{"retry-after": str(seconds)}))
        assert fleet.gateway.chat("many/m").status_code == 429
        fleet.asked()
        refused = fleet.gateway.chat("many/m")
        assert fleet.asked() == []
        assert refused.status_code == 429
        assert 25 <= int(refused.headers["retry-after"]) <= 37
        told = refused.json()["error"]["attempts"]
        assert [each["connection"] for each in told] == ["a", "b", "c"]
        assert all(each["skipped"] == "cooling" for each in told)

    def test_one_server_error_does_not_shut_the_only_connection(self, fleet: Fleet) -> None:
        fleet.upstream.script(failure(500), key="sk-one")
        assert fleet.gateway.chat("one/m").status_code == 500
        assert fleet.ask("one/m") == "one"

    def test_one_server_error_moves_no_later_request_and_two_do(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/hiccup", "two/m", config=ONCE)
        fleet.upstream.script(failure(500), key="sk-one")
        assert [fleet.ask("t") for _ in range(2)] == ["two", "one"]
        fleet.tell("one", failure(500))
        assert [fleet.ask("t") for _ in range(2)] == ["two", "two"]
        fleet.ask("t")
        assert fleet.asked() == []

    def test_a_model_that_is_not_there_costs_the_connection_nothing(self, fleet: Fleet) -> None:
        fleet.upstream.always(failure(404, {"error": {"message": "no such model"}}), model="ghost")
        fleet.gateway.chat("one/ghost")
        fleet.asked()
        assert fleet.ask("one/m") == "one"


class TestBreaker:
    def test_five_failures_in_a_row_open_it_and_nobody_is_asked(self, fleet: Fleet) -> None:
        fleet.tell("one", failure(500))
        assert [fleet.gateway.chat("one/m").status_code for _ in range(6)] == [500] * 5 + [503]
        assert len(fleet.asked()) == 5
        refused = fleet.gateway.chat("one/other")
        assert refused.status_code == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 30

    def test_callers_faults_and_limits_do_not(self, fleet: Fleet) -> None:
        fleet.tell("one", failure(400))
        for _ in range(8):
            assert fleet.gateway.chat("one/m").status_code == 400

    def test_a_success_in_between_counts_anew(self, fleet: Fleet) -> None:
        fleet.tell("one", *[failure(500)] * 4, play.json(), *[failure(500)] * 4, play.json())
        assert [fleet.gateway.chat("one/m").status_code for _ in range(10)] == [500] * 4 + [200] + [500] * 4 + [200]


class TestEndings:
    def test_every_attempt_is_listed_when_all_failed(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config=ONCE)
        fleet.tell("one", failure(503))
        fleet.tell("two", failure(402))
        answer = fleet.gateway.chat("t")
        told = answer.json()["error"]["attempts"]
        assert [(each["target"], each["status"]) for each in told] == [("one/m", 503), ("two/m", 402)]
        assert all(each["ms"] >= 0 and each["reason"] == "the reason" for each in told)
        assert "one/m (main): 503" in answer.json()["error"]["message"]
        assert 'before="one/m (main) 503 overloaded, two/m (main) 402 quota"' in answer.headers["x-omniroute-route"]

    def test_who_answered_is_told_and_why(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config=ONCE)
        fleet.tell("one", failure(500))
        route = fleet.gateway.chat("t").headers["x-omniroute-route"]
        assert route.startswith('target="two/m"; connection="main"; combo="t"; strategy=priority; attempt=2; why=')
        assert 'before="one/m (main) 500 transient"' in route

    def test_the_usage_row_quotes_who_failed(self, fleet: Fleet) -> None:
        fleet.combo("rowed", "one/m", "two/m", config=ONCE)
        fleet.tell("one", failure(500))
        fleet.gateway.chat("rowed")
        (row,) = fleet.gateway.wait_for_usage(1, combo="rowed")
        assert (row["attempts"], row["provider"], row["status"]) == (2, "two", 200)
        assert [(each["target"], each["status"]) for each in row["tried"]] == [("one/m", 500)]

    def test_a_combo_begins_another_round_when_everybody_failed_for_the_moment(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config={"maxRetries": 1, "retryDelayMs": 200})
        fleet.tell("one", failure(500), play.json())
        fleet.tell("two", failure(400, LONG))
        started = time.monotonic()
        assert fleet.gateway.chat("t").status_code == 200
        assert time.monotonic() - started >= 0.2
        assert fleet.asked() == ["one", "two", "one"]

    def test_each_target_is_asked_at_most_as_often_as_the_combo_says(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config={"maxRetries": 1, "retryDelayMs": 0})
        fleet.tell("one", failure(500))
        fleet.tell("two", failure(503))
        assert fleet.gateway.chat("t").status_code == 503
        assert sorted(fleet.asked()) == ["one", "one", "two", "two"]

    def test_no_request_is_tried_more_often_than_the_settings_say(self, fleet: Fleet) -> None:
        set_requests(fleet, most_attempts=2)
        fleet.combo("t", "one/m", "two/m", "three/m", config=ONCE)
        for node in ("one", "two", "three"):
            fleet.tell(node, failure(500))
        status = fleet.gateway.chat("t").status_code
        set_requests(fleet, most_attempts=8)
        assert status == 500
        assert fleet.asked() == ["one", "two"]

    def test_a_combos_timeout_moves_on_from_a_target_that_hangs(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config=ONCE | {"timeoutMs": 1000})
        fleet.tell("one", play.hang_before_headers())
        assert fleet.ask("t") == "two"
        assert fleet.ask("t", stream=True) == "two"

    def test_nothing_that_the_combo_does_not_name_is_ever_asked(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", config=ONCE)
        fleet.tell("one", failure(500))
        fleet.gateway.chat("t")
        assert fleet.asked() == ["one"]

    def test_a_target_that_is_taken_out_is_asked_no_more(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m")
        assert fleet.ask("t") == "one"
        fleet.combo("t", "two/m")
        assert fleet.ask("t") == "two"

    def test_times_are_those_of_each_leg_and_of_the_whole(self, fleet: Fleet) -> None:
        fleet.combo("timed", "one/m", "two/m", config=ONCE)
        fleet.tell("one", play.json(500, {"error": {"message": "slow"}}, delay=0.3))
        fleet.tell("two", play.sse(wire.openai_chunks("hi"), delay=0.2, first_gap=0.5))
        fleet.gateway.chat("timed", stream=True)
        (row,) = fleet.gateway.wait_for_usage(1, combo="timed")
        assert 280 <= row["tried"][0]["ms"] <= 450
        assert 180 <= row["header_ms"] <= 350
        assert 950 <= row["first_event_ms"] <= 1300, "as the client saw it"
        assert row["first_event_ms"] <= row["total_ms"]

    def test_a_connection_that_is_switched_off_is_not_asked_by_requests_under_way(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config=ONCE)
        fleet.tell("one", play.json(500, {"error": {"message": "slow"}}, delay=1.5))
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(fleet.gateway.chat("t").status_code))
        asking.start()
        fleet.upstream.wait_for_calls(1)
        fleet.gateway.api("PUT", f"/providers/{fleet.connections['two']}", {"isActive": False})
        asking.join()
        fleet.gateway.api("PUT", f"/providers/{fleet.connections['two']}", {"isActive": True})
        assert answers == [500]
        assert fleet.asked() == ["one"]

    def test_failures_do_not_count_against_the_combos_own_room(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config=ONCE | {"concurrencyPerModel": 5})
        fleet.tell("one", failure(429, None, **{"retry-after": "1"}))
        for _ in range(3):
            assert fleet.ask("t") == "two"


class TestNames:
    def test_an_alias_stands_for_its_target(self, fleet: Fleet) -> None:
        fleet.gateway.api("PUT", "/models/alias", {"alias": "my-sonnet", "model": "two/m"})
        fleet.gateway.api("PUT", "/models/alias", {"pattern": "gpt-?-*", "target": "three/m"})
        assert fleet.ask("my-sonnet") == "two"
        assert fleet.ask("gpt-4-anything/at-all") == "three"
        assert fleet.ask("MY-SONNET") == "two", "case makes no difference"

    def test_an_alias_may_stand_for_a_combo(self, fleet: Fleet) -> None:
        fleet.combo("t", "three/m")
        fleet.gateway.api("PUT", "/models/alias", {"alias": "to-the-combo", "model": "t"})
        assert fleet.ask("to-the-combo") == "three"

    def test_an_alias_of_what_was_removed_names_itself(self, fleet: Fleet) -> None:
        combo = fleet.combo("short-lived", "one/m")
        fleet.gateway.api("PUT", "/models/alias", {"alias": "to-nowhere", "model": combo})
        (row,) = [row for row in fleet.gateway.api("GET", "/combos")["combos"] if row["name"] == combo]
        fleet.gateway.api("DELETE", f"/combos/{row['id']}")
        answer = fleet.gateway.chat("to-nowhere")
        assert answer.status_code == 404
        said = "There is no model `short-lived`, for which the alias `to-nowhere` stands."
        assert answer.json()["error"]["message"].startswith(said)

    def test_a_combo_whose_targets_are_gone_says_so(self, fleet: Fleet) -> None:
        node = fleet.gateway.add_node("leaving", fleet.upstream.base_url)
        fleet.combo("t", "leaving/m")
        fleet.gateway.api("DELETE", f"/provider-nodes/{node['id']}")
        answer = fleet.gateway.chat("t")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
        assert "The combo `t` leads nowhere" in answer.json()["error"]["message"]

    def test_a_chain_is_asked_when_everything_else_failed(self, fleet: Fleet) -> None:
        fleet.gateway.api(
            "POST", "/fallback/chains", {"name": "last resort", "models": ["three/m"], "pattern": "one/*"}
        )
        fleet.tell("one", failure(500))
        fleet.tell("two", failure(500))
        assert fleet.ask("one/m") == "three"
        assert fleet.gateway.chat("two/m").status_code == 500, "it is not for this model"
        fleet.gateway.api("DELETE", "/fallback/chains?name=last resort")
        fleet.asked()
        assert fleet.gateway.chat("one/m").status_code == 500


class TestExplain:
    def test_it_tells_the_order_and_the_reasons_and_sends_nothing(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", "three/m", config=ONCE)
        fleet.tell("one", failure(429, None, **{"retry-after": "60"}))
        fleet.tell("two", failure(500))
        for _ in range(2):
            fleet.gateway.chat("t")
        fleet.asked()
        told = fleet.gateway.api("POST", "/routes/explain", {"model": "t"})
        assert [each["target"] for each in told["order"]] == ["three/m", "two/m"]
        assert [each["state"] for each in told["order"]] == ["ready", "resting"]
        (skipped,) = told["skipped"]
        assert (skipped["target"], skipped["state"]) == ("one/m", "skipped")
        assert "429" in skipped["reason"]
        assert 55 <= skipped["retryAfterSeconds"] <= 75
        assert fleet.asked() == []
        assert fleet.ask("t") == "three", "and so it is"

    def test_looking_takes_no_turn(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", "three/m", strategy="round-robin")
        for _ in range(6):
            first = fleet.gateway.api("POST", "/routes/explain", {"model": "t"})["order"][0]["provider"]
            assert fleet.ask("t") == first

    def test_an_unknown_model_is_not_found(self, fleet: Fleet) -> None:
        said = fleet.gateway.api("POST", "/routes/explain", {"model": "no-such"}, 404)
        assert "no-such" in said["error"]["message"]


@pytest.fixture(scope="class")
def every_second(built_fleet: Fleet) -> Iterator[None]:
    set_requests(built_fleet, keep_alive_seconds=1)
    yield
    set_requests(built_fleet, keep_alive_seconds=15)


@pytest.mark.usefixtures("every_second")
class TestSignsOfLife:
    def lines(self, fleet: Fleet, path: str, body: Any) -> tuple[int, list[str]]:
        with httpx.stream("POST", fleet.gateway.root + path, json=body, timeout=30) as answer:
            return answer.status_code, [line for line in answer.iter_lines() if line]

    @pytest.mark.parametrize(
        ("path", "body", "sign"),
        [
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, ": keep-alive"),
            ("/v1/responses", {"input": "hi"}, ": keep-alive"),
            ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}, "event: ping"),
        ],
    )
    def test_a_waiting_client_gets_them_and_then_the_next_candidates_answer(
        self, fleet: Fleet, path: str, body: Any, sign: str
    ) -> None:
        fleet.combo("t", "one/m", "two/m", config=ONCE)
        fleet.tell("one", play.json(500, {"error": {"message": "late"}}, delay=2.5))
        status, lines = self.lines(fleet, path, {"model": "t", "stream": True} | body)
        assert status == 200
        assert lines.count(sign) == 2
        assert fleet.asked() == ["one", "two"]
        assert any("Hello from the scripted upstream" in line or "Hello" in line for line in lines)

    def test_a_failure_after_the_first_is_told_inside_the_stream(self, fleet: Fleet) -> None:
        fleet.tell("one", play.json(503, {"error": {"message": "late"}}, delay=1.5))
        body = {"model": "one/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        status, lines = self.lines(fleet, "/v1/chat/completions", body)
        assert status == 200
        assert lines[0] == ": keep-alive"
        assert '"error"' in lines[1]
        assert "data: [DONE]" not in lines

    def test_a_stream_that_pauses_is_kept_alive(self, fleet: Fleet) -> None:
        fleet.tell("one", play.sse(wire.openai_chunks("Hel", "lo"), gap=1.4))
        body = {"model": "one/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        status, lines = self.lines(fleet, "/v1/chat/completions", body)
        assert status == 200
        assert ": keep-alive" in lines
        assert lines[-1] == "data: [DONE]"

    def test_whole_answers_are_left_alone(self, fleet: Fleet) -> None:
        fleet.tell("one", play.json(503, {"error": {"message": "late"}}, delay=1.5))
        assert fleet.gateway.chat("one/m").status_code == 503


class TestRoom:
    def limit(self, fleet: Fleet, who: str, **limits: int | None) -> None:
        fleet.gateway.api("POST", "/rate-limits", {"connectionId": fleet.connections[who]} | limits)

    @pytest.fixture
    def unlimited(self, fleet: Fleet) -> Iterator[Fleet]:
        yield fleet
        for who in ("one", "a", "b", "c"):
            self.limit(fleet, who, requestsPerMinute=None, minTimeBetweenRequests=None, concurrentRequests=None)

    def test_never_more_at_once_than_the_connection_takes(self, unlimited: Fleet) -> None:
        self.limit(unlimited, "one", concurrentRequests=2)
        unlimited.tell("one", play.json(200, wire.openai_answer(), delay=0.3))
        answers: list[int] = []
        asking = [
            threading.Thread(target=lambda: answers.append(unlimited.gateway.chat("one/m").status_code))
            for _ in range(6)
        ]
        started = time.monotonic()
        for each in asking:
            each.start()
        for each in asking:
            each.join()
        assert answers == [200] * 6
        assert time.monotonic() - started >= 0.9
        calls = unlimited.upstream.calls
        at_once = [sum(other.started_at <= call.started_at < other.ended_at for other in calls) for call in calls]
        assert max(at_once) <= 2

    def test_requests_are_kept_apart(self, unlimited: Fleet) -> None:
        self.limit(unlimited, "one", minTimeBetweenRequests=300)
        started = time.monotonic()
        assert [unlimited.ask("one/m") for _ in range(4)] == ["one"] * 4
        assert time.monotonic() - started >= 0.9

    def test_a_full_connection_is_passed_over_for_one_with_room(self, unlimited: Fleet) -> None:
        self.limit(unlimited, "a", requestsPerMinute=1)
        assert [unlimited.ask("many/m") for _ in range(3)] == ["a", "b", "b"]

    def test_whoever_waited_for_several_asks_the_others_when_the_first_fails(self, unlimited: Fleet) -> None:
        for account in ("a", "b", "c"):
            self.limit(unlimited, account, minTimeBetweenRequests=1500)
        assert {unlimited.ask("many/waited") for _ in range(3)} == {"a", "b", "c"}
        unlimited.tell("a", failure(500))
        assert unlimited.ask("many/waited") in ("b", "c")

    def test_when_nobody_has_room_in_time_it_is_429_with_the_time(self, unlimited: Fleet) -> None:
        for account in ("a", "b", "c"):
            self.limit(unlimited, account, requestsPerMinute=1)
        statuses = [unlimited.gateway.chat("many/m").status_code for _ in range(3)]
        refused = unlimited.gateway.chat("many/m")
        assert set(statuses) <= {200, 429}
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60

    def test_a_combo_lets_so_many_at_one_model_at_once(self, fleet: Fleet) -> None:
        fleet.combo("t", "one/m", "two/m", config=ONCE | {"concurrencyPerModel": 1, "queueTimeoutMs": 100})
        fleet.tell("one", play.json(200, wire.openai_answer(), delay=1.0))
        first = threading.Thread(target=lambda: fleet.gateway.chat("t"))
        first.start()
        fleet.upstream.wait_for_calls(1)
        second = fleet.gateway.chat("t")
        first.join()
        assert second.headers["x-omniroute-route"].startswith('target="two/m"')


class TestDemo:
    def test_a_combo_of_five_failing_layers_still_answers(self, fleet: Fleet) -> None:
        layers = [*(f"demo/fail-{status}" for status in (500, 429, 503, 404, 502)), "demo/echo"]
        fleet.combo("five-layers", *layers, config=ONCE)
        answer = fleet.gateway.chat("five-layers")
        assert answer.status_code == 200
        assert 'target="demo/echo"' in answer.headers["x-omniroute-route"]
