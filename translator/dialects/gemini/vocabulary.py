"""Words of the Gemini API that stand for ours, used in both directions."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from translator.families import family_of
from translator.messages import Choice, Finish, Knob, Signature
from translator.reading import Reader
from translator.signatures import untagged_base64

MAKER = "gemini"
"""Whose signatures stand untagged in this dialect."""

SKIP_VALIDATION = "skip_thought_signature_validator"
"""Google's own word for "this call was not made by Gemini" (ai.google.dev/gemini-api/docs/thought-signatures)."""

_MARKERS = frozenset(
    {
        *(SKIP_VALIDATION, "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="),
        *("context_engineering_is_the_way_to_go", "Y29udGV4dF9lbmdpbmVlcmluZ19pc190aGVfd2F5X3RvX2dv"),
    }
)
"""What clients write in the place of a signature they do not have; plain, and as SDKs spell bytes."""

FINISHES: Mapping[str, Finish] = {"STOP": Finish.STOP, "MAX_TOKENS": Finish.LENGTH}
"""All others mean that the answer was withheld; see FAILURES."""
FINISH_REASONS: Mapping[Finish, str] = {Finish.LENGTH: "MAX_TOKENS", Finish.FILTER: "SAFETY"}
"""All others are STOP, also where tools were called."""
FAILURES = frozenset(
    {
        *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
        *("MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"),
    }
)
"""Finish reasons of an answer that went wrong at the vendor's; another attempt may do better."""

MODES: Mapping[str, Choice | None] = {
    "MODE_UNSPECIFIED": None,
    "AUTO": Choice.AUTO,
    "VALIDATED": Choice.AUTO,
    "ANY": Choice.REQUIRED,
    "NONE": Choice.NONE,
}
KNOBS: Mapping[Knob, str] = {
    Knob.MAX_TOKENS: "maxOutputTokens",
    Knob.TEMPERATURE: "temperature",
    Knob.TOP_P: "topP",
    Knob.TOP_K: "topK",
    Knob.STOP: "stopSequences",
    Knob.SEED: "seed",
    Knob.PRESENCE_PENALTY: "presencePenalty",
    Knob.FREQUENCY_PENALTY: "frequencyPenalty",
    Knob.LOGPROBS: "responseLogprobs",
    Knob.TOP_LOGPROBS: "logprobs",
    Knob.CHOICES: "candidateCount",
}
"""Members of generationConfig."""

UNPARSED = "partial_json"
"""Under this name go arguments that are no JSON object, since `args` has to be one."""
_DEEPEST = 240
"""Levels of JSON that may stand inside a request; orjson writes 254."""

_AFTER_UNDERSCORE = re.compile(r"_+([a-zA-Z0-9])")


def finish_of(reason: str) -> Finish:
    """An unknown reason is the vendor's own for ending an answer: no client may take that for a finished one."""
    return FINISHES.get(reason, Finish.FILTER)


def signature_of(text: str | None) -> Signature | None:
    """The signature in a `thoughtSignature` that a client sends back; none where a marker stands in its place."""
    return untagged_base64(text, MAKER) if text and text not in _MARKERS else None


def maker_of(model: str) -> str:
    """Whose signatures an answer of this model bears: others than Google's speak this dialect too."""
    return family_of(model, MAKER).maker


def arguments_object(arguments: str) -> dict[str, Any]:
    """A call's arguments as the object that `args` has to be."""
    if not arguments:
        return {}
    found = json_in(arguments)
    return found if isinstance(found, dict) else {UNPARSED: arguments}


def json_in(text: str) -> Any:
    """The value that the text is the JSON of; None where it is none, or one too deep to be written again."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if text.count("{") + text.count("[") < _DEEPEST:
        return found
    return found if _depth(found) < _DEEPEST else None


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth < _DEEPEST:
        depth += 1
        level = [inner for each in level for inner in _inner(each) if isinstance(inner, dict | list)]
    return depth


def _inner(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


# -- the two spellings of member names --------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _camel(name: str) -> str:
    return _AFTER_UNDERSCORE.sub(lambda match: match[1].upper(), name.lstrip("_"))


def camel(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object with its members named as Google's documentation does; both spellings are valid."""
    if not any("_" in name for name in value):
        return value
    plain = {name: member for name, member in value.items() if "_" not in name}
    return {**{_camel(name): member for name, member in value.items() if "_" in name}, **plain}


def part_of(reader: Reader, name: str) -> Reader:
    """The object under the name; an empty one where it is missing."""
    return Reader(camel(reader.mapping(name) or {}), reader.at(name))


def parts_of(reader: Reader, name: str) -> list[Reader]:
    """The objects in the list under the name. Google takes one alone for a list of one, and its examples show it."""
    alone = reader.value.get(name)
    if isinstance(alone, dict):
        return [Reader(camel(alone), reader.at(name))]
    return [Reader(camel(item.value), item.path) for item in reader.objects(name)]
