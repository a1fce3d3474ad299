"""Prices over the management API."""

from typing import Any

import pytest
from django.test import Client

from billing.models import PriceChange, Pricing
from billing.prices.price_list import sync_prices
from tests.management import World, admin, call, error_of, world
from tests.test_pricing import TODAY

pytestmark = pytest.mark.django_db
__all__ = ["admin", "world"]

GPT = {"input": 2.5, "output": 10, "cached": 1.25}


@pytest.fixture
def shipped(world: World) -> None:
    sync_prices(TODAY)


def prices(client: Client, query: str = "") -> Any:
    return call(client, "GET", f"/api/pricing{query}").json()


@pytest.mark.usefixtures("shipped")
def test_prices_come_by_provider_and_model_in_dollars_for_a_million(admin: Client) -> None:
    found = prices(admin)["anthropic"]["claude-sonnet-4-5-20250929"]
    assert found.pop("version") > 0
    assert found == {
        "input": 3, "output": 15, "cached": 0.3, "cache_creation": 3.75, "cacheWrite1h": 6, "reasoning": None,
        "audioInput": None, "audioOutput": None, "imageInput": None, "perRequest": None, "source": "genai-prices",
        "tiers": [{"above": 200_000, "input": 6, "output": 22.5, "cached": 0.6, "cache_creation": 7.5,
                   "cacheWrite1h": 12}],
    }  # fmt: skip


@pytest.mark.usefixtures("shipped")
def test_the_same_for_a_thousand(admin: Client) -> None:
    found = prices(admin, "?unit=1k")["perplexity"]["sonar"]
    assert (found["input"], found["perRequest"]) == (0.001, 0.012)
    assert error_of(call(admin, "GET", "/api/pricing?unit=1t"))["param"] == "unit"


@pytest.mark.parametrize("name", ["deepseek", "ds"])
@pytest.mark.usefixtures("shipped")
def test_what_is_set_is_exact_and_the_rest_stays(admin: Client, name: str) -> None:
    answer = call(admin, "PATCH", "/api/pricing", {name: {"deepseek-chat": {"input": 0.1, "cacheWrite1h": 0.300001}}})
    found = answer.json()["deepseek"]["deepseek-chat"]
    assert (found["input"], found["cacheWrite1h"], found["output"], found["source"]) == (0.1, 0.300001, 2, "operator")
    assert str(Pricing.objects.get(provider="deepseek", model_id="deepseek-chat").input_per_million) == "0.100000"


@pytest.mark.usefixtures("shipped")
def test_null_is_as_the_other_price_and_tiers_are_replaced(admin: Client) -> None:
    tier = {"above": 100, "input": 9, "cache_creation": 8}
    body = {"anthropic": {"claude-sonnet-4-5-20250929": {"cached": None, "tiers": [tier]}}}
    found = call(admin, "PATCH", "/api/pricing", body).json()["anthropic"]["claude-sonnet-4-5-20250929"]
    assert (found["cached"], found["tiers"], found["output"]) == (None, [tier], 15)
    body["anthropic"]["claude-sonnet-4-5-20250929"] = {"tiers": []}
    assert call(admin, "PATCH", "/api/pricing", body).json()["anthropic"]["claude-sonnet-4-5-20250929"]["tiers"] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"openai": {"gpt-4o": {"input": -1}}}, "openai.gpt-4o.input"),
        ({"openai": {"gpt-4o": {"input": "3"}}}, "openai.gpt-4o.input"),
        ({"openai": {"gpt-4o": {"input": "NaN"}}}, "openai.gpt-4o.input"),
        ({"openai": {"gpt-4o": {"input": True}}}, "openai.gpt-4o.input"),
        ({"openai": {"gpt-4o": {"input": None}}}, "openai.gpt-4o.input"),
        ({"openai": {"gpt-4o": {"output": 1e8}}}, "openai.gpt-4o.output"),
        ({"openai": {"gpt-4o": {"output": 10**40}}}, "openai.gpt-4o.output"),
        ({"openai": {"gpt-4o": {"cached": 0.1234567}}}, "openai.gpt-4o.cached"),
        ({"openai": {"gpt-4o": {"cache_creation": 1e-7}}}, "openai.gpt-4o.cache_creation"),
        ({"openai": {"gpt-4o": {"prompt": 1}}}, "openai.gpt-4o.prompt"),
        ({"openai": {"gpt-4o": {"perRequest": [1]}}}, "openai.gpt-4o.perRequest"),
        ({"openai": {"gpt-4o": {"tiers": [{"input": 1}]}}}, "openai.gpt-4o.tiers.0.above"),
        ({"openai": {"gpt-4o": {"tiers": [{"above": 0, "input": 1}]}}}, "openai.gpt-4o.tiers.0.above"),
        ({"openai": {"gpt-4o": {"tiers": [{"above": 5}, {"above": 5}]}}}, "openai.gpt-4o.tiers"),
        ({"openai": {"new": {"input": 1}}}, "openai.new.output"),
        ({"openai": {"gpt-4o": GPT, "x" * 201: GPT}}, None),
        ({"openai": {"a\x00b": GPT}}, None),
        ({"nobody": {"gpt-4o": GPT}}, "nobody"),
        ({"ds": {"deepseek-chat": GPT}, "deepseek": {"deepseek-chat": GPT}}, "deepseek"),
        ({"openai": [1]}, "openai"),
        ([], None),
    ],
)
@pytest.mark.usefixtures("shipped")
def test_what_is_wrong_is_named_and_changes_nothing(admin: Client, body: Any, param: str | None) -> None:
    before = PriceChange.objects.count()
    whole = {"groq": {"llama": GPT}, **body} if isinstance(body, dict) else body
    response = call(admin, "PATCH", "/api/pricing", whole)
    assert response.status_code == 400
    error = error_of(response)
    assert param is None or error["param"] == param
    assert PriceChange.objects.count() == before


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
@pytest.mark.usefixtures("shipped")
def test_what_is_no_number_of_json_is_refused(admin: Client, number: bytes) -> None:
    body = b'{"openai": {"gpt-4o": {"input": ' + number + b"}}}"
    assert call(admin, "PATCH", "/api/pricing", body).status_code == 400


@pytest.mark.usefixtures("shipped")
def test_the_defaults_stay_what_was_shipped(admin: Client) -> None:
    before = call(admin, "GET", "/api/pricing/defaults").json()
    assert before["openai"]["gpt-4o"]["source"].startswith("genai-prices ")
    call(admin, "PATCH", "/api/pricing", {"openai": {"gpt-4o": {"input": 7}}})
    assert call(admin, "GET", "/api/pricing/defaults").json() == before


@pytest.mark.usefixtures("shipped")
def test_an_override_is_taken_back_alone_or_with_all_of_its_provider(admin: Client) -> None:
    listed = prices(admin)["openai"]["gpt-4o"]["input"]
    call(admin, "PATCH", "/api/pricing", {"openai": {"gpt-4o": {"input": 7}, "mine": GPT, "o1": {"input": 7}}})
    answer = call(admin, "DELETE", "/api/pricing?provider=openai&model=gpt-4o")
    assert answer.json() == {"reset": ["openai/gpt-4o"]}
    assert prices(admin)["openai"]["gpt-4o"]["input"] == listed
    assert call(admin, "DELETE", "/api/pricing?provider=openai").json() == {"reset": ["openai/mine", "openai/o1"]}
    assert "mine" not in prices(admin)["openai"]
    assert call(admin, "DELETE", "/api/pricing?provider=openai").json() == {"reset": []}


@pytest.mark.parametrize(
    ("query", "status", "param"),
    [
        ("", 400, "provider"),
        ("?provider=nobody", 404, "provider"),
        ("?provider=openai&model=unheard-of", 404, "model"),
        ("?provider=a%00b", 404, "provider"),
        ("?provider=openai&model=a%00b", 404, "model"),
    ],
)
def test_what_is_not_there_is_not_taken_back(admin: Client, query: str, status: int, param: str) -> None:
    response = call(admin, "DELETE", f"/api/pricing{query}")
    assert (response.status_code, error_of(response)["param"]) == (status, param)


def test_the_history_tells_every_price_and_who_set_it(admin: Client) -> None:
    for number in (1, 2):
        call(admin, "PATCH", "/api/pricing", {"groq": {"meta/llama": {"input": number, "output": 2}}})
    call(admin, "DELETE", "/api/pricing?provider=groq&model=meta/llama")
    found = call(admin, "GET", "/api/pricing/groq/meta/llama/history").json()
    assert [entry["prices"] and entry["prices"]["input"] for entry in found["history"]] == [None, 2, 1]
    assert (found["provider"], found["model"], found["history"][0]["source"]) == ("groq", "meta/llama", "operator")
    for path in ("groq/unheard-of", "nobody/llama", "groq/a%00b"):
        assert call(admin, "GET", f"/api/pricing/{path}/history").status_code == 404


@pytest.mark.usefixtures("shipped")
def test_every_listed_model_says_whether_its_price_is_known(admin: Client) -> None:
    found = call(admin, "GET", "/api/pricing/models").json()
    models = {(model["provider"], model["model"]): model for model in found["models"]}
    assert models["openai", "gpt-4o"]["isPriced"] and models["openai", "gpt-4o"]["source"] == "genai-prices"
    assert not models["nvidia", "nvidia/llama-3.3-70b-instruct"]["isPriced"]
    assert (found["listed"], found["priced"]) == (len(models), sum(model["isPriced"] for model in models.values()))
    assert 0 < found["priced"] < found["listed"]
