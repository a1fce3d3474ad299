"""However a client ordered it: turns alternate, each call has its one result, ids are unique, and no word is lost."""

import re
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given

from tests.stopwatch import least_seconds
from tests.strategies import conversations, examples, requests
from translator.messages import (
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Role,
    Signature,
    Text,
    ToolCall,
    ToolResult,
)
from translator.turns import NO_RESULT, IdRule, in_order, with_system_first

RULE = IdRule()
LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def asked(*parts: Part) -> Message:
    return Message(Role.USER, parts)


def said(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def call(id: str, name: str = "f") -> ToolCall:
    return ToolCall(id, name, "{}")


def result(id: str, text: str, name: str = "") -> ToolResult:
    return ToolResult(id, (Text(text),), name=name)


def pairs(messages: Iterable[Message]) -> list[tuple[str, str]]:
    """The name of each call with the words of its result."""
    parts = [part for message in messages for part in message.parts]
    results = {part.call_id: part for part in parts if isinstance(part, ToolResult)}
    return [(part.name, words_of(results[part.id])) for part in parts if isinstance(part, ToolCall)]


def words_of(result: ToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, Text))


def test_results_follow_their_calls_in_the_order_of_the_calls() -> None:
    history = [
        said(call("a", "one"), call("b", "two"), call("c", "three")),
        asked(result("c", "3")),
        asked(result("a", "1")),
        asked(result("b", "2"), Text("Now?")),
    ]
    first, second = in_order(history, RULE)
    assert [part.name for part in first.parts if isinstance(part, ToolCall)] == ["one", "two", "three"]
    assert [words_of(part) for part in second.parts if isinstance(part, ToolResult)] == ["1", "2", "3"]
    assert second.parts[-1] == Text("Now?")


def test_words_before_the_results_come_after_them() -> None:
    _, answer = in_order([said(call("a")), asked(Text("By the way"), result("a", "1"))], RULE)
    assert isinstance(answer.parts[0], ToolResult)
    assert answer.parts[1] == Text("By the way")


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    history = in_order([said(call("a"), call("b", "g")), asked(result("a", "1"))], RULE)
    assert pairs(history) == [("f", "1"), ("g", NO_RESULT)]
    assert history[1].parts[1].is_error  # type: ignore[union-attr]


def test_of_two_results_the_first_counts() -> None:
    history = [said(call("a")), asked(result("a", "first"), result("a", "second"))]
    assert pairs(in_order(history, RULE)) == [("f", "first")]


@pytest.mark.parametrize("name", ["", "gone"])
def test_a_result_without_a_call_becomes_text(name: str) -> None:
    (only,) = in_order([asked(result("nobody", "42", name), Text("Hm?"))], RULE)
    about, *rest = only.parts
    assert isinstance(about, Text) and name in about.text
    assert rest == [Text("42"), Text("Hm?")]


def test_ids_that_restart_in_each_answer_find_their_own_results() -> None:
    history = [
        said(call("call_0", "one"), call("call_1", "two")),
        asked(result("call_1", "2"), result("call_0", "1")),
        said(call("call_0", "three")),
        asked(result("call_0", "3")),
    ]
    ordered = in_order(history, RULE)
    assert pairs(ordered) == [("one", "1"), ("two", "2"), ("three", "3")]


def test_ids_are_known_again_without_their_punctuation() -> None:
    history = [
        said(call("call_a-1", "one"), call("call_a-2", "two")),
        asked(result("calla2", "2"), result("calla1", "1")),
    ]
    assert pairs(in_order(history, RULE)) == [("one", "1"), ("two", "2")]


def test_without_ids_results_go_by_name_in_turn() -> None:
    history = [
        said(call("", "read"), call("", "list"), call("", "read")),
        asked(result("", "r1", "read"), result("", "r2", "read"), result("", "l", "list")),
    ]
    assert pairs(in_order(history, RULE)) == [("read", "r1"), ("list", "l"), ("read", "r2")]


def test_without_ids_and_names_results_go_in_turn() -> None:
    history = [said(call("", "a"), call("", "b")), asked(result("", "1"), result("", "2"))]
    assert pairs(in_order(history, RULE)) == [("a", "1"), ("b", "2")]


def test_a_late_result_goes_back_to_its_turn() -> None:
    history = [said(call("a")), asked(Text("wait")), said(Text("I wait.")), asked(result("a", "1"))]
    assert [message.role for message in in_order(history, RULE)] == [Role.ASSISTANT, Role.USER, Role.ASSISTANT]
    assert pairs(in_order(history, RULE)) == [("f", "1")]


COLLISIONS = [["a", "a", "a"], ["a-1", "a", "a"], ["a-2-2", "a", "a"], ["a.b", "a_b"], ["", "call_0"], ["ö" * 99, "ö"]]


@pytest.mark.parametrize("ids", COLLISIONS, ids="-".join)
def test_ids_that_collide_are_told_apart(ids: list[str]) -> None:
    turns = [said(call(given, f"f{number}")) for number, given in enumerate(ids)]
    assert len(set(ids_of(in_order(turns, RULE)))) == len(ids)


def ids_of(messages: Iterable[Message]) -> list[str]:
    return [part.id for message in messages for part in message.parts if isinstance(part, ToolCall)]


def test_what_follows_changes_no_id_of_what_came_before() -> None:
    """Vendors cache prompts by their beginning."""
    history = [asked(Text("Go.")), said(call("", "one"), call("x.y", "two"), call("x_y", "three"))]
    longer = [*history, said(call("x_y", "four"), call("", "five"))]
    assert ids_of(in_order(longer, RULE))[:3] == ids_of(in_order(history, RULE))


@pytest.mark.parametrize("part", [Text(""), Reasoning(""), Refusal("")], ids=lambda part: type(part).__name__)
def test_empty_parts_are_left_out(part: Part) -> None:
    assert in_order([asked(Text("Hi")), said(part), asked(part)], RULE) == (asked(Text("Hi")),)


@pytest.mark.parametrize("part", [Text("", Signature("gemini", "s")), Reasoning("", Signature("claude", "s"))])
def test_a_signature_is_not_nothing(part: Part) -> None:
    assert in_order([said(part)], RULE) == (said(part),)


@examples(50)
@given(conversations(is_tidy=False))
def test_any_history_is_put_in_order(history: tuple[Message, ...]) -> None:
    ordered = in_order(history, RULE)
    roles = [message.role for message in ordered]
    assert all(one is not other for one, other in pairwise(roles))
    ids = ids_of(ordered)
    assert len(set(ids)) == len(ids) and all(map(LEGAL.fullmatch, ids))
    for number, message in enumerate(ordered):
        own = [part.id for part in message.parts if isinstance(part, ToolCall)]
        opening = ordered[number + 1].parts[: len(own)] if own else ()
        assert [part.call_id for part in opening if isinstance(part, ToolResult)] == own
    assert sum(isinstance(part, ToolResult) for message in ordered for part in message.parts) == len(ids)
    assert in_order(ordered, RULE) == ordered


@examples(50)
@given(conversations(is_tidy=False))
def test_no_word_is_lost_but_a_second_result(history: tuple[Message, ...]) -> None:
    def outside(messages: Iterable[Message]) -> list[Part]:
        parts = [part for message in messages for part in message.parts]
        return [part for part in parts if not isinstance(part, ToolCall | ToolResult)]

    after = outside(in_order(history, RULE))
    assert all(part in after for part in outside(history))
    everything = repr(in_order(history, RULE))
    for message in history:
        for part in message.parts:
            if isinstance(part, ToolCall):
                assert repr(part.arguments) in everything
            if isinstance(part, ToolResult) and part.name == "nobody":
                assert "orphan" in everything


@examples(50)
@given(conversations())
def test_a_tidy_history_keeps_its_shape(history: tuple[Message, ...]) -> None:
    assert in_order(history, RULE) == history


@examples(20)
@given(requests())
def test_the_system_prompt_comes_first_and_whole(request: Request) -> None:
    late = Message(Role.SYSTEM, (Text("Be brief."),))
    system, spoken = with_system_first(Request("m", (*request.messages, late), request.system))
    assert system == (*request.system, Text("Be brief.")) and spoken == request.messages


def test_a_system_prompt_alone_becomes_the_users_words() -> None:
    assert with_system_first(Request("m", (), (Text("Hi"),))) == ((), (asked(Text("Hi")),))
    assert with_system_first(Request("m", ())) == ((), ())


def test_a_long_history_takes_no_more_than_its_share() -> None:
    """Ten times the calls, not a hundred times the work. Ids repeat, which is the hardest case."""

    def seconds(turns: int) -> float:
        history = [turn for _ in range(turns) for turn in (said(call("call_0")), asked(result("call_0", "r")))]
        return least_seconds(in_order, history, RULE)

    seconds(10)
    assert seconds(3_000) < 40 * seconds(300) + 0.05
