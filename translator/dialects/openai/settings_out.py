"""Settings and the form of the answer in Chat Completions' words. What has none there is dropped and named."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from translator import schemas, thinking
from translator.dialect import Target
from translator.dialects.openai.tools_out import callable_tools
from translator.dialects.openai.vocabulary import Words, is_openai
from translator.families import Family, ThinkingStyle
from translator.losses import Dropped
from translator.messages import Effort, Knob, OutputFormat, Request

_SAMPLING = frozenset(
    {Knob.TEMPERATURE, Knob.TOP_P, Knob.PRESENCE_PENALTY, Knob.FREQUENCY_PENALTY, Knob.LOGIT_BIAS, Knob.STOP}
)
"""What OpenAI's reasoning models refuse. Others who take no sampling do take stop sequences."""
_LIMITS: Mapping[Knob, tuple[float, float]] = {
    Knob.TEMPERATURE: (0, 2),
    Knob.TOP_P: (0, 1),
    Knob.PRESENCE_PENALTY: (-2, 2),
    Knob.FREQUENCY_PENALTY: (-2, 2),
}
_OPENAIS_OWN: Mapping[Knob, frozenset[str] | None] = {
    Knob.SERVICE_TIER: frozenset({"auto", "default", "flex", "scale", "priority"}),
    Knob.VERBOSITY: frozenset({"low", "medium", "high"}),
    Knob.PROMPT_CACHE_KEY: None,
}
"""Not told to other vendors, who may refuse what they do not know; None where any value is right."""
_NEVER: Mapping[Knob, str] = {
    Knob.TOP_K: "Chat Completions has no such setting",
    Knob.CHOICES: "one answer is passed on",
    Knob.LOGPROBS: "probabilities are not passed on",
    Knob.TOP_LOGPROBS: "probabilities are not passed on",
}
_TIERS: Mapping[str, str] = {"standard_only": "default", "standard": "default"}
_MOST_STOPS = 4
_LONGEST = 64
_ILLEGAL_IN_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64


# -- settings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Writing:
    """For whom a setting is written."""

    request: Request
    target: Target
    dropped: list[Dropped]

    @property
    def family(self) -> Family:
        return self.target.family

    def drop(self, knob: Knob, why: str) -> Words:
        self.dropped.append(Dropped(knob, why))
        return {}


def knobs(request: Request, target: Target, dropped: list[Dropped]) -> Words:
    words: Words = {}
    writing = _Writing(request, target, dropped)
    for knob, value in request.knobs.items():
        if knob in _SAMPLING and not _may_tune(knob, target.family):
            writing.drop(knob, f"{target.model} does not take it")
        else:
            words |= _WRITERS[knob](knob, value, writing)
    return words


def _may_tune(knob: Knob, family: Family) -> bool:
    return family.takes_sampling or (knob is Knob.STOP and family.maker != "openai")


def _plain(knob: Knob, value: Any, writing: _Writing) -> Words:
    return {knob.value: value}


def _within(knob: Knob, value: float, writing: _Writing) -> Words:
    """The value, or the nearest one that is taken."""
    least, most = _LIMITS[knob]
    if not least <= value <= most:
        writing.drop(knob, f"{value} is beyond what is taken here")
    return {knob.value: max(least, min(value, most))}


def _never(knob: Knob, value: Any, writing: _Writing) -> Words:
    return writing.drop(knob, _NEVER[knob])


def _own(knob: Knob, value: str, writing: _Writing) -> Words:
    said, taken = _TIERS.get(value, value), _OPENAIS_OWN[knob]
    is_there = is_openai(writing.family) and (
        knob is not Knob.VERBOSITY or writing.family.thinking is ThinkingStyle.EFFORT
    )
    if not is_there:
        return writing.drop(knob, "only OpenAI's newer models have it")
    if taken is not None and said not in taken:
        return writing.drop(knob, f"OpenAI has no `{said[:40]}`")
    return {knob.value: _short(said)}


def _limit(knob: Knob, value: int, writing: _Writing) -> Words:
    return {"max_completion_tokens" if is_openai(writing.family) else "max_tokens": value}


def _stops(knob: Knob, value: tuple[str, ...], writing: _Writing) -> Words:
    stops = [stop for stop in value if stop]
    if len(stops) > _MOST_STOPS:
        writing.drop(knob, f"all but the first {_MOST_STOPS}")
    return {"stop": stops[:_MOST_STOPS]} if stops else {}


def _parallel(knob: Knob, value: bool, writing: _Writing) -> Words:
    return {knob.value: value} if callable_tools(writing.request) else {}


def _user(knob: Knob, value: str, writing: _Writing) -> Words:
    return {knob.value: _short(value)}


def _short(value: str) -> str:
    """A name that only has to be the same each time, no longer than OpenAI lets it be."""
    return value if len(value) <= _LONGEST else hashlib.sha256(value.encode()).hexdigest()[:_LONGEST]


_WRITERS: Mapping[Knob, Callable[[Knob, Any, _Writing], Words]] = {
    **dict.fromkeys(_NEVER, _never),
    **dict.fromkeys(_LIMITS, _within),
    **dict.fromkeys(_OPENAIS_OWN, _own),
    Knob.SEED: _plain,
    Knob.LOGIT_BIAS: _plain,
    Knob.MAX_TOKENS: _limit,
    Knob.STOP: _stops,
    Knob.PARALLEL_TOOL_CALLS: _parallel,
    Knob.USER: _user,
}


def effort(request: Request, target: Target, dropped: list[Dropped]) -> Words:
    wish, family = request.thinking, target.family
    if wish is None:
        return {}
    if family.thinking is not ThinkingStyle.EFFORT:
        if wish.is_on:
            dropped.append(Dropped("reasoning_effort", f"{target.model} is not told how hard to think here"))
        return {}
    if not wish.is_on:
        return _no_effort(target, dropped)
    word = thinking.effort_for(wish, family)
    if word is None and wish.budget is not None:
        dropped.append(Dropped("reasoning_effort", "the model may not think; a number of tokens is no word"))
    return {"reasoning_effort": word.value} if word is not None else {}


def _no_effort(target: Target, dropped: list[Dropped]) -> Words:
    family = target.family
    if not family.is_known:
        return {}
    if family.can_stop_thinking:
        return {"reasoning_effort": "none"}
    dropped.append(Dropped("reasoning_effort", f"{target.model} cannot stop thinking"))
    return {"reasoning_effort": min(family.efforts, key=list(Effort).index).value}


# -- the form of the answer -------------------------------------------------------------------------------------------


def output(form: OutputFormat | None, family: Family) -> Words:
    if form is None:
        return {}
    if form.schema is None or not family.takes_schema:
        return {"response_format": {"type": "json_object"}}
    name = _ILLEGAL_IN_NAME.sub("_", form.name)[:_LONGEST_NAME] or "answer"
    schema: Words = {"name": name, "schema": form.schema}
    if form.description:
        schema["description"] = form.description
    if form.strict is not False and schemas.is_strict(form.schema):
        schema["strict"] = True
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def instruction(form: OutputFormat | None, family: Family) -> str:
    """What to tell a model in words because its vendor holds it to no schema; empty where nothing."""
    if form is None or form.schema is None or family.takes_schema:
        return ""
    return schemas.asking_for_json(form.schema)
