"""Token counts as the Responses API tells them: `input_tokens` is the whole prompt, with what came from the cache."""

from typing import Any

from translator.dialects.openai.usage import fresh_media
from translator.usage import Usage, cost_of, count_of, details_of


def decode_usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict) or not usage:
        return None
    prompt, completion = details_of(usage, "input_tokens_details"), details_of(usage, "output_tokens_details")
    total = count_of(usage.get("input_tokens"))
    cached = min(total, count_of(prompt.get("cached_tokens")))
    written = min(total - cached, count_of(prompt.get("cache_write_tokens")))
    output = count_of(usage.get("output_tokens"))
    audio, images = fresh_media(prompt, total - cached - written)
    return Usage(
        uncached_input=total - cached - written,
        cache_read=cached,
        cache_write=written,
        output=output,
        reasoning=min(output, count_of(completion.get("reasoning_tokens"))),
        audio_input=audio,
        audio_output=min(output, count_of(completion.get("audio_tokens"))),
        image_input=images,
        vendor_cost=cost_of(usage),
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    prompt = {"audio_tokens": usage.audio_input, "image_tokens": usage.image_input}
    completion = {"audio_tokens": usage.audio_output}
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
            **{name: count for name, count in prompt.items() if count},
        },
        "output_tokens": usage.output,
        "output_tokens_details": {
            "reasoning_tokens": min(usage.reasoning, usage.output),
            **{name: count for name, count in completion.items() if count},
        },
        "total_tokens": usage.input + usage.output,
    }
