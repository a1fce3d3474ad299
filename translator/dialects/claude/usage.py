"""Anthropic's token counts: `input_tokens` leaves out what was read from or written to the cache."""

from collections.abc import Mapping
from typing import Any

from translator.usage import Usage

Counts = Mapping[str, Any]


def decode_usage(counts: Counts | None) -> Usage | None:
    """None where the vendor sent no counts, or zeros alone."""
    if not counts:
        return None
    output = _count(counts, "output_tokens")
    usage = Usage(
        uncached_input=_count(counts, "input_tokens"),
        cache_read=_count(counts, "cache_read_input_tokens"),
        cache_write=_count(counts, "cache_creation_input_tokens"),
        output=output,
        reasoning=min(output, _count(_details(counts), "thinking_tokens")),
    )
    return usage if usage.input or usage.output else None


def merged(earlier: Counts, later: Counts | None) -> Counts:
    """A stream's counts so far. Totals are cumulative, so what is counted later replaces; nulls and zeros say nothing.

    Anthropic counts the prompt in message_start and the answer in message_delta, some imitators all in the latter.
    """
    if not later:
        return earlier
    return {**earlier, **{name: value for name, value in later.items() if value}}


def encode_usage(usage: Usage | None) -> dict[str, Any]:
    """Zeros where nothing was counted: clients require the member."""
    counted = usage or Usage()
    counts: dict[str, Any] = {
        "input_tokens": counted.uncached_input,
        "cache_creation_input_tokens": counted.cache_write,
        "cache_read_input_tokens": counted.cache_read,
        "output_tokens": counted.output,
    }
    if counted.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": counted.reasoning}
    return counts


def _count(counts: Counts, name: str) -> int:
    value = counts.get(name)
    return value if type(value) is int and value > 0 else 0


def _details(counts: Counts) -> Counts:
    details = counts.get("output_tokens_details")
    return details if isinstance(details, dict) else {}
