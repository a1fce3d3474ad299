"""Token counts as the Responses API tells them: `input_tokens` is the whole prompt, with what came from the cache."""

from typing import Any

from translator.usage import Usage


def decode_usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict) or not usage:
        return None
    prompt, completion = _details(usage, "input_tokens_details"), _details(usage, "output_tokens_details")
    total = _count(usage.get("input_tokens"))
    cached = min(total, _count(prompt.get("cached_tokens")))
    written = min(total - cached, _count(prompt.get("cache_write_tokens")))
    output = _count(usage.get("output_tokens"))
    return Usage(
        uncached_input=total - cached - written,
        cache_read=cached,
        cache_write=written,
        output=output,
        reasoning=min(output, _count(completion.get("reasoning_tokens"))),
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": min(usage.reasoning, usage.output)},
        "total_tokens": usage.input + usage.output,
    }


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    details = usage.get(name)
    return details if isinstance(details, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
