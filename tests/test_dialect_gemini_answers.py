"""Gemini's generateContent, answers: whole ones and streams, read from upstreams and written for clients."""

import contextlib
import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translator import sse
from translator.dialect import Reply
from translator.dialects import gemini
from translator.events import Begin, Close, Delta, End, Event, Open, fold, unfold
from translator.losses import UpstreamComplaint
from translator.messages import Answer, Finish, Media, MediaKind, Part, Reasoning, Refusal, Signature, Text, ToolCall
from translator.restoring import restore
from translator.signatures import tagged_base64
from translator.toolbox import Toolbox
from translator.usage import Usage

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
REPLY = Reply("rid", 1760000000, "shown")
SIGNED = {"thoughtSignature": "U0lHMQ=="}
SIGNATURE = Signature("gemini", "U0lHMQ==")
COUNTS = {
    "promptTokenCount": 1540,
    "candidatesTokenCount": 35,
    "totalTokenCount": 1595,
    "cachedContentTokenCount": 1200,
    "thoughtsTokenCount": 20,
}
COUNTED = Usage(uncached_input=340, cache_read=1200, output=55, reasoning=20)


def chunk(*parts: dict[str, Any], finish: str | None = None, **members: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0} | ({"content": {"parts": list(parts), "role": "model"}} if parts else {})
    ended = {"finishReason": finish} if finish else {}
    return {"candidates": [candidate | ended], "modelVersion": "gemini-2.5-flash", "responseId": "R1", **members}


def streamed(*chunks: Any) -> list[Event]:
    decoder = gemini.StreamDecoder()
    events = [
        event for each in chunks for event in decoder.feed(each if isinstance(each, bytes) else orjson.dumps(each))
    ]
    return events + decoder.finish()


def frames_of(answer: Answer) -> list[dict[str, Any]]:
    """What a client's stream says of the answer; each frame is checked as an SDK would."""
    encoder = gemini.make_stream_encoder(REPLY)
    raw = b"".join(map(encoder.feed, restore(unfold(answer), Toolbox(), REPLY.id)))
    assert raw.endswith(b"\r\n\r\n") and raw.replace(b"\r\n", b"").count(b"\n") == 0
    frames = [orjson.loads(sse.data(frame)) for frame in sse.split(raw)]
    for frame in frames:
        (candidate,) = frame["candidates"]
        assert frame["responseId"] == answer.id and candidate["index"] == 0
        assert candidate["content"]["role"] == "model" and candidate["content"]["parts"]
        assert all(part for part in candidate["content"]["parts"])
    assert [bool(frame["candidates"][0].get("finishReason")) for frame in frames] == [False] * (len(frames) - 1) + [
        True
    ]
    return frames


def parts_in(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for frame in frames for part in frame["candidates"][0]["content"]["parts"] if part != {"text": ""}]


def answer(*parts: Part, finish: Finish = Finish.STOP, usage: Usage | None = None) -> Answer:
    return Answer("R1", "claude-sonnet-4-5", parts, finish, usage)


# -- from upstreams ---------------------------------------------------------------------------------------------------

CALL = {"functionCall": {"name": "tide", "args": {"p": "Porto"}}}
STREAMS: dict[str, tuple[list[Any], tuple[Part, ...], Finish]] = {
    "text in pieces": ([chunk({"text": "No"}), chunk({"text": "on."}, finish="STOP")], (Text("Noon."),), Finish.STOP),
    "thoughts and text by turns": (
        [
            chunk({"text": "one", "thought": True}, {"text": "A"}),
            chunk({"text": "two", "thought": True}, finish="STOP"),
        ],
        (Reasoning("one"), Text("A"), Reasoning("two")),
        Finish.STOP,
    ),
    "parallel calls in chunks of their own": (
        [chunk(CALL), chunk({**CALL, **SIGNED}), chunk({"text": ""}, finish="STOP")],
        (ToolCall("", "tide", '{"p":"Porto"}'), ToolCall("", "tide", '{"p":"Porto"}', signature=SIGNATURE)),
        Finish.STOP,
    ),
    "a call without arguments": (
        [chunk({"functionCall": {"id": "c1", "name": "now"}}, finish="STOP")],
        (ToolCall("c1", "now", "{}"),),
        Finish.STOP,
    ),
    "a signature behind the text": (
        [chunk({"text": "Noon."}), chunk({"text": "", **SIGNED}, finish="STOP")],
        (Text("Noon.", SIGNATURE),),
        Finish.STOP,
    ),
    "a signature on a thought": (
        [
            chunk({"text": "hm", "thought": True}),
            chunk({"text": "", "thought": True, **SIGNED}),
            chunk(CALL, finish="STOP"),
        ],
        (Reasoning("hm", SIGNATURE), ToolCall("", "tide", '{"p":"Porto"}')),
        Finish.STOP,
    ),
    "a signature behind a call": (
        [chunk(CALL), chunk({"text": "", **SIGNED}, finish="STOP")],
        (ToolCall("", "tide", '{"p":"Porto"}'), Reasoning("", SIGNATURE)),
        Finish.STOP,
    ),
    "a picture": (
        [chunk({"text": "Chart: "}, {"inlineData": {"mimeType": "image/png", "data": PNG}}, finish="STOP")],
        (Text("Chart: "), Media(MediaKind.IMAGE, "image/png", data=PNG)),
        Finish.STOP,
    ),
    "nothing but thoughts that are not shown": ([chunk(finish="MAX_TOKENS")], (), Finish.LENGTH),
    "withheld in the middle": ([chunk({"text": "I "}), chunk(finish="SAFETY")], (Text("I "),), Finish.FILTER),
    "a reason nobody knows": ([chunk({"text": "I"}, finish="NEW_REASON")], (Text("I"),), Finish.FILTER),
    "the last reason counts": ([chunk({"text": "a"}, finish="OTHER"), chunk(finish="STOP")], (Text("a"),), Finish.STOP),
    "a prompt that was refused": ([{"promptFeedback": {"blockReason": "SAFETY"}}], (), Finish.FILTER),
    "a wrapped answer": ([{"response": chunk({"text": "Noon."}, finish="STOP")}], (Text("Noon."),), Finish.STOP),
    "another candidate": (
        [chunk({"text": "a"}, finish="STOP"), {"candidates": [{"index": 1, "content": {"parts": [{"text": "b"}]}}]}],
        (Text("a"),),
        Finish.STOP,
    ),
    "garbage": (
        [b"[DONE]", b"[1]", b"{", b'"x"', b"\xff", b'{"x":' + b"[" * 100_000, chunk({"text": "a"}, finish="STOP")],
        (Text("a"),),
        Finish.STOP,
    ),
}


@pytest.mark.parametrize(("chunks", "parts", "finish"), STREAMS.values(), ids=STREAMS)
def test_a_stream_is_understood(chunks: list[Any], parts: tuple[Part, ...], finish: Finish) -> None:
    events = streamed(*chunks)
    assert [type(events[0]), type(events[-1])] == [Begin, End]
    read = fold(events)
    assert (read.parts, read.finish) == (parts, finish)


@pytest.mark.parametrize("name", [name for name, (chunks, _, _) in STREAMS.items() if name != "garbage"])
def test_a_whole_answer_means_what_its_stream_does(name: str) -> None:
    chunks, _, _ = STREAMS[name]
    if "response" in chunks[0] or "promptFeedback" in chunks[0]:
        whole = chunks[0]
    else:
        parts = [part for each in chunks for part in each["candidates"][0].get("content", {}).get("parts", ())]
        own = [each for each in chunks if not each["candidates"][0]["index"]]
        whole = chunk(
            *(parts if len(own) == len(chunks) else parts[:1]), finish=own[-1]["candidates"][0]["finishReason"]
        )
    assert gemini.decode_response(whole) == fold(streamed(*chunks))


@settings(max_examples=300)
@given(st.sampled_from(list(STREAMS)), st.data())
def test_any_event_is_read_skipped_or_told(name: str, data: st.DataObject) -> None:
    """A vendor's stream with one member replaced by something else never breaks us."""
    chunks = [copy.deepcopy(each) for each in STREAMS[name][0] if isinstance(each, dict)]
    *path, last = data.draw(st.sampled_from(places(chunks)))
    parent: Any = chunks
    for step in path:
        parent = parent[step]
    parent[last] = data.draw(st.sampled_from([None, 1, -1.5, "", "x", [], {}, [[]], [{}], True]))
    with contextlib.suppress(UpstreamComplaint):
        assert isinstance(streamed(*chunks)[-1], End)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, member in inner for place in places(member, (*path, key))]


def test_each_block_is_closed_as_soon_as_it_is_known_to_be_whole() -> None:
    decoder = gemini.StreamDecoder()
    decoder.feed(orjson.dumps(chunk({"text": "A"})))
    assert decoder.feed(orjson.dumps(chunk(CALL))) == [
        Close(0),
        Open(1, ToolCall("", "tide")),
        Delta(1, '{"p":"Porto"}'),
        Close(1),
    ]


def test_the_last_counts_hold() -> None:
    first = {"promptTokenCount": 1540, "totalTokenCount": 1540}
    events = streamed(chunk({"text": "a"}, usageMetadata=first), chunk(finish="STOP"), {"usageMetadata": COUNTS})
    assert events[0] == Begin("R1", "gemini-2.5-flash", Usage(1540))
    assert events[-1] == End(Finish.STOP, COUNTED)


@pytest.mark.parametrize(
    ("chunks", "status", "said"),
    [
        ([chunk({"text": "a"})], 502, "closed the stream"),
        ([], 502, "closed the stream"),
        ([chunk({"text": "a"}, finish="MALFORMED_FUNCTION_CALL")], 502, "MALFORMED_FUNCTION_CALL"),
        ([{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}], 429, "Quota"),
        ([{"error": {"message": "Busy", "status": "UNAVAILABLE"}}], 503, "Busy"),
        ([[{"error": {"code": 400, "message": "No key"}}]], 400, "No key"),
        ([chunk({"text": "a"}), {"error": "broken"}], 502, "broken"),
    ],
)
def test_what_goes_wrong_is_told(chunks: list[Any], status: int, said: str) -> None:
    with pytest.raises(UpstreamComplaint, match=said) as caught:
        streamed(*chunks)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "value", [{}, {"candidates": []}, {"error": {"code": 500, "message": "m"}}, {"candidates": 3}, {"choices": []}]
)
def test_what_is_no_answer_is_not_taken_for_one(value: dict[str, Any]) -> None:
    with pytest.raises(UpstreamComplaint):
        gemini.read_answer(orjson.dumps(value))
    with pytest.raises(UpstreamComplaint):
        gemini.decode_response(value)


def test_a_whole_answer_is_metered() -> None:
    raw = orjson.dumps(chunk({"text": "a"}, finish="STOP", usageMetadata=COUNTS))
    assert gemini.read_answer(raw) == COUNTED
    assert gemini.decode_response(orjson.loads(raw)).usage == COUNTED


def test_the_prompt_of_google_s_own_tools_counts_as_prompt() -> None:
    counts = {"promptTokenCount": 10, "toolUsePromptTokenCount": 40, "candidatesTokenCount": 5, "thoughtsTokenCount": 3}
    assert gemini.decode_response(chunk(finish="STOP", usageMetadata=counts)).usage == Usage(50, output=8, reasoning=3)


# -- for clients ------------------------------------------------------------------------------------------------------

FOREIGN = Signature("claude", "EqCC==")
TAGGED = tagged_base64(FOREIGN, "gemini")
WRITTEN: dict[str, tuple[Answer, list[dict[str, Any]], str]] = {
    "text": (answer(Text("Noon.")), [{"text": "Noon."}], "STOP"),
    "thoughts": (
        answer(Reasoning("hm", FOREIGN), Text("Noon.")),
        [{"text": "hm", "thought": True, "thoughtSignature": TAGGED}, {"text": "Noon."}],
        "STOP",
    ),
    "thoughts nobody may read": (
        answer(Reasoning("", FOREIGN, is_redacted=True), Text("Noon.")),
        [{"thought": True, "thoughtSignature": TAGGED}, {"text": "Noon."}],
        "STOP",
    ),
    "calls": (
        answer(ToolCall("c1", "tide", '{"p": [6]}', signature=SIGNATURE), ToolCall("c2", "now", "")),
        [
            {"functionCall": {"id": "c1", "name": "tide", "args": {"p": [6]}}, **SIGNED},
            {"functionCall": {"id": "c2", "name": "now", "args": {}}},
        ],
        "STOP",
    ),
    "a call that was cut": (
        answer(ToolCall("c1", "write", '{"text": "li'), finish=Finish.LENGTH),
        [{"functionCall": {"id": "c1", "name": "write", "args": {"partial_json": '{"text": "li'}}}],
        "MAX_TOKENS",
    ),
    "a refusal": (answer(Refusal("I can't."), finish=Finish.FILTER), [{"text": "I can't."}], "SAFETY"),
    "a picture": (
        answer(Media(MediaKind.IMAGE, "image/png", data=PNG)),
        [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
        "STOP",
    ),
    "nothing": (answer(), [], "STOP"),
    "a stop sequence": (answer(Text("a"), finish=Finish.STOP_SEQUENCE), [{"text": "a"}], "STOP"),
}


@pytest.mark.parametrize(("said", "parts", "finish"), WRITTEN.values(), ids=WRITTEN)
def test_an_answer_is_written(said: Answer, parts: list[dict[str, Any]], finish: str) -> None:
    whole = gemini.encode_response(fold(restore(unfold(said), Toolbox(), "rid")), REPLY)
    (candidate,) = whole["candidates"]
    assert candidate["content"].get("parts", []) == parts
    assert candidate["finishReason"] == finish
    frames = frames_of(said)
    assert frames[-1]["candidates"][0]["finishReason"] == finish
    assert fold(streamed(*frames)).parts == gemini.decode_response(whole).parts


def test_a_thought_s_signature_follows_the_thought() -> None:
    parts = parts_in(frames_of(answer(Reasoning("hm", FOREIGN), ToolCall("c", "now", "{}"))))
    assert parts == [
        {"text": "hm", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": TAGGED},
        {"functionCall": {"id": "c", "name": "now", "args": {}}},
    ]


def test_each_piece_of_text_goes_out_at_once_and_a_call_with_the_end() -> None:
    encoder = gemini.make_stream_encoder(REPLY)
    assert encoder.feed(Begin("R1", "m")) == encoder.feed(Open(0, Text(""))) == b""
    assert b'"text":"No"' in encoder.feed(Delta(0, "No"))
    assert encoder.feed(Close(0)) == encoder.feed(Open(1, ToolCall("c", "now"))) == b""
    assert encoder.feed(Delta(1, "{}")) == encoder.feed(Close(1)) == b""
    last = orjson.loads(sse.data(encoder.feed(End(Finish.TOOL_CALLS, COUNTED))))
    assert last["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == "now"
    assert last["usageMetadata"] == COUNTS
    assert (last["modelVersion"], last["responseId"]) == ("m", "R1")


def test_an_answer_without_names_bears_ours() -> None:
    whole = gemini.encode_response(Answer("", "", (Text("a"),), Finish.STOP), REPLY)
    assert (whole["modelVersion"], whole["responseId"], "usageMetadata" in whole) == ("shown", "rid", False)


_signatures = st.sampled_from([None, SIGNATURE, FOREIGN])
_texts = st.text(min_size=1, max_size=8)
_parts = st.one_of(
    st.builds(Text, _texts, _signatures),
    st.builds(Reasoning, _texts, _signatures),
    st.builds(lambda signature: Reasoning("", signature, is_redacted=True), st.just(FOREIGN)),
    st.builds(
        ToolCall, st.uuids().map(str), st.just("f"), st.sampled_from(["{}", '{"a":[1,null]}']), signature=_signatures
    ),
    st.builds(Media, st.just(MediaKind.IMAGE), st.just("image/png"), st.just(PNG)),
)
_usages = st.builds(Usage, *[st.integers(0, 99)] * 2, output=st.integers(50, 99), reasoning=st.integers(0, 50))


@settings(max_examples=200)
@given(st.lists(_parts, max_size=6), st.sampled_from([Finish.STOP, Finish.LENGTH, Finish.FILTER]), _usages)
def test_what_a_stream_says_is_what_the_whole_answer_says(parts: list[Part], finish: Finish, usage: Usage) -> None:
    said = answer(*parts, finish=finish, usage=usage)
    heard = fold(streamed(*frames_of(said)))
    assert (heard.finish, heard.usage) == (finish, usage)
    assert heard.parts == gemini.decode_response(gemini.encode_response(said, REPLY)).parts
