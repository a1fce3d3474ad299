"""A request for a vendor that speaks the Responses API. Nothing is stored there."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from translator import signatures, thinking, toolbox, turns
from translator.dialect import ClientRequest, Encoded, Target
from translator.dialects.responses.items_out import ItemWriter
from translator.dialects.responses.tools_out import encode_choice, encode_tool
from translator.families import Family, ThinkingStyle
from translator.losses import Dropped
from translator.messages import Knob, Message, OutputFormat, Request, Role, Text, Thinking
from translator.schemas import is_strict
from translator.toolbox import ToolRule
from translator.turns import IdRule

_TOOL_RULE = ToolRule(re.compile(r"[a-zA-Z0-9_-]{1,64}"), 64, takes_freeform=True)
_ID_RULE = IdRule()
_ILLEGAL_IN_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64
_LEAST_OUTPUT = 16
_LONGEST_IDENTIFIER = 64
_TIERS = frozenset({"auto", "default", "flex", "priority", "scale"})
_VERBOSITIES = frozenset({"low", "medium", "high"})
_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"

_NO_WORD = "the Responses API has no word for it"
_NO_SAMPLING = "this model does not let its sampling be tuned"
_UNKNOWN_VALUE = "the Responses API does not know this value"

_KNOBS: Mapping[Knob, str] = {
    Knob.MAX_TOKENS: "max_output_tokens",
    Knob.TEMPERATURE: "temperature",
    Knob.TOP_P: "top_p",
    Knob.TOP_LOGPROBS: "top_logprobs",
    Knob.USER: "user",
    Knob.SERVICE_TIER: "service_tier",
    Knob.PROMPT_CACHE_KEY: "prompt_cache_key",
}
_UNTOLD = "it is not known how this model is asked to think"
_SAMPLING = frozenset({Knob.TEMPERATURE, Knob.TOP_P, Knob.TOP_LOGPROBS})
_IDLE: Mapping[Knob, Any] = {
    Knob.CHOICES: 1,
    Knob.LOGPROBS: False,
    Knob.PRESENCE_PENALTY: 0,
    Knob.FREQUENCY_PENALTY: 0,
    Knob.STOP: (),
}
"""Values that ask for nothing, so that nothing is lost with them."""


def addressed(request: ClientRequest, model: str, asks_usage: bool) -> dict[str, bytes]:
    """Usage comes unasked."""
    return {"model": orjson.dumps(model)}


def encode_request(request: Request, target: Target) -> Encoded:
    """Raises CannotSay."""
    packed, box = toolbox.pack(request, _TOOL_RULE)
    draft = _Draft(signatures.only_of(packed, target.family.maker), target)
    return Encoded(draft.body(), tuple(dict.fromkeys((*request.leftovers, *draft.dropped))), box)


class _Draft:
    def __init__(self, request: Request, target: Target) -> None:
        self._request = request
        self._target = target
        self._family = target.family
        self.dropped: list[Dropped] = []

    def body(self) -> dict[str, Any]:
        knobs = self._knobs()
        text = self._text()
        reasoning = self._reasoning()
        include = self._include(reasoning, knobs)
        told = {
            "model": self._target.model,
            **self._conversation(),
            **self._tools(),
            **knobs,
            "text": text,
            "reasoning": reasoning,
            "include": include,
        }
        said = {name: value for name, value in told.items() if value not in (None, {}, [])}
        return {**said, "store": False, "stream": self._request.is_streaming}

    def _conversation(self) -> dict[str, Any]:
        """What was said in a system prompt alone is said by the user: the input must not be empty."""
        system = [text.text for text in self._request.system if text.text]
        messages = turns.in_order(self._request.messages, _ID_RULE)
        writer = ItemWriter()
        for message in messages:
            writer.write(message)
        if not writer.items:
            writer.write(Message(Role.USER, tuple(map(Text, system)) or (Text(""),)))
            system = []
        return {"instructions": "\n\n".join(system) or None, "input": writer.items}

    def _tools(self) -> dict[str, Any]:
        tools = self._request.tools
        if not tools:
            return {}
        choice = self._request.tool_choice
        return {
            "tools": [encode_tool(tool) for tool in tools],
            "tool_choice": None if choice is None else encode_choice(choice, tools),
            "parallel_tool_calls": self._request.knobs.get(Knob.PARALLEL_TOOL_CALLS),
        }

    def _knobs(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for knob, value in self._request.knobs.items():
            why = self._why_not(knob, value)
            if why:
                self.dropped.append(Dropped(knob.value, why))
            elif knob in _KNOBS:
                said[_KNOBS[knob]] = _FITTING[knob](value) if knob in _FITTING else value
        return said

    def _why_not(self, knob: Knob, value: Any) -> str:
        """Empty where it can be said."""
        if knob in _SAMPLING and not self._family.takes_sampling:
            return _NO_SAMPLING
        if knob in _WORDS:
            return "" if value in _WORDS[knob] else _UNKNOWN_VALUE
        if _IDLE.get(knob) == value or (knob is Knob.LOGPROBS and Knob.TOP_LOGPROBS in self._request.knobs):
            return ""
        return "" if knob in _KNOBS or knob is Knob.PARALLEL_TOOL_CALLS else _NO_WORD

    def _text(self) -> dict[str, Any]:
        verbosity = self._request.knobs.get(Knob.VERBOSITY)
        said = {"verbosity": verbosity} if verbosity in _VERBOSITIES else {}
        return said if self._request.output is None else {"format": _format(self._request.output), **said}

    def _reasoning(self) -> dict[str, Any]:
        wish = self._request.thinking
        if wish is None:
            return {}
        if self._family.thinking is ThinkingStyle.NONE:
            if wish.is_on:
                self.dropped.append(Dropped("thinking", "this model is not one that can be asked to think"))
            return {}
        return self._thoughts(wish) if wish.is_on else self._no_thoughts()

    def _thoughts(self, wish: Thinking) -> dict[str, Any]:
        effort = thinking.effort_for(wish, self._family)
        if effort is None and not self._family.is_known:
            self.dropped.append(Dropped("thinking", _UNTOLD))
            return {}
        summary = {} if wish.is_shown is False else {"summary": "auto"}
        return ({"effort": effort.value} if effort else {}) | summary

    def _no_thoughts(self) -> dict[str, Any]:
        if not self._family.is_known:
            self.dropped.append(Dropped("thinking", _UNTOLD))
            return {}
        if self._family.can_stop_thinking:
            return {"effort": "none"}
        self.dropped.append(Dropped("thinking", "this model cannot stop thinking, so it is asked to think little"))
        return {"effort": self._family.efforts[0].value} if self._family.efforts else {}

    def _include(self, reasoning: Mapping[str, Any], knobs: Mapping[str, Any]) -> list[str]:
        encrypted = [_ENCRYPTED] if _signs(self._family, reasoning) else []
        return encrypted + ([_LOGPROBS] if "top_logprobs" in knobs else [])


def _signs(family: Family, reasoning: Mapping[str, Any]) -> bool:
    """Whether the model's reasoning comes back signed if that is asked for; others refuse to be asked."""
    thinks = family.thinking is not ThinkingStyle.NONE
    return thinks and (family.is_known or reasoning.get("effort") not in (None, "none"))


def _format(output: OutputFormat) -> dict[str, Any]:
    if output.schema is None:
        return {"type": "json_object"}
    name = _ILLEGAL_IN_NAME.sub("_", output.name)[:_LONGEST_NAME] or "answer"
    strict = output.strict is not False and is_strict(output.schema)
    described = {"description": output.description} if output.description else {}
    return {"type": "json_schema", "name": name, **described, "schema": output.schema, "strict": strict}


def _fitting_identifier(text: str) -> str:
    """The same one always becomes the same."""
    return text if len(text) <= _LONGEST_IDENTIFIER else hashlib.sha256(text.encode()).hexdigest()


def _fitting_length(tokens: int) -> int:
    return max(tokens, _LEAST_OUTPUT)


_FITTING: Mapping[Knob, Callable[[Any], Any]] = {
    Knob.MAX_TOKENS: _fitting_length,
    Knob.USER: _fitting_identifier,
    Knob.PROMPT_CACHE_KEY: _fitting_identifier,
}
_WORDS: Mapping[Knob, frozenset[str]] = {Knob.SERVICE_TIER: _TIERS, Knob.VERBOSITY: _VERBOSITIES}
