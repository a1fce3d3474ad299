"""What vendors count is taken apart exactly, whatever they call it, and costs what they will bill."""

from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.prices.cost import Price, cost
from billing.prices.table import completed
from billing.usage.rows import Attempt
from translator import crossing
from translator.dialect import Dialect
from translator.dialects.claude import usage as claude
from translator.dialects.gemini import usage as gemini
from translator.dialects.openai import usage as openai
from translator.dialects.responses import usage as responses
from translator.usage import MOST_TOKENS, Usage

GEMINI_COUNTS = msgspec.json.Decoder(gemini.Counts).decode


def price(**dollars: str) -> Price:
    return Price(
        **completed({name: Decimal(amount) for name, amount in dollars.items()}), per_request=Decimal(0), source=""
    )


def read_gemini(counts: dict[str, Any]) -> Usage | None:
    return gemini.decode_usage(GEMINI_COUNTS(orjson.dumps(counts)))


SONNET = price(input="3", output="15", cache_read="0.3", cache_write="3.75", cache_write_1h="6")
GPT_4O = price(input="2.5", output="10", cache_read="1.25", audio_input="40", audio_output="80")
GEMINI = price(input="0.3", output="2.5", cache_read="0.03", audio_input="1")
KEPT = {"cache_creation_input_tokens": 500, "cache_read_input_tokens": 11_000, "input_tokens": 15, "output_tokens": 10}


@pytest.mark.parametrize(
    ("usage", "at", "dollars"),
    [
        pytest.param(
            openai.decode_usage(
                {"prompt_tokens": 6074, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 3456}}
            ),
            GPT_4O,
            "0.0118650000",
            id="OpenAI's prompt includes what was cached",
        ),
        pytest.param(
            responses.decode_usage(
                {"input_tokens": 6074, "output_tokens": 100, "input_tokens_details": {"cached_tokens": 3456}}
            ),
            GPT_4O,
            "0.0118650000",
            id="so does that of the Responses API",
        ),
        pytest.param(claude.decode_usage(KEPT), SONNET, "0.0053700000", id="Anthropic's leaves it out"),
        pytest.param(
            claude.decode_usage(
                KEPT | {"cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 300}}
            ),
            SONNET,
            "0.0060450000",
            id="and keeping for an hour is dearer",
        ),
        pytest.param(
            read_gemini({"promptTokenCount": 70_838, "cachedContentTokenCount": 69_905, "candidatesTokenCount": 12}),
            GEMINI,
            "0.0024070500",
            id="Gemini's prompt includes it",
        ),
        pytest.param(
            read_gemini(
                {
                    "promptTokenCount": 1000,
                    "toolUsePromptTokenCount": 50,
                    "candidatesTokenCount": 20,
                    "thoughtsTokenCount": 30,
                    "cachedContentTokenCount": 400,
                    "promptTokensDetails": [
                        {"modality": "TEXT", "tokenCount": 400},
                        {"modality": "AUDIO", "tokenCount": 600},
                    ],
                    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 400}],
                }
            ),
            GEMINI,
            "0.0004720000",
            id="audio that came from the cache is cached, what tools were shown is input, thoughts are output",
        ),
        pytest.param(
            openai.decode_usage(
                {
                    "prompt_tokens": 100,
                    "completion_tokens": 60,
                    "prompt_tokens_details": {"audio_tokens": 70},
                    "completion_tokens_details": {"audio_tokens": 40},
                }
            ),
            GPT_4O,
            "0.0062750000",
            id="audio has prices of its own",
        ),
    ],
)
def test_a_vendors_counts_cost_what_it_bills(usage: Usage, at: Price, dollars: str) -> None:
    assert cost(usage, at) == Decimal(dollars)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(2618, 3456, output=9, reasoning=4),
        Usage(15, 11_000, 500, output=10, cache_write_1h=300),
        Usage(933, 69_905, output=12, reasoning=5, audio_input=100, image_input=50, audio_output=7),
    ],
)
def test_the_totals_convert_back_from_every_dialect(usage: Usage) -> None:
    again = {
        Dialect.OPENAI: openai.decode_usage(openai.encode_usage(usage)),
        Dialect.RESPONSES: responses.decode_usage(responses.encode_usage(usage)),
        Dialect.CLAUDE: claude.decode_usage(claude.encode_usage(usage)),
        Dialect.GEMINI: read_gemini(gemini.encode_usage(usage)),
    }
    for found in again.values():
        assert found is not None
        assert (found.input, found.cache_read, found.output, found.reasoning) == (
            usage.input,
            usage.cache_read,
            usage.output,
            usage.reasoning,
        )
    kept_for_an_hour = again[Dialect.CLAUDE]
    assert kept_for_an_hour is not None and kept_for_an_hour.cache_write_1h == usage.cache_write_1h
    for dialect in (Dialect.OPENAI, Dialect.RESPONSES, Dialect.GEMINI):
        heard = again[dialect]
        assert heard is not None and heard.audio_input == usage.audio_input and heard.image_input == usage.image_input
        assert heard.audio_output == usage.audio_output


@pytest.mark.parametrize(
    ("said", "dollars"),
    [
        pytest.param({"cost": 0.00492}, "0.00492", id="as a number"),
        pytest.param(
            {"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.019}},
            "0.020",
            id="as a fee and what the vendor behind it bills",
        ),
        pytest.param(
            {"cost": 0.019, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.019}},
            "0.019",
            id="which is part of it where the key is the reseller's",
        ),
        pytest.param(
            {"cost": {"input_tokens_cost": 0.002, "request_cost": 0.006, "total_cost": 0.008}}, "0.008", id="as a sum"
        ),
        pytest.param({"cost_in_usd_ticks": 37_756_000}, "0.0037756", id="in ticks"),
    ],
)
def test_what_the_vendor_says_it_costs_is_what_it_costs(said: dict[str, Any], dollars: str) -> None:
    counts = {"prompt_tokens": 10, "completion_tokens": 5} | said
    usage = openai.decode_usage(counts)
    assert usage is not None
    made = Attempt(provider="x", connection="main", model="m")
    made.add_usage(usage, GPT_4O)
    assert (made.cost_usd, made.cost_source, made.price_version) == (Decimal(dollars), "vendor", None)
    assert responses.decode_usage({"input_tokens": 1, **said}) == Usage(1, vendor_cost=Decimal(dollars))
    assert claude.decode_usage({"input_tokens": 1, **said}) == Usage(1, vendor_cost=Decimal(dollars))


@pytest.mark.parametrize(
    "said",
    [0, 0.0, -1, True, "1.5", None, [], 1e300, float("inf"), float("nan"), 10**400, {"total_cost": "x"}, {}],
    ids=repr,
)
def test_a_cost_that_is_none_leaves_the_price_table_to_say_it(said: Any) -> None:
    for name in ("cost", "cost_in_usd_ticks"):
        usage = openai.decode_usage({"prompt_tokens": 10, name: said})
        assert usage is not None and usage.vendor_cost is None


GARBAGE: Any = st.one_of(
    st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=3), st.booleans(), st.none(), st.just([{}, 1])
)
COUNTS = st.dictionaries(
    st.sampled_from(
        [
            "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "cached_tokens",
            "cache_creation_input_tokens", "cache_read_input_tokens", "cost", "cost_in_usd_ticks", "is_byok",
        ]
    ),
    GARBAGE,
)  # fmt: skip
DETAILS = st.dictionaries(
    st.sampled_from(
        [
            "cached_tokens", "audio_tokens", "image_tokens", "reasoning_tokens", "thinking_tokens",
            "cache_write_tokens", "ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens",
            "upstream_inference_cost", "total_cost",
        ]
    ),
    GARBAGE,
)  # fmt: skip
WITHIN = st.dictionaries(
    st.sampled_from(
        [
            "prompt_tokens_details", "completion_tokens_details", "input_tokens_details", "output_tokens_details",
            "cache_creation", "cost_details", "cost",
        ]
    ),
    DETAILS | GARBAGE,
)  # fmt: skip
MODALITIES = st.fixed_dictionaries({"modality": st.sampled_from(["AUDIO", "IMAGE", 1]), "tokenCount": GARBAGE})
GEMINIS = st.dictionaries(st.sampled_from(gemini.Counts.__struct_fields__), GARBAGE | st.lists(MODALITIES))


@given(COUNTS, WITHIN, GEMINIS)
def test_garbage_never_raises_and_never_counts_below_nothing(
    counts: dict[str, Any], within: dict[str, Any], others: dict[str, Any]
) -> None:
    found = [
        openai.decode_usage(counts | within),
        responses.decode_usage(counts | within),
        claude.decode_usage(claude.merged(counts, within)),
        gemini.decode_usage(gemini.Counts(**others)),
    ]
    for usage in filter(None, found):
        numbers = [getattr(usage, name) for name in Usage.__dataclass_fields__ if name != "vendor_cost"]
        assert all(type(number) in (int, bool) and 0 <= number <= 3 * MOST_TOKENS for number in numbers)
        assert usage.reasoning <= usage.output and usage.audio_output <= usage.output
        assert usage.audio_input + usage.image_input <= usage.uncached_input
        assert usage.cache_write_1h <= usage.cache_write
        made = Attempt(provider="x", connection="main", model="m")
        made.add_usage(usage, GPT_4O)
        assert made.cost_usd >= 0 and made.list_cost_usd >= 0


@pytest.mark.parametrize("counts", [{"prompt_tokens": "12", "completion_tokens": None}, {"prompt_tokens": 0}])
def test_counts_that_say_nothing_are_estimated_like_none(counts: dict[str, Any]) -> None:
    """A vendor that spells its counts as words would otherwise answer for nothing."""
    assert not openai.decode_usage(counts)


def test_zeros_beside_the_answer_take_nothing_back() -> None:
    begun = {"input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 5}}
    ended = {"output_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 0}}
    assert claude.decode_usage(claude.merged(begun, ended)) == Usage(9, cache_write=5, cache_write_1h=5, output=3)


WHOLE: dict[Dialect, Any] = {
    Dialect.OPENAI: {
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 3,
            "prompt_tokens_details": {"audio_tokens": 4},
            "cost": 0.5,
        },
    },
    Dialect.CLAUDE: {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 9,
            "output_tokens": 3,
            "cache_creation_input_tokens": 5,
            "cache_creation": {"ephemeral_1h_input_tokens": 5},
            "cost": 0.5,
        },
    },
    Dialect.GEMINI: {
        "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 9,
            "candidatesTokenCount": 3,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}],
        },
    },
}
COUNTED = {
    Dialect.OPENAI: Usage(9, output=3, audio_input=4, vendor_cost=Decimal("0.5")),
    Dialect.CLAUDE: Usage(9, cache_write=5, cache_write_1h=5, output=3, vendor_cost=Decimal("0.5")),
    Dialect.GEMINI: Usage(9, output=3, audio_input=4),
}


@pytest.mark.parametrize("dialect", WHOLE)
def test_an_answer_that_is_passed_on_as_it_is_is_counted_as_exactly(dialect: Dialect) -> None:
    assert crossing.read_usage(dialect, orjson.dumps(WHOLE[dialect])) == COUNTED[dialect]
