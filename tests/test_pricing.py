"""The price table: what the shipped lists bring, what operators change, and the history of both."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import snapshot
from billing.models import PriceChange, PriceSource, Pricing, ShippedPrice
from billing.prices import pricing
from billing.prices.cost import cost
from billing.prices.genai import genai_price
from billing.prices.price_list import sync_prices
from providers import configuration
from providers.models import Provider
from providers.sync import sync_catalogue
from translator.usage import Usage

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TODAY = NOW.date()
SONNET = ("anthropic", "claude-sonnet-4-5-20250929")


@pytest.fixture
def shipped() -> None:
    sync_catalogue()
    sync_prices(TODAY)


def row_of(key: tuple[str, str]) -> Pricing:
    return Pricing.objects.get(provider_id=key[0], model_id=key[1])


def history_of(key: tuple[str, str]) -> list[PriceChange]:
    return list(PriceChange.objects.filter(provider=key[0], model_id=key[1]))


def dollars(key: tuple[str, str], usage: Usage) -> Decimal:
    return cost(usage, snapshot.load().prices[key])


@pytest.mark.parametrize(
    ("key", "usage", "expected"),
    [
        pytest.param(
            SONNET, Usage(cache_write=1000, cache_write_1h=400), "0.00465", id="an hour's cache is twice input"
        ),
        pytest.param(SONNET, Usage(200_000, output=1000), "0.615", id="up to 200K tokens"),
        pytest.param(SONNET, Usage(200_001, output=1000), "1.222506", id="above them all of it is dearer"),
        pytest.param(
            SONNET,
            Usage(1, cache_read=200_000, cache_write=1000, cache_write_1h=1000),
            "0.132006",
            id="and so are caches",
        ),
        pytest.param(("gemini", "gemini-2.5-flash"), Usage(1000, audio_input=600), "0.00072", id="audio"),
        pytest.param(("perplexity", "sonar"), Usage(1000, output=1000), "0.014", id="each request"),
        pytest.param(("openai", "gpt-image-1"), Usage(1000, image_input=400), "0.007", id="images"),
    ],
)
@pytest.mark.usefixtures("shipped")
def test_the_shipped_lists_know_every_kind(key: tuple[str, str], usage: Usage, expected: str) -> None:
    assert dollars(key, usage) == Decimal(expected)


def test_a_list_price_that_changes_twice_has_a_tier_for_each() -> None:
    price = genai_price("gemini", "gemini-2.5-pro", TODAY)
    assert price is not None
    assert [(tier.above, tier.input, tier.cache_write) for tier in price.tiers] == [(200_000, Decimal("2.5"), None)]


@pytest.mark.usefixtures("shipped")
def test_every_price_begins_its_history_with_the_list_that_told_it() -> None:
    row = row_of(SONNET)
    (entry,) = history_of(SONNET)
    assert (entry.pk, entry.changed_by, entry.prices["cache_write_1h"]) == (row.version, "", "6")
    assert entry.source.startswith("genai-prices ")
    assert not Pricing.objects.filter(version=0).exists()
    assert PriceChange.objects.count() == Pricing.objects.count() == ShippedPrice.objects.count()


@pytest.mark.usefixtures("shipped")
def test_reading_the_same_lists_again_writes_nothing() -> None:
    before = configuration.version(), PriceChange.objects.count()
    assert sync_prices(date(2026, 11, 30)) == {"prices added": 0, "prices changed": 0}
    assert (configuration.version(), PriceChange.objects.count()) == before


@pytest.mark.usefixtures("shipped")
def test_a_list_price_that_changed_is_one_entry_more() -> None:
    Pricing.objects.filter(provider="anthropic").update(input_per_million=99)
    count = Pricing.objects.filter(provider="anthropic").count()
    assert sync_prices(TODAY) == {"prices added": 0, "prices changed": count}
    assert [entry.prices["input"] for entry in history_of(SONNET)] == ["3", "3"]
    assert row_of(SONNET).version == history_of(SONNET)[0].pk


def test_a_price_from_before_the_history_gets_its_first_entry() -> None:
    sync_catalogue()
    provider = Provider.objects.get(pk="groq")
    Pricing.objects.create(provider=provider, model_id="mine", input_per_million="0.5", output_per_million=2)
    assert sync_prices(TODAY)["prices changed"] == 0
    (entry,) = history_of(("groq", "mine"))
    assert (entry.prices, entry.source) == ({"input": "0.5", "output": "2"}, "operator")
    assert row_of(("groq", "mine")).version == entry.pk


@pytest.mark.usefixtures("shipped")
def test_an_operators_price_wins_over_every_later_list() -> None:
    pricing.set_by_operator({SONNET: {"input": "1", "output": "2"}}, "ann", NOW)
    assert not any(sync_prices(TODAY).values())
    row = row_of(SONNET)
    assert (row.input_per_million, row.tiers, row.source, row.as_of) == (1, [], PriceSource.OPERATOR, TODAY)
    latest = history_of(SONNET)[0]
    assert (latest.changed_by, latest.source) == ("ann", "operator")


@pytest.mark.usefixtures("shipped")
def test_setting_the_price_that_holds_already_writes_nothing() -> None:
    wanted = {SONNET: {"input": "1", "output": "2"}}
    assert len(pricing.set_by_operator(wanted, "ann", NOW)) == 1
    assert not pricing.set_by_operator(wanted, "bob", NOW)


@pytest.mark.usefixtures("shipped")
def test_what_an_operator_takes_back_costs_what_the_list_says() -> None:
    listed = pricing.prices_of(row_of(SONNET))
    pricing.set_by_operator({SONNET: {"input": "1", "output": "2"}}, "ann", NOW)
    assert pricing.reset_prices(Pricing.objects.filter(provider="anthropic"), "bob", NOW) == [SONNET]
    row = row_of(SONNET)
    assert (pricing.prices_of(row), row.source) == (listed, PriceSource.GENAI_PRICES)
    assert [entry.changed_by for entry in history_of(SONNET)] == ["bob", "ann", ""]
    assert row.version == history_of(SONNET)[0].pk


@pytest.mark.usefixtures("shipped")
def test_what_no_list_knows_has_no_price_once_it_is_taken_back() -> None:
    key = ("groq", "mine")
    pricing.set_by_operator({key: {"input": "1", "output": "2"}}, "ann", NOW)
    pricing.reset_prices(Pricing.objects.filter(provider="groq"), "bob", NOW)
    assert key not in snapshot.load().prices
    assert [entry.prices for entry in history_of(key)] == [{}, {"input": "1", "output": "2"}]


@pytest.mark.parametrize(
    ("given", "text"),
    [("2.500000", "2.5"), ("10", "10"), ("1E+2", "100"), ("0.0000014", "0.000001"), ("0", "0"), ("100.000000", "100")],
)
def test_prices_are_written_without_zeros_at_their_end(given: Any, text: str) -> None:
    assert pricing.as_text({"input": Decimal(given), "output": None}) == {"input": text}
