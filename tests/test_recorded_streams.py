"""The oddities of real vendors' streams, one file each: what every client makes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.grammars import read
from tests.vendors import TARGETS, cross, pass_on
from translator.losses import UpstreamComplaint

RECORDED = Path(__file__).parent / "recorded"
HELLO, WONDER = "Hello world", "I wonder."
SIGNED = "c2lnbmVk"

FINISHES: dict[str, dict[str, str]] = {  # by what happened, each dialect's own word
    "stop": {
        "openai": "stop",
        "claude": "end_turn",
        "gemini": "STOP",
        "responses": "completed",
        "ollama": "stop",
    },
    "calls": {
        "openai": "tool_calls",
        "claude": "tool_use",
        "gemini": "STOP",
        "responses": "completed",
        "ollama": "stop",
    },
    "length": {
        "openai": "length",
        "claude": "max_tokens",
        "gemini": "MAX_TOKENS",
        "responses": "max_output_tokens",
        "ollama": "length",
    },
    "filter": {
        "openai": "content_filter",
        "claude": "refusal",
        "gemini": "SAFETY",
        "responses": "content_filter",
        "ollama": "stop",
    },
}


@dataclass(frozen=True)
class Told:
    """What a client is told of an answer that is whole. `tokens` are those of prompt and answer."""

    text: str = HELLO
    calls: tuple[Any, ...] = ()
    finish: str = "stop"
    thinking: str = ""
    tokens: tuple[int, int] = (20, 5)
    proof: bool = False


def called(*cities: str, **facts: Any) -> Told:
    arguments = tuple({"city": city} for city in cities) or ({},)
    return Told(**({"text": "", "calls": arguments, "finish": "calls"} | facts))


WHOLE: dict[str, Told] = {
    "openai-usage-in-a-chunk-of-its-own": Told(),
    "openai-usage-on-the-finish-chunk": Told(),
    "openai-usage-zero-until-the-end": Told(),
    "openai-usage-null-after-the-real-one": Told(),
    "openai-finished-without-done": Told(),
    "openai-filter-results-first": Told(),
    "openai-processing-comments": Told(),
    "openai-garbage-in-between": Told(),
    "openai-stop-with-calls": called("A"),
    "openai-calls-all-at-index-zero": called("A", "B", "C"),
    "openai-calls-without-index": called("A", "B"),
    "openai-calls-interleaved": called("A", "B"),
    "openai-calls-with-one-id": called("A", "B"),
    "openai-call-name-repeated": called("A"),
    "openai-call-without-arguments": called(),
    "openai-text-after-a-call": called("A", text=HELLO),
    "openai-function-call-of-old": called("A"),
    "openai-think-tags-cut": Told(thinking=WONDER),
    "openai-reasoning-by-another-name": Told(thinking=WONDER),
    "openai-reasoning-content": Told(thinking=WONDER),
    "openai-length": Told(finish="length"),
    "openai-content-filter": Told(finish="filter"),
    "openai-refusal": Told(finish="refusal"),
    "claude-input-tokens-in-the-start-alone": Told(),
    "claude-input-tokens-in-the-end-alone": Told(),
    "claude-cache-tokens-apart": Told(),
    "claude-ping-first": Told(),
    "claude-without-message-stop": Told(),
    "claude-without-event-names": Told(),
    "claude-signature-alone": Told(proof=True),
    "claude-redacted-thinking": Told(proof=True),
    "claude-call-without-input": called(),
    "claude-two-calls": called("A", "B"),
    "claude-input-whole-in-the-start": called("A"),
    "claude-text-whole-in-the-start": Told(),
    "claude-hosted-search": Told(),
    "claude-refusal": Told(finish="filter"),
    "claude-max-tokens": Told(finish="length"),
    "gemini-calls-in-chunks-of-their-own": called("A", "B", "C"),
    "gemini-calls-in-one-chunk": called("A", "B"),
    "gemini-finish-on-every-chunk": Told(),
    "gemini-finish-alone": Told(),
    "gemini-signature-on-an-empty-text": Told(),
    "gemini-thoughts-uncounted": Told(thinking=WONDER),
    "gemini-call-without-args": called(),
    "gemini-wrapped-in-response": Told(),
    "gemini-max-tokens": Told(finish="length"),
    "gemini-safety": Told(finish="filter"),
    "gemini-blocked-prompt": Told(text="", finish="filter", tokens=(20, 0)),
    "responses-plain": Told(),
    "responses-without-deltas": Told(),
    "responses-end-alone": Told(),
    "responses-end-without-output": Told(),
    "responses-incomplete": Told(finish="length"),
    "responses-filtered": Told(finish="filter"),
    "responses-refusal": Told(finish="refusal"),
    "responses-two-calls": called("A", "B"),
    "responses-two-calls-interleaved": called("A", "B"),
    "responses-call-without-deltas": called("A"),
    "responses-summary-parts": Told(thinking=WONDER, proof=True),
}
FAILED = {  # what the client is told of an answer that is not
    "openai-error-in-the-middle": "Slow down.",
    "openai-error-with-a-choice": "Slow down.",
    "openai-role-alone": "before the answer was finished",
    "openai-call-cut": "before the answer was finished",
    "claude-overloaded-in-the-middle": "Slow down.",
    "claude-cut-before-its-stop": "before the answer was finished",
    "gemini-error-in-the-middle": "Slow down.",
    "gemini-no-candidates": "",
    "gemini-cut": "before the answer was finished",
    "responses-failed": "Slow down.",
    "responses-cut": "before the answer was finished",
}
targets = pytest.mark.parametrize("target", TARGETS)


def recorded(name: str) -> list[bytes]:
    raw = (RECORDED / f"{name}.sse").read_bytes()
    return [raw[start : start + 100] for start in range(0, len(raw), 100)]


def tokens(target: str, usage: dict[str, Any]) -> tuple[int, int]:
    match target:
        case "openai":
            return usage["prompt_tokens"], usage["completion_tokens"]
        case "claude":
            kept = usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
            return usage["input_tokens"] + kept, usage["output_tokens"]
        case "gemini":
            said = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
            return usage["promptTokenCount"], said
        case "responses":
            return usage["input_tokens"], usage["output_tokens"]
        case _:
            return 20, usage["eval_count"]


@targets
@pytest.mark.parametrize("name", WHOLE)
def test_an_odd_stream_is_told_plainly(name: str, target: str) -> None:
    told, seen = WHOLE[name], read(target, cross(name.partition("-")[0], target, recorded(name)))
    assert (seen.text, seen.thinking) == (told.text, told.thinking)
    assert seen.arguments() == list(told.calls)
    assert tokens(target, seen.usage) == told.tokens
    allowed = ("filter", "stop") if told.finish == "refusal" else (told.finish,)
    assert seen.finish in [FINISHES[finish][target] for finish in allowed]
    assert not told.proof or len(seen.proofs) == 1 or target == "ollama"


@targets
@pytest.mark.parametrize("name", FAILED)
def test_a_stream_that_failed_is_told_as_failed(name: str, target: str) -> None:
    raw, error = or_complaint(lambda: cross(name.partition("-")[0], target, recorded(name)))
    seen = read(target, raw)
    assert not seen.finish
    assert FAILED[name] in (seen.error or error) and (seen.error or error)


@pytest.mark.parametrize("name", FAILED)
def test_nor_does_it_look_finished_when_it_is_passed_on(name: str) -> None:
    raw, error = or_complaint(lambda: pass_on(name.partition("-")[0], recorded(name)))
    assert FAILED[name] in (error or raw.decode()) and (error or b"error" in raw)
    assert not any(end in raw for end in (b"[DONE]", b"message_stop", b"response.completed"))


def or_complaint(telling: Callable[[], bytes]) -> tuple[bytes, str]:
    """What the client is told, or why it was told nothing."""
    try:
        return telling(), ""
    except UpstreamComplaint as complaint:
        return b"", complaint.message


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "gemini-wrapped-in-response"])
def test_an_odd_stream_is_passed_on_whole(name: str) -> None:
    dialect = name.partition("-")[0]
    raw = pass_on(dialect, recorded(name))
    assert b'"error":{' not in raw
    assert dialect != "openai" or raw.endswith(b"data: [DONE]\n\n")


def test_every_recorded_stream_is_in_a_table() -> None:
    assert {path.stem for path in RECORDED.glob("*.sse")} == {*WHOLE, *FAILED}
