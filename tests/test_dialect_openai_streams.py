"""Streams of Chat Completions: read, written, and looked into on their way to a chat client."""

import json
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from tests.test_dialect_openai_answers import ANSWERS
from translator import restoring
from translator.dialect import Reply
from translator.dialects import openai
from translator.events import Begin, Close, Delta, End, Event, Open, fold, unfold
from translator.json_body import JsonBody
from translator.losses import UpstreamComplaint
from translator.messages import (
    Answer,
    Finish,
    Media,
    MediaKind,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
    ToolKind,
)
from translator.relay import Relay
from translator.toolbox import Toolbox
from translator.usage import Usage

Json = dict[str, Any]
DONE = b"[DONE]"
CLAUDE = Signature("claude", "Eq==")


def chunk(delta: Json | None = None, finish: str | None = None, **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return orjson.dumps({"id": "i", "model": "m", "choices": choices} | members)


def called(arguments: str | None = None, **members: Any) -> bytes:
    """A fragment of a call; its name stands among the members."""
    name = {"name": members.pop("name")} if "name" in members else {}
    said = {} if arguments is None else {"arguments": arguments}
    return chunk({"tool_calls": [{"function": name | said} | members]})


ROLE, HELLO, STOP = chunk({"role": "assistant", "content": ""}), chunk({"content": "Hello"}), chunk({}, "stop")
USAGE = {"prompt_tokens": 5, "completion_tokens": 7}


def events(*data: bytes) -> list[Event]:
    decoder = openai.StreamDecoder()
    found = [event for each in data for event in decoder.feed(each)]
    return found + decoder.finish()


def read(*data: bytes) -> Answer:
    return fold(events(*data))


# -- in ---------------------------------------------------------------------------------------------------------------


def test_a_stream_begins_once_and_ends_once() -> None:
    assert events(ROLE, HELLO, chunk({"content": "!"}), STOP, STOP, DONE, HELLO) == [
        Begin("i", "m"),
        Open(0, Text("")),
        Delta(0, "Hello"),
        Delta(0, "!"),
        Close(0),
        End(Finish.STOP),
    ]


USAGE_SHAPES = {
    "trailing chunk without choices": [ROLE, HELLO, STOP, chunk(usage=USAGE), DONE],
    "on the finish chunk": [ROLE, HELLO, chunk({}, "stop", usage=USAGE), DONE],
    "zeros, then real": [chunk({"content": "x"}, usage={"prompt_tokens": 0}), chunk({}, "stop", usage=USAGE), DONE],
    "null until the end": [chunk({"content": "x"}, usage=None), STOP, chunk(usage=USAGE), DONE],
    "without an end mark": [HELLO, STOP, chunk(usage=USAGE)],
    "in the choice": [
        orjson.dumps({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop", "usage": USAGE}]})
    ],
}


@pytest.mark.parametrize("data", USAGE_SHAPES.values(), ids=USAGE_SHAPES.keys())
def test_usage_is_found_wherever_the_vendor_puts_it(data: list[bytes]) -> None:
    assert read(*data).usage == Usage(5, output=7)


def test_what_is_spoken_in_sound_is_read_in_words() -> None:
    spoken = [
        {"audio": {"id": "audio_1", "transcript": "Hel"}},
        {"audio": {"data": "UklG"}},
        {"audio": {"transcript": "lo"}},
    ]
    assert read(ROLE, *map(chunk, spoken), STOP, DONE).parts == (Text("Hello"),)


F, G = ToolCall("a", "f", '{"n":1}'), ToolCall("b", "g", '{"m":2}')
CALLS = {
    "numbered and interleaved": [
        called("", index=0, id="a", name="f"),
        called("", index=1, id="b", name="g"),
        called('{"m":', index=1),
        called('{"n":1}', index=0),
        called("2}", index=1),
    ],
    "all of them number 0": [
        called('{"n":1}', index=0, id="a", name="f"),
        called('{"m":2}', index=0, id="b", name="g"),
    ],
    "all of them number 0, in pieces": [
        called("", index=0, id="a", name="f"),
        called('{"n":1}', index=0),
        called('{"m":', index=0, id="b", name="g"),
        called("2}", index=0),
    ],
    "without numbers": [
        called('{"n"', id="a", name="f"),
        called(":1}"),
        called('{"m"', id="b", name="g"),
        called(":2}", id="b"),
    ],
    "name after the id": [
        called("", index=0, id="a"),
        called('{"n"', index=0),
        called(":1}", index=0, name="f"),
        called('{"m":2}', index=1, id="b", name="g"),
    ],
    "id and name again and again": [
        called('{"n"', index=0, id="a", name="f"),
        called(":1", index=0, id="a", name="f"),
        called("}", index=0, id="", name=None),
        called('{"m":', index=1, id="b", name="g"),
        called("2}", index=1, id="b", name=""),
    ],
}


@pytest.mark.parametrize("data", CALLS.values(), ids=CALLS.keys())
def test_calls_are_told_apart_however_a_server_numbers_them(data: list[bytes]) -> None:
    assert read(ROLE, *data, chunk({}, "tool_calls"), DONE).parts == (F, G)


def test_a_whole_call_is_closed_when_the_next_block_begins() -> None:
    decoder = openai.StreamDecoder()
    decoder.feed(called('{"n":1', index=0, id="a", name="f"))
    decoder.feed(called("}", index=0))
    assert decoder.feed(called("", index=1, id="b", name="g"))[0] == Close(0)
    assert decoder.feed(HELLO) == [Open(2, Text("")), Delta(2, "Hello")]  # g is not whole


def test_the_older_kind_of_call_is_read() -> None:
    data = [
        chunk({"function_call": {"name": "f", "arguments": '{"n"'}}),
        chunk({"function_call": {"arguments": ":1}"}}),
    ]
    assert read(*data, chunk({}, "function_call"), DONE).parts == (ToolCall("", "f", '{"n":1}'),)


@pytest.mark.parametrize(
    ("deltas", "parts"),
    [
        ([{"reasoning_content": "a"}, {"reasoning": "b"}, {"content": "c"}], (Reasoning("ab"), Text("c"))),
        ([{"content": "<th"}, {"content": "ink>a</think"}, {"content": ">\n\nb"}], (Reasoning("a"), Text("b"))),
        ([{"content": "<thin"}], (Text("<thin"),)),
        ([{"content": "a"}, {"content": "<think>b</think>"}], (Text("a<think>b</think>"),)),
        ([{"reasoning": "a"}, {"content": "<think>"}], (Reasoning("a"), Text("<think>"))),
        ([{"refusal": "N"}, {"refusal": "o."}], (Refusal("No."),)),
        (
            [
                {"reasoning": "a", "reasoning_details": [{"type": "reasoning.text", "text": "a"}]},
                {
                    "reasoning_details": [
                        {"type": "reasoning.text", "signature": "Eq==", "format": "anthropic-claude-v1"},
                        {"type": "reasoning.encrypted", "data": "Eq==", "format": "anthropic-claude-v1"},
                    ]
                },
                {"content": "b"},
            ],
            (Reasoning("a", CLAUDE), Reasoning("", CLAUDE, is_redacted=True), Text("b")),
        ),
        (
            [
                {"content": [{"type": "thinking", "thinking": [{"text": "a"}]}]},
                {"content": [{"type": "text", "text": "b"}]},
            ],
            (Reasoning("a"), Text("b")),
        ),
        (
            [{"images": [{"image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}],
            (Media(MediaKind.IMAGE, "image/png", data="iVBORw0KGgo="),),
        ),
    ],
)
def test_what_a_model_says_and_thinks_is_told_apart(deltas: list[Json], parts: tuple[Part, ...]) -> None:
    assert read(*map(chunk, deltas), STOP, DONE).parts == parts


def test_choices_are_never_glued_together() -> None:
    second = orjson.dumps({"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "length"}]})
    assert read(HELLO, second, STOP, DONE) == Answer("i", "m", (Text("Hello"),), Finish.STOP)


def test_a_prelude_without_choices_does_not_begin_the_answer() -> None:
    prelude = orjson.dumps({"id": "", "model": "", "choices": [], "prompt_filter_results": []})
    assert events(prelude, HELLO, STOP, DONE)[0] == Begin("i", "m")


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"3", b"[1]", b'{"choices":3}', b'{"choices":[{"delta":"x"}]}', b"\xff"]
)
def test_garbage_is_skipped(garbage: bytes) -> None:
    assert read(HELLO, garbage, STOP, DONE).parts == (Text("Hello"),)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b'{"error":{"message":"m","code":429}}', 429),
        (b'{"code":429,"msg":"m"}', 429),
        (b'{"type":"error","message":"m"}', 502),
        (chunk({"content": ""}, "error"), 502),
    ],
)
def test_an_error_is_told_whenever_it_comes(data: bytes, status: int) -> None:
    for before in ([], [HELLO]):
        with pytest.raises(UpstreamComplaint) as complaint:
            events(*before, data)
        assert complaint.value.status == status


def test_a_stream_that_stops_in_the_middle_is_not_finished() -> None:
    for data in ([], [ROLE], [HELLO], [called("{", index=0, id="a", name="f")]):
        with pytest.raises(UpstreamComplaint):
            events(*data)
    with pytest.raises(UpstreamComplaint):
        events(DONE)
    assert read(HELLO, DONE).finish is Finish.STOP


# -- out --------------------------------------------------------------------------------------------------------------


def spoken(told: Iterable[Event], shows_usage: bool = True) -> bytes:
    encoder = openai.make_stream_encoder(Reply("abc", 1760000000, "shown", shows_usage))
    return b"".join(map(encoder.feed, restoring.restore(told, Toolbox(), "abc")))


def frames(stream: bytes) -> list[bytes]:
    assert stream.endswith(b"\n\n")
    found = stream[:-2].split(b"\n\n")
    assert all(frame.startswith(b"data: ") for frame in found)
    return [frame.removeprefix(b"data: ") for frame in found]


@pytest.mark.parametrize("parts", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_stream_is_the_answer_in_pieces_and_keeps_the_grammar(parts: tuple[Part, ...]) -> None:
    answer = Answer("i", "m", parts, Finish.LENGTH, Usage(1, 2, 3, 4, 2))
    stream = spoken(unfold(answer))
    check_grammar(stream)
    assert read(*frames(stream)) == answer


def check_grammar(stream: bytes) -> None:
    *data, last = frames(stream)
    assert last == DONE
    chunks = [json.loads(each) for each in data]
    assert {(each["id"], each["object"], each["model"]) for each in chunks} == {("i", "chat.completion.chunk", "m")}
    said = [each for each in chunks if each["choices"]]
    deltas = [each["choices"][0]["delta"] for each in said]
    assert ["role" in delta for delta in deltas] == [True] + [False] * (len(deltas) - 1)
    finishes = [each["choices"][0]["finish_reason"] for each in said]
    assert finishes[-1]
    assert not any(finishes[:-1])
    assert len(chunks) - len(said) == ("usage" in chunks[-1])
    _check_calls([call for delta in deltas for call in delta.get("tool_calls", ())])


def _check_calls(fragments: list[Json]) -> None:
    started = 0
    for fragment in fragments:
        if "id" in fragment:
            assert fragment["index"] == started
            assert fragment["function"]["name"]
            started += 1
        assert fragment["index"] == started - 1


def test_pictures_are_numbered_so_that_openais_sdk_puts_the_stream_together() -> None:
    pictures = (
        Media(MediaKind.IMAGE, "image/png", data="iVBORw0KGgo="),
        Media(MediaKind.IMAGE, "image/png", data="AAAA"),
    )
    *data, _ = frames(spoken(unfold(Answer("i", "m", (pictures[0], Text("and"), pictures[1]), Finish.STOP))))
    state = ChatCompletionStreamState()
    for each in data:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(each))
    message = state.get_final_completion().choices[0].message
    assert (message.content, len(message.images)) == ("and", 2)  # type: ignore[attr-defined]


def test_usage_is_shown_to_who_asked_for_it() -> None:
    answer = Answer("i", "m", (Text("x"),), Finish.STOP, Usage(5, output=7))
    assert b'"usage"' in spoken(unfold(answer))
    assert b'"usage"' not in spoken(unfold(answer), shows_usage=False)


def test_a_freeform_call_is_streamed_as_a_custom_one() -> None:
    call = ToolCall("a", "patch", "*** Begin", ToolKind.FREEFORM)
    deltas = [
        json.loads(each)["choices"][0]["delta"]
        for each in frames(spoken(unfold(Answer("", "", (call,), Finish.STOP))))[:-1]
    ]
    assert deltas[1]["tool_calls"][0] == {
        "index": 0,
        "id": "a",
        "type": "custom",
        "custom": {"name": "patch", "input": ""},
    }
    assert deltas[2]["tool_calls"][0] == {"index": 0, "custom": {"input": "*** Begin"}}


def test_a_stream_that_fails_never_looks_finished() -> None:
    last = openai.make_stream_encoder(Reply("abc", 1)).fail(503, "gone")
    assert orjson.loads(frames(last)[0])["error"]["message"] == "gone"
    assert DONE not in last


def test_long_arguments_cost_no_more_by_the_piece() -> None:
    text = orjson.dumps({"x": "}" * 200_000}).decode()
    pieces = [called(text[start : start + 20], index=0, id="a") for start in range(0, len(text), 20)]
    assert read(called("", index=0, id="a", name="f"), *pieces, DONE).parts == (ToolCall("a", "f", text),)


# -- looked into ------------------------------------------------------------------------------------------------------


def relayed(*data: bytes, shows_usage: bool = True) -> tuple[Relay, bytes]:
    body = {
        "model": "m",
        "messages": [{"role": "user"}],
        "stream": True,
        "stream_options": {"include_usage": shows_usage},
    }
    relay = Relay(openai, openai.read_request(JsonBody.parse(orjson.dumps(body))))
    return relay, b"".join([*(relay.feed(b"data: %s\n\n" % each) for each in data), relay.finish()])


def test_the_usage_chunk_is_kept_from_who_did_not_ask() -> None:
    data = [ROLE, HELLO, STOP, chunk(usage=USAGE), DONE]
    relay, stream = relayed(*data)
    assert frames(stream) == data
    relay, stream = relayed(*data, shows_usage=False)
    assert frames(stream) == [ROLE, HELLO, STOP, DONE]
    assert relay.usage == Usage(5, output=7)


def test_a_role_is_not_an_answer_yet() -> None:
    peek = openai.make_peek(openai.read_request(JsonBody.parse(b'{"model":"m","messages":[{"role":"user"}]}')))
    assert peek.keeps(ROLE)
    assert not peek.has_spoken
    assert peek.keeps(called("", index=0, name="f"))
    assert peek.has_spoken


def test_what_is_passed_on_is_cut_honestly_and_ended_once() -> None:
    relay, stream = relayed(HELLO)
    assert DONE not in stream
    assert relay.failure
    assert relayed(HELLO, STOP)[1].count(DONE) == 1
    assert frames(relayed(HELLO, b'{"choices":[{"fin', STOP, DONE)[1]) == [HELLO, STOP, DONE]


def test_an_error_before_the_first_word_is_raised_and_a_later_one_ends_the_stream() -> None:
    error = b'{"error":{"message":"gone","code":429}}'
    with pytest.raises(UpstreamComplaint) as complaint:
        relayed(ROLE, error)
    assert complaint.value.status == 429
    relay, stream = relayed(HELLO, error, DONE)
    assert frames(stream) == [HELLO, error]
    assert relay.failure == "gone"
