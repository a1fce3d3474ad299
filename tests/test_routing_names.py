"""Names that a client may use as the model, over HTTP: aliases, patterns, combos within combos."""

import pytest

from tests import upstream as play
from tests.gateway import GatewayProcess, wait_until
from tests.upstream import ScriptedUpstream

ALIASES = {
    "names-fast": "names/outer",
    "names-*": "up/pattern",
    "names-?": "up/question",
    "names-x[1m]": "up/bracket",
}


@pytest.fixture(scope="module")
def named(shared_gateway: GatewayProcess) -> GatewayProcess:
    """A gateway with names for the models of `up`."""
    for combo, models in {"names/inner": ["up/inner"], "names/outer": ["names/inner", "up/outer"]}.items():
        shared_gateway.api("POST", "/combos", {"name": combo, "models": models}, 201)
    for pattern, target in ALIASES.items():
        shared_gateway.api("PUT", "/models/alias", {"alias": pattern, "model": target})
    shared_gateway.settle()
    return shared_gateway


ASKED = {
    "names-fast": "inner",
    "NAMES-FAST": "inner",
    "names-anything/at-all": "pattern",
    "names-7": "question",
    "names-x[1m]": "bracket",
    "names/outer": "inner",
}


@pytest.mark.parametrize(("asked", "answering"), ASKED.items())
def test_a_name_is_answered_by_what_it_stands_for(
    named: GatewayProcess, upstream: ScriptedUpstream, asked: str, answering: str
) -> None:
    assert named.chat(asked).status_code == 200
    assert [call.fields["model"] for call in upstream.calls] == [answering]


def test_a_combo_within_a_combo_falls_back_to_what_stands_behind_it(
    named: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    upstream.always(play.json(500, {"error": {"message": "broken"}}), model="inner")
    assert named.chat("names/outer").status_code == 200
    assert [call.fields["model"] for call in upstream.calls][-1] == "outer"


def test_an_alias_means_something_else_within_a_second(named: GatewayProcess, upstream: ScriptedUpstream) -> None:
    named.api("PUT", "/models/alias", {"alias": "names-moving", "model": "up/before"})
    wait_until(lambda: answers(named, upstream) == "before", 1.0, "the alias")
    named.api("PUT", "/models/alias", {"alias": "names-moving", "model": "up/after"})
    wait_until(lambda: answers(named, upstream) == "after", 1.0, "the change of the alias")
    named.api("DELETE", "/models/alias?alias=names-moving")
    wait_until(lambda: answers(named, upstream) == "pattern", 1.0, "the end of the alias")


def answers(gateway: GatewayProcess, upstream: ScriptedUpstream) -> str:
    gateway.chat("names-moving")
    return str(upstream.calls[-1].fields["model"])
