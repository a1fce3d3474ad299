"""What a client's generationConfig asks for."""

from collections.abc import Callable, Mapping
from typing import Any

from translator.dialects.gemini.vocabulary import KNOBS, part_of
from translator.losses import Dropped
from translator.messages import Effort, Knob, OutputFormat, Thinking
from translator.reading import MOST_TOKENS, Reader
from translator.schemas import as_json_schema

_JSON, _TEXT = "application/json", "text/plain"
_ELSEWHERE = frozenset(
    {
        "thinkingConfig",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "responseModalities",
        *KNOBS.values(),
    }
)
_LEVELS: Mapping[str, Effort | None] = {
    "THINKING_LEVEL_UNSPECIFIED": None,
    **{word.upper(): word for word in (Effort.MINIMAL, Effort.LOW, Effort.MEDIUM, Effort.HIGH)},
}


_INT32 = 2**31
"""Google's whole numbers end before it."""


def _whole(least: int, most: int = _INT32 - 1) -> Callable[[Reader, str], Any]:
    return lambda reader, name: reader.integer(name, least, most)


def _number(least: float, most: float) -> Callable[[Reader, str], Any]:
    return lambda reader, name: reader.number(name, least, most)


_READ: Mapping[Knob, Callable[[Reader, str], Any]] = {
    Knob.MAX_TOKENS: _whole(1, MOST_TOKENS),
    Knob.TEMPERATURE: _number(0, 2),
    Knob.TOP_P: _number(0, 1),
    Knob.TOP_K: _whole(0),
    Knob.STOP: lambda reader, name: reader.texts(name) or None,
    Knob.SEED: _whole(-_INT32),
    Knob.PRESENCE_PENALTY: _number(-2, 2),
    Knob.FREQUENCY_PENALTY: _number(-2, 2),
    Knob.LOGPROBS: lambda reader, name: reader.boolean(name),
    Knob.TOP_LOGPROBS: _whole(0, 20),
    Knob.CHOICES: _whole(1),
}


def settings(config: Reader, dropped: list[Dropped]) -> Mapping[Knob, Any]:
    dropped += [
        Dropped(config.at(name), "nothing outside Gemini has a word for it")
        for name, value in config.value.items()
        if name not in _ELSEWHERE and value is not None
    ]
    dropped += [
        Dropped(config.at("responseModalities"), f"{word} is not asked for elsewhere")
        for word in config.texts("responseModalities")
        if word.upper() not in ("TEXT", "MODALITY_UNSPECIFIED")
    ]
    found = {knob: read(config, KNOBS[knob]) for knob, read in _READ.items()}
    return {knob: value for knob, value in found.items() if value is not None}


def thinking(config: Reader) -> Thinking | None:
    wish = part_of(config, "thinkingConfig")
    is_shown = wish.boolean("includeThoughts")
    budget = wish.integer("thinkingBudget", -1)
    effort = _effort(wish)
    if budget is not None and effort is not None:
        raise wish.wrong("thinkingBudget", "and thinkingLevel may not both be set.")
    if budget == 0:
        return Thinking(is_on=False)
    if budget is None and effort is None:
        return Thinking(is_on=True, is_shown=True) if is_shown else None
    return Thinking(True, effort, budget if budget != -1 else None, is_shown)


def _effort(wish: Reader) -> Effort | None:
    level = wish.text("thinkingLevel")
    if level is None:
        return None
    effort: Effort | None = Reader({"thinkingLevel": level.upper()}, wish.path).one_of("thinkingLevel", _LEVELS)
    return effort


def output_format(config: Reader, dropped: list[Dropped]) -> OutputFormat | None:
    mime = config.text("responseMimeType")
    own, plain = config.mapping("responseSchema"), config.mapping("responseJsonSchema")
    schema = plain if plain is not None else as_json_schema(own) if own is not None else None
    if mime == _JSON or (mime is None and schema is not None):
        return OutputFormat(schema)
    if mime not in (None, "", _TEXT):
        dropped.append(Dropped(config.at("responseMimeType"), f"answers are text or JSON, not {mime}"))
    return None
