"""What a conversation keeps over its turns: signatures of every maker, stored responses, and the bytes of a prompt."""

from base64 import b64encode
from json import loads
from typing import Any

import httpx
import pytest
from openai import NotFoundError

from tests import sdks, wire
from tests import upstream as play
from tests.clients.reading import read_turn
from tests.conftest import MakeGateway
from tests.echoes import going_on, plain_echo, results_of, said, whole_echo
from tests.gateway import GatewayProcess
from tests.sdks import Heard, Used, ask
from tests.talk import BODIES, DIALECTS, HTTP, PREFIXES, TOOLS, nodes_of, post, says
from tests.upstream import ScriptedUpstream
from tests.wire import Json, ToolCall

over_clients = pytest.mark.parametrize("client", DIALECTS)
over_speakers = pytest.mark.parametrize("speaker", DIALECTS)


def signature(text: str) -> str:
    return b64encode(f"signature {text} of a maker".encode()).decode()


S1, S2 = signature("one"), signature("two")
ENCRYPTED = "gAAAAABo-encrypted_content=="
OSLO, ROME = {"city": "Oslo"}, {"city": "Rome"}
CALLS = [ToolCall("get_weather", OSLO), ToolCall("get_weather", ROME)]
SIGNED_CALLS = [ToolCall("get_weather", OSLO, signature=S1), ToolCall("get_weather", ROME, signature=S2)]

# Who speaks, what is said, the signatures that must come back in this order.
SIGNED: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "gemini's two calls": ("gemini", {"calls": SIGNED_CALLS}, (S1, S2)),
    "claude's thinking": ("claude", {"calls": CALLS, "thinking": "Hm.", "signature": S1}, (S1,)),
    "claude's signature alone": ("claude", {"calls": CALLS, "signature": S1}, (S1,)),
    "openai's reasoning": ("responses", {"calls": CALLS, "thinking": "Hm.", "signature": ENCRYPTED}, (ENCRYPTED,)),
    "openai's encrypted alone": ("responses", {"calls": CALLS, "signature": ENCRYPTED}, (ENCRYPTED,)),
}
ECHOES = {"whole echo": (True, False), "plain echo": (False, False), "plain echo of a stream": (False, True)}
WAYS = [
    pytest.param(signed, client, echo, id=f"{signed}, {client}, {echo}")
    for signed, (speaker, _, _) in SIGNED.items()
    for client in DIALECTS
    for echo, (is_whole, _) in ECHOES.items()
    if is_whole or client != speaker  # A client repeats what its own vendor signed.
]


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    return shared_gateway


@pytest.fixture(scope="module")
def both_makers(cells: GatewayProcess) -> str:
    """A combo of Claude's node and Gemini's."""
    code = (
        "from combos.models import Combo, ComboTarget as T; c = Combo.objects.create(name='both/makers');"
        "[T.objects.create(combo=c, position=n, model=m) for n, m in enumerate(('c/first', 'g/second'))]"
    )
    cells.manage("shell", "-v0", "-c", code)
    cells.settle()
    return "both/makers"


def thinks(client: str) -> Json:
    return BODIES["thinking"][client] | TOOLS[client]


def heard_in(client: str, answer: Json) -> list[Used]:
    """The calls of a whole answer."""
    match client:
        case "openai":
            made = answer["choices"][0]["message"]["tool_calls"]
            return [Used(call["id"], call["function"]["name"], {}) for call in made]
        case "claude":
            return [Used(one["id"], one["name"], {}) for one in answer["content"] if one["type"] == "tool_use"]
        case "gemini":
            parts = answer["candidates"][0]["content"]["parts"]
            return [Used("", part["functionCall"]["name"], {}) for part in parts if "functionCall" in part]
    return [Used(one["call_id"], one["name"], {}) for one in answer["output"] if one["type"] == "function_call"]


def first_turn(
    cells: GatewayProcess, client: str, model: str, is_whole: bool = True, stream: bool = False
) -> list[Json]:
    """The model's turn and its results, as the client repeats them."""
    if is_whole:
        answer = post(cells, client, model, thinks(client))
        assert answer.status_code == 200, answer.text
        return whole_echo(client, answer.json()) + results_of(client, heard_in(client, answer.json()))
    heard: Heard = ask(cells, client, model, thinks(client), stream)
    return plain_echo(client, heard.text, heard.calls) + results_of(client, heard.calls)


def arrived(upstream: ScriptedUpstream) -> tuple[str, ...]:
    turn = read_turn(upstream.calls[-1])
    assert turn is not None
    assert {str(use.arguments) for use in turn.uses} == {str(OSLO), str(ROME)}
    return turn.signatures


class TestSignatures:
    @pytest.mark.parametrize(("signed", "client", "echo"), WAYS)
    def test_they_come_back_to_their_maker_unchanged(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, signed: str, client: str, echo: str
    ) -> None:
        (speaker, facts, expected), (is_whole, stream) = SIGNED[signed], ECHOES[echo]
        model = f"{PREFIXES[speaker]}/m"
        upstream.script(says(**facts))
        turns = first_turn(cells, client, model, is_whole, stream)
        body = going_on(client, thinks(client), *turns)
        ask(cells, client, model, body) if not is_whole else post(cells, client, model, body).raise_for_status()
        assert arrived(upstream) == expected

    @pytest.mark.parametrize("client", ["openai", "claude", "responses"])
    def test_one_on_a_thought_of_its_own_comes_back_on_it(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str
    ) -> None:
        parts = [
            {"text": "Hm.", "thought": True, "thoughtSignature": S1},
            {"functionCall": {"name": "get_weather", "args": OSLO}},
            {"functionCall": {"name": "get_weather", "args": ROME}, "thoughtSignature": S2},
        ]
        answer = wire.gemini_answer("x")
        answer["candidates"][0]["content"]["parts"] = parts
        upstream.script(play.json(200, answer))
        body = going_on(client, thinks(client), *first_turn(cells, client, "g/m"))
        assert post(cells, client, "g/m", body).status_code == 200
        assert arrived(upstream) == (S1, S2)

    @pytest.mark.parametrize("client", ["openai", "claude", "gemini", "responses"])
    def test_another_maker_never_sees_them_and_their_own_gets_them_back(
        self, cells: GatewayProcess, both_makers: str, upstream: ScriptedUpstream, client: str
    ) -> None:
        upstream.script(says(calls=CALLS, thinking="Hm.", signature=S1), model="first")
        upstream.script(play.json(503), model="first")
        turns = first_turn(cells, client, both_makers)
        second = going_on(client, thinks(client), *turns)
        answer = post(cells, client, both_makers, second)
        assert answer.status_code == 200, answer.text
        *_, failed, answered = upstream.calls
        assert (failed.model, answered.model) == ("first", "second")
        assert S1 in failed.body.decode()
        assert S1 not in answered.body.decode()
        assert "omniroute" not in answered.body.decode()
        third = going_on(client, second, *whole_echo(client, answer.json()), said(client, "And now?"))
        assert post(cells, client, both_makers, third).status_code == 200
        assert upstream.calls[-1].model == "first"
        assert arrived(upstream) == (S1,)

    REFUSALS = (
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        "The encrypted content could not be verified.",
    )

    @pytest.mark.parametrize("client", ["openai", "claude", "responses"])
    @pytest.mark.parametrize("said", REFUSALS)
    def test_a_vendor_that_refuses_one_is_asked_once_more_without(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, said: str
    ) -> None:
        upstream.script(says(calls=CALLS, thinking="Hm.", signature=S1))
        body = going_on(client, thinks(client), *first_turn(cells, client, "c/m"))
        upstream.script(play.json(400, wire.claude_error(400, said)))
        assert post(cells, client, "c/m", body).status_code == 200
        _, refused, again = upstream.calls
        assert (S1 in refused.body.decode(), S1 in again.body.decode()) == (True, False)
        upstream.always(play.json(400, wire.claude_error(400, said)))
        assert post(cells, client, "c/m", body).status_code == 400
        assert len(upstream.calls) == 5


ODD_CLAUDE = (
    b'{"messages" :[{"content":"\\u00e9 \\/ \\n","role":"user"},{"role":"assistant","content":[{"signature":"S1==",'
    b'"thinking":"\\u00e9 \\/ \\n \xf0\x9f\x99\x82","type":"thinking"},{"data":"EmwK\\u002b",'
    b'"type":"redacted_thinking"},{"type":"text","text":"ok","cache_control":{"ttl":"1h","type":"ephemeral"}}]},'
    b'{"role":"user","content":"go on"}],\n "model": "c/claude-opus-4-5","max_tokens":1e2 , "temperature":1.0}'
)
ODD_RESPONSES = b'{ "input":[{"role":"user","content":"\\u00e9 \\/"}],"store" :false,\n"model":"r/m", "top_p":1e0}'
ODD_GEMINI = b'{"contents":[{"parts":[{"text":"\\u00e9 \\/"},{"text":"b"}],"role":"user"}] ,"labels":{}}'


class TestBytes:
    @pytest.mark.parametrize(
        ("client", "raw", "ours", "theirs"),
        [
            ("claude", ODD_CLAUDE, b"c/claude-opus-4-5", b"claude-opus-4-5"),
            ("responses", ODD_RESPONSES, b"r/m", b"m"),
            ("gemini", ODD_GEMINI, b"", b""),
        ],
    )
    def test_one_dialect_keeps_every_byte_but_the_model(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, raw: bytes, ours: bytes, theirs: bytes
    ) -> None:
        assert post(cells, client, "g/m", raw).status_code == 200
        assert upstream.calls[-1].body == raw.replace(ours, theirs)

    @over_clients
    @over_speakers
    @pytest.mark.parametrize("topic", ["loop", "image", "thinking"])
    def test_equal_requests_are_equal_to_the_byte_upstream(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, topic: str
    ) -> None:
        for _ in range(2):
            assert post(cells, client, f"{PREFIXES[speaker]}/m", BODIES[topic][client]).status_code == 200
        first, second = upstream.calls
        assert first.body == second.body


def respond(gateway: GatewayProcess, model: str, key: str = "", **members: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key or gateway.admin_key}"}
    return HTTP.post(f"{gateway.url}/responses", json={"model": model, **members}, headers=headers, timeout=20)


def response_id(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        last = answer.text.strip().rpartition("data: ")[2]
        return str(loads(last)["response"]["id"])
    return str(answer.json()["id"])


class TestPreviousResponses:
    @over_speakers
    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
    def test_three_turns_are_one_conversation(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, speaker: str, stream: bool
    ) -> None:
        model = f"{PREFIXES[speaker]}/m"
        upstream.script(says("I look.", calls=CALLS), says("Cold ", "there."), says("Yes."))
        facts = {"stream": stream, **TOOLS["responses"]}
        first = respond(cells, model, input="How is the weather?", instructions="Be brief.", **facts)
        calls = read_calls(first, stream)
        outputs = results_of("responses", calls)
        second = respond(cells, model, input=outputs, previous_response_id=response_id(first), **facts)
        third = respond(cells, model, input="Really?", previous_response_id=response_id(second), **facts)
        assert response_id(third) not in (response_id(first), response_id(second))
        body = upstream.calls[-1].body.decode()
        order = ["How is the weather?", "I look.", "Oslo", "Rome", "4 degrees", "Cold there.", "Really?"]
        places = [body.find(text) for text in order]
        assert -1 not in places
        assert places == sorted(places)
        assert "previous_response_id" not in body
        assert "Be brief." not in body

    def test_an_unknown_one_is_404(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        answer = respond(cells, "o/m", input="hello", previous_response_id="resp_unknown")
        assert_unknown(answer, "resp_unknown")
        assert upstream.calls == []

    def test_another_keys_one_is_unknown(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        other = cells.api("POST", "/keys", {"name": "other"}, 201)["key"]
        cells.settle()
        mine = response_id(respond(cells, "o/m", input="hello"))
        assert_unknown(respond(cells, "o/m", other, input="go on", previous_response_id=mine), mine)
        without = HTTP.post(
            f"{cells.url}/responses", json={"model": "o/m", "input": "go on", "previous_response_id": mine}
        )
        assert_unknown(without, mine)
        assert respond(cells, "o/m", input="go on", previous_response_id=mine).status_code == 200

    @over_speakers
    def test_one_that_is_not_to_be_stored_is_not_kept(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, speaker: str
    ) -> None:
        model = f"{PREFIXES[speaker]}/m"
        for stream in (False, True):
            gone = response_id(respond(cells, model, input="hello", store=False, stream=stream))
            assert_unknown(respond(cells, model, input="go on", previous_response_id=gone), gone)

    def test_a_stored_one_is_shown_until_it_is_deleted(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        sdk = sdks.openai_sdk(cells.root, cells.admin_key)
        kept = sdk.responses.create(model="c/m", input="hello")
        assert sdk.responses.retrieve(kept.id).output_text == kept.output_text != ""
        sdk.responses.delete(kept.id)
        with pytest.raises(NotFoundError):
            sdk.responses.retrieve(kept.id)
        assert_unknown(respond(cells, "c/m", input="go on", previous_response_id=kept.id), kept.id)


def read_calls(answer: httpx.Response, stream: bool) -> list[Used]:
    value = answer.json() if not stream else loads(answer.text.strip().rpartition("data: ")[2])["response"]
    return heard_in("responses", value)


def assert_unknown(answer: httpx.Response, id: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (404, "previous_response_id")
    assert id in error["message"]


@pytest.fixture(scope="module")
def own(make_gateway: MakeGateway, upstream_server: ScriptedUpstream) -> GatewayProcess:
    """A gateway that tests may stop."""
    gateway = make_gateway().start()
    nodes_of(gateway, upstream_server)
    return gateway


def test_a_restart_forgets_nothing(own: GatewayProcess, upstream: ScriptedUpstream) -> None:
    begun: list[tuple[str, str, tuple[str, ...], Json]] = []
    for speaker, facts, expected in SIGNED.values():
        for client in DIALECTS:
            if client != speaker:
                upstream.script(says(**facts))
                turns = first_turn(own, client, f"{PREFIXES[speaker]}/m", is_whole=False)
                begun.append((client, speaker, expected, going_on(client, thinks(client), *turns)))
    stored = {prefix: response_id(respond(own, f"{prefix}/m", input="My name is Ada.")) for prefix in PREFIXES.values()}
    own.stop()
    own.start()
    for client, speaker, expected, body in begun:
        ask(own, client, f"{PREFIXES[speaker]}/m", body)
        assert arrived(upstream) == expected, (client, speaker)
    for prefix, kept in stored.items():
        assert respond(own, f"{prefix}/m", input="And?", previous_response_id=kept).status_code == 200
        assert "My name is Ada." in upstream.calls[-1].body.decode()


def test_nothing_is_kept_for_no_hours(own: GatewayProcess, upstream: ScriptedUpstream) -> None:
    keep_for(own, 0)
    try:
        gone = response_id(respond(own, "o/m", input="hello"))
        assert_unknown(respond(own, "o/m", input="go on", previous_response_id=gone), gone)
        upstream.script(says(calls=SIGNED_CALLS))
        turns = first_turn(own, "openai", "g/m", is_whole=False)
        ask(own, "openai", "g/m", going_on("openai", thinks("openai"), *turns))
        assert arrived(upstream) == ()
    finally:
        keep_for(own, 168)


def keep_for(gateway: GatewayProcess, hours: int) -> None:
    code = f"from combos.models import GatewaySettings as S; s = S.load(); s.memory_hours = {hours}; s.save()"
    gateway.manage("shell", "-v0", "-c", code)
    gateway.settle()
