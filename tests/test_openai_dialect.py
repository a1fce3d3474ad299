"""OpenAI Chat on both sides: what is read of it, and what is passed on untouched."""

import json
from typing import Any

import pytest

from translator.dialects import InvalidRequest, UpstreamComplaint, openai
from translator.usage import Usage

MESSAGES = [{"role": "user", "content": "hi"}]


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: %s\n\n" % json.dumps({"object": "chat.completion.chunk", "choices": choices} | members).encode()


ROLE, HELLO, STOP = chunk({"role": "assistant"}), chunk({"content": "Hello"}), chunk({}, "stop")
USAGE = {"prompt_tokens": 5, "completion_tokens": 7}
DONE = b"data: [DONE]\n\n"


def body(**members: Any) -> bytes:
    return json.dumps({"model": "a/b", "messages": MESSAGES} | members).encode()


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": " "}, "model"),
        ({"model": 3}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
    ],
)
def test_a_request_that_is_wrong_names_the_member(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        openai.read_request(body(**members))
    assert refused.value.param == param


def test_a_request_keeps_its_bytes_except_the_model() -> None:
    raw = b'{"messages":[{"role":"user","content":"\\u00e9 \\/"}],"model":"a/b","z":1}'
    assert openai.read_request(raw).addressed_to("b") == raw.replace(b'"a/b"', b'"b"')


def test_a_stream_always_asks_for_usage() -> None:
    asked = [{}, {"stream_options": None}, {"stream_options": {"include_usage": False, "x": 1}}]
    for members in asked:
        request = openai.read_request(body(stream=True, **members))
        assert json.loads(request.addressed_to("b"))["stream_options"]["include_usage"] is True
    assert "stream_options" not in json.loads(openai.read_request(body(stream=True)).addressed_to("b", False))


USAGE_SHAPES = {
    "trailing chunk without choices": [ROLE, HELLO, STOP, chunk(usage=USAGE), DONE],
    "on the finish chunk": [ROLE, HELLO, chunk({}, "stop", usage=USAGE), DONE],
    "zeros in every chunk, then real": [
        chunk({"content": "Hello"}, usage={"prompt_tokens": 0, "completion_tokens": 0}),
        chunk({}, "stop", usage=USAGE),
        DONE,
    ],
    "null until the end": [chunk({"content": "Hello"}, usage=None), STOP, chunk(usage=USAGE), DONE],
}


@pytest.mark.parametrize("frames", USAGE_SHAPES.values(), ids=USAGE_SHAPES.keys())
def test_usage_is_found_wherever_the_vendor_puts_it(frames: list[bytes]) -> None:
    relay = openai.Relay(shows_usage=False)
    for frame in frames:
        relay.feed(frame)
    assert relay.usage == Usage(uncached_input=5, output=7)


def test_the_usage_chunk_is_shown_only_to_who_asked() -> None:
    frames = [ROLE, HELLO, STOP, chunk(usage=USAGE), DONE]
    assert relayed(frames, shows_usage=True) == b"".join(frames)
    assert relayed(frames, shows_usage=False) == b"".join([ROLE, HELLO, STOP, DONE])


def relayed(frames: list[bytes], shows_usage: bool = True) -> bytes:
    relay = openai.Relay(shows_usage)
    return b"".join([*map(relay.feed, frames), relay.finish()])


def test_any_chunking_relays_the_same_bytes() -> None:
    whole = b"".join([ROLE, HELLO, b": ping\r\n\r\n", STOP, chunk(usage=USAGE), DONE])
    expected = relayed([whole], shows_usage=False)
    for cut in range(len(whole)):
        assert relayed([whole[:cut], whole[cut:]], shows_usage=False) == expected, cut


def test_a_role_and_a_ping_are_not_an_answer_yet() -> None:
    relay = openai.Relay(shows_usage=True)
    relay.feed(ROLE + b": ping\n\n" + chunk({"content": ""}))
    assert not relay.has_spoken
    relay.feed(chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]}))
    assert relay.has_spoken


def test_a_cut_stream_never_looks_finished() -> None:
    relay = openai.Relay(shows_usage=True)
    relay.feed(HELLO)
    last = relay.finish()
    assert b"[DONE]" not in last
    assert json.loads(last.removeprefix(b"data: "))["error"]["type"] == "server_error"
    assert relay.failure


def test_an_end_mark_that_was_left_out_is_added_once() -> None:
    assert relayed([HELLO, STOP]) == HELLO + STOP + DONE
    assert relayed([HELLO, STOP, b"data: [DONE]"]).count(b"[DONE]") == 1


def test_a_garbage_line_is_skipped() -> None:
    assert relayed([HELLO, b'data: {"choices":[{"finish_reason":"\n\n', STOP, DONE]) == HELLO + STOP + DONE


def test_an_error_in_the_place_of_an_answer_is_a_failure() -> None:
    relay = openai.Relay(shows_usage=True)
    relay.feed(ROLE)
    with pytest.raises(UpstreamComplaint) as complaint:
        relay.feed(b'data: {"error":{"message":"too many","code":429}}\n\n')
    assert (complaint.value.status, complaint.value.message) == (429, "too many")


def test_an_error_in_the_middle_is_passed_on_and_ends_the_stream() -> None:
    error = b'data: {"error":{"message":"gone"}}\n\n'
    relay = openai.Relay(shows_usage=True)
    assert relay.feed(HELLO) + relay.feed(error) + relay.feed(DONE) + relay.finish() == HELLO + error
    assert relay.failure == "gone"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"error":{"message":"no"}}', 502),
        (b'{"error":{"message":"no","code":429}}', 429),
        (b'{"code":429,"msg":"slow down"}', 429),
        (b'{"choices":[]}', 502),
        (b"<html>login</html>", 502),
        (b"", 502),
    ],
)
def test_a_200_that_is_no_answer_is_a_failure(raw: bytes, status: int) -> None:
    with pytest.raises(UpstreamComplaint) as complaint:
        openai.read_answer(raw)
    assert complaint.value.status == status


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"prompt_tokens": 6074, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 3456}},
            Usage(uncached_input=2618, cache_read=3456, output=9),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
            Usage(uncached_input=10, output=9, reasoning=4),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}, Usage(2, 8, output=1)),
        ({"prompt_tokens": -1, "completion_tokens": None, "prompt_tokens_details": "x"}, Usage()),
    ],
)
def test_cached_tokens_are_taken_out_of_the_prompt(usage: dict[str, Any], expected: Usage) -> None:
    assert openai.decode_usage(usage) == expected
