"""Token counts: the prompt's include what came from the cache, the candidates' exclude thoughts.

What tools were shown, `toolUsePromptTokenCount`, stands beside the prompt and is billed as input.
"""

from typing import Any

from msgspec import Struct

from translator.usage import Usage, count_of

Encoded = dict[str, int | list[dict[str, str | int]]]


class Counts(Struct):
    """`usageMetadata`, as far as it counts. Some servers send null or words for a number."""

    promptTokenCount: Any = None  # noqa: N815
    toolUsePromptTokenCount: Any = None  # noqa: N815
    cachedContentTokenCount: Any = None  # noqa: N815
    candidatesTokenCount: Any = None  # noqa: N815
    thoughtsTokenCount: Any = None  # noqa: N815
    promptTokensDetails: Any = None  # noqa: N815
    toolUsePromptTokensDetails: Any = None  # noqa: N815
    cacheTokensDetails: Any = None  # noqa: N815
    candidatesTokensDetails: Any = None  # noqa: N815

    def __bool__(self) -> bool:
        return self.promptTokenCount is not None or self.candidatesTokenCount is not None

    def fresh(self, modality: str) -> int:
        """Of the prompt's tokens of one kind those that came from no cache."""
        shown = _tokens(self.promptTokensDetails, modality) + _tokens(self.toolUsePromptTokensDetails, modality)
        return max(0, shown - _tokens(self.cacheTokensDetails, modality))


def decode_usage(counts: Counts | None) -> Usage | None:
    if not counts:
        return None
    prompt = count_of(counts.promptTokenCount) + count_of(counts.toolUsePromptTokenCount)
    cached = min(prompt, count_of(counts.cachedContentTokenCount))
    audio = min(prompt - cached, counts.fresh("AUDIO"))
    thoughts, said = count_of(counts.thoughtsTokenCount), count_of(counts.candidatesTokenCount)
    return Usage(
        uncached_input=prompt - cached,
        cache_read=cached,
        output=said + thoughts,
        reasoning=thoughts,
        audio_input=audio,
        audio_output=min(said, _tokens(counts.candidatesTokensDetails, "AUDIO")),
        image_input=min(prompt - cached - audio, counts.fresh("IMAGE")),
    )


def encode_usage(usage: Usage) -> Encoded:
    thoughts = min(usage.reasoning, usage.output)
    counts: Encoded = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - thoughts,
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.cache_read:
        counts["cachedContentTokenCount"] = usage.cache_read
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    if usage.audio_input or usage.image_input:
        counts["promptTokensDetails"] = _details(usage.input, AUDIO=usage.audio_input, IMAGE=usage.image_input)
    if usage.audio_output:
        counts["candidatesTokensDetails"] = _details(usage.output - thoughts, AUDIO=usage.audio_output)
    return counts


def _details(total: int, **parts: int) -> list[dict[str, str | int]]:
    """By modality; what is of no other kind is text."""
    kinds = {"TEXT": total - sum(parts.values()), **parts}
    return [{"modality": kind, "tokenCount": count} for kind, count in kinds.items() if count > 0]


def _tokens(details: Any, modality: str) -> int:
    rows = details if isinstance(details, list) else ()
    return sum(
        count_of(row.get("tokenCount")) for row in rows if isinstance(row, dict) and row.get("modality") == modality
    )
