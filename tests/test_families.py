"""What a model's name tells: how it is asked to think, how long it may answer, whose signatures it takes."""

import pytest

from translator.families import FAMILIES, NATIVE, Family, ThinkingStyle, family_of
from translator.messages import Effort, Thinking
from translator.thinking import TOKENS, budget_for, effort_for, effort_of

NONE, EFFORT, BUDGET, ADAPTIVE, LEVEL = ThinkingStyle
ROWS = [  # name, maker, style, most output, sampling, schema
    ("claude-3-opus-20240229", "claude", NONE, 4_096, True, False),
    ("claude-3-haiku-20240307", "claude", NONE, 4_096, True, False),
    ("claude-3-5-sonnet-20241022", "claude", NONE, 8_192, True, False),
    ("claude-3-5-haiku-latest", "claude", NONE, 8_192, True, False),
    ("claude-3-7-sonnet-20250219", "claude", BUDGET, 64_000, True, False),
    ("anthropic/claude-3.7-sonnet", "claude", BUDGET, 64_000, True, False),
    ("claude-opus-4-20250514", "claude", BUDGET, 32_000, True, False),
    ("claude-opus-4-0", "claude", BUDGET, 32_000, True, False),
    ("claude-opus-4-1-20250805", "claude", BUDGET, 32_000, True, False),
    ("claude-sonnet-4-20250514", "claude", BUDGET, 64_000, True, False),
    ("claude-sonnet-4-0", "claude", BUDGET, 64_000, True, False),
    ("claude-sonnet-4-5-20250929", "claude", BUDGET, 64_000, True, True),
    ("claude-haiku-4-5", "claude", BUDGET, 64_000, True, True),
    ("claude-opus-4-5-20251101", "claude", BUDGET, 64_000, True, True),
    ("claude-opus-4-6", "claude", ADAPTIVE, 64_000, True, True),
    ("claude-opus-4-7", "claude", ADAPTIVE, 128_000, False, True),
    ("claude-sonnet-5", "claude", ADAPTIVE, 128_000, False, True),
    ("gemini-1.5-pro", "gemini", NONE, 8_192, True, True),
    ("gemini-2.0-flash", "gemini", NONE, 8_192, True, True),
    ("models/gemini-2.5-pro", "gemini", BUDGET, 65_536, True, True),
    ("gemini-2.5-flash-lite", "gemini", BUDGET, 65_536, True, True),
    ("gemini-3-pro-preview", "gemini", LEVEL, 65_536, True, True),
    ("gemini-3.5-flash", "gemini", LEVEL, 65_536, True, True),
    ("gpt-4o", "openai", NONE, None, True, True),
    ("gpt-4.1-mini", "openai", NONE, None, True, True),
    ("openai/o3", "openai", EFFORT, None, False, True),
    ("o4-mini-2025-04-16", "openai", EFFORT, None, False, True),
    ("gpt-5", "openai", EFFORT, None, False, True),
    ("gpt-5-mini", "openai", EFFORT, None, False, True),
    ("gpt-5-chat-latest", "openai", NONE, None, True, True),
    ("gpt-5.5", "openai", EFFORT, None, False, True),
    ("openai/gpt-oss-120b", "gpt-oss", EFFORT, None, True, True),
    ("deepseek-reasoner", "deepseek", NONE, None, True, False),
    ("moonshotai/Kimi-K2-Thinking", "kimi", NONE, None, True, True),
    ("GLM-4.6", "glm", BUDGET, None, True, False),
    ("grok-3-mini", "grok", EFFORT, None, True, True),
    ("qwen3-coder-plus", "qwen", NONE, None, True, True),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_name_tells_its_family(row: tuple[str, str, ThinkingStyle, int | None, bool, bool]) -> None:
    name, *traits = row
    found = family_of(name, "openai")
    assert found.is_known
    assert [
        found.maker.partition("@")[0],
        found.thinking,
        found.most_output,
        found.takes_sampling,
        found.takes_schema,
    ] == traits


EFFORTS = {
    "gpt-5": "minimal low medium high",
    "gpt-5-pro": "high",
    "gpt-5.1": "low medium high",
    "gpt-5.1-codex-max": "low medium high xhigh",
    "gpt-5.2": "low medium high xhigh",
    "o3": "low medium high",
    "grok-3-mini": "low high",
    "gemini-3.5-flash": "minimal low medium high",
    "claude-opus-4-6": "low medium high max",
    "claude-opus-4-7": "low medium high xhigh max",
}


@pytest.mark.parametrize(
    ("name", "dialect", "maker"),
    [
        ("claude-opus-4-6", "claude", "claude"),
        ("claude-opus-4-6", "responses", "claude@responses"),
        ("gemini-3-pro", "openai", "gemini"),
        ("gpt-5", "responses", "openai"),
        ("glm-4.7", "claude", "glm@claude"),
    ],
)
def test_a_makers_signatures_are_its_own_only_in_its_own_dialects(name: str, dialect: str, maker: str) -> None:
    assert family_of(name, dialect).maker == maker


@pytest.mark.parametrize("name", EFFORTS)
def test_a_name_tells_the_words_for_how_hard_to_think(name: str) -> None:
    assert " ".join(family_of(name, "openai").efforts) == EFFORTS[name]


@pytest.mark.parametrize("dialect", NATIVE)
def test_an_unknown_name_is_what_its_endpoint_speaks(dialect: str) -> None:
    assert family_of("scripted-model", dialect) is NATIVE[dialect]
    assert not NATIVE[dialect].is_known


@pytest.mark.parametrize("family", [family for _, family in FAMILIES], ids=[pattern for pattern, _ in FAMILIES])
def test_a_familys_numbers_fit_together(family: Family) -> None:
    assert family.least_budget <= family.most_budget or family.thinking is not BUDGET
    assert family.most_output is None or family.thinking is not BUDGET or family.most_budget < family.most_output
    assert family.maker != "claude" or family.default_output <= (family.most_output or 0)
    assert list(family.efforts) == [effort for effort in Effort if effort in family.efforts]


# -- thinking ---------------------------------------------------------------------------------------------------------

WISHES = [  # wish, its word, tokens for gemini-2.5-flash (0 to 24,576)
    (Thinking(True), None, None),
    (Thinking(True, Effort.MINIMAL), Effort.MINIMAL, 1_024),
    (Thinking(True, Effort.LOW), Effort.LOW, 2_048),
    (Thinking(True, Effort.MEDIUM), Effort.MEDIUM, 8_192),
    (Thinking(True, Effort.HIGH), Effort.HIGH, 24_576),
    (Thinking(True, Effort.MAX), Effort.MAX, 24_576),
    (Thinking(True, budget=512), Effort.LOW, 512),
    (Thinking(True, budget=2_048), Effort.LOW, 2_048),
    (Thinking(True, budget=2_049), Effort.MEDIUM, 2_049),
    (Thinking(True, budget=16_384), Effort.MEDIUM, 16_384),
    (Thinking(True, budget=31_999), Effort.HIGH, 24_576),
    (Thinking(True, budget=50_000), Effort.XHIGH, 24_576),
]


@pytest.mark.parametrize(("wish", "word", "tokens"), WISHES)
def test_a_wish_in_words_and_in_tokens(wish: Thinking, word: Effort | None, tokens: int | None) -> None:
    assert effort_of(wish) is word
    assert budget_for(wish, family_of("gemini-2.5-flash", "gemini")) == tokens


@pytest.mark.parametrize("effort", list(Effort))
@pytest.mark.parametrize("name", EFFORTS)
def test_a_family_gets_a_word_it_knows(name: str, effort: Effort) -> None:
    family = family_of(name, "openai")
    found = effort_for(Thinking(True, effort), family)
    assert found in family.efforts
    assert found is effort or effort not in family.efforts


@pytest.mark.parametrize(
    ("name", "effort", "expected"),
    [
        ("gpt-5-pro", Effort.LOW, Effort.HIGH),
        ("o3", Effort.MINIMAL, Effort.LOW),
        ("o3", Effort.XHIGH, Effort.HIGH),
        ("o3", Effort.MAX, Effort.HIGH),
        ("grok-3-mini", Effort.MEDIUM, Effort.LOW),
        ("claude-opus-4-6", Effort.XHIGH, Effort.HIGH),
    ],
)
def test_otherwise_the_closest_and_rather_the_lower(name: str, effort: Effort, expected: Effort) -> None:
    assert effort_for(Thinking(True, effort), family_of(name, "openai")) is expected


def test_a_model_of_unknown_family_is_told_only_the_clients_own_word() -> None:
    family = NATIVE["openai"]
    assert effort_for(Thinking(True, budget=4_096), family) is None
    assert effort_for(Thinking(True, Effort.HIGH), family) is Effort.HIGH


@pytest.mark.parametrize(
    ("wanted", "most_output", "expected"),
    [(8_192, None, 8_192), (8_192, 20_000, 8_192), (8_192, 8_192, 6_553), (8_192, 2_000, 1_600), (8_192, 1_200, 0)],
)
def test_thinking_leaves_room_for_the_answer(wanted: int, most_output: int | None, expected: int) -> None:
    family = family_of("claude-sonnet-4-5", "claude")
    assert budget_for(Thinking(True, budget=wanted), family, most_output) == expected


@pytest.mark.parametrize("name", ["claude-opus-4-1", "claude-sonnet-4-5", "gemini-2.5-pro", "gemini-2.5-flash-lite"])
def test_a_budget_is_within_what_the_family_takes(name: str) -> None:
    family = family_of(name, "openai")
    for tokens in (1, *TOKENS.values(), 10**9):
        found = budget_for(Thinking(True, budget=tokens), family)
        assert found is not None and family.least_budget <= found <= family.most_budget
