"""Anthropic's token counts: `input_tokens` leaves out what was read from or written to the cache."""

from collections.abc import Mapping
from typing import Any

from translator.usage import Usage, cost_of, count_of, details_of

Counts = Mapping[str, Any]

FIVE_MINUTES = "ephemeral_5m_input_tokens"
ONE_HOUR = "ephemeral_1h_input_tokens"


def decode_usage(counts: Counts | None) -> Usage | None:
    """None where the vendor sent no counts, or zeros alone."""
    if not counts:
        return None
    kept = details_of(counts, "cache_creation")
    hour = count_of(kept.get(ONE_HOUR))
    output = count_of(counts.get("output_tokens"))
    usage = Usage(
        uncached_input=count_of(counts.get("input_tokens")),
        cache_read=count_of(counts.get("cache_read_input_tokens")),
        cache_write=max(count_of(counts.get("cache_creation_input_tokens")), hour + count_of(kept.get(FIVE_MINUTES))),
        cache_write_1h=hour,
        output=output,
        reasoning=min(output, count_of(details_of(counts, "output_tokens_details").get("thinking_tokens"))),
        vendor_cost=cost_of(counts),
    )
    return usage or None


def merged(earlier: Counts, later: Counts | None) -> Counts:
    """A stream's counts so far. Totals are cumulative, so what is counted later replaces; nulls and zeros say nothing.

    Anthropic counts the prompt in message_start and the answer in message_delta, some imitators all in the latter.
    """
    if not later:
        return earlier
    return {**earlier, **{name: value for name, value in later.items() if _says_something(value)}}


def _says_something(value: Any) -> bool:
    return any(value.values()) if isinstance(value, dict) else bool(value)


def encode_usage(usage: Usage | None) -> dict[str, Any]:
    """Zeros where nothing was counted: clients require the member."""
    counted = usage or Usage()
    counts: dict[str, Any] = {
        "input_tokens": counted.uncached_input,
        "cache_creation_input_tokens": counted.cache_write,
        "cache_read_input_tokens": counted.cache_read,
        "output_tokens": counted.output,
    }
    if counted.cache_write_1h:
        hour = min(counted.cache_write_1h, counted.cache_write)
        counts["cache_creation"] = {FIVE_MINUTES: counted.cache_write - hour, ONE_HOUR: hour}
    if counted.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": counted.reasoning}
    return counts
