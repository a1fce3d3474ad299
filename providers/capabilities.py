"""What a request needs of a model, and what a model is known to lack. Pure.

It decides who is asked next once a target has refused a request for want of something. What is not known counts as
there, so a row is only worth writing for models that refuse: a target that would do is worse lost than asked in vain.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from translator.families import family_of
from translator.messages import Media, MediaKind, Message, Request, ToolResult


class Feature(StrEnum):
    IMAGES = "images"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENTS = "documents"
    TOOLS = "tools"
    SCHEMA = "structured output"


_OF_MEDIA = {
    MediaKind.IMAGE: Feature.IMAGES,
    MediaKind.AUDIO: Feature.AUDIO,
    MediaKind.VIDEO: Feature.VIDEO,
    MediaKind.DOCUMENT: Feature.DOCUMENTS,
}


@dataclass(frozen=True, slots=True)
class Needs:
    features: frozenset[Feature] = frozenset()
    tokens: int = 0
    """Of the prompt, as estimated."""


class Known(Protocol):
    """What must be known of a model: `snapshot.ModelFacts`."""

    @property
    def upstream_id(self) -> str: ...
    @property
    def context_window(self) -> int | None: ...


_TEXT_ALONE = frozenset({Feature.IMAGES, Feature.AUDIO, Feature.VIDEO, Feature.DOCUMENTS})
_NO_SOUND = frozenset({Feature.AUDIO, Feature.VIDEO})

LACKING: tuple[tuple[str, frozenset[Feature]], ...] = (
    # docs.z.ai/guides/vlm: those with a v in their number see.
    (r"glm-?\d(\.\d)?v", _NO_SOUND),
    (r"glm-?\d", _TEXT_ALONE),
    # platform.moonshot.ai/docs/models: k2.5 and the vision previews see.
    (r"kimi-k2($|-)|moonshot-v1-(8k|32k|128k|auto)$", _TEXT_ALONE),
    (r"deepseek-(chat|reasoner|coder|r1|v[23])", _TEXT_ALONE),
    (r"minimax-m[12]", _TEXT_ALONE),
    (r"qwen-?[23][\w.]*-(coder|max|\d+b)|qwq", _TEXT_ALONE),
    (r"gpt-oss|gpt-3\.5|gpt-4(-0\d+|-32k)?$|o1-mini|o3-mini|o1-preview", _TEXT_ALONE),
    (r"codestral|devstral|ministral|mistral-(nemo|7b|large-2[45]\d\d)|mixtral", _TEXT_ALONE),
    (r"llama-?v?3(?!.*vision)", _TEXT_ALONE),
    (r"command-r", _TEXT_ALONE),
    (r"grok-(3|code)", _TEXT_ALONE),
    # docs.perplexity.ai: it searches by itself, and calls nobody's tools.
    (r"sonar", _NO_SOUND | {Feature.TOOLS}),
    (r"claude-(2|instant)", _TEXT_ALONE),
    (r"claude-", _NO_SOUND),
    (r"gpt-(4|5)[\w.-]*audio", frozenset({Feature.IMAGES, Feature.VIDEO})),
    (r"gpt-(4|5)|\bo[134](-|$)|grok-|llama-4", _NO_SOUND),
)
"""By a model's name, as in `translator.families`: the first row that fits."""

_ROWS = tuple((re.compile(pattern), lacking) for pattern, lacking in LACKING)


def needs_of(request: Request, tokens: int = 0) -> Needs:
    """`tokens` is an estimate of the prompt's, by `translator.tokens`."""
    features = {_OF_MEDIA[media.kind] for media in _media(request.messages)}
    if request.tools:
        features.add(Feature.TOOLS)
    if request.output is not None and request.output.schema is not None:
        features.add(Feature.SCHEMA)
    return Needs(frozenset(features), tokens)


def _media(messages: Iterable[Message]) -> Iterable[Media]:
    parts = [part for message in messages for part in message.parts]
    within = [part for result in parts if isinstance(result, ToolResult) for part in result.content]
    return [part for part in (*parts, *within) if isinstance(part, Media)]


def lacks(model: Known, needs: Needs) -> list[str]:
    """What the request needs and the model is known to lack, in words; empty where it may be asked."""
    found = [feature.value for feature in sorted(needs.features & _lacking(model.upstream_id))]
    if (window := model.context_window) and needs.tokens > window:
        found.append(f"a context window of about {needs.tokens:,} tokens (it has {window:,})")
    return found


@lru_cache(maxsize=4096)
def _lacking(upstream_id: str) -> frozenset[Feature]:
    name = upstream_id.lower().rpartition("/")[2]
    lacking = next((lacking for pattern, lacking in _ROWS if pattern.search(name)), frozenset[Feature]())
    takes_schema = family_of(upstream_id, "openai").takes_schema
    return lacking if takes_schema else lacking | {Feature.SCHEMA}
