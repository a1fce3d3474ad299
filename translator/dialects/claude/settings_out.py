"""Settings written as Anthropic takes them: how long, how hard to think, how to sample, in which shape.

Each function returns members of the body, and notes in `dropped` what they cannot say.
"""

from collections.abc import Mapping
from typing import Any

from translator import schemas, thinking
from translator.dialects.claude.vocabulary import MAKER
from translator.families import Family, ThinkingStyle
from translator.losses import Dropped
from translator.messages import Effort, Knob, OutputFormat, Request, Text, Thinking

REASONING = "reasoning"
_LONGEST_USER = 256
_LEAST_TOP_P_WITH_THINKING = 0.95
_TIERS: Mapping[Any, str] = {"auto": "auto", "default": "standard_only"}
_NO_WORD = "the Messages API has no word for it"
_SAYS_NOTHING: Mapping[Knob, tuple[Any, ...]] = {
    Knob.CHOICES: (1,),
    Knob.LOGPROBS: (False,),
    Knob.PRESENCE_PENALTY: (0,),
    Knob.FREQUENCY_PENALTY: (0,),
    Knob.LOGIT_BIAS: ({},),
    Knob.TOP_LOGPROBS: (0,),
}
"""Values that ask for what everybody gets, so that nothing is lost with them."""
_UNKNOWN = (
    *(Knob.SEED, Knob.PRESENCE_PENALTY, Knob.FREQUENCY_PENALTY, Knob.LOGPROBS, Knob.TOP_LOGPROBS, Knob.LOGIT_BIAS),
    *(Knob.CHOICES, Knob.VERBOSITY, Knob.PROMPT_CACHE_KEY),
)

Members = dict[str, Any]


def max_tokens_of(request: Request, family: Family, dropped: list[Dropped]) -> int:
    wanted: int = request.knobs.get(Knob.MAX_TOKENS) or min(
        family.default_output, family.most_output or family.default_output
    )
    if family.most_output is None or wanted <= family.most_output:
        return wanted
    dropped.append(Dropped(Knob.MAX_TOKENS, f"this model's answers end at {family.most_output} tokens"))
    return family.most_output


# -- thinking ---------------------------------------------------------------------------------------------------------


def thinking_of(
    wish: Thinking | None, family: Family, max_tokens: int, obstacle: str, dropped: list[Dropped]
) -> tuple[Members | None, Effort | None]:
    """The `thinking` member and the effort to go with it. `obstacle` says why a budget cannot be given here, if so."""
    if wish is None:
        return None, None
    if not wish.is_on:
        return _stopped(family), None
    match family.thinking:
        case ThinkingStyle.ADAPTIVE:
            shown = "omitted" if wish.is_shown is False else "summarized"
            return {"type": "adaptive", "display": shown}, thinking.effort_for(wish, family)
        case ThinkingStyle.BUDGET:
            budget = 0 if obstacle else _budget(wish, family, max_tokens)
            if budget:
                return {"type": "enabled", "budget_tokens": budget}, None
            dropped.append(Dropped(REASONING, obstacle or "max_tokens leaves no room to think"))
        case _:
            dropped.append(Dropped(REASONING, "this model does not think"))
    return None, None


def _stopped(family: Family) -> Members | None:
    """Claude thinks when told to; others who speak this dialect have to be told not to."""
    thinks_by_itself = family.is_known and family.maker != MAKER and family.thinking is ThinkingStyle.BUDGET
    return {"type": "disabled"} if thinks_by_itself else None


def _budget(wish: Thinking, family: Family, max_tokens: int) -> int:
    found = thinking.budget_for(wish, family, max_tokens)
    if found is None:
        found = thinking.budget_for(Thinking(is_on=True, effort=Effort.MEDIUM), family, max_tokens)
    return found or 0


# -- sampling ---------------------------------------------------------------------------------------------------------


def sampling_of(request: Request, family: Family, is_thinking: bool, dropped: list[Dropped]) -> Members:
    names = (Knob.TEMPERATURE, Knob.TOP_P, Knob.TOP_K)
    wanted = {knob: request.knobs[knob] for knob in names if knob in request.knobs}
    if not family.takes_sampling:
        dropped += [Dropped(knob, "this model's sampling cannot be tuned") for knob in wanted]
        return {}
    refused = _while_thinking(wanted) if is_thinking else {}
    kept = {knob: value for knob, value in wanted.items() if knob not in refused}
    if Knob.TEMPERATURE in kept and Knob.TOP_P in kept and not family.takes_temperature_and_top_p:
        refused[Knob.TOP_P] = "this model takes temperature or top_p, not both"
    if kept.get(Knob.TEMPERATURE, 0) > 1:
        kept[Knob.TEMPERATURE] = 1
        dropped.append(Dropped(Knob.TEMPERATURE, "lowered to 1, the most there is"))
    dropped += [Dropped(knob, why) for knob, why in refused.items()]
    return {knob.value: value for knob, value in kept.items() if knob not in refused}


def _while_thinking(wanted: Mapping[Knob, Any]) -> dict[Knob, str]:
    return {knob: "not while the model thinks" for knob, value in wanted.items() if not _fits_thinking(knob, value)}


def _fits_thinking(knob: Knob, value: float) -> bool:
    if knob is Knob.TOP_P:
        return value >= _LEAST_TOP_P_WITH_THINKING
    return knob is Knob.TEMPERATURE and value == 1


# -- the answer's shape -----------------------------------------------------------------------------------------------


def output_of(output: OutputFormat | None, family: Family) -> tuple[Members | None, tuple[Text, ...]]:
    """The format of `output_config`, or what to say to models that cannot be held to one."""
    if output is None:
        return None, ()
    if output.schema is not None and family.takes_schema and family.maker == MAKER:
        return {"type": "json_schema", "schema": schemas.for_claude(output.schema)}, ()
    return None, (Text(schemas.asking_for_json(output.schema)),)


def config_of(effort: Effort | None, shape: Members | None) -> Members:
    config = {"effort": effort.value if effort else None, "format": shape}
    said = {name: value for name, value in config.items() if value is not None}
    return {"output_config": said} if said else {}


# -- the rest ---------------------------------------------------------------------------------------------------------


def others_of(request: Request, dropped: list[Dropped]) -> Members:
    knobs = request.knobs
    said = (knob for knob in _UNKNOWN if knob in knobs and knobs[knob] not in _SAYS_NOTHING.get(knob, ()))
    dropped += [Dropped(knob, _NO_WORD) for knob in said]
    return {**_stops(knobs, dropped), **_user(knobs, dropped), **_tier(knobs, dropped)}


def _stops(knobs: Mapping[Knob, Any], dropped: list[Dropped]) -> Members:
    wanted = knobs.get(Knob.STOP, ())
    stops = [stop for stop in wanted if stop.strip()]
    if len(stops) < len(wanted):
        dropped.append(Dropped(Knob.STOP, "white space alone cannot stop an answer"))
    return {"stop_sequences": stops} if stops else {}


def _user(knobs: Mapping[Knob, Any], dropped: list[Dropped]) -> Members:
    user = knobs.get(Knob.USER)
    if not user:
        return {}
    if len(user) > _LONGEST_USER:
        dropped.append(Dropped(Knob.USER, f"longer than {_LONGEST_USER} characters"))
        return {}
    return {"metadata": {"user_id": user}}


def _tier(knobs: Mapping[Knob, Any], dropped: list[Dropped]) -> Members:
    tier = knobs.get(Knob.SERVICE_TIER)
    if tier is None:
        return {}
    if tier not in _TIERS:
        dropped.append(Dropped(Knob.SERVICE_TIER, _NO_WORD))
        return {}
    return {"service_tier": _TIERS[tier]}
