"""Laws of every crossing of answers: 4 vendors, whole or in a stream cut anywhere, to clients of 5 dialects."""

import json
import random
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.bench import translation
from tests.grammars import Seen, read
from tests.strategies import answers, event_streams, examples
from tests.vendors import (
    CALLS,
    CELLS,
    CITY,
    PIECES,
    REPLY,
    SAID,
    SOURCES,
    TARGETS,
    TEXT,
    cross,
    crossing,
    pass_on,
    stream,
    whole,
)
from translator import restoring
from translator.crossing import StreamReader, read_whole
from translator.dialect import Dialect
from translator.dialects import DIALECTS
from translator.events import Event, fold, unfold
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Finish, Part, Reasoning, Refusal, Text, ToolCall
from translator.toolbox import Toolbox

NO_TOOLS = Toolbox()
cells = pytest.mark.parametrize(("source", "target"), CELLS, ids=["-".join(cell) for cell in CELLS])
sources = pytest.mark.parametrize("source", SOURCES)
targets = pytest.mark.parametrize("target", TARGETS)

FINISHES = {  # of an answer with calls
    "openai": "tool_calls",
    "claude": "tool_use",
    "gemini": "STOP",
    "responses": "completed",
    "ollama": "stop",
}


def encoded(target: str, events: Iterable[Event]) -> bytes:
    encoder = DIALECTS[Dialect(target)].make_stream_encoder(REPLY)
    return b"".join(encoder.feed(event) for event in restoring.restore(events, NO_TOOLS, REPLY.id))


# -- what arrives -----------------------------------------------------------------------------------------------------


@cells
def test_everything_said_arrives_in_every_cell(source: str, target: str) -> None:
    seen = read(target, cross(source, target, stream(source)))
    assert (seen.text, seen.thinking) == (TEXT, SAID["thinking"])
    assert seen.names() == ["get_weather", "get_time"] and seen.arguments() == [{"city": CITY, "days": 3}, {}]
    assert seen.finish == FINISHES[target]
    assert sorted(counts(seen.usage)) == sorted(counts(read(target, cross("openai", target, stream("openai"))).usage))


def counts(usage: dict[str, Any]) -> list[int]:
    return [count for value in usage.values() for count in (counts(value) if isinstance(value, dict) else [value])]


@cells
def test_a_whole_answer_says_the_same_as_a_stream(source: str, target: str) -> None:
    encode = DIALECTS[Dialect(target)].encode_response
    one = encode(plain(fold(reader_events(source, stream(source)))), REPLY)
    other = encode(plain(read_whole(Dialect(source), whole(source), NO_TOOLS, REPLY.id)), REPLY)
    assert one == other == json.loads(json.dumps(one))


def reader_events(source: str, chunks: Iterable[bytes]) -> Iterable[Event]:
    reader = StreamReader(Dialect(source), NO_TOOLS, REPLY.id)
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.finish()


FACTS: dict[str, dict[str, Any]] = {
    "all": {},
    "no calls": {"calls": ()},
    "one call, no words": {"calls": CALLS[:1], "thinking": "", "signature": ""},
    "words": {"calls": (), "thinking": "", "signature": ""},
}


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
@sources
def test_a_stream_adds_up_to_the_whole_answer(source: str, facts: dict[str, Any]) -> None:
    streamed = fold(reader_events(source, stream(source, **facts)))
    assert plain(streamed) == plain(read_whole(Dialect(source), whole(source, **facts), NO_TOOLS, REPLY.id))


def plain(answer: Answer) -> Answer:
    """With arguments in one spelling."""

    def spelled(part: Part) -> Part:
        if not isinstance(part, ToolCall):
            return part
        return replace(part, arguments=json.dumps(json.loads(part.arguments), sort_keys=True))

    return replace(answer, parts=tuple(map(spelled, answer.parts)))


@examples(25)
@given(st.sampled_from(["claude", "gemini", "openai"]).flatmap(answers))
@targets
def test_any_answer_is_told_whole_in_a_stream(target: str, answer: Answer) -> None:
    restored = fold(restoring.restore(unfold(answer), NO_TOOLS, REPLY.id))
    assert_same(target, read(target, encoded(target, unfold(answer))), restored)


@examples(60)
@given(event_streams())
@targets
def test_any_events_make_a_legal_stream(target: str, events: list[Event]) -> None:
    assert_same(target, read(target, encoded(target, events)), fold(restoring.restore(events, NO_TOOLS, REPLY.id)))


def words(*texts: str) -> str:
    """Without white space: where a dialect has no blocks, paragraphs stand between them."""
    return "".join("".join(texts).split())


def assert_same(target: str, seen: Seen, answer: Answer) -> None:
    assert words(seen.text) == words(*(part.text for part in answer.parts if isinstance(part, Text | Refusal)))
    assert words(seen.thinking) == words(*(part.text for part in answer.parts if isinstance(part, Reasoning)))
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    assert seen.names() == [call.name for call in calls]
    assert seen.arguments() == [json.loads(call.arguments) for call in calls]
    assert seen.finish and not seen.error
    if answer.finish is Finish.TOOL_CALLS:
        assert seen.finish == FINISHES[target]


# -- how it is cut ----------------------------------------------------------------------------------------------------

SPELLINGS = {
    "LF": lambda raw: raw,
    "CRLF": lambda raw: raw.replace(b"\n", b"\r\n"),
    "CR": lambda raw: raw.replace(b"\n", b"\r"),
    "no space": lambda raw: raw.replace(b"data: ", b"data:"),
    "byte order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "comments": lambda raw: b": open\n\n" + raw.replace(b"\n\n", b"\n\n: ping\n\n"),
    "ids": lambda raw: raw.replace(b"data: ", b"id: 7\nretry: 100\ndata: "),
    "no last line end": lambda raw: raw.removesuffix(b"\n"),
    "no last blank line": lambda raw: raw.removesuffix(b"\n\n"),
    "garbage": lambda raw: raw.replace(b"\n\n", b'\n\ndata: {"\n\nnonsense\n\ndata: [3]\n\ndata: \xff\xfe\n\n'),
    "unknown events": lambda raw: raw.replace(b"\n\n", b'\n\nevent: news\ndata: {"type":"news"}\n\n'),
    "empty events": lambda raw: raw.replace(b"\n\n", b"\n\nevent: news\n\ndata:\n\n"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@sources
def test_every_spelling_of_a_stream_has_the_same_events(source: str, spelling: str) -> None:
    plain = b"".join(stream(source))
    spelled = SPELLINGS[spelling](plain)
    expected = [*reader_events(source, [plain])]
    assert [*reader_events(source, [spelled])] == expected
    assert [*reader_events(source, [spelled[at : at + 1] for at in range(len(spelled))])] == expected


@pytest.mark.parametrize("spelling", ["LF", "CRLF", "CR"])
@sources
def test_a_cut_at_any_byte_changes_no_event(source: str, spelling: str) -> None:
    raw = SPELLINGS[spelling](b"".join(stream(source, "é🙂", thinking="", calls=(), signature="")))
    expected = [*reader_events(source, [raw])]
    for cut in range(len(raw)):
        assert [*reader_events(source, [raw[:cut], raw[cut:]])] == expected, cut


@examples(8)
@given(st.data())
@cells
def test_any_cutting_gives_the_client_the_same_bytes(source: str, target: str, data: st.DataObject) -> None:
    raw = b"".join(stream(source))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=12)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert cross(source, target, pieces) == cross(source, target, [raw])
    assert pass_on(source, pieces) == pass_on(source, [raw])


# -- how it fails -----------------------------------------------------------------------------------------------------

ENDS = {
    "openai": b'"finish_reason":"tool_calls"',
    "claude": b'"stop_reason":"tool_use"',
    "gemini": b'"finishReason":"STOP"',
    "responses": b"response.completed",
}


def unfinished(source: str) -> list[list[bytes]]:
    """The stream cut after each event that does not finish it."""
    chunks = stream(source)
    last = next(number for number, chunk in enumerate(chunks) if ENDS[source] in chunk)
    return [chunks[:count] for count in range(last + 1)]


@cells
def test_a_stream_that_is_cut_never_looks_finished(source: str, target: str) -> None:
    for chunks in unfinished(source):
        told = told_or_refused(source, target, chunks)
        if told is not None:
            assert told.error and not told.finish, len(chunks)


def told_or_refused(source: str, target: str, chunks: list[bytes]) -> Seen | None:
    """What the client reads; None where the upstream's answer was refused before a word of it was passed on."""
    try:
        return read(target, cross(source, target, chunks))
    except UpstreamComplaint:
        return None


@sources
def test_nor_does_one_that_is_passed_on_as_it_is(source: str) -> None:
    for chunks in unfinished(source):
        with suppress(UpstreamComplaint):
            raw = pass_on(source, chunks)
            assert b"[DONE]" not in raw and ENDS[source] not in raw and b"message_stop" not in raw
            assert b"error" in raw


@cells
def test_a_cut_in_the_middle_of_an_event_is_a_cut(source: str, target: str) -> None:
    chunks = unfinished(source)[-1]
    seen = read(target, cross(source, target, [*chunks[:-1], chunks[-1][:-20]]))
    assert seen.error and not seen.finish


@cells
def test_a_failure_at_any_moment_ends_the_stream_as_failed(source: str, target: str) -> None:
    for chunks in unfinished(source):
        made = crossing(source, target)
        raw = b"".join(map(made.feed, chunks)) + made.fail(503, "The upstream went away.")
        seen = read(target, raw)
        assert seen.error == "The upstream went away." and not seen.finish
        assert made.is_done and made.finish() == b""


ERRORS = {
    "openai": (b'data: {"error":{"message":"Slow down.","type":"requests","code":"rate_limit_exceeded"}}\n\n', 429),
    "claude": (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Slow down."}}\n\n',
        529,
    ),
    "gemini": (b'data: {"error":{"code":429,"message":"Slow down.","status":"RESOURCE_EXHAUSTED"}}\n\n', 429),
    "responses": (
        b'event: error\ndata: {"type":"error","code":"rate_limit_exceeded","message":"Slow down.","param":null}\n\n',
        429,
    ),
}


@cells
def test_an_error_inside_a_stream_is_the_clients_own_kind_of_error(source: str, target: str) -> None:
    frame, status = ERRORS[source]
    with pytest.raises(UpstreamComplaint) as complaint:
        cross(source, target, [frame])
    assert complaint.value.status == status and "Slow down." in complaint.value.message
    chunks = unfinished(source)[-1]
    for pieces in ([*chunks, frame], [b"".join(chunks) + frame]):
        seen = read(target, cross(source, target, pieces))
        assert "Slow down." in seen.error and not seen.finish and seen.text == TEXT


# -- garbage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@sources
def test_flipped_bytes_harm_nobody(source: str, seed: int) -> None:
    """An answer, an error, or an honest refusal: for 10,000 streams in all, each with a few bytes changed."""
    dice = random.Random(f"{source} {seed}")
    raw = b"".join(stream(source))
    for number in range(625):
        broken = bytearray(raw)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(len(raw))] = dice.choice([dice.randrange(256), *b'"{}[],:\\\n\r 0'])
        target = TARGETS[number % len(TARGETS)]
        told = told_or_refused(source, target, [bytes(broken)])
        assert told is None or told.finish or told.error


@examples(150)
@given(st.sampled_from(CELLS), st.binary(max_size=200))
def test_noise_is_no_answer(cell: tuple[str, str], noise: bytes) -> None:
    with pytest.raises(UpstreamComplaint):
        cross(*cell, [noise])


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


@examples(60)
@given(st.data())
@sources
def test_a_member_of_another_kind_harms_nobody(source: str, data: st.DataObject) -> None:
    """Somewhere in an event, or in a whole answer, stands a value that its vendor never sends."""
    chunks = stream(source, *PIECES[:1])
    number = data.draw(st.integers(0, len(chunks) - 1))
    name, mark, text = chunks[number].decode().partition("data: ")
    value = whole(source) if mark and text.strip() == "[DONE]" else json.loads(text)
    changed = replaced(value, data)
    broken = f"{name}data: {json.dumps(changed)}\n\n".encode()
    pieces = [*chunks[:number], broken, *chunks[number + 1 :]]
    told_or_refused(source, data.draw(st.sampled_from(TARGETS)), pieces)
    with suppress(UpstreamComplaint):
        pass_on(source, pieces)
    with suppress(UpstreamComplaint):
        changed = replaced(whole(source), data)
        read_whole(Dialect(source), changed if isinstance(changed, dict) else {}, NO_TOOLS, REPLY.id)


def replaced(value: Any, data: st.DataObject) -> Any:
    """The value with another in one place, somewhere down a path drawn at random."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 4)) == 0:
        return data.draw(JSON)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = data.draw(st.sampled_from(keys))
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = replaced(value[key], data)
    return copy


# -- cost -------------------------------------------------------------------------------------------------------------


@cells
def test_long_arguments_cost_no_more_than_their_length(source: str, target: str) -> None:
    """1 MB in 10,000 pieces takes about ten times as long as 100 KB in 1,000; a hundred times would be quadratic."""
    short, long = (translation.arguments(source, deltas) for deltas in (1_000, 10_000))
    base = translation.seconds(source, target, short, rounds=3)
    assert translation.seconds(source, target, long, rounds=1) < 30 * base + 0.02
