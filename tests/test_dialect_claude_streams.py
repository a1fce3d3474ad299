"""Anthropic Messages, streams: to us, from us, and passed on."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.claude_wire import (
    CONTENT,
    COUNTS,
    HELLO,
    REPLY,
    STOP,
    USAGE,
    closed,
    delta,
    ended,
    event,
    message,
    opened,
    start,
)
from translator import sse
from translator.dialect import ClientRequest, Dialect
from translator.dialects import claude
from translator.events import Begin, Close, Delta, End, Event, Open, fold, unfold
from translator.json_body import JsonBody
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Finish, Media, MediaKind, Part, Reasoning, Refusal, Signature, Text, ToolCall
from translator.relay import Relay
from translator.restoring import restore
from translator.toolbox import Toolbox
from translator.usage import Usage


def decoded(*data: bytes) -> list[Event]:
    decoder = claude.StreamDecoder()
    return [each for piece in data for each in decoder.feed(piece)] + decoder.finish()


def encoded(events: Iterable[Event]) -> bytes:
    return b"".join(map(claude.make_stream_encoder(REPLY).feed, events))


def data_of(stream: bytes) -> list[bytes]:
    return [sse.data(frame) for frame in sse.split(stream)]


# -- streams to us ----------------------------------------------------------------------------------------------------


def test_a_stream_adds_up_to_the_whole_answer() -> None:
    events = decoded(
        start(usage={**COUNTS, "output_tokens": 1}),
        opened(0, "thinking", thinking="", signature=""),
        event("ping"),
        delta(0, "thinking_delta", thinking="Look."),
        delta(0, "signature_delta", signature="S1"),
        closed(0),
        opened(1, "redacted_thinking", data="R1"),
        closed(1),
        opened(2, "text", text=""),
        delta(2, "text_delta", text="Search"),
        delta(2, "citations_delta", citation={}),
        delta(2, "text_delta", text="ing."),
        closed(2),
        opened(3, "server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        delta(3, "input_json_delta", partial_json='{"query":"q"}'),
        closed(3),
        opened(4, "web_search_tool_result", tool_use_id="srvtoolu_1", content=[]),
        closed(4),
        opened(5, "tool_use", id="toolu_1", name="tide", input={}),
        delta(5, "input_json_delta", partial_json=""),
        delta(5, "input_json_delta", partial_json='{"port":'),
        delta(5, "input_json_delta", partial_json='"Porto"}'),
        closed(5),
        opened(6, "tool_use", id="toolu_2", name="wind", input={}),
        closed(6),
        ended("tool_use", usage={"output_tokens": 11}),
        STOP,
    )
    restored = fold(restore(events, Toolbox(), "x"))
    assert restored == claude.decode_response(message(*CONTENT, stop_reason="tool_use"))


@pytest.mark.parametrize(
    ("first", "last", "usage"),
    [
        ({"input_tokens": 8, "output_tokens": 1}, {"output_tokens": 11}, Usage(8, output=11)),
        ({"input_tokens": 0, "output_tokens": 0}, COUNTS, USAGE),
        (COUNTS, {"input_tokens": None, "cache_read_input_tokens": 0, "output_tokens": 11}, USAGE),
        (COUNTS, None, USAGE),
        (None, None, None),
    ],
    ids=["both ends", "zeros first", "nulls last", "first alone", "none"],
)
def test_counts_are_found_wherever_a_vendor_puts_them(
    first: dict[str, Any] | None, last: dict[str, Any] | None, usage: Usage | None
) -> None:
    events = decoded(start(usage=first), *HELLO[1:], ended(usage=last), STOP)
    assert fold(events).usage == usage


FORGIVEN: dict[str, tuple[bytes, ...]] = {
    "no beginning": (opened(0, "text", text=""), delta(0, "text_delta", text="Hello"), closed(0), ended(), STOP),
    "no announcement": (start(), delta(0, "text_delta", text="Hello"), ended(), STOP),
    "no end mark": (*HELLO, ended()),
    "no reason": (*HELLO, closed(0), STOP),
    "garbage": (*HELLO, b"{", b"[]", b'"a"', b'{"type":"new_thing"}', b'{"index":"x"}', ended(), STOP, b"more"),
    "text at once": (start(), opened(0, "text", text="Hello"), closed(0), ended(), STOP),
}


@pytest.mark.parametrize("data", FORGIVEN.values(), ids=FORGIVEN)
def test_a_sloppy_stream_is_understood(data: tuple[bytes, ...]) -> None:
    events = decoded(*data)
    assert isinstance(events[0], Begin) and isinstance(events[-1], End)
    assert fold(restore(events, Toolbox(), "x")).parts == (Text("Hello"),)
    assert events[-1].finish is Finish.STOP


def test_blocks_of_one_index_are_told_apart_and_thoughts_never_become_text() -> None:
    events = decoded(
        start(),
        opened(0, "thinking", thinking=""),
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "text_delta", text="Hello"),
        opened(0, "tool_use", id="a", name="f", input={"n": 1}),
        closed(0),
        ended("tool_use"),
        STOP,
    )
    parts = fold(restore(events, Toolbox(), "x")).parts
    assert parts == (Reasoning("hm"), Text("Hello"), ToolCall("a", "f", '{"n":1}'))


def test_arguments_that_come_whole_and_in_pieces_are_told_once() -> None:
    events = decoded(
        start(),
        opened(0, "tool_use", id="a", name="f", input={"n": 1}),
        delta(0, "input_json_delta", partial_json='{"n":1}'),
        ended("tool_use"),
        STOP,
    )
    assert fold(events).parts == (ToolCall("a", "f", '{"n":1}'),)


def test_a_cut_stream_never_looks_finished() -> None:
    for data in ((), (start(),), HELLO, (*HELLO, closed(0)), (*HELLO, ended(None))):
        with pytest.raises(UpstreamComplaint) as complained:
            decoded(*data)
        assert complained.value.status == 502
    with pytest.raises(UpstreamComplaint):
        decoded(start(), STOP)


def test_an_error_event_is_a_complaint_whenever_it_comes() -> None:
    failed = event("error", error={"type": "rate_limit_error", "message": "Slow down"})
    for data in ((failed,), (*HELLO, failed), (*HELLO, ended(), failed)):
        with pytest.raises(UpstreamComplaint) as complained:
            decoded(*data)
        assert (complained.value.status, complained.value.message) == (429, "Slow down")


# -- streams from us --------------------------------------------------------------------------------------------------

DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


def check_grammar(stream: bytes) -> None:
    """message_start, blocks one after the other and numbered from 0, one message_delta, message_stop."""
    names = [frame.split(b"\n")[0].removeprefix(b"event: ").decode() for frame in sse.split(stream)]
    events = [json.loads(data) for data in data_of(stream)]
    assert names == [each["type"] for each in events]
    assert [names[0], *names[-2:]] == ["message_start", "message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] and events[-2]["usage"].keys() >= COUNTS.keys()
    told = events[-2]["delta"]
    assert (told["stop_sequence"] is not None) == (told["stop_reason"] == "stop_sequence")
    ids = [each["content_block"]["id"] for each in events if each.get("content_block", {}).get("type") == "tool_use"]
    assert len(set(ids)) == len(ids)
    open_block, count = "", 0
    for each in events[1:-2]:
        assert each["index"] == count
        match each["type"]:
            case "content_block_start":
                assert not open_block
                open_block = each["content_block"]["type"]
            case "content_block_delta":
                assert DELTAS[each["delta"]["type"]] == open_block
            case "content_block_stop":
                assert open_block
                open_block, count = "", count + 1
            case other:
                raise AssertionError(other)
    assert not open_block


SIGNATURES = st.sampled_from([None, Signature("claude", "S"), Signature("gemini", "G")])
WORDS = st.sampled_from(["a", "é 🙂", '"\\\n'])
SAID: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Refusal, WORDS),
    st.builds(Reasoning, WORDS | st.just(""), SIGNATURES),
    st.builds(Reasoning, st.just(""), SIGNATURES, st.just(True)),
    st.builds(ToolCall, st.sampled_from(["", "a", "b.c", "b_c"]), st.just("f"), st.sampled_from(["", '{"n":1}'])),
    st.just(Media(MediaKind.IMAGE, "image/png", data="AAAA")),
)
PARTS = st.lists(SAID, max_size=6).map(tuple)
COUNTED = st.none() | st.just(USAGE)
ANSWERS = st.builds(Answer, st.just("x"), st.just(""), PARTS, st.sampled_from(Finish), COUNTED, st.just("END"))


@settings(deadline=None)
@given(ANSWERS)
def test_every_stream_is_well_formed_and_says_what_the_whole_answer_says(answer: Answer) -> None:
    events = restore(unfold(answer), Toolbox(), "x")
    stream = encoded(events)
    check_grammar(stream)
    again = fold(decoded(*data_of(stream)))
    assert claude.encode_response(again, REPLY) == claude.encode_response(fold(events), REPLY)


def test_thoughts_that_nobody_signed_are_signed_by_us_so_that_clients_keep_them() -> None:
    stream = encoded([Begin("", ""), Open(0, Reasoning("")), Delta(0, "hm"), Close(0), End(Finish.STOP)])
    deltas = [json.loads(each) for each in data_of(stream) if b"signature_delta" in each]
    assert [each["delta"]["signature"] for each in deltas] == ["omniroute.1.."]


def test_a_stream_that_fails_has_no_end_mark() -> None:
    encoder = claude.make_stream_encoder(REPLY)
    encoder.feed(Begin("", ""))
    assert encoder.fail(503, "Gone") == claude.encode_stream_error(503, "Gone")
    assert json.loads(data_of(encoder.fail(503, "Gone"))[0])["error"] == {"type": "overloaded_error", "message": "Gone"}


def test_a_long_argument_is_told_in_pieces_as_it_comes() -> None:
    pieces = [Delta(0, "x" * 9)] * 3
    stream = encoded([Begin("", ""), Open(0, ToolCall("a", "f")), *pieces, Close(0), End(Finish.TOOL_CALLS)])
    assert stream.count(b"input_json_delta") == 3


# -- passed on, and errors --------------------------------------------------------------------------------------------


def relay() -> Relay:
    body = JsonBody.parse(b'{"model":"m"}')
    return Relay(claude, ClientRequest(Dialect.CLAUDE, body, "m", is_streaming=True))


def frames(*data: bytes) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (json.loads(each)["type"].encode(), each) for each in data)


def test_a_stream_is_passed_on_as_it_is_and_its_usage_is_read() -> None:
    passing, stream = relay(), frames(*HELLO, closed(0), ended(usage=COUNTS), STOP)
    first = frames(start(), event("ping"))
    assert passing.feed(first) == first and not passing.has_spoken
    rest = stream.removeprefix(frames(start()))
    assert passing.feed(rest) == rest and passing.has_spoken and passing.is_done
    assert passing.usage == USAGE and passing.events == 1 and passing.finish() == b""


def test_a_stream_that_forgot_its_end_mark_gets_it_and_a_cut_one_gets_an_error() -> None:
    finished, cut = relay(), relay()
    finished.feed(frames(*HELLO, ended()))
    assert finished.finish() == claude.END_MARK
    cut.feed(frames(*HELLO))
    assert b"event: error" in cut.finish() and cut.failure


def test_an_error_in_a_stream_is_raised_before_the_first_word_and_passed_on_after_it() -> None:
    failed = frames(event("error", error={"type": "overloaded_error", "message": "Busy"}))
    with pytest.raises(UpstreamComplaint) as complained:
        relay().feed(frames(start()) + failed)
    assert complained.value.status == 529
    spoken = relay()
    assert spoken.feed(frames(*HELLO) + failed).endswith(failed)
    assert spoken.failure == "Busy" and spoken.finish() == b""


def test_an_error_in_another_shape_reaches_the_client_in_ours() -> None:
    spoken = relay()
    spoken.feed(frames(*HELLO))
    assert spoken.feed(b'data: {"error":{"message":"Busy"}}\n\n' + frames(closed(0))) == b""
    assert json.loads(data_of(spoken.finish())[0])["error"]["message"] == "Busy"
