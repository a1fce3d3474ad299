"""The generationConfig of a request: how long, how wild, how hard to think, and in which form to answer."""

from collections.abc import Callable, Mapping
from typing import Any

from translator.dialects.gemini.vocabulary import KNOBS
from translator.families import Family, ThinkingStyle
from translator.losses import Dropped
from translator.messages import Effort, Knob, OutputFormat, Request, Thinking
from translator.schemas import for_gemini
from translator.thinking import budget_for, effort_for

MOST_STOPS = 5
_LARGEST_SEED = 2**31 - 1
_MOST_THINKING = 32_768
_ON_ITS_OWN = -1
"""The thinkingBudget of a model that decides itself."""


def config_of(request: Request, family: Family, has_functions: bool, dropped: list[Dropped]) -> dict[str, Any]:
    config = _knobs(request.knobs, family, dropped)
    if request.thinking is not None:
        wish = _thinking(request.thinking, family, config.get("maxOutputTokens"), dropped)
        config |= {"thinkingConfig": wish} if wish else {}
    if request.output is not None:
        config |= {} if is_only_asked(request, family, has_functions) else _format(request.output)
    return config


def _knobs(knobs: Mapping[Knob, Any], family: Family, dropped: list[Dropped]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for knob, value in knobs.items():
        if _is_usual(knob, value):
            continue
        name = KNOBS.get(knob) if knob is not Knob.CHOICES else None
        fitted = _FITTED[knob](value, family) if knob in _FITTED else value
        if name is not None:
            config[name] = fitted
        if name is None or fitted != value:
            dropped.append(Dropped(knob.value, _WHY.get(knob, "Gemini has no such setting")))
    if not config.get("responseLogprobs"):
        config.pop("logprobs", None)
    return config


def _is_usual(knob: Knob, value: Any) -> bool:
    """Whether Gemini does so without being told."""
    return (knob, value) in ((Knob.CHOICES, 1), (Knob.PARALLEL_TOOL_CALLS, True), (Knob.LOGPROBS, False))


def _within(least: float, most: float) -> Callable[[Any, Family], Any]:
    return lambda value, _: max(least, min(value, most))


def _shortened(most: Any, family: Family) -> Any:
    return most if family.most_output is None else min(most, family.most_output)


_FITTED: Mapping[Knob, Callable[[Any, Family], Any]] = {
    Knob.MAX_TOKENS: _shortened,
    Knob.TEMPERATURE: _within(0, 2),
    Knob.TOP_P: _within(0, 1),
    Knob.TOP_LOGPROBS: _within(0, 20),
    Knob.STOP: lambda stops, _: tuple(stops)[:MOST_STOPS],
    Knob.SEED: lambda seed, _: seed & _LARGEST_SEED,
}
_WHY: Mapping[Knob, str] = {
    Knob.MAX_TOKENS: "the model writes no more than it can",
    Knob.TEMPERATURE: "it goes from 0 to 2",
    Knob.STOP: f"Gemini takes {MOST_STOPS} stop sequences",
    Knob.SEED: "it was made to fit 31 bits",
    Knob.CHOICES: "one answer is asked for",
    Knob.PARALLEL_TOOL_CALLS: "Gemini decides itself how many tools to call at once",
}


def _thinking(wish: Thinking, family: Family, most_output: int | None, dropped: list[Dropped]) -> dict[str, Any]:
    if family.thinking is ThinkingStyle.NONE:
        if wish.is_on:
            dropped.append(Dropped("thinking", "the model does not think"))
        return {}
    if not wish.is_on and not family.can_stop_thinking:
        dropped.append(Dropped("thinking", "the model cannot stop thinking; it thinks as little as it can"))
    asked = _level if family.thinking is ThinkingStyle.LEVEL else _budget
    is_shown = wish.is_on and wish.is_shown is not False
    return {**asked(wish, family, most_output), **({"includeThoughts": True} if is_shown else {})}


def _level(wish: Thinking, family: Family, _: int | None) -> dict[str, Any]:
    effort = effort_for(wish if wish.is_on else Thinking(True, Effort.MINIMAL), family)
    return {"thinkingLevel": effort.value.upper()} if effort is not None else {}


def _budget(wish: Thinking, family: Family, most_output: int | None) -> dict[str, Any]:
    least = 0 if family.can_stop_thinking else family.least_budget
    if not wish.is_on:
        return {"thinkingBudget": least}
    budget = budget_for(wish, family, most_output)
    return {"thinkingBudget": _ON_ITS_OWN if budget is None else min(budget or least, _MOST_THINKING)}


def is_only_asked(request: Request, family: Family, has_functions: bool) -> bool:
    """Whether JSON is a matter of words: before Gemini 3 no model is held to it while it may call functions."""
    return request.output is not None and has_functions and family.thinking is not ThinkingStyle.LEVEL


def _format(output: OutputFormat) -> dict[str, Any]:
    schema = {"responseSchema": for_gemini(output.schema)} if output.schema is not None else {}
    return {"responseMimeType": "application/json", **schema}
