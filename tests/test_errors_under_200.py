"""Answers of status 200 that are errors in truth: another target answers, or the client gets a real status."""

from collections.abc import Callable
from typing import Any

import pytest

from providers import failures
from tests import upstream as play
from tests import wire
from tests.calls import Call
from tests.gateway import GatewayProcess
from tests.sdks import ask
from tests.talk import BODIES, DIALECTS, PREFIXES, assert_error, dialect_of, nodes_of, post, says
from tests.test_broken_answers import ERRORS_IN_STREAMS, NOTHING
from tests.test_error_bodies import NOW
from tests.upstream import Behaviour, ScriptedUpstream
from tests.wire import Json
from translator import crossing
from translator.crossing import StreamReader
from translator.dialect import ClientRequest, Dialect
from translator.dialects import DIALECTS as MODULES
from translator.json_body import JsonBody
from translator.losses import UpstreamComplaint
from translator.relay import Relay
from translator.toolbox import Toolbox

over_speakers = pytest.mark.parametrize("speaker", DIALECTS)
over_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

OWN: dict[str, Json] = {
    "openai": wire.openai_error(429, "slow down") | {"status": 429},
    "claude": wire.claude_error(429, "slow down"),
    "gemini": wire.gemini_error(429, "slow down"),
    "responses": {
        "object": "response",
        "status": "failed",
        "error": {"code": "rate_limit_exceeded", "message": "slow"},
    },
}
FOREIGN: dict[str, tuple[Json, int]] = {
    "code and msg": ({"code": 429, "msg": "slow down"}, 429),
    "success": ({"success": False, "code": "401", "message": "please log in"}, 401),
    "MiniMax": ({"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, 429),
    "iFlow": ({"status": "449", "msg": "slow down", "body": None}, 429),
    "Qoder": ({"statusCodeValue": 403, "statusCode": "FORBIDDEN", "body": '{"message":"no access"}'}, 403),
    "z.ai": ({"code": 1113, "msg": "Insufficient balance", "success": False}, 402),
    "AWS": ({"__type": "x#ThrottlingException", "message": "Too many requests"}, 429),
    "detail": ({"detail": "Invalid API key"}, 401),
    "a text": ({"error": "prompt is too long: 9 tokens > 8 maximum"}, 400),
    "unknown": ({"error": {"message": "oops"}}, 502),
}
BY_HTTP = {name: FOREIGN[name][0] for name in ("code and msg", "MiniMax", "detail", "a text")}
HTML = b"<!doctype html><title>Sign in</title><h1>Please sign in</h1>"


def first_frame(error: Json) -> Behaviour:
    return play.sse([wire.frame(error)])


SENT: dict[str, Callable[[Call], Behaviour]] = {
    "its own error": lambda call: play.json(200, OWN[dialect_of(call)]),
    "its own error in a stream": lambda call: play.sse([ERRORS_IN_STREAMS[dialect_of(call)]]),
    "a login page": lambda call: play.json(200, HTML, {"content-type": "text/html"}),
    "a login page in a stream": lambda call: play.sse_bytes([HTML]),
    "no body": lambda call: play.json(200, b""),
    "no events": lambda call: play.sse([]),
    "an end mark alone": lambda call: play.sse([b"data: [DONE]\n\n"]),
    "an empty answer": lambda call: play.json(200, NOTHING[dialect_of(call)]),
    "plain text": lambda call: play.json(200, b"upstream connect error", {"content-type": "text/plain"}),
    "a list": lambda call: play.json(200, b"[]"),
    "null": lambda call: play.json(200, b"null"),
    **{name: lambda call, error=error: play.json(200, error) for name, error in BY_HTTP.items()},  # type: ignore[misc]
    **{
        f"{name} in a stream": lambda call, error=error: first_frame(error)  # type: ignore[misc]
        for name, error in BY_HTTP.items()
    },
    **{
        f"{name} bare in a stream": lambda call, error=error: play.sse_bytes([play.json(200, error).pieces[0]])  # type: ignore[misc]
        for name, error in BY_HTTP.items()
    },
}


@pytest.fixture(scope="module")
def pairs(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    """Combos named after the dialect of their first target; the second is of another."""
    nodes_of(shared_gateway, upstream_server)
    for dialect, prefix in PREFIXES.items():
        second = "c" if prefix == "o" else "o"
        code = (
            f"from combos.models import Combo, ComboTarget as T; c = Combo.objects.create(name='pair-{dialect}');"
            f"[T.objects.create(combo=c, position=n, model=m) for n, m in enumerate(['{prefix}/bad', '{second}/good'])]"
        )
        shared_gateway.manage("shell", "-v0", "-c", code)
    shared_gateway.settle()
    return shared_gateway


@over_speakers
@over_ways
@pytest.mark.parametrize("sent", SENT)
def test_the_next_target_answers(
    pairs: GatewayProcess, upstream: ScriptedUpstream, speaker: str, stream: bool, sent: str
) -> None:
    upstream.always(SENT[sent], model="bad")
    upstream.always(says("Hel", "lo."), model="good")
    assert ask(pairs, speaker, f"pair-{speaker}", BODIES["text"][speaker], stream).text == "Hello."
    assert [call.model for call in upstream.calls] == ["bad", "good"]


@over_speakers
@over_ways
@pytest.mark.parametrize("sent", SENT)
def test_the_client_gets_an_error_of_its_own_where_nobody_else_can_answer(
    pairs: GatewayProcess, upstream: ScriptedUpstream, speaker: str, stream: bool, sent: str
) -> None:
    upstream.always(SENT[sent])
    answer = post(pairs, speaker, f"{PREFIXES[speaker]}/bad", stream=stream)
    assert answer.status_code >= 400
    assert_error(answer, speaker, 429 if sent.startswith("its own") else answer.status_code)


@over_speakers
@over_ways
@pytest.mark.parametrize("name", BY_HTTP)
@pytest.mark.parametrize("way", ["", " in a stream", " bare in a stream"])
def test_the_client_gets_the_status_that_was_meant(
    pairs: GatewayProcess, upstream: ScriptedUpstream, speaker: str, stream: bool, name: str, way: str
) -> None:
    upstream.always(SENT[name + way])
    assert_error(post(pairs, speaker, f"{PREFIXES[speaker]}/bad", stream=stream), speaker, FOREIGN[name][1])


def test_an_error_inside_an_answer_says_when_to_come_back(pairs: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.always(play.sse([wire.frame(wire.gemini_error(429, "slow down", retry_delay="26s"))]))
    answer = post(pairs, "gemini", "g/bad", stream=True)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "26")


@pytest.mark.parametrize("speaker", DIALECTS)
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("way", ["whole", "crossing", "relay", "bare crossing", "bare relay"])
def test_an_error_in_anothers_shape_keeps_its_status(speaker: str, name: str, way: str) -> None:
    error, status = FOREIGN[name]
    with pytest.raises(UpstreamComplaint) as raised:
        WAYS[way](Dialect(speaker), error)
    assert failures.from_complaint(raised.value, NOW).status == status


def relayed(dialect: Dialect, sent: bytes) -> None:
    asked = ClientRequest(dialect, JsonBody.parse(b"{}"), "m", is_streaming=True)
    relay = Relay(MODULES[dialect], asked)
    relay.feed(sent)
    relay.finish()


def crossed(dialect: Dialect, sent: bytes) -> None:
    reader = StreamReader(dialect, Toolbox(), "id")
    list(reader.feed(sent))
    list(reader.finish())


def bare(error: Json) -> bytes:
    pieces = play.json(200, error).pieces
    assert pieces is not None
    return pieces[0]


WAYS: dict[str, Callable[[Dialect, Json], Any]] = {
    "whole": lambda dialect, error: crossing.read_usage(dialect, bare(error)),
    "crossing": lambda dialect, error: crossed(dialect, wire.frame(error)),
    "relay": lambda dialect, error: relayed(dialect, wire.frame(error)),
    "bare crossing": lambda dialect, error: crossed(dialect, bare(error)),
    "bare relay": lambda dialect, error: relayed(dialect, bare(error)),
}
