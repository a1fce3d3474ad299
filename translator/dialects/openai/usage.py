"""Token counts in OpenAI's meaning: the prompt includes what came from a cache, the completion what was thought."""

from collections.abc import Mapping
from typing import Any

from translator.usage import Usage


def decode_usage(usage: Any) -> Usage | None:
    """None where nothing was counted. Vendors spell the cached part in several ways.

    Some leave what was thought out of the completion; their total tells.
    """
    if not isinstance(usage, dict) or not usage:
        return None
    prompt = _details(usage, "prompt_tokens_details")
    total = _count(usage.get("prompt_tokens"))
    cached = min(total, _first(prompt.get("cached_tokens"), usage, "prompt_cache_hit_tokens", "cached_tokens"))
    written = min(total - cached, _first(prompt.get("cache_write_tokens"), prompt, "cache_creation_tokens"))
    output = _count(usage.get("completion_tokens"))
    reasoning = _count(_details(usage, "completion_tokens_details").get("reasoning_tokens"))
    if reasoning and total + output + reasoning == _count(usage.get("total_tokens")):
        output += reasoning
    return Usage(
        uncached_input=total - cached - written,
        cache_read=cached,
        cache_write=written,
        output=output,
        reasoning=min(reasoning, output),
    )


def latest(known: Usage | None, usage: Any) -> Usage | None:
    """Of counts that come again and again the last ones, unless they count nothing."""
    found = decode_usage(usage)
    if found is None or (known is not None and not found.input and not found.output):
        return known
    return found


def encode_usage(usage: Usage) -> dict[str, Any]:
    prompt: dict[str, int] = {"cached_tokens": usage.cache_read}
    if usage.cache_write:
        prompt["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _details(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    details = usage.get(name)
    return details if isinstance(details, dict) else {}


def _first(preferred: Any, elsewhere: Mapping[str, Any], *names: str) -> int:
    return next(filter(None, map(_count, (preferred, *map(elsewhere.get, names)))), 0)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
