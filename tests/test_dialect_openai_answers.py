"""Whole answers of Chat Completions, errors and counts: what is read of a vendor's, and how one is written."""

from typing import Any

import orjson
import pytest

from translator.dialect import Reply
from translator.dialects import openai
from translator.dialects.openai import thoughts
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
from translator.usage import Usage

Json = dict[str, Any]

REPLY = Reply("abc", 1760000000, "shown")
CLAUDE, GEMINI = Signature("claude", "Eq=="), Signature("gemini", "Q2xp")


def answered(finish: str | None = "stop", **message: Any) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": None} | message, "finish_reason": finish}
    return openai.decode_response({"id": "i", "model": "m", "choices": [choice]})


def written(*parts: Part, finish: Finish = Finish.STOP) -> Json:
    body = openai.encode_response(Answer("i", "m", parts, finish), REPLY)
    return body["choices"][0]["message"]  # type: ignore[no-any-return]


def call(name: Any = "f", arguments: Any = "{}", **members: Any) -> Json:
    return {"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}} | members


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "hi"}, (Text("hi"),)),
        ({"content": ""}, ()),
        ({"content": "hi", "reasoning_content": "t"}, (Reasoning("t"), Text("hi"))),
        ({"content": "hi", "reasoning": "t"}, (Reasoning("t"), Text("hi"))),
        ({"content": "<think>\nt</think>\n\nhi"}, (Reasoning("t"), Text("hi"))),
        ({"content": "hi <think>t</think>"}, (Text("hi <think>t</think>"),)),
        ({"content": "<think>x", "reasoning": "t"}, (Reasoning("t"), Text("<think>x"))),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                    {"type": "text", "text": "hi"},
                ]
            },
            (Reasoning("t"), Text("hi")),
        ),
        ({"refusal": "No."}, (Refusal("No."),)),
        ({"content": None, "audio": {"id": "audio_1", "data": "UklG", "transcript": "hi"}}, (Text("hi"),)),
        ({"content": "hi", "audio": "odd"}, (Text("hi"),)),
        ({"tool_calls": [call(arguments="")]}, (ToolCall("a", "f"),)),
        ({"tool_calls": [call(arguments={"n": 1})]}, (ToolCall("a", "f", '{"n":1}'),)),
        ({"tool_calls": [call(name=None), call(id=None)]}, (ToolCall("", "f", "{}"),)),
        ({"function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("", "f", "{}"),)),
        (
            {"tool_calls": [call(extra_content={"google": {"thought_signature": "Q2xp"}})]},
            (ToolCall("a", "f", "{}", signature=GEMINI),),
        ),
        (
            {"content": "", "images": [{"image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}, {"image_url": 3}]},
            (Media(MediaKind.IMAGE, "image/png", data="iVBORw0KGgo="),),
        ),
        (
            {"reasoning_details": [{"type": "reasoning.text", "text": "t", "signature": "omniroute.1.claude.Eq=="}]},
            (Reasoning("t", CLAUDE),),
        ),
    ],
)
def test_an_answer_is_read_whoever_speaks_like_openai(message: Json, parts: tuple[Part, ...]) -> None:
    assert answered(**message).parts == parts


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("stop", Finish.STOP),
        ("length", Finish.LENGTH),
        ("tool_calls", Finish.TOOL_CALLS),
        ("function_call", Finish.TOOL_CALLS),
        ("content_filter", Finish.FILTER),
        ("eos", Finish.STOP),
        ("no_such_word", Finish.FILTER),
        (None, Finish.STOP),
    ],
)
def test_a_finish_that_nobody_knows_is_no_ordinary_end(word: str | None, finish: Finish) -> None:
    assert answered(word, content="x").finish is finish


def test_only_the_first_choice_is_read() -> None:
    choices = [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}]
    assert openai.decode_response({"choices": choices}).parts == (Text("a"),)


@pytest.mark.parametrize(
    ("value", "status", "message"),
    [
        ({"error": {"message": "no"}}, 502, "no"),
        ({"error": {"message": "no", "code": 429}}, 429, "no"),
        ({"error": {"message": "no", "code": "429"}}, 429, "no"),
        ({"error": {"message": "no", "type": "overloaded_error"}}, 503, "no"),
        ({"error": "no"}, 502, "no"),
        ({"code": 429, "msg": "slow down"}, 429, "slow down"),
        ({"choices": []}, 502, None),
        ({"choices": [{"message": {"role": "assistant", "content": None}, "finish_reason": None}]}, 502, None),
        ({"choices": [{"message": {"content": "x"}, "finish_reason": "error"}]}, 502, None),
    ],
    ids=str,
)
def test_an_error_in_the_place_of_an_answer_is_a_failure(value: Json, status: int, message: str | None) -> None:
    with pytest.raises(UpstreamComplaint) as complaint:
        openai.decode_response(value)
    assert complaint.value.status == status
    assert message in (None, complaint.value.message)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"error":{"message":"no","code":429}}', 429),
        (b'{"choices":[]}', 502),
        (b'{"choices":[{"message":{"content":null},"finish_reason":null}]}', 502),
        (b"<html>login</html>", 502),
        (b"", 502),
    ],
)
def test_a_200_that_is_no_answer_is_not_passed_on(raw: bytes, status: int) -> None:
    with pytest.raises(UpstreamComplaint) as complaint:
        openai.read_answer(raw)
    assert complaint.value.status == status


def test_an_empty_answer_that_is_finished_is_an_answer() -> None:
    raw = b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}'
    assert openai.read_answer(raw) == Usage(3)
    assert openai.decode_response(orjson.loads(raw)).parts == ()


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
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 59,
                "completion_tokens_details": {"reasoning_tokens": 40},
            },
            Usage(uncached_input=10, output=49, reasoning=40),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}, Usage(2, 8, output=1)),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cache_write_tokens": 4}}, Usage(6, cache_write=4)),
        ({"prompt_tokens": -1, "completion_tokens": None, "prompt_tokens_details": "x"}, Usage()),
        ({}, None),
        (None, None),
    ],
)
def test_tokens_are_counted_apart(usage: Json | None, expected: Usage | None) -> None:
    assert openai.decode_usage(usage) == expected


@pytest.mark.parametrize("usage", [Usage(2, 3, 4, 9, 5), Usage(7, output=1)])
def test_counts_survive_the_way_out_and_back(usage: Usage) -> None:
    said = openai.encode_usage(usage)
    assert said["total_tokens"] == said["prompt_tokens"] + said["completion_tokens"]
    assert openai.decode_usage(said) == usage


ANSWERS = {
    "text": (Text("hi"),),
    "thinking and text": (Reasoning("t"), Text("hi")),
    "signed thinking": (Reasoning("t", CLAUDE), Reasoning("", CLAUDE, is_redacted=True), Text("hi")),
    "signature alone": (Reasoning("", CLAUDE), Text("hi")),
    "interleaved thinking": (Reasoning("a", CLAUDE), Reasoning("b", CLAUDE), Text("hi")),
    "calls": (ToolCall("a", "f", "{}", signature=GEMINI), ToolCall("b", "g", '{"n":1}', signature=CLAUDE)),
    "text and calls": (Text("hi"), ToolCall("a", "f", "{}")),
    "refusal": (Refusal("No."),),
    "picture": (Media(MediaKind.IMAGE, "image/png", data="iVBORw0KGgo="),),
    "signed text": (Text("hi", GEMINI),),
    "nothing": (),
}


@pytest.mark.parametrize("parts", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_written_and_read_again_is_the_same(parts: tuple[Part, ...]) -> None:
    answer = Answer("i", "m", parts, Finish.LENGTH, Usage(1, 2, 3, 4, 2))
    assert openai.decode_response(orjson.loads(orjson.dumps(openai.encode_response(answer, REPLY)))) == answer


def test_an_answer_is_written_in_full() -> None:
    body = openai.encode_response(Answer("", "", (Text("a"), Text("b")), Finish.PAUSE, Usage(1, output=2)), REPLY)
    assert body["id"] == "chatcmpl-abc"
    assert (body["object"], body["created"], body["model"]) == ("chat.completion", 1760000000, "shown")
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "ab", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]


def test_content_is_null_only_beside_something_else() -> None:
    assert written(ToolCall("a", "f"))["content"] is None
    assert written(Refusal("No."))["content"] is None
    assert written(Reasoning("t"))["content"] == ""
    assert written()["content"] == ""


def test_calls_are_written_with_arguments_and_by_their_kind() -> None:
    custom = ToolCall("b", "patch", "*** Begin", ToolKind.FREEFORM)
    assert written(ToolCall("a", "f"), custom)["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
    ]


def test_a_foreign_signature_is_tagged_and_its_text_is_not_shown() -> None:
    message = written(Reasoning("", CLAUDE, is_redacted=True), Text("hi"))
    assert "reasoning_content" not in message
    assert message["reasoning_details"] == [
        {"type": "reasoning.encrypted", "data": "omniroute.1.claude.Eq==", "format": "omniroute", "index": 0}
    ]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (503, "server_error"),
        (529, "server_error"),
    ],
)
def test_an_error_has_openais_shape(status: int, kind: str) -> None:
    error = orjson.loads(openai.encode_error(status, "no", "c", "p"))["error"]
    assert error == {"message": "no", "type": kind, "param": "p", "code": "c"}


@pytest.mark.parametrize(
    "content", ["<think>a<b</think> \n<think>c", " \n<think>", "<thin", "a", "<think>a</thi", "", " "]
)
def test_thoughts_in_the_text_are_found_wherever_it_is_cut(content: str) -> None:
    whole = thoughts.split(content)
    for size in range(1, len(content) + 1):
        found = thoughts.Thoughts()
        pieces = [found.feed(content[start : start + size]) for start in range(0, len(content), size)]
        said = [*pieces, found.finish()]
        assert ("".join(thought for thought, _ in said), "".join(text for _, text in said)) == whole
