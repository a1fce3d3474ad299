"""What a request costs, from the vendor's answer to the usage row: at the price of its moment, of who answered."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests import wire
from tests.gateway import GatewayProcess
from tests.upstream import ScriptedUpstream, json, sse


@pytest.fixture(scope="module")
def shop(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    shared_gateway.add_node("shop", upstream_server.url)
    shared_gateway.add_node("sage", upstream_server.url, dialect="claude")
    return shared_gateway


@pytest.fixture
def gateway(shop: GatewayProcess, upstream: ScriptedUpstream) -> GatewayProcess:
    return shop


def set_price(gateway: GatewayProcess, provider: str, model: str, **price: Any) -> int:
    """The version of the price that holds now."""
    merged = gateway.api("PATCH", "/pricing", {provider: {model: {"input": 1, "output": 2} | price}})
    gateway.settle_workers()
    return int(merged[provider][model]["version"])


def cost_of(row: dict[str, Any]) -> tuple[Decimal, str, int | None]:
    return Decimal(row["cost_usd"]), row["cost_source"], row["price_version"]


def answer(**usage: Any) -> wire.Json:
    counts = {"prompt_tokens": 1000, "completion_tokens": 500, **usage}
    return wire.openai_answer("Hi") | {"usage": counts}


def test_an_edited_price_holds_from_the_next_request_on_and_no_row_changes(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    upstream.always(json(body=answer()), model="edited")
    first = set_price(gateway, "shop", "edited")
    assert gateway.chat("shop/edited").status_code == 200
    before = gateway.wait_for_usage(1, model="edited")
    second = set_price(gateway, "shop", "edited", input=0.1)
    assert gateway.chat("shop/edited").status_code == 200
    rows = gateway.wait_for_usage(2, model="edited")
    assert cost_of(rows[0]) == cost_of(before[0]) == (Decimal("0.002"), "operator", first)
    assert cost_of(rows[1]) == (Decimal("0.0011"), "operator", second)


def test_an_alias_costs_what_the_model_behind_it_costs(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.always(json(body=answer()), model="behind")
    version = set_price(gateway, "shop", "behind")
    gateway.api("PUT", "/models/alias", {"alias": "auto-priced", "model": "shop/behind"})
    gateway.settle_workers()
    gateway.chat("auto-priced")
    (row,) = gateway.wait_for_usage(1, model_asked="auto-priced")
    assert cost_of(row) == (Decimal("0.002"), "operator", version)


def test_a_fallback_costs_what_who_answered_costs(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.always(json(500), model="falls")
    upstream.always(json(body=answer()), model="catches")
    set_price(gateway, "shop", "falls", input=500)
    version = set_price(gateway, "shop", "catches")
    gateway.api("POST", "/combos", {"name": "priced", "models": ["shop/falls", "shop/catches"]}, 201)
    gateway.settle_workers()
    assert gateway.chat("priced").status_code == 200
    (row,) = gateway.wait_for_usage(1, combo="priced")
    assert cost_of(row) == (Decimal("0.002"), "operator", version)


def test_a_model_without_a_price_is_unknown_not_free(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.always(json(body=answer()), model="unheard-of")
    gateway.chat("shop/unheard-of")
    (row,) = gateway.wait_for_usage(1, model="unheard-of")
    assert cost_of(row) == (Decimal(0), "unknown", None)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_the_vendor_says_it_costs_is_billed(
    gateway: GatewayProcess, upstream: ScriptedUpstream, stream: bool
) -> None:
    model = f"reseller-{stream}"
    set_price(gateway, "shop", model)
    whole = answer(cost=0.00492)
    chunks = [*wire.openai_chunks("Hi")[:-1], {"choices": [], "usage": whole["usage"]}, "[DONE]"]
    upstream.script(sse(chunks) if stream else json(body=whole), model=model)
    assert gateway.chat(f"shop/{model}", stream=stream).status_code == 200
    (row,) = gateway.wait_for_usage(1, model=model)
    assert cost_of(row) == (Decimal("0.00492"), "vendor", None)
    assert Decimal(row["list_cost_usd"]) == Decimal("0.00492")


@pytest.mark.parametrize("relayed", [False, True], ids=["translated", "relayed"])
def test_a_cache_for_an_hour_is_billed_as_such(
    gateway: GatewayProcess, upstream: ScriptedUpstream, relayed: bool
) -> None:
    model = f"keeps-{relayed}"
    set_price(gateway, "sage", model, input=3, output=15, cached=0.3, cache_creation=3.75, cacheWrite1h=6)
    usage = {
        "input_tokens": 15,
        "cache_read_input_tokens": 11_000,
        "cache_creation_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 300},
        "output_tokens": 10,
    }
    upstream.script(json(body=wire.claude_answer("Hi") | {"usage": usage}), model=model)
    if relayed:
        body = {"model": f"sage/{model}", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
        told = post_messages(gateway, body)["usage"]
        assert told == usage
    else:
        told = gateway.chat(f"sage/{model}").json()["usage"]
        assert (told["prompt_tokens"], told["prompt_tokens_details"]["cached_tokens"]) == (11_515, 11_000)
    (row,) = gateway.wait_for_usage(1, model=model)
    assert Decimal(row["cost_usd"]) == Decimal("0.006045")
    assert (row["cache_write_tokens"], row["cache_write_1h_tokens"]) == (500, 300)


def post_messages(gateway: GatewayProcess, body: Any) -> Any:
    return httpx.post(f"{gateway.url}/messages", json=body, timeout=30).json()


def test_counts_that_are_words_are_estimated(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    set_price(gateway, "shop", "mumbles")
    upstream.script(json(body=answer(prompt_tokens="many", completion_tokens=-5)), model="mumbles")
    gateway.chat("shop/mumbles")
    (row,) = gateway.wait_for_usage(1, model="mumbles")
    assert row["is_estimated"] and Decimal(row["cost_usd"]) > 0
