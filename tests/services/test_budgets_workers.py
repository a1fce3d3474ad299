"""Budgets and keys' limits with four workers: four of them are not four times as much."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count

import pytest
from redis import Redis

from tests import books
from tests import upstream as play
from tests.books import PRICES, Errand
from tests.fleet import Fleet
from tests.gateway import wait_until
from tests.own_redis import OwnRedis
from tests.services.conftest import while_shared
from tests.wire import Usage

CALL = (Usage().input * PRICES["input"] + Usage().output * PRICES["output"]) / Decimal(1_000_000)
WORST = CALL + Decimal("0.00002")
"""What is reserved for a call whose client wants twelve tokens at most: our count of its prompt differs a little."""
_names = count()


def units(dollars: Decimal) -> str:
    """As Redis has it: ten-billionths."""
    return str(int(dollars.scaleb(10)))


@pytest.fixture(scope="module", autouse=True)
def prices(four: Fleet) -> None:
    books.set_prices(four.gateway, ("one", "m"), ("two", "m"))
    four.gateway.settle()


@pytest.fixture(autouse=True)
def no_budget_for_everybody_afterwards(fleet: Fleet) -> Iterator[None]:
    yield
    books.set_up(fleet.gateway, "from billing.models import *; [b.delete() for b in Budget.objects.all()]")
    fleet.gateway.settle()


def key_with(fleet: Fleet, limit: Decimal | None = None, **limits: int) -> tuple[str, str]:
    """A new key's name and secret."""
    name = f"key-{next(_names)}"
    secret = fleet.gateway.make_key(name)
    if limits:
        values = ", ".join(f"{field}={number}" for field, number in limits.items())
        books.set_up(
            fleet.gateway, f"from billing.models import *; ApiKey.objects.filter(name={name!r}).update({values})"
        )
    if limit is not None:
        books.set_budget(fleet.gateway, limit, key=name)
    fleet.gateway.settle()
    return name, secret


class TestBudgets:
    def test_two_hundred_at_once_make_ten_calls_where_ten_are_paid_for(self, fleet: Fleet) -> None:
        fleet.upstream.always(play.json(200, delay=0.5))

        def attempt() -> tuple[int, int]:
            fleet.upstream.calls.clear()
            name, key = key_with(fleet, CALL * 10)
            seen = books.run(fleet.gateway, [Errand("one/m", key, most=12)] * 200, together=200)
            assert set(seen.statuses) == {200, 429}
            assert seen.statuses[200] == len(fleet.upstream.calls)
            spent = books.Books.read(fleet.gateway).by_key.get(name, Decimal(0))
            assert spent <= CALL * 10 + WORST
            return seen.statuses[200], seen.statuses[429]

        went, refused = while_shared(fleet, attempt)
        assert 5 <= went <= 10, "what is reserved for a call is a little more than what it costs"
        assert went + refused == 200

    def test_eight_first_requests_of_a_new_key_share_its_budget(self, fleet: Fleet) -> None:
        fleet.upstream.always(play.json(200, delay=0.5))

        def attempt() -> int:
            _, key = key_with(fleet, CALL * 2)
            return books.run(fleet.gateway, [Errand("one/m", key, most=12)] * 8, together=8).statuses[200]

        assert 1 <= while_shared(fleet, attempt) <= 2

    def test_half_of_a_budget_spent_by_many_refuses_nobody(self, fleet: Fleet) -> None:
        name, key = key_with(fleet, CALL * 1600)
        seen = books.run(fleet.gateway, [Errand("one/m", key, most=12)] * 800, together=32)
        assert seen.statuses == {200: 800}
        found = books.settled(fleet.gateway, name, CALL * 800)
        assert found == CALL * 800

    def test_what_is_over_when_requests_have_ended_is_for_others(self, fleet: Fleet) -> None:
        _, key = key_with(fleet, CALL * 4)
        one_after_the_other = [books.run(fleet.gateway, [Errand("one/m", key)]).statuses for _ in range(6)]
        assert sum(each[200] for each in one_after_the_other) in (4, 5)
        assert one_after_the_other[-1] == {429: 1}

    def test_the_refusal_says_which_budget_and_when_to_come_again(self, fleet: Fleet) -> None:
        books.set_budget(fleet.gateway, 0, "weekly")
        refused = fleet.gateway.chat("one/m")
        assert refused.status_code == 429
        assert "weekly budget of everybody together, 0 US$," in refused.json()["error"]["message"]
        assert 0 < int(refused.headers["retry-after"]) <= 7 * 86400

    def test_redis_away_or_empty_neither_opens_the_budget_nor_shuts_it(self, fleet: Fleet, redis: OwnRedis) -> None:
        name, key = key_with(fleet, CALL * 40)
        errand = Errand("one/m", key, most=12)
        before = books.run(fleet.gateway, [errand] * 10, together=4)
        books.settled(fleet.gateway, name, CALL * 10)
        redis.kill()
        during = books.run(fleet.gateway, [errand] * 10, together=2)
        books.settled(fleet.gateway, name, CALL * 20)
        redis.start()
        fleet.gateway.settle()
        after = books.run(fleet.gateway, [errand] * 40, together=1)
        books.settled(fleet.gateway, name, CALL * (20 + after.statuses[200]))
        rest = books.run(fleet.gateway, [errand] * 3, together=1)
        assert (before.statuses, during.statuses) == ({200: 10}, {200: 10})
        assert after.statuses[200] >= 15, "while rows are stored their requests may count twice for a moment"
        assert 19 <= after.statuses[200] + rest.statuses[200] <= 21

    def test_what_is_held_of_a_stored_request_is_swept(self, fleet: Fleet, redis: OwnRedis) -> None:
        """As if the worker that stored it had been killed before it could say so."""
        name, secret = key_with(fleet, CALL * 10, max_concurrent=1)
        assert books.run(fleet.gateway, [Errand("one/m", secret, most=12)]).statuses == {200: 1}
        books.settled(fleet.gateway, name, CALL)
        key = next(each for each in fleet.gateway.api("GET", "/keys")["keys"] if each["name"] == name)["id"]
        (request,) = fleet.gateway.api("GET", f"/usage/call-logs?apiKey={key}")["logs"]
        code = f"from billing.models import *; print(Budget.objects.get(api_key__name={name!r}).pk)"
        windows = f"{books.windows_in_redis(fleet.gateway)}{books.set_up(fleet.gateway, code).strip()}:*"
        with Redis.from_url(redis.url, decode_responses=True) as client:
            (window,) = client.scan_iter(windows)
            prefix = window.partition(":spent:")[0]
            running = f"{prefix}:busy:{key}:running"
            client.set(f"{prefix}:swept", 1, ex=3)  # Nobody sweeps before the refusal is seen.
            client.hset(window, mapping={f"r:{request['id']}": f"{units(CALL * 10)}:99999999999", "running": 1})
            client.hset(window, mapping={"open": units(CALL * 10), "held": units(CALL * 10)})
            client.set(f"{prefix}:open:{request['id']}", window)
            client.hset(running, request["id"], "5:1:99999999999")
            assert books.run(fleet.gateway, [Errand("one/m", secret, most=12)]).statuses == {429: 1}
            wait_until(lambda: client.hget(window, "open") == "0" and not client.exists(running), 40, "a sweep")
        assert books.run(fleet.gateway, [Errand("one/m", secret, most=12)]).statuses == {200: 1}


class TestKeys:
    def test_requests_a_minute(self, fleet: Fleet) -> None:
        def attempt() -> int:
            _, key = key_with(fleet, requests_per_minute=60)
            return books.run(fleet.gateway, [Errand("one/m", key)] * 200, together=40).statuses[200]

        assert 60 <= while_shared(fleet, attempt) <= 75

    def test_requests_at_once(self, fleet: Fleet) -> None:
        fleet.upstream.always(play.json(200, delay=1.5))

        def attempt() -> int:
            fleet.upstream.calls.clear()
            _, key = key_with(fleet, max_concurrent=3)
            books.run(fleet.gateway, [Errand("one/m", key)] * 24, together=24)
            return len(fleet.upstream.calls)

        assert while_shared(fleet, attempt) == 3

    def test_tokens_a_minute(self, fleet: Fleet) -> None:
        def attempt() -> int:
            _, key = key_with(fleet, tokens_per_minute=21 * 20)
            return books.run(fleet.gateway, [Errand("one/m", key, most=12)] * 100, together=1).statuses[200]

        assert 18 <= while_shared(fleet, attempt) <= 26

    def test_a_busy_key_is_told_when_to_come_again(self, fleet: Fleet) -> None:
        _, key = key_with(fleet, requests_per_minute=1)
        body = {"model": "one/m", "messages": [{"role": "user", "content": "hello"}]}
        with ThreadPoolExecutor(2) as pool:
            answers = list(
                pool.map(lambda _: fleet.post("/v1/chat/completions", body, authorization=f"Bearer {key}"), range(2))
            )
        refused = max(answers, key=lambda answer: answer.status_code)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 0 < int(refused.headers["retry-after"]) <= 120
