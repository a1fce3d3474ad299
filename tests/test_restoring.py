"""Whatever order a vendor's events come in, what leaves is a stream any client understands, and the same answer."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.strategies import PNG, answers, event_streams, examples
from translator.events import Begin, Close, Delta, End, Event, Open, fold, unfold
from translator.messages import (
    Answer,
    Finish,
    Media,
    MediaKind,
    Reasoning,
    Refusal,
    Signature,
    Text,
    Tool,
    ToolCall,
    ToolKind,
)
from translator.restoring import Restorer, restore
from translator.toolbox import Toolbox, wrapped
from translator.usage import Usage

NO_TOOLS = Toolbox()
BEGIN = Begin("1", "m")
STOP = End(Finish.STOP)
SIGNED = Signature("claude", "s")
PATCH = Toolbox({"apply_patch": Tool("apply_patch", kind=ToolKind.FREEFORM)})


def restored(*events: Event, toolbox: Toolbox = NO_TOOLS) -> list[Event]:
    """What stands between the beginning and the end."""
    first, *middle, last = restore([BEGIN, *events, STOP], toolbox, "r1")
    assert first == BEGIN and isinstance(last, End)
    return middle


def finish_of(finish: Finish, *parts: Text | ToolCall) -> Finish:
    return fold(restore(unfold(Answer("1", "m", parts, finish)), NO_TOOLS, "r1")).finish


def problems(events: Sequence[Event]) -> list[str]:
    """What breaks the grammar `Begin (Open Delta* Close)* End` with blocks counted from zero."""
    found = [] if isinstance(events[0], Begin) and isinstance(events[-1], End) else ["no beginning or no end"]
    open_block, count = None, 0
    for event in events[1:-1]:
        match event:
            case Open(index):
                found += [f"{index} opens inside {open_block}"] if open_block is not None else []
                found += [f"{index} is not {count}"] if index != count else []
                open_block, count = index, count + 1
            case Delta(index) | Close(index):
                found += [f"{index} is not open"] if index != open_block else []
                open_block = None if isinstance(event, Close) else open_block
            case _:
                found.append(f"{event} in the middle")
    return found + (["a block is left open"] if open_block is not None else [])


@examples(150)
@given(event_streams())
def test_any_stream_becomes_one_block_after_the_other(events: list[Event]) -> None:
    assert problems(restore(events, NO_TOOLS, "r1")) == []


@examples(150)
@given(event_streams())
def test_nothing_that_was_said_is_lost_or_invented(events: list[Event]) -> None:
    closed = [*events[:-1], *(Close(index) for index in still_open(events)), events[-1]]
    before, after = fold(closed), fold(restore(events, NO_TOOLS, "r1"))
    expected = [part for part in before.parts if not is_nothing(part)]
    assert len(after.parts) == len(expected)
    for part, wanted in zip(after.parts, expected, strict=True):
        if isinstance(part, ToolCall) and isinstance(wanted, ToolCall):
            assert (part.name, part.arguments) == (wanted.name, wanted.arguments or "{}")
        else:
            assert part == wanted


def still_open(events: Sequence[Event]) -> list[int]:
    closed = {event.index for event in events if isinstance(event, Close)}
    return [event.index for event in events if isinstance(event, Open) and event.index not in closed]


def is_nothing(part: object) -> bool:
    match part:
        case Text(text, signature) | Reasoning(text, signature):
            return not text and signature is None
        case Refusal(text):
            return not text
        case _:
            return False


@examples(100)
@given(event_streams())
def test_calls_have_ids_and_arguments_and_the_finish_agrees(events: list[Event]) -> None:
    answer = fold(restore(events, NO_TOOLS, "r1"))
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    ids = [call.id for call in calls]
    assert all(ids) and len(set(ids)) == len(ids)
    assert all(isinstance(json.loads(call.arguments), dict) for call in calls)
    assert not (calls and answer.finish in (Finish.STOP, Finish.STOP_SEQUENCE))
    assert calls or answer.finish is not Finish.TOOL_CALLS


@examples(100)
@given(answers("gemini"))
def test_an_answer_that_is_in_order_stays(answer: Answer) -> None:
    after = fold(restore(unfold(answer), NO_TOOLS, "r1"))
    ids = [part.id for part in answer.parts if isinstance(part, ToolCall)]
    parts = [part for part in answer.parts if not is_nothing(part)]
    if len(set(ids)) == len(ids):
        assert list(after.parts) == parts
    assert after.usage == answer.usage


def test_a_second_block_waits_for_the_first() -> None:
    events: list[Event] = [
        Open(0, Text("")),
        Open(1, ToolCall("a", "f")),
        Delta(1, "{}"),
        Delta(0, "Hi"),
        Close(1),
        Close(0),
    ]
    assert restored(*events) == [
        *(Open(0, Text("")), Delta(0, "Hi"), Close(0)),
        *(Open(1, ToolCall("a", "f")), Delta(1, "{}"), Close(1)),
    ]


def test_the_first_block_is_passed_on_as_it_comes() -> None:
    restorer = Restorer(NO_TOOLS, "r1")
    assert restorer.feed(Open(0, Text(""))) == []
    assert restorer.feed(Delta(0, "He")) == [Open(0, Text("")), Delta(0, "He")]
    assert restorer.feed(Delta(0, "y")) == [Delta(0, "y")]
    assert restorer.feed(Open(1, ToolCall("a", "f"))) == []
    assert restorer.feed(Close(0)) == [Close(0), Open(1, ToolCall("a", "f"))]


def test_a_block_that_says_nothing_is_not_opened() -> None:
    events: list[Event] = [
        Open(0, Text("")),
        Close(0),
        Open(1, Reasoning("")),
        Delta(1, ""),
        Close(1),
        Open(2, Refusal("")),
    ]
    assert restored(*events) == []


def test_a_signature_alone_is_worth_a_block() -> None:
    assert restored(Open(0, Reasoning("")), Close(0, SIGNED)) == [Open(0, Reasoning("")), Close(0, SIGNED)]


@pytest.mark.parametrize(
    "part", [Reasoning("", SIGNED, is_redacted=True), Media(MediaKind.IMAGE, "image/png", data=PNG)]
)
def test_what_comes_whole_is_worth_a_block(part: Reasoning | Media) -> None:
    assert restored(Open(0, part), Close(0)) == [Open(0, part), Close(0)]


def test_no_arguments_are_an_empty_object() -> None:
    assert restored(Open(4, ToolCall("a", "f")), Close(4))[1] == Delta(0, "{}")


@pytest.mark.parametrize("said", [[" "], ["null"], ["{}"], ["{}", '{"n":1}'], ["", "{", '"n":1}']])
def test_arguments_that_begin_with_none_are_what_follows_or_none(said: list[str]) -> None:
    events = restored(Open(0, ToolCall("a", "f")), *(Delta(0, text) for text in said), Close(0))
    arguments = "".join(event.text for event in events if isinstance(event, Delta))
    assert json.loads(arguments) == ({"n": 1} if len(said) > 1 else {})


def test_calls_without_ids_or_with_one_id_get_their_own() -> None:
    calls = [ToolCall("", "f"), ToolCall("", "g"), ToolCall("call_0", "h"), ToolCall("call_0", "i")]
    opened = [event for event in restored(*(Open(n, call) for n, call in enumerate(calls))) if isinstance(event, Open)]
    ids = [event.part.id for event in opened]  # type: ignore[union-attr]
    assert ids == ["call_r1n0", "call_r1n1", "call_0", "call_r1n3"]


def test_a_wrapped_call_is_unwrapped_when_it_is_whole() -> None:
    whole = wrapped("*** Begin\n")
    pieces = [Delta(0, whole[:5]), Delta(0, whole[5:])]
    call = ToolCall("a", "apply_patch", kind=ToolKind.FREEFORM)
    events = restored(Open(0, ToolCall("a", "apply_patch")), *pieces, Close(0), toolbox=PATCH)
    assert events == [Open(0, call), Delta(0, "*** Begin\n"), Close(0)]


def test_a_freeform_call_of_the_vendors_own_is_passed_on_as_it_comes() -> None:
    call = ToolCall("a", "apply_patch", kind=ToolKind.FREEFORM)
    events: list[Event] = [Open(0, call), Delta(0, '{"input":'), Delta(0, '"x"}'), Close(0)]
    assert restored(*events, toolbox=PATCH) == events


def test_a_strange_freeform_call_is_a_function_s_where_there_are_functions_alone() -> None:
    toolbox = Toolbox(has_only_functions=True)
    call = ToolCall("a", "exec", kind=ToolKind.FREEFORM)
    events = restored(Open(0, call), Delta(0, "ls "), Delta(0, '"x"'), Close(0), toolbox=toolbox)
    assert events == [Open(0, ToolCall("a", "exec")), Delta(0, wrapped('ls "x"')), Close(0)]


def test_a_renamed_call_has_the_clients_name_at_once() -> None:
    toolbox = Toolbox({"ns__read": Tool("read", namespace="ns")})
    opened = restored(Open(0, ToolCall("a", "ns__read")), toolbox=toolbox)[0]
    assert opened == Open(0, ToolCall("a", "read", namespace="ns"))


@pytest.mark.parametrize("said", [Finish.STOP, Finish.STOP_SEQUENCE, Finish.TOOL_CALLS])
def test_an_answer_with_calls_finishes_with_them(said: Finish) -> None:
    assert finish_of(said, ToolCall("a", "f", "{}")) is Finish.TOOL_CALLS


@pytest.mark.parametrize("said", [Finish.LENGTH, Finish.FILTER, Finish.PAUSE])
def test_calls_hide_no_graver_finish(said: Finish) -> None:
    assert finish_of(said, ToolCall("a", "f", "{}")) is said


@pytest.mark.parametrize("said", list(Finish))
def test_an_answer_without_calls_does_not_finish_with_them(said: Finish) -> None:
    expected = Finish.STOP if said is Finish.TOOL_CALLS else said
    assert finish_of(said, Text("Hi")) is expected


@pytest.mark.parametrize("arguments", ['{"path": "/w', '{"a": 1', "[1]", '{"a": 1}}'])
@pytest.mark.parametrize("said", [Finish.STOP, Finish.STOP_SEQUENCE, Finish.TOOL_CALLS, Finish.LENGTH])
def test_a_call_that_is_cut_short_never_looks_finished(said: Finish, arguments: str) -> None:
    assert finish_of(said, ToolCall("a", "f", "{}"), ToolCall("b", "f", arguments)) is Finish.LENGTH


def test_a_freeform_call_is_never_cut_short() -> None:
    assert finish_of(Finish.STOP, ToolCall("a", "f", "[1", ToolKind.FREEFORM)) is Finish.TOOL_CALLS


def test_half_a_character_cuts_no_call_short() -> None:
    assert finish_of(Finish.STOP, ToolCall("a", "f", '{"a": "\\ud83d"}')) is Finish.TOOL_CALLS


def test_usage_of_the_beginning_counts_when_the_end_has_none() -> None:
    counted = Usage(3, output=1)
    assert restore([Begin("1", "m", counted), STOP], NO_TOOLS, "r1")[-1] == replace(STOP, usage=counted)


def test_what_belongs_to_no_open_block_is_ignored() -> None:
    assert restored(Delta(7, "x"), Close(7), Open(0, Text("")), Delta(0, "Hi"), Close(0), Delta(0, "late")) == [
        *(Open(0, Text("")), Delta(0, "Hi"), Close(0))
    ]
