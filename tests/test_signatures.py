"""Signatures survive the client's echo unchanged, whether it has a place for them or not, and reach nobody else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategies import MAKERS, arguments, call_ids, conversations, examples, json_objects, signatures, words
from translator.messages import Media, MediaKind, Message, Part, Reasoning, Request, Role, Signature, Text, ToolCall
from translator.signatures import (
    TAG,
    UNSIGNED,
    keepsakes,
    key_of,
    only_of,
    read,
    restored,
    tagged,
    tagged_base64,
    untagged,
    untagged_base64,
    wanted,
)

OURS = Signature("claude", "Eq+/dA==")
CALL = ToolCall("call_1", "f", '{"a": 1, "b": [2.0, "x"]}')


def url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_").rstrip("=")


def asked(*parts: Part) -> Request:
    return Request("m", (Message(Role.ASSISTANT, parts),))


def parts(request: Request) -> tuple[Part, ...]:
    return request.messages[0].parts


@given(signatures(), st.sampled_from(MAKERS))
def test_a_tag_is_taken_off_again(signature: Signature, native: str) -> None:
    assert untagged(tagged(signature, native), native) == signature
    assert untagged_base64(tagged_base64(signature, native), native) == signature


@given(signatures(), st.sampled_from(MAKERS))
def test_another_spelling_of_base64_hides_no_tag(signature: Signature, native: str) -> None:
    if signature.maker != native:
        assert untagged_base64(url_safe(tagged_base64(signature, native)), native) == signature


@pytest.mark.parametrize("text", ["", UNSIGNED])
def test_what_stands_for_no_signature_is_none(text: str) -> None:
    assert read(text, "claude") is None


@pytest.mark.parametrize("signature", [Signature("claude", "EqA="), Signature("gemini", "R0s=")])
def test_a_signature_is_read_as_it_was_tagged(signature: Signature) -> None:
    assert read(tagged(signature, "claude"), "claude") == signature


def test_a_makers_own_place_has_no_tag() -> None:
    assert tagged(OURS, "claude") == tagged_base64(OURS, "claude") == OURS.value
    assert tagged(OURS, "gemini") == f"{TAG}claude.Eq+/dA=="


@pytest.mark.parametrize(
    "text", ["", "skip_thought_signature_validator", "ö", "omniroute", "b21uaXJvdXRl", "====", "A"]
)
def test_what_has_no_tag_is_native(text: str) -> None:
    assert untagged(text, "gemini") == untagged_base64(text, "gemini") == Signature("gemini", text)


@pytest.mark.parametrize("text", [TAG, f"{TAG}claude", f"{TAG}."])
def test_a_broken_tag_belongs_to_no_vendor_that_asks(text: str) -> None:
    assert untagged(text, "gemini").maker != "gemini"


# -- keys -------------------------------------------------------------------------------------------------------------


@given(call_ids, words, json_objects)
def test_a_call_is_known_again_when_its_arguments_are_written_anew(
    name: str, tool: str, said: dict[str, object]
) -> None:
    spellings = [
        json.dumps(said),
        json.dumps(said, ensure_ascii=False, indent=2),
        json.dumps(dict(reversed(said.items())), separators=(",", ":")),
    ]
    keys = {key_of(ToolCall(name, tool, spelling)) for spelling in spellings}
    assert len(keys) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, id="call1"),
        replace(CALL, id="call-1"),
        replace(CALL, arguments='{"b":[2.0,"x"],"a":1}'),
        replace(CALL, arguments='{"a":1,"b":[2,"x"]}'),
        replace(CALL, arguments='{"a":1.0,"b":[2e0,"\\u0078"]}'),
    ],
    ids=["stripped id", "other punctuation", "other order", "numbers of JavaScript", "escapes"],
)
def test_the_same_call_has_the_same_key(other: ToolCall) -> None:
    assert key_of(other) == key_of(CALL)


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, id="call_2"),
        replace(CALL, name="g"),
        replace(CALL, namespace="n"),
        replace(CALL, arguments='{"a":2,"b":[2.0,"x"]}'),
        replace(CALL, arguments="*** Begin"),
    ],
    ids=["id", "name", "namespace", "arguments", "text"],
)
def test_another_call_has_another_key(other: ToolCall) -> None:
    assert key_of(other) != key_of(CALL)


def test_no_arguments_are_an_empty_object() -> None:
    assert key_of(replace(CALL, arguments="")) == key_of(replace(CALL, arguments=" { } "))


# -- keepsakes --------------------------------------------------------------------------------------------------------


def echoed(*answer: Part, unsigned: tuple[Part, ...]) -> tuple[Part, ...]:
    """What becomes of a client's repetition with what was kept of the answer."""
    request, kept = asked(*unsigned), keepsakes(answer)
    return parts(restored(request, {key: kept[key] for key in wanted(request) if key in kept}))


def test_every_call_gets_its_own_signature_back() -> None:
    answer = [replace(CALL, id=f"c{number}", signature=Signature("gemini", f"s{number}")) for number in range(3)]
    bare = tuple(replace(call, signature=None) for call in answer)
    assert echoed(*answer, unsigned=bare) == tuple(answer)


def test_signed_thoughts_come_back_before_the_words_that_came_of_them() -> None:
    thought = Reasoning("Let me see.", OURS)
    answer = (thought, Text("I look."), CALL)
    assert echoed(*answer, unsigned=(Text("I look."), CALL)) == answer
    assert echoed(*answer, unsigned=(Reasoning("Let me see."), Text("I look."), CALL)) == answer
    assert echoed(*answer, unsigned=(CALL,)) == (thought, CALL)


def test_thoughts_between_two_calls_come_back_between_them() -> None:
    other = replace(CALL, id="call_2")
    answer = (Reasoning("one", OURS), CALL, Reasoning("two", OURS), Reasoning("", OURS, is_redacted=True), other)
    assert echoed(*answer, unsigned=(CALL, other)) == answer


def test_a_signature_of_a_call_comes_back_behind_thoughts_that_kept_theirs() -> None:
    answer = (Reasoning("hm", Signature("gemini", "t")), replace(CALL, signature=Signature("gemini", "c")))
    assert echoed(*answer, unsigned=(answer[0], CALL)) == answer


def test_what_the_client_kept_is_not_asked_for() -> None:
    assert wanted(asked(replace(CALL, signature=OURS))) == []
    assert keepsakes([Reasoning("unsigned"), Text("x"), CALL]) == {}


def test_nothing_found_changes_nothing() -> None:
    request = asked(Reasoning("a"), CALL)
    assert restored(request, {}) is request
    assert restored(request, {"another": b""}) == request


@examples(60)
@given(conversations())
def test_a_client_that_forgets_all_signatures_loses_none_before_a_call(history: tuple[Message, ...]) -> None:
    """Ids in this history are unique; what was signed after the last call has nothing to stand before."""
    kept: dict[str, bytes] = {}
    for message in history:
        kept |= keepsakes(message.parts)
    bare = only_of(Request("m", history), "nobody")
    back = restored(bare, {key: kept[key] for key in wanted(bare) if key in kept})
    for before, after in zip(history, back.messages, strict=True):
        if any(isinstance(part, ToolCall) for part in before.parts):
            assert after == before


# -- only_of ----------------------------------------------------------------------------------------------------------


@examples(60)
@given(conversations(), st.sampled_from(MAKERS))
def test_only_the_makers_own_remains(history: tuple[Message, ...], maker: str) -> None:
    request = Request("m", history)
    left = only_of(request, maker)
    signed = [part.signature for message in left.messages for part in message.parts if getattr(part, "signature", None)]  # type: ignore[union-attr]
    assert all(signature is not None and signature.maker == maker for signature in signed)
    for before, after in zip(request.messages, left.messages, strict=True):
        foreign = [part for part in before.parts if isinstance(part, Reasoning) and is_foreign(part, maker)]
        assert len(after.parts) == len(before.parts) - len(foreign)


def is_foreign(part: Reasoning, maker: str) -> bool:
    return part.signature is not None and part.signature.maker != maker


def test_words_and_calls_stay_when_their_signature_goes() -> None:
    picture = Media(MediaKind.IMAGE, url="https://example.com/a.png")
    request = asked(Text("a", OURS), replace(CALL, signature=OURS), picture, Reasoning("unsigned"))
    assert parts(only_of(request, "gemini")) == (Text("a"), CALL, picture, Reasoning("unsigned"))


@given(arguments)
def test_keepsakes_are_the_same_each_time(said: str) -> None:
    answer: list[Part] = [Reasoning("a", OURS), replace(CALL, arguments=said)]
    assert keepsakes(answer) == keepsakes(answer)
