"""What is known of models by their names: one row a family. First match wins.

Vendors name their own models, resellers keep the names, so a name tells more than the provider does: how thinking is
asked for, whether sampling may be tuned, how long an answer may be, whose reasoning signatures it takes. What holds for
one provider's endpoint alone is a quirk of its catalogue file instead (`quirks`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from translator.messages import Effort


class ThinkingStyle(StrEnum):
    """How a family is asked to think."""

    NONE = "none"
    EFFORT = "effort"
    """A word: OpenAI's reasoning_effort."""
    BUDGET = "budget"
    """A number of tokens: Claude up to 4.5, Gemini 2.5."""
    ADAPTIVE = "adaptive"
    """On or off, and a word for how hard: Claude from 4.6."""
    LEVEL = "level"
    """A word: Gemini 3."""


LOW_TO_HIGH = (Effort.LOW, Effort.MEDIUM, Effort.HIGH)
FROM_MINIMAL = (Effort.MINIMAL, *LOW_TO_HIGH)
UP_TO_XHIGH = (*LOW_TO_HIGH, Effort.XHIGH)
UP_TO_MAX = (*LOW_TO_HIGH, Effort.MAX)


@dataclass(frozen=True, slots=True)
class Family:
    """`maker` names whose signatures it takes, and in which form: "claude" is Anthropic's own, "claude@responses" what
    a server of the Responses API makes of it. `least_budget` and `most_budget` are thinking tokens.

    `efforts` are the words it knows. `takes_sampling`: temperature, top_p and their like are understood.
    `takes_temperature_and_top_p`: both at once. `takes_schema`: answers can be held to a JSON schema.
    `replays_reasoning`: wants to see what it thought earlier in the same tool loop as `reasoning_content`.
    `is_known` is false for the guess made from a dialect alone.
    """

    maker: str
    thinking: ThinkingStyle = ThinkingStyle.NONE
    efforts: tuple[Effort, ...] = LOW_TO_HIGH
    can_stop_thinking: bool = True
    least_budget: int = 1024
    most_budget: int = 32768
    default_output: int = 32_000
    most_output: int | None = None
    takes_sampling: bool = True
    takes_temperature_and_top_p: bool = True
    takes_schema: bool = True
    replays_reasoning: bool = False
    is_known: bool = True


def _claude(most_output: int, thinking: ThinkingStyle, **more: object) -> Family:
    most_budget = max(0, min(most_output, 128_000) - 1)
    default = min(most_output, 32_000)
    facts = {"most_output": most_output, "default_output": default, "most_budget": most_budget, **more}
    return Family("claude", thinking, **facts)  # type: ignore[arg-type]


def _gemini(thinking: ThinkingStyle, **more: object) -> Family:
    return Family("gemini", thinking, most_output=65_536, **more)  # type: ignore[arg-type]


def _reasoner(efforts: tuple[Effort, ...], *, can_stop: bool = False) -> Family:
    style = ThinkingStyle.EFFORT
    return Family("openai", style, efforts, can_stop_thinking=can_stop, takes_sampling=False)


_BUDGET, _ADAPTIVE, _LEVEL, _EFFORT = (
    ThinkingStyle.BUDGET,
    ThinkingStyle.ADAPTIVE,
    ThinkingStyle.LEVEL,
    ThinkingStyle.EFFORT,
)

FAMILIES: tuple[tuple[str, Family], ...] = (
    # https://docs.claude.com/en/docs/about-claude/models and .../build-with-claude/adaptive-thinking
    (r"claude-(3[-.]7|sonnet-3[-.]7)", _claude(64_000, _BUDGET, takes_schema=False)),
    (r"claude-(3[-.]5|(sonnet|haiku)-3[-.]5)", _claude(8_192, ThinkingStyle.NONE, takes_schema=False)),
    (r"claude-(2|3|instant|(opus|sonnet|haiku)-3)", _claude(4_096, ThinkingStyle.NONE, takes_schema=False)),
    (
        r"claude-((opus|sonnet|haiku)-)?(4[-.]([7-9]|1\d)(?!\d)|[5-9](?!\d))|claude-[a-z]+-[5-9](?!\d)",
        _claude(128_000, _ADAPTIVE, efforts=(*UP_TO_XHIGH, Effort.MAX), takes_sampling=False),
    ),
    (
        r"claude-((opus|sonnet|haiku)-)?4[-.]6",
        _claude(64_000, _ADAPTIVE, efforts=UP_TO_MAX, takes_temperature_and_top_p=False),
    ),
    (r"claude-(opus-4([-.][01])?(-20\d+)?$|4([-.]1)?-opus)", _claude(32_000, _BUDGET, takes_schema=False)),
    (r"claude-(sonnet-4(-0)?(-20\d+)?$|4-sonnet)", _claude(64_000, _BUDGET, takes_schema=False)),
    (r"claude-", _claude(64_000, _BUDGET, takes_temperature_and_top_p=False)),
    # https://ai.google.dev/gemini-api/docs/thinking
    (r"gemini-([3-9]|\d\d)[\w.-]*flash", _gemini(_LEVEL, efforts=FROM_MINIMAL, can_stop_thinking=False)),
    (r"gemini-([3-9]|\d\d)", _gemini(_LEVEL, can_stop_thinking=False)),
    (r"gemini-2\.5-pro", _gemini(_BUDGET, least_budget=128, can_stop_thinking=False)),
    (r"gemini-2\.5-flash-lite", _gemini(_BUDGET, least_budget=512, most_budget=24_576)),
    (r"gemini-2\.5", _gemini(_BUDGET, least_budget=0, most_budget=24_576)),
    (r"gemini-|gemma", Family("gemini", most_output=8_192)),
    # https://platform.openai.com/docs/guides/reasoning
    (r"gpt-\d[\w.]*-chat", Family("openai")),
    (r"gpt-5-pro", _reasoner((Effort.HIGH,))),
    (r"gpt-5\.1-codex-max", _reasoner(UP_TO_XHIGH)),
    (r"gpt-5\.1", _reasoner(LOW_TO_HIGH, can_stop=True)),
    (r"gpt-5\.[2-9]|gpt-[6-9]", _reasoner(UP_TO_XHIGH, can_stop=True)),
    (r"gpt-5-codex", _reasoner(LOW_TO_HIGH)),
    (r"gpt-5|codex-mini", _reasoner(FROM_MINIMAL)),
    (r"\bo[1-9](-|$)", _reasoner(LOW_TO_HIGH)),
    (r"gpt-oss", Family("gpt-oss", _EFFORT, can_stop_thinking=False)),
    (r"gpt-|chatgpt", Family("openai")),
    (r"deepseek", Family("deepseek", replays_reasoning=True, takes_schema=False)),
    (r"kimi|moonshot", Family("kimi", replays_reasoning=True)),
    (r"glm", Family("glm", _BUDGET, replays_reasoning=True, takes_schema=False)),
    (r"minimax", Family("minimax", _BUDGET, replays_reasoning=True, takes_schema=False)),
    (r"qwen|qwq", Family("qwen")),
    (r"grok-3-mini", Family("grok", _EFFORT, (Effort.LOW, Effort.HIGH), can_stop_thinking=False)),
    (r"grok", Family("grok")),
    (r"mistral|codestral|devstral|magistral|ministral|pixtral", Family("mistral")),
    (r"llama", Family("llama")),
)

NATIVE: Mapping[str, Family] = {
    "claude": Family("claude", _BUDGET, is_known=False),
    "gemini": Family("gemini", _BUDGET, is_known=False, least_budget=0, most_budget=24_576),
    "openai": Family("openai", _EFFORT, is_known=False),
    "responses": Family("openai", _EFFORT, is_known=False),
}
"""By the dialect of the endpoint: what is assumed of a model whose name says nothing."""

_ROWS = tuple((re.compile(pattern), family) for pattern, family in FAMILIES)


_FORMS: Mapping[str, frozenset[str]] = {
    "claude": frozenset({"claude"}),
    "gemini": frozenset({"gemini", "openai"}),
    "openai": frozenset({"responses", "openai"}),
}
"""The dialects in which a maker's signatures are its own; elsewhere they are the server's version of them."""


@lru_cache(maxsize=1024)
def family_of(model: str, dialect: str) -> Family:
    """The family of a model by its name, or what its endpoint's dialect suggests."""
    name = model.lower().rpartition("/")[2]
    family = next((family for pattern, family in _ROWS if pattern.search(name)), NATIVE[dialect])
    is_own = dialect in _FORMS.get(family.maker, ())
    return family if is_own else replace(family, maker=f"{family.maker}@{dialect}")
