"""How the client wants to be answered: settings, thinking, the form of the answer, and what nobody else knows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from translator.losses import Dropped
from translator.messages import Effort, Knob, OutputFormat, Thinking
from translator.reading import MOST_TOKENS, Reader

Read = Callable[[Reader, str], Any]


def _between(least: float, most: float) -> Read:
    return lambda body, name: body.number(name, least, most)


def _from(least: int) -> Read:
    return lambda body, name: body.integer(name, least)


def _integer(body: Reader, name: str) -> int | None:
    return body.integer(name)


def _sequences(body: Reader, name: str) -> tuple[str, ...] | None:
    return tuple(filter(None, body.texts(name))) or None


_KNOBS: Mapping[Knob, tuple[str, Read]] = {
    Knob.TEMPERATURE: ("temperature", _between(0, 2)),
    Knob.TOP_P: ("top_p", _between(0, 1)),
    Knob.TOP_K: ("top_k", _integer),
    Knob.STOP: ("stop", _sequences),
    Knob.SEED: ("seed", _integer),
    Knob.PRESENCE_PENALTY: ("presence_penalty", _between(-2, 2)),
    Knob.FREQUENCY_PENALTY: ("frequency_penalty", _between(-2, 2)),
    Knob.LOGPROBS: ("logprobs", Reader.boolean),
    Knob.TOP_LOGPROBS: ("top_logprobs", _from(0)),
    Knob.LOGIT_BIAS: ("logit_bias", Reader.mapping),
    Knob.CHOICES: ("n", _from(1)),
    Knob.PARALLEL_TOOL_CALLS: ("parallel_tool_calls", Reader.boolean),
    Knob.SERVICE_TIER: ("service_tier", Reader.text),
    Knob.VERBOSITY: ("verbosity", Reader.text),
    Knob.PROMPT_CACHE_KEY: ("prompt_cache_key", Reader.text),
}
_DEFAULTS: Mapping[Knob, tuple[Any, ...]] = {
    Knob.TOP_K: (0, -1),
    Knob.PRESENCE_PENALTY: (0,),
    Knob.FREQUENCY_PENALTY: (0,),
    Knob.LOGPROBS: (False,),
    Knob.TOP_LOGPROBS: (0,),
    Knob.LOGIT_BIAS: ({},),
    Knob.CHOICES: (1,),
    Knob.SERVICE_TIER: ("auto", ""),
    Knob.VERBOSITY: ("",),
    Knob.PROMPT_CACHE_KEY: ("",),
}
"""Values that many clients send and that ask for nothing."""


"""A limit beyond it is a mistake, and more than many servers can read."""


def read_knobs(body: Reader) -> dict[Knob, Any]:
    found = {knob: read(body, name) for knob, (name, read) in _KNOBS.items() if body.value.get(name) is not None}
    knobs = {knob: value for knob, value in found.items() if value is not None and value not in _DEFAULTS.get(knob, ())}
    limit = read_limit(body)
    user = body.text("user") or body.text("safety_identifier") or body.object("metadata").value.get("user_id")
    if limit is not None:
        knobs[Knob.MAX_TOKENS] = limit
    if isinstance(user, str) and user:
        knobs[Knob.USER] = user
    return knobs


def read_limit(body: Reader) -> int | None:
    """The longest answer, under today's name or the older one."""
    limits = [body.integer(name, 1, MOST_TOKENS) for name in ("max_completion_tokens", "max_tokens")]
    return next((limit for limit in limits if limit is not None), None)


# -- thinking ---------------------------------------------------------------------------------------------------------

_EFFORTS: Mapping[str, Thinking] = {
    "none": Thinking(is_on=False),
    "auto": Thinking(is_on=True),
    "default": Thinking(is_on=True),
    **{effort.value: Thinking(is_on=True, effort=effort) for effort in Effort},
}
_SWITCHES: Mapping[str, bool] = {"enabled": True, "disabled": False, "adaptive": True, "auto": True}


def read_thinking(body: Reader) -> Thinking | None:
    """OpenAI's word, OpenRouter's `reasoning` object or the `thinking` object of several vendors."""
    reasoning, thinking = body.object("reasoning"), body.object("thinking")
    word: Thinking | None = body.one_of("reasoning_effort", _EFFORTS) or reasoning.one_of("effort", _EFFORTS)
    switch = _first(reasoning.boolean("enabled"), thinking.one_of("type", _SWITCHES))
    budget = _first(reasoning.integer("max_tokens", 0), thinking.integer("budget_tokens", 0))
    if word is None and switch is None and budget is None:
        return None
    is_off = switch is False or budget == 0 or (word is not None and not word.is_on)
    if is_off:
        return Thinking(is_on=False)
    is_shown = False if reasoning.boolean("exclude") else None
    return Thinking(is_on=True, effort=word.effort if word else None, budget=budget, is_shown=is_shown)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


# -- the form of the answer -------------------------------------------------------------------------------------------

_FORMS = {name: name for name in ("text", "json_object", "json_schema")}


def read_output(body: Reader) -> OutputFormat | None:
    form = body.object("response_format")
    if not form.value:
        return None
    form.required_text("type")
    match form.one_of("type", _FORMS):
        case "json_object":
            return OutputFormat()
        case "json_schema":
            return _of_schema(form)
    return None


def _of_schema(form: Reader) -> OutputFormat:
    wanted = form.object("json_schema")
    if not wanted.value:
        raise form.wrong("json_schema", "is missing.")
    strict = wanted.boolean("strict") or False
    return OutputFormat(
        wanted.mapping("schema"), wanted.text("name") or "", wanted.text("description") or "", strict=strict
    )


# -- the rest ---------------------------------------------------------------------------------------------------------

_READ = frozenset(
    {
        *("model", "messages", "tools", "functions", "tool_choice", "function_call", "web_search_options"),
        *("max_tokens", "max_completion_tokens", "user", "safety_identifier", "metadata"),
        *("reasoning_effort", "reasoning", "thinking", "response_format"),
        *("stream", "stream_options", "store"),
        *(name for name, _ in _KNOBS.values()),
    }
)
_NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {}, ["text"])
"""Members with these values ask for nothing, `modalities: ["text"]` among them."""


def leftovers(body: Reader) -> Iterable[Dropped]:
    """Members that only OpenAI's dialect has."""
    for name, value in body.value.items():
        if name not in _READ and value not in _NOTHING:
            yield Dropped(name, "only OpenAI's dialect has it")
    if any(name != "user_id" for name in body.object("metadata").value):
        yield Dropped("metadata", "only OpenAI's dialects keep it")
