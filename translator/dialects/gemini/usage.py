"""Token counts: the prompt's include what came from the cache, the candidates' exclude thoughts."""

from typing import Any

from msgspec import Struct

from translator.usage import Usage


class Counts(Struct):
    """`usageMetadata`, as far as it counts. Some servers send null or words for a number."""

    promptTokenCount: Any = None  # noqa: N815
    toolUsePromptTokenCount: Any = None  # noqa: N815
    cachedContentTokenCount: Any = None  # noqa: N815
    candidatesTokenCount: Any = None  # noqa: N815
    thoughtsTokenCount: Any = None  # noqa: N815

    def __bool__(self) -> bool:
        return self.promptTokenCount is not None or self.candidatesTokenCount is not None


def decode_usage(counts: Counts | None) -> Usage | None:
    if not counts:
        return None
    prompt = _count(counts.promptTokenCount) + _count(counts.toolUsePromptTokenCount)
    cached = min(prompt, _count(counts.cachedContentTokenCount))
    thoughts = _count(counts.thoughtsTokenCount)
    output = _count(counts.candidatesTokenCount) + thoughts
    return Usage(uncached_input=prompt - cached, cache_read=cached, output=output, reasoning=thoughts)


def encode_usage(usage: Usage) -> dict[str, int]:
    thoughts = min(usage.reasoning, usage.output)
    counts = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - thoughts,
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.cache_read:
        counts["cachedContentTokenCount"] = usage.cache_read
    if thoughts:
        counts["thoughtsTokenCount"] = thoughts
    return counts


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
