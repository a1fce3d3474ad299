"""Token counts in OpenAI's meaning: the prompt includes what came from a cache, the completion what was thought."""

from collections.abc import Mapping
from typing import Any

from translator.usage import Usage, cost_of, count_of, details_of


def decode_usage(usage: Any) -> Usage | None:
    """None where nothing was sent. Vendors spell the cached part in several ways.

    Some leave what was thought out of the completion; their total tells.
    """
    if not isinstance(usage, dict) or not usage:
        return None
    prompt, completion = details_of(usage, "prompt_tokens_details"), details_of(usage, "completion_tokens_details")
    total = count_of(usage.get("prompt_tokens"))
    cached = min(total, _first(prompt.get("cached_tokens"), usage, "prompt_cache_hit_tokens", "cached_tokens"))
    written = min(total - cached, _first(prompt.get("cache_write_tokens"), prompt, "cache_creation_tokens"))
    output = count_of(usage.get("completion_tokens"))
    reasoning = count_of(completion.get("reasoning_tokens"))
    if reasoning and total + output + reasoning == count_of(usage.get("total_tokens")):
        output += reasoning
    audio, images = fresh_media(prompt, total - cached - written)
    return Usage(
        uncached_input=total - cached - written,
        cache_read=cached,
        cache_write=written,
        output=output,
        reasoning=min(reasoning, output),
        audio_input=audio,
        audio_output=min(output, count_of(completion.get("audio_tokens"))),
        image_input=images,
        vendor_cost=cost_of(usage),
    )


def fresh_media(prompt: Mapping[str, Any], uncached: int) -> tuple[int, int]:
    """Tokens of audio and of images in a prompt of which that many tokens came from no cache."""
    cached = details_of(prompt, "cached_tokens_details")
    audio, images = (
        max(0, count_of(prompt.get(name)) - count_of(cached.get(name))) for name in ("audio_tokens", "image_tokens")
    )
    audio = min(audio, uncached)
    return audio, min(images, uncached - audio)


def latest(known: Usage | None, usage: Any) -> Usage | None:
    """Of counts that come again and again the last ones, unless they count nothing."""
    found = decode_usage(usage)
    return found if found or known is None else known


def encode_usage(usage: Usage) -> dict[str, Any]:
    prompt = {"cached_tokens": usage.cache_read}
    further = {
        "cache_write_tokens": usage.cache_write,
        "audio_tokens": usage.audio_input,
        "image_tokens": usage.image_input,
    }
    completion = {"reasoning_tokens": usage.reasoning}
    if usage.audio_output:
        completion["audio_tokens"] = usage.audio_output
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": prompt | {name: count for name, count in further.items() if count},
        "completion_tokens_details": completion,
    }


def _first(preferred: Any, elsewhere: Mapping[str, Any], *names: str) -> int:
    return next(filter(None, map(count_of, (preferred, *map(elsewhere.get, names)))), 0)
