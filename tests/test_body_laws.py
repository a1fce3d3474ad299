"""Any valid request of any client becomes one of every vendor's, or is refused by name; what is lost is listed."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bodies import MEMBERS, bodies, plain, with_members
from tests.strategies import examples
from tests.test_request_laws import TARGETS, encode
from tests.test_translation_laws import replaced
from tests.vendors import SOURCES
from translator.dialect import Dialect, Encoded
from translator.dialects import DIALECTS
from translator.losses import CannotSay, InvalidRequest
from translator.messages import Request

each_source = pytest.mark.parametrize("source", SOURCES)
ALONE = [(source, name) for source in SOURCES for name in MEMBERS[source]]


def decoded(source: str, body: Any) -> Request:
    return DIALECTS[Dialect(source)].decode_request(body, "m")


@examples(25)
@given(st.data())
@each_source
def test_every_valid_request_is_told_to_every_vendor(source: str, data: st.DataObject) -> None:
    request = decoded(source, data.draw(bodies(source)))
    for target, model in TARGETS:
        sent = encoded_or_refused(request, target, model)
        if sent is None:
            continue
        again = decoded(target, orjson.loads(orjson.dumps(sent.body)))
        assert all(loss in sent.dropped for loss in request.leftovers)
        assert len(again.tools) <= len(request.tools)


def encoded_or_refused(request: Request, target: str, model: str) -> Encoded | None:
    try:
        return encode(request, target, model)
    except CannotSay:
        return None


@examples(80)
@given(st.data())
@each_source
def test_any_other_request_is_refused_at_worst(source: str, data: st.DataObject) -> None:
    body = data.draw(bodies(source))
    key = data.draw(st.sampled_from(list(body)))
    body = {**body, key: replaced(body[key], data)}
    target, model = data.draw(st.sampled_from(TARGETS))
    with suppress(InvalidRequest):
        orjson.dumps(encode(decoded(source, body), target, model).body)


NEEDS_ANOTHER = {("responses", "top_logprobs")}
"""Says how many of what another member asks for."""


@pytest.mark.parametrize(("source", "name"), sorted({*ALONE} - NEEDS_ANOTHER))
def test_a_member_that_changes_nothing_is_listed_as_lost(source: str, name: str) -> None:
    without = decoded(source, plain(source))
    with_it = decoded(source, with_members(source, plain(source), {name: MEMBERS[source][name]}))
    for target, model in TARGETS:
        before, after = encode(without, target, model), encode(with_it, target, model)
        assert after.body != before.body or len(after.dropped) > len(before.dropped), (target, model)


@each_source
def test_a_member_nobody_knows_is_listed_as_lost(source: str) -> None:
    request = decoded(source, {**plain(source), "invented": {"a": 1}})
    assert any("invented" in loss.what for loss in request.leftovers)
