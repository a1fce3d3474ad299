"""What a client is told when nobody answered."""

import pytest

from tests import upstream as play
from tests.fleet import Fleet
from tests.upstream import ScriptedUpstream

ONCE = {"maxRetries": 0}
MANY = 300


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Fleet:
    return built_fleet


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (500, 401, 500),
        (429, 404, 429),
        (503, 402, 503),
        (429, 403, 429),
        (401, 500, 500),
        (500, 429, 429),
        (401, 404, 404),
        (404, 402, 402),
    ],
)
def test_a_status_on_which_clients_give_up_is_told_only_when_all_is_lost(
    fleet: Fleet, first: int, second: int, told: int
) -> None:
    fleet.combo("t", "one/m", "two/m", config=ONCE)
    fleet.tell("one", play.json(first))
    fleet.tell("two", play.json(second))
    answer = fleet.gateway.chat("t")
    assert answer.status_code == told
    assert [each["status"] for each in answer.json()["error"]["attempts"]] == [first, second]


def test_a_refused_login_beside_one_that_rests_is_worth_another_try(fleet: Fleet) -> None:
    fleet.combo("t", "one/m", "two/m", config=ONCE)
    fleet.upstream.script(play.json(429, None, {"retry-after": "30"}), key="sk-one")
    fleet.gateway.chat("one/m")
    fleet.tell("two", play.json(401))
    answer = fleet.gateway.chat("t")
    assert answer.status_code == 429
    assert 25 <= int(answer.headers["retry-after"]) <= 37


def test_of_hundreds_that_were_passed_over_some_are_told_and_the_rest_counted(fleet: Fleet) -> None:
    fleet.combo("t", *(f"one/m{number}" for number in range(MANY)), config=ONCE)
    fleet.upstream.script(play.json(401), key="sk-one")
    fleet.gateway.chat("one/m")
    answer = fleet.gateway.chat("t")
    error = answer.json()["error"]
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 60
    assert len(error["attempts"]) == 20
    assert error["message"].endswith(f"; {MANY - 20} more were passed over")
    assert len(answer.content) < 10_000
