"""A client's JSON body is checked once, and whatever is not edited keeps its bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.json_body import JsonBody, MalformedJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=6), st.integers(0, 4))
def test_an_edited_body_says_the_same_but_for_the_edit(members: dict[str, object], indent: int) -> None:
    raw = json.dumps(members, indent=indent or None, ensure_ascii=indent % 2 == 0).encode()
    edited = json.loads(JsonBody.parse(raw).with_members({"model": b'"new"', "extra": b"[1]"}))
    assert edited == members | {"model": "new", "extra": [1]}


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=6), st.sets(st.integers(0, 5)), st.integers(0, 4))
def test_a_body_without_some_members_says_the_same_but_for_those(
    members: dict[str, object], places: set[int], indent: int
) -> None:
    raw = json.dumps(members, indent=indent or None, ensure_ascii=indent % 2 == 0).encode()
    gone = {name for place, name in enumerate(members) if place in places} | {"never there"}
    left = {name: value for name, value in members.items() if name not in gone}
    body = JsonBody.parse(raw)
    assert json.loads(body.with_members({}, gone)) == left
    assert json.loads(body.with_members({"model": b'"new"'}, gone)) == left | {"model": "new"}
    assert list(json.loads(body.with_members({}, gone))) == list(left)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=6), st.text(" \t\n\r", max_size=3))
def test_a_body_that_is_not_edited_keeps_every_byte(members: dict[str, object], space: str) -> None:
    inside = f",{space}".join(
        f"{space}{json.dumps(name)}{space}:{json.dumps(value)}" for name, value in members.items()
    )
    raw = f"{space}{{{inside}{space}}}{space}".encode()
    assert JsonBody.parse(raw).with_members({}) == JsonBody.parse(raw).with_members({}, {"never there"}) == raw


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("a", b' { "b" : 2.0,\n\t"c":"\\u00e9"\n} '),
        ("b", b' {"a":[1, 2],\n\t"c":"\\u00e9"\n} '),
        ("c", b' {"a":[1, 2], "b" : 2.0} '),
        ("ab", b' {\n\t"c":"\\u00e9"\n} '),
        ("bc", b' {"a":[1, 2]} '),
        ("abc", b" {} "),
    ],
)
def test_a_member_goes_with_its_comma_and_the_others_keep_their_bytes(gone: str, left: bytes) -> None:
    body = JsonBody.parse(b' {"a":[1, 2], "b" : 2.0,\n\t"c":"\\u00e9"\n} ')
    assert body.with_members({}, gone) == left


def test_what_is_both_changed_and_taken_out_is_changed() -> None:
    assert JsonBody.parse(b'{"a":1,"b":2}').with_members({"a": b"3"}, {"a", "b"}) == b'{"a":3}'
    assert JsonBody.parse(b'{"b":2}').with_members({"a": b"3"}, {"a", "b"}) == b'{"a":3}'


def test_all_bytes_but_the_edited_ones_stay() -> None:
    raw = b' {"b" : "\\u00e9 \\/ \\n",\n "model":\t"old" , "a":[{"model":"inner"}], "x":1e2} '
    edited = JsonBody.parse(raw).with_members({"model": b'"new"'})
    assert edited == raw.replace(b'"old"', b'"new"')


def test_a_member_is_added_at_the_end() -> None:
    assert JsonBody.parse(b'{"a": 1}').with_members({"b": b"2"}) == b'{"a": 1,"b":2}'
    assert JsonBody.parse(b"{}").with_members({"b": b"2"}) == b'{"b":2}'


def test_an_escaped_name_is_still_found() -> None:
    assert JsonBody.parse(b'{"mod\\u0065l":"old"}').with_members({"model": b'"new"'}) == b'{"mod\\u0065l":"new"}'
    assert JsonBody.parse(b'{"mod\\u0065l":"old","a":1}').with_members({}, {"model"}) == b'{"a":1}'


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b'{"a":1', id="cut off"),
        pytest.param(b'{"a":1} x', id="trailing text"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="infinity"),
        pytest.param(b'{"a":1e999}', id="too large a number"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="too many digits"),
        pytest.param(b'{"a":"\xff"}', id="invalid UTF-8"),
        pytest.param(b'{"a":"\\ud800"}', id="lone surrogate"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param(b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}", id="depth 1,000"),
        pytest.param(b'{"a":' + b'{"b":' * 300 + b"1" + b"}" * 301, id="depth 300"),
        pytest.param(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", id="depth 200,000"),
    ],
)
def test_what_a_strict_reader_would_refuse_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        JsonBody.parse(raw)


@pytest.mark.parametrize("raw", [b'{"a":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}', b'{"a":1,"\\u0061":2}'])
def test_a_name_that_appears_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJson, match="twice"):
        _ = JsonBody.parse(raw).spans


@pytest.mark.parametrize(
    ("raw", "said", "param"),
    [
        (b'{"limit": NaN}', "limit: NaN is no number in JSON.", "limit"),
        (b'{"a": {"b": [1, -Infinity]}}', "a.b.1: -Infinity is no number in JSON.", "a.b.1"),
        (b'{"a": "NaN", "b": Infinity}', "b: Infinity is no number in JSON.", "b"),
        (b"NaN", "The body is not valid JSON", None),
        (b'{"a": NaN', "The body is not valid JSON", None),
        (b'{"a": ' + b"[" * 5000, "The body is not valid JSON", None),
    ],
)
def test_what_json_has_no_number_for_is_named(raw: bytes, said: str, param: str | None) -> None:
    with pytest.raises(MalformedJson) as refused:
        JsonBody.parse(raw)
    assert str(refused.value).startswith(said)
    assert refused.value.param == param
