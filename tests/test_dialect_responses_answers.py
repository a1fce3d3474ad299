"""Answers in the Responses API's words, whole and in pieces: a vendor's, a client's, and those that only pass."""

from typing import Any

import orjson
import pytest
from hypothesis import given

from tests.responses_wire import (
    CALL,
    CREATED,
    PATCH,
    REFUSED,
    REPLY,
    SEARCH,
    SHELL,
    TEXT,
    THOUGHT,
    USAGE,
    added,
    check_response,
    checked,
    completed,
    decoded,
    done,
    encoded,
    event,
    piece,
    response,
    restored,
)
from tests.strategies import answers, examples
from translator.dialect import ClientRequest, Dialect, Reply
from translator.dialects import responses
from translator.events import Begin, Close, Delta, End, Event, Open, fold, unfold
from translator.json_body import JsonBody
from translator.losses import UpstreamComplaint
from translator.messages import (
    Answer,
    Finish,
    Media,
    MediaKind,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
    ToolKind,
)
from translator.relay import Relay
from translator.usage import Usage

COUNTED = Usage(300, 1200, 40, 55, 20)
SAID = (
    Reasoning("One.\n\nTwo.", Signature("openai", "gAAAA==")),
    Text("Noon."),
    ToolCall("call_1", "tide", '{"port":"Faro"}'),
    ToolCall("call_2", "apply_patch", "*** Begin", ToolKind.FREEFORM),
    ToolCall("call_3", "local_shell", '{"command":["ls","-a"]}', ToolKind.LOCAL_SHELL),
)
WHOLE = response(THOUGHT, SEARCH, TEXT, CALL, PATCH, SHELL)
PIECES = (
    CREATED,
    added(0, {**THOUGHT, "summary": []}),
    piece("reasoning_summary_text.delta", 0, summary_index=0, delta="One."),
    piece("reasoning_summary_text.done", 0, summary_index=0, text="One."),
    piece("reasoning_summary_text.delta", 0, summary_index=1, delta="Two."),
    piece("reasoning_summary_text.done", 0, summary_index=1, text="Two."),
    done(0, THOUGHT),
    added(1, SEARCH),
    done(1, SEARCH),
    added(2, {**TEXT, "content": []}),
    piece("output_text.delta", 2, content_index=0, delta="No"),
    piece("output_text.delta", 2, content_index=0, delta="on."),
    piece("output_text.done", 2, content_index=0, text="Noon."),
    done(2, TEXT),
    added(3, {**CALL, "arguments": ""}),
    added(4, {**PATCH, "input": ""}),
    piece("function_call_arguments.delta", 3, delta='{"port":'),
    piece("custom_tool_call_input.delta", 4, delta="*** Begin"),
    piece("function_call_arguments.delta", 3, delta='"Faro"}'),
    done(4, PATCH),
    done(3, CALL),
    added(5, {**SHELL, "action": {}}),
    done(5, SHELL),
    completed(THOUGHT, SEARCH, TEXT, CALL, PATCH, SHELL),
)


# -- from vendors -----------------------------------------------------------------------------------------------------


def test_a_whole_answer_is_read() -> None:
    assert responses.decode_response(WHOLE) == Answer("resp_1", "gpt-5", SAID, Finish.TOOL_CALLS, COUNTED)
    assert responses.read_answer(orjson.dumps(WHOLE)) == COUNTED


@pytest.mark.parametrize(
    "events",
    [
        PIECES,
        PIECES[1:],
        (*PIECES[:-1], completed()),
        (b": ping", b"[DONE]", b"[1]", b'{"type":["x"]}', event("response.rate_limits"), *PIECES),
        [data for data in PIECES if b".delta" not in data],
        (CREATED, PIECES[-1]),
        (PIECES[-1],),
    ],
    ids=["all", "no beginning", "empty end", "garbage", "no pieces", "only the ends", "the end"],
)
def test_pieces_add_up_to_the_whole_whatever_a_vendor_leaves_out(events: Any) -> None:
    assert fold(restored(decoded(events))).parts == SAID
    assert decoded(events)[-1] == End(Finish.TOOL_CALLS, COUNTED)


def test_what_only_began_is_found_in_the_end() -> None:
    answer = fold(restored(decoded(data for data in PIECES if b".delta" not in data and b".done" not in data)))
    assert set(answer.parts) == set(SAID)


def test_blocks_are_closed_as_soon_as_they_are_complete() -> None:
    decoder = responses.StreamDecoder()
    assert decoder.feed(added(0, CALL)) == [Begin("", ""), Open(0, ToolCall("call_1", "tide"))]
    assert decoder.feed(piece("function_call_arguments.delta", 0, delta="{")) == [Delta(0, "{")]
    assert decoder.feed(done(0, CALL)) == [Close(0)]


def test_a_place_that_is_used_twice_holds_two_items() -> None:
    texts = [text for word in ("A", "B") for text in (added(0, TEXT), piece("output_text.delta", 0, delta=word))]
    assert fold(decoded([*texts, completed()])).parts == (Text("A"), Text("B"))


def test_full_reasoning_is_not_told_beside_its_summary() -> None:
    events = [
        piece("reasoning_summary_text.delta", 0, summary_index=0, delta="Short."),
        piece("reasoning_text.delta", 0, content_index=0, delta="Long."),
    ]
    assert fold(decoded([*events, completed()])).parts == (Reasoning("Short."),)
    assert fold(decoded([*events[1:], completed()])).parts == (Reasoning("Long."),)


@pytest.mark.parametrize(
    ("members", "finish"),
    [
        ({}, Finish.STOP),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Finish.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Finish.FILTER),
        ({"status": "incomplete", "incomplete_details": None}, Finish.LENGTH),
    ],
    ids=["completed", "length", "filter", "unknown"],
)
def test_the_reason_for_the_end_is_read(members: dict[str, Any], finish: Finish) -> None:
    value = response(TEXT, **members)
    assert responses.decode_response(value).finish == finish
    end = event(f"response.{value['status']}", response=value)
    assert decoded([end])[-1] == End(finish, COUNTED)


ERRORS: dict[str, tuple[dict[str, Any], int, str]] = {
    "failed": ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "X"}}}, 500, "X"),
    "flat": ({"type": "error", "code": "rate_limit_exceeded", "message": "X", "param": None}, 429, "X"),
    "nested": ({"type": "error", "error": {"type": "invalid_request_error", "message": "X"}}, 400, "X"),
    "bare": ({"error": {"code": 503, "message": "X"}}, 503, "X"),
    "silent": ({"type": "response.failed", "response": {}}, 502, "the upstream could not finish its answer"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_told_whenever_it_comes(name: str) -> None:
    value, status, message = ERRORS[name]
    for before in ((), PIECES[:10]):
        with pytest.raises(UpstreamComplaint) as caught:
            decoded([*before, orjson.dumps(value)])
        assert (caught.value.status, caught.value.message) == (status, message)


def test_a_stream_that_is_cut_is_no_answer() -> None:
    with pytest.raises(UpstreamComplaint, match="closed the stream"):
        decoded(PIECES[:-1])


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({"status": "failed", "output": [], "error": {"code": "server_error", "message": "X"}}, 500),
        ({"status": "in_progress", "output": []}, 502),
        ({"choices": []}, 502),
        ({"error": {"message": "X", "code": "model_not_found"}}, 404),
        ({"detail": "X"}, 502),
    ],
    ids=["failed", "in progress", "another dialect", "error", "detail"],
)
def test_what_is_no_answer_is_a_complaint(value: dict[str, Any], status: int) -> None:
    with pytest.raises(UpstreamComplaint) as whole:
        responses.decode_response(value)
    with pytest.raises(UpstreamComplaint) as passed:
        responses.read_answer(orjson.dumps(value))
    assert (whole.value.status, passed.value.status) == (status, status)


# -- to clients -------------------------------------------------------------------------------------------------------

PICTURE = Media(MediaKind.IMAGE, "image/png", data="iVBORw0KGgo=")


@pytest.mark.parametrize("finish", [Finish.STOP, Finish.LENGTH, Finish.FILTER, Finish.PAUSE])
def test_a_stream_ends_with_what_the_whole_answer_is(finish: Finish) -> None:
    answer = Answer("", "gpt-5", (*SAID, Refusal("No."), PICTURE, Text("Cut")), finish, COUNTED)
    events = checked(encoded(restored(unfold(answer))))
    whole = responses.encode_response(answer, REPLY)
    check_response(whole)
    assert events[-1]["response"] == whole
    assert events[-1]["type"] == f"response.{whole['status']}"
    assert whole["output"][-1]["status"] == whole["status"]


@given(answers("openai"))
@examples(60)
def test_every_stream_is_well_formed_and_keeps_its_meaning(answer: Answer) -> None:
    stream = restored(unfold(answer))
    events = checked(encoded(stream))
    check_response(events[-1]["response"])
    again = fold(decoded(map(orjson.dumps, events)))
    assert again == responses.decode_response(events[-1]["response"])
    assert [type(part) for part in again.parts] == [type(part) for part in fold(stream).parts]


def test_calls_are_done_before_the_answer_is_over() -> None:
    call = ToolCall("call_1", "exec", kind=ToolKind.FREEFORM, namespace="functions")
    begun: list[Event] = [Begin("", ""), Open(0, call), Delta(0, "x"), Close(0)]
    last = orjson.loads(encoded(begun).splitlines()[-2].removeprefix(b"data: "))
    assert last["type"] == "response.output_item.done"
    assert last["item"]["input"] == "x"
    assert last["item"]["namespace"] == "functions"


def test_arguments_that_were_cut_are_told_as_incomplete() -> None:
    answer = Answer("", "", (ToolCall("c", "f", '{"a":'),), Finish.LENGTH)
    assert responses.encode_response(answer, REPLY)["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("is_redacted", [False, True])
def test_another_makers_reasoning_survives_the_clients_echo(is_redacted: bool) -> None:
    thought = Reasoning("" if is_redacted else "Hm.", Signature("claude", "SIG"), is_redacted)
    item = responses.encode_response(Answer("", "", (thought,), Finish.STOP), REPLY)["output"][0]
    assert "SIG" in item["encrypted_content"]
    body = {"model": "m", "input": [item, {"role": "user", "content": "Go on."}]}
    assert responses.decode_request(body).messages[0].parts == (thought,)


def test_the_answer_repeats_what_was_asked_as_far_as_sdks_know_it() -> None:
    asked = {
        "instructions": "Be brief.",
        "tools": [
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}},
            {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}},
            {"type": "tool_search", "execution": "client"},
            {"type": "namespace"},
        ],
        "tool_choice": "required",
        "reasoning": {"effort": "high", "summary": "none"},
        "text": {"verbosity": "low", "format": {"type": "json_schema"}},
        "metadata": {"a": "b", "c": 1},
        "temperature": "hot",
    }
    value = responses.encode_response(Answer("", "", (), Finish.STOP), Reply("1", 0, "m", asked=asked))
    check_response(value)
    assert [tool["type"] for tool in value["tools"]] == ["function", "custom"]
    assert value["instructions"] == "Be brief."
    assert value["tool_choice"] == "required"
    assert value["metadata"] == {"a": "b"}


@pytest.mark.parametrize("begun", [0, 3])
def test_a_stream_that_fails_never_looks_finished(begun: int) -> None:
    encoder = responses.make_stream_encoder(REPLY)
    said: list[Event] = [Begin("", ""), Open(0, Text("")), Delta(0, "Hi")]
    stream = b"".join(map(encoder.feed, said[:begun])) + encoder.fail(429, "Slow down.")
    assert b"response.completed" not in stream
    last = orjson.loads(stream.splitlines()[-2].removeprefix(b"data: "))
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Slow down."}
    check_response(last["response"])


# -- passing through --------------------------------------------------------------------------------------------------

REQUEST = ClientRequest(Dialect.RESPONSES, JsonBody.parse(b"{}"), "m", is_streaming=True)


def framed(*events: bytes) -> bytes:
    return b"".join(b"event: x\ndata: %s\n\n" % data for data in events)


def test_a_stream_passes_as_it_is_and_its_usage_is_noted() -> None:
    relay = Relay(responses, REQUEST)
    assert relay.feed(framed(*PIECES[:2])) == framed(*PIECES[:2])
    assert not relay.has_spoken
    assert relay.feed(framed(PIECES[2], b"garbage", *PIECES[3:])) == framed(*PIECES[2:])
    assert (relay.usage, relay.has_spoken, relay.is_done) == (COUNTED, True, True)
    assert relay.finish() == b""


@pytest.mark.parametrize("name", ["failed", "flat", "nested", "bare"])
def test_an_error_passes_once_something_was_said(name: str) -> None:
    value, status, message = ERRORS[name]
    error = framed(orjson.dumps(value))
    with pytest.raises(UpstreamComplaint) as caught:
        Relay(responses, REQUEST).feed(framed(CREATED) + error)
    assert caught.value.status == status
    relay = Relay(responses, REQUEST)
    said = framed(piece("output_text.delta", 0, delta="Hi"))
    assert relay.feed(said + error + said) == said + error
    assert relay.failure == message


def test_a_cut_stream_gets_an_end_that_is_an_error() -> None:
    relay = Relay(responses, REQUEST)
    relay.feed(framed(*PIECES[:10]))
    last = orjson.loads(relay.finish().splitlines()[1].removeprefix(b"data: "))
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    check_response(last["response"])


@pytest.mark.parametrize("end", [PIECES[-1], completed()], ids=["whole", "without items"])
def test_a_stream_folds_into_the_answer_it_ends_with(end: bytes) -> None:
    folding = responses.Folding()
    for data in (b"garbage", *PIECES[:-1], end):
        folding.feed(data)
    assert folding.response is not None
    assert orjson.loads(folding.response) == WHOLE
    assert responses.final_response(PIECES[-1]) == orjson.dumps(WHOLE)
    assert responses.final_response(CREATED) is None


@pytest.mark.parametrize("name", ["failed", "flat", "nested", "bare"])
def test_a_stream_that_failed_folds_into_a_complaint(name: str) -> None:
    with pytest.raises(UpstreamComplaint):
        responses.Folding().feed(orjson.dumps(ERRORS[name][0]))


def test_the_refusal_of_a_whole_answer_is_kept() -> None:
    answer = responses.decode_response(response(REFUSED))
    assert answer.parts == (Refusal("I can't help with that."),)
    assert answer.usage is not None
    again = responses.encode_response(answer, REPLY)
    assert again["output"][0]["content"] == REFUSED["content"]
    assert again["usage"] == USAGE
