"""Every call that a vendor got is in the books: killed, stopped, cut short, failed over, whatever ids vendors send."""

import signal
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests import books, wire
from tests import upstream as play
from tests.books import PRICES, Books, Errand
from tests.conftest import MakeGateway
from tests.gateway import GatewayProcess, wait_until
from tests.upstream import ScriptedUpstream

VENDOR = wire.Usage()
CALL = (VENDOR.input * PRICES["input"] + VENDOR.output * PRICES["output"]) / Decimal(1_000_000)


@pytest.fixture
def fresh(make_gateway: MakeGateway, upstream: ScriptedUpstream) -> Iterator[GatewayProcess]:
    gateway = make_gateway().start()
    gateway.add_node("up", upstream.base_url)
    books.set_prices(gateway, ("up", "m"))
    gateway.settle()
    yield gateway
    gateway.stop(signal.SIGKILL)


def calls(upstream: ScriptedUpstream) -> int:
    return sum(call.method == "POST" for call in upstream.calls)


def test_a_kill_leaves_a_row_for_each_call_that_the_vendor_got(
    fresh: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    """Those that run are told as interrupted, at the price of their prompt, and the budget counts them at once."""
    key = fresh.make_key("killed")
    books.set_budget(fresh, 1, key="killed")
    assert books.run(fresh, [Errand("up/m", key)] * 100).statuses == {200: 100}
    upstream.always(play.hang_after(2))

    def kill() -> None:
        upstream.wait_for_calls(130, 20)
        fresh.stop(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    books.run(fresh, [Errand("up/m", key, is_streaming=True)] * 30)
    killer.join()
    upstream.reset()
    fresh.start()
    found = Books.read(fresh)
    assert (found.requests["rows"], found.attempts["rows"]) == (130, 130)
    assert (found.by_status[200], found.interrupted) == (100, 30)
    assert found.requests["cost"] == found.days["cost"] == found.by_key["killed"] > CALL * 100
    (budget,) = books.budgets(fresh)
    assert budget == found.by_key["killed"]


@pytest.mark.parametrize("delay", [0.05, 0.6])
def test_a_stop_loses_no_request_that_ended(fresh: GatewayProcess, upstream: ScriptedUpstream, delay: float) -> None:
    upstream.always(play.json(200, delay=0.02))
    stopper = threading.Timer(delay, fresh.stop)
    stopper.start()
    seen = books.run(fresh, [Errand("up/m")] * 400, together=16)
    stopper.join()
    fresh.start()
    found = Books.read(fresh)
    assert found.by_status.get(200, 0) >= seen.statuses[200]
    assert found.attempts["rows"] == calls(upstream)


def test_a_hundred_streams_whose_vendor_sends_one_id_or_none_are_a_hundred_rows(
    fresh: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    events = wire.openai_chunks("Hel", "lo")
    same = [event.replace(b"chatcmpl-", b"same-") for event in events]
    upstream.always(play.sse_bytes(same))
    assert books.run(fresh, [Errand("up/m", is_streaming=True)] * 100).statuses == {200: 100}
    found = wait_until(lambda: (b := Books.read(fresh)).requests["rows"] == 100 and b, 20, "a hundred rows")
    assert found.attempts["rows"] == 100


def test_what_a_failed_leg_said_before_it_died_is_counted_where_it_was_said(
    fresh: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    """A server that only streams, for a client that wants one piece, dies after fifty tokens; another one answers."""
    fresh.add_node("streams", upstream.base_url, "sk-streams", streaming="only")
    books.set_prices(fresh, ("streams", "m"))
    fresh.api("POST", "/combos", {"name": "both", "models": ["streams/m", "up/m"]}, 201)
    fresh.settle()
    upstream.always(play.close_after(50, of=play.sse(wire.openai_chunks(*["word "] * 80))), key="sk-streams")
    assert fresh.chat("both").status_code == 200
    (row,) = fresh.wait_for_usage(combo="both")
    assert (row["attempts"], row["provider"], row["is_estimated"]) == (2, "up", True)
    first, last = books.attempts(fresh, row["request_id"])
    assert (first["provider"], first["output_tokens"]) == ("streams", 50)
    assert (last["provider"], last["output_tokens"]) == ("up", VENDOR.output)
    assert Decimal(row["cost_usd"]) == Decimal(first["cost_usd"]) + Decimal(last["cost_usd"])
    assert Decimal(last["cost_usd"]) == CALL


def test_a_client_that_hangs_up_pays_for_its_prompt_at_least(fresh: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.always(play.hang_before_headers())
    client = threading.Thread(target=lambda: books.run(fresh, [Errand("up/m", hangs_up_after=None, patience=0.5)]))
    client.start()
    upstream.wait_for_calls(1)
    client.join()
    (row,) = fresh.wait_for_usage(status=499)
    assert (row["is_estimated"], row["cost_source"]) == (True, "operator")
    assert Decimal(row["cost_usd"]) > 0


def test_a_database_that_is_away_loses_nothing(fresh: GatewayProcess, upstream: ScriptedUpstream) -> None:
    with books.locked_database(fresh):
        assert books.run(fresh, [Errand("up/m")] * 50).statuses == {200: 50}
    found = wait_until(lambda: (b := Books.read(fresh)).requests["rows"] == 50 and b, 40, "fifty rows")
    assert found.requests["cost"] == CALL * 50


def test_a_price_that_is_edited_holds_from_the_next_request_on(
    fresh: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    fresh.chat("up/m")
    fresh.wait_for_usage()
    books.set_up(
        fresh, "from billing.models import *; p = Pricing.objects.get(model_id='m'); p.input_per_million=300; p.save()"
    )
    fresh.settle()
    fresh.chat("up/m")
    first, second = fresh.wait_for_usage(2)
    assert Decimal(first["cost_usd"]) == CALL
    assert Decimal(second["cost_usd"]) == CALL + VENDOR.input * Decimal("297") / 1_000_000
