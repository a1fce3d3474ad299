"""The translator on its own: what `/api/translator` makes of requests, answers and streams, and who may use it."""

import json
from typing import Any

import pytest
from django.test import Client

from billing.api_keys import keys
from omniroute_site.roles import Role
from tests import wire
from tests.management import World, call, client_of, client_with, error_of
from tests.talk import ANSWERS, BODIES, DIALECTS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

TEXT = BODIES["text"]
TRANSLATE, DETECT = "/api/translator/translate", "/api/translator/detect"
over_sources = pytest.mark.parametrize("source", DIALECTS)
over_targets = pytest.mark.parametrize("target", DIALECTS)
SIGNS = {"openai": "messages", "claude": "max_tokens", "gemini": "contents", "responses": "input"}
ENDS = {
    "openai": "data: [DONE]\n\n",
    "claude": '"type":"message_stop"}\n\n',
    "gemini": "\r\n\r\n",
    "responses": "\n\n",
}


FREEFORM = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "m",
    "output": [{"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "exec", "input": 'ls "x"'}],
}


@pytest.fixture
def caller(quiet_dashboard: None) -> Client:
    """Calls with an admin key, and with nothing else in the database."""
    return client_with(keys.create("automation", is_admin=True)[1])


def translate(client: Client, source: str, target: str, kind: str, payload: Any, **members: Any) -> Any:
    body = {"source": source, "target": target, "kind": kind, "payload": payload} | members
    answer = call(client, "POST", TRANSLATE, body)
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestTranslate:
    @over_sources
    @over_targets
    def test_a_request(self, caller: Client, source: str, target: str) -> None:
        named = {} if source == "gemini" else {"model": "old"}
        for bodies in BODIES.values():
            told = translate(caller, source, target, "request", bodies[source] | named, model="new")
            assert SIGNS[target] in told["result"]
            assert told["result"].get("model", "new") == "new"
            assert set(told) == {"result", "dropped"}

    @over_sources
    @over_targets
    def test_an_answer(self, caller: Client, source: str, target: str) -> None:
        whole, _ = ANSWERS[source]
        told = translate(caller, source, target, "response", whole("Hel", "lo", calls=[wire.ToolCall("look")]))
        assert "Hello" in json.dumps(told["result"])
        assert "look" in json.dumps(told["result"])
        assert told["dropped"] == []

    @over_sources
    @over_targets
    def test_a_stream(self, caller: Client, source: str, target: str) -> None:
        _, chunks = ANSWERS[source]
        told = translate(caller, source, target, "stream", b"".join(chunks("Hel", "lo é")).decode())
        assert told["result"].endswith(ENDS[target]) or source == target
        assert "lo é" in told["result"]

    def test_what_the_target_has_no_words_for_is_listed(self, caller: Client) -> None:
        body = BODIES["text"]["openai"] | {"model": "m", "seed": 7, "logit_bias": {"1": 1}, "unheard_of": 1}
        told = translate(caller, "openai", "claude", "request", body, model="claude-opus-4-5")
        assert {loss["what"] for loss in told["dropped"]} == {"seed", "logit_bias", "unheard_of"}
        assert all(set(loss) == {"what", "why"} for loss in told["dropped"])

    def test_a_conversation_can_be_translated_step_by_step(self, caller: Client) -> None:
        signed = wire.gemini_answer(calls=[wire.ToolCall("look", {"at": 1}, signature="c2lnbmF0dXJl")])
        answer = translate(caller, "gemini", "openai", "response", signed)["result"]
        message = answer["choices"][0]["message"]
        calls = [{name: call[name] for name in ("id", "type", "function")} for call in message["tool_calls"]]
        turns = [
            *BODIES["text"]["openai"]["messages"],
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": calls[0]["id"], "content": "seen"},
        ]
        body = translate(caller, "openai", "gemini", "request", {"model": "m", "messages": turns})["result"]
        parts = [part for content in body["contents"] for part in content["parts"]]
        assert [part["thoughtSignature"] for part in parts if "functionCall" in part] == ["c2lnbmF0dXJl"]

    def test_an_error_stays_an_error(self, caller: Client) -> None:
        told = translate(caller, "claude", "openai", "response", wire.claude_error(429, "slow down"))
        assert "slow down" in told["result"]["error"]["message"]

    @pytest.mark.parametrize("payload", [{"choices": []}, {"id": "x", "choices": [{"message": {"content": None}}]}])
    def test_an_answer_that_is_none_is_refused(self, caller: Client, payload: Any) -> None:
        body = {"source": "openai", "target": "claude", "kind": "response", "payload": payload}
        answer = call(caller, "POST", TRANSLATE, body)
        assert (answer.status_code, error_of(answer)["param"]) == (400, "payload")

    @pytest.mark.parametrize("target", ["openai", "claude", "gemini"])
    def test_thoughts_of_another_vendor_do_not_come_back_to_this_one(self, caller: Client, target: str) -> None:
        thought = wire.openai_answer("Noon.", thinking="Hm.")
        answer = translate(caller, "openai", "claude", "response", thought)["result"]
        assert answer["content"][0]["thinking"] == "Hm."
        turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": answer["content"]}]
        body = {"model": "m", "max_tokens": 9, "messages": [*turns, {"role": "user", "content": "y"}]}
        sent = translate(caller, "claude", target, "request", body)["result"]
        assert "Noon." in json.dumps(sent)
        assert "Hm." not in json.dumps(sent)

    def test_a_stream_that_fails_at_once_fails_from_its_beginning(self, caller: Client) -> None:
        text = b"".join(wire.openai_chunks("Once ")[:1]).decode()
        told = translate(caller, "openai", "responses", "stream", text)["result"]
        assert [json.loads(line[6:])["type"] for line in told.splitlines() if line.startswith("data: ")] == [
            "response.created",
            "response.in_progress",
            "response.failed",
        ]

    def test_a_freeform_call_is_a_functions_for_clients_that_know_no_other(self, caller: Client) -> None:
        openai, claude, gemini = (
            translate(caller, "responses", target, "response", FREEFORM)["result"]
            for target in ("openai", "claude", "gemini")
        )
        function = openai["choices"][0]["message"]["tool_calls"][0]["function"]
        call = gemini["candidates"][0]["content"]["parts"][0]["functionCall"]
        assert json.loads(function["arguments"]) == claude["content"][0]["input"] == call["args"] == {"input": 'ls "x"'}

    def test_a_freeform_call_is_streamed_as_one_too(self, caller: Client) -> None:
        text = f"data: {json.dumps({'type': 'response.completed', 'response': FREEFORM})}\n\n"
        told = translate(caller, "responses", "claude", "stream", text)["result"]
        data = (json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: "))
        pieces = [event["delta"].get("partial_json", "") for event in data if event["type"] == "content_block_delta"]
        assert json.loads("".join(pieces)) == {"input": 'ls "x"'}

    def test_a_cut_stream_stays_unfinished(self, caller: Client) -> None:
        text = b"".join(wire.openai_chunks("Once ", "upon ", "a time")[:3]).decode()
        told = translate(caller, "openai", "claude", "stream", text)["result"]
        assert "message_stop" not in told
        assert "event: error" in told

    @over_sources
    def test_ollamas_clients_are_understood(self, caller: Client, source: str) -> None:
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        told = translate(caller, "ollama", source, "request", body)
        assert "hello" in json.dumps(told["result"])


NO_OBJECTS: list[Any] = [None, 7, "text", [], [{}]]
ODD_OBJECTS: list[Any] = [{}, {"messages": 7}, {"contents": [7]}, {"input": [[]]}, {"choices": [7]}, {"candidates": 7}]


class TestBadInput:
    @over_sources
    @over_targets
    @pytest.mark.parametrize("kind", ["request", "response", "stream"])
    def test_nothing_odd_is_ever_a_crash(self, caller: Client, source: str, target: str, kind: str) -> None:
        bent = [{"output": 7}, {"model": "m", **TEXT[source], "tools": 7}]
        for payload in (*NO_OBJECTS, *ODD_OBJECTS, *bent):
            body = {"source": source, "target": target, "kind": kind, "payload": payload}
            answer = call(caller, "POST", TRANSLATE, body)
            assert answer.status_code in (200, 400), (payload, answer.content)

    GOOD = {"source": "openai", "target": "claude", "kind": "request", "payload": {"model": "m"} | TEXT["openai"]}

    @pytest.mark.parametrize(
        ("members", "named"),
        [
            ({"source": "latin"}, "source"),
            ({"source": None}, "source"),
            ({"target": "ollama"}, "target"),
            ({"target": ["claude"]}, "target"),
            ({"kind": "question"}, "kind"),
            ({"payload": "text"}, "payload"),
            ({"payload": None}, "payload"),
            ({"kind": "stream"}, "payload"),
            ({"kind": "response", "payload": []}, "payload"),
            ({"model": 7}, "model"),
            ({"models": "m"}, "models"),
            ({"payload": {"model": "m", "messages": [{"role": "nobody", "content": "x"}]}}, "messages[0].role"),
            ({"payload": {"model": "m", "messages": "hello"}}, "messages"),
        ],
    )
    def test_what_is_wrong_is_named(self, caller: Client, members: dict[str, Any], named: str) -> None:
        answer = call(caller, "POST", TRANSLATE, self.GOOD | members)
        assert (answer.status_code, error_of(answer)["param"]) == (400, named)

    @pytest.mark.parametrize("missing", GOOD)
    def test_what_is_missing_is_named(self, caller: Client, missing: str) -> None:
        body = {name: value for name, value in self.GOOD.items() if name != missing}
        answer = call(caller, "POST", TRANSLATE, body)
        assert (answer.status_code, error_of(answer)["param"]) == (400, missing)

    @pytest.mark.parametrize("raw", [b"{", b"[]", b"", b'{"source":"openai","source":"claude"}', b"\xff"])
    @pytest.mark.parametrize("path", [TRANSLATE, DETECT])
    def test_what_is_no_json_object_is_400(self, caller: Client, path: str, raw: bytes) -> None:
        assert call(caller, "POST", path, raw).status_code == 400

    def test_a_long_conversation_is_not_too_long(self, caller: Client) -> None:
        body = {"model": "m", "messages": [{"role": "user", "content": "x" * (2 << 20)}]}
        told = translate(caller, "openai", "claude", "request", body)
        assert len(json.dumps(told["result"])) > 2 << 20


class TestDetect:
    @over_sources
    @pytest.mark.parametrize("topic", ["loop", "image", "tools"])
    def test_the_dialect_of_a_body_is_guessed(self, caller: Client, source: str, topic: str) -> None:
        for member in ("body", "payload"):
            answer = call(caller, "POST", DETECT, {member: {"model": "m"} | BODIES[topic][source]})
            assert answer.json() == {"format": source}

    def test_an_ordinary_chat_with_a_limit_is_not_taken_for_claude(self, caller: Client) -> None:
        body = {"model": "m", "max_tokens": 100} | TEXT["openai"]
        assert call(caller, "POST", DETECT, {"body": body}).json() == {"format": "openai"}

    @pytest.mark.parametrize("body", [{}, {"body": None}, {"body": "text"}, {"body": []}])
    def test_what_is_no_body_is_400(self, caller: Client, body: Any) -> None:
        answer = call(caller, "POST", DETECT, body)
        assert (answer.status_code, error_of(answer)["param"]) == (400, "body")

    @pytest.mark.parametrize(
        "body", [{"messages": 7}, {"messages": [7]}, {"messages": [{"content": [7]}]}, {"tools": 7}]
    )
    def test_odd_bodies_are_guessed_too(self, caller: Client, body: Any) -> None:
        assert call(caller, "POST", DETECT, {"body": body}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [(TRANSLATE, TestBadInput.GOOD), (DETECT, {"body": TestBadInput.GOOD["payload"]})]
)
class TestAccess:
    def test_nobody_gets_in_without_a_login_or_a_key(self, world: World, path: str, body: Any) -> None:
        assert call(Client(raise_request_exception=False), "POST", path, body).status_code == 401
        assert call(client_with("sk-or-wrong"), "POST", path, body).status_code == 401

    def test_a_clients_key_is_not_enough(self, world: World, path: str, body: Any) -> None:
        _, key = keys.create("phone")
        assert call(client_with(key), "POST", path, body).status_code == 403

    @pytest.mark.parametrize("role", Role)
    def test_every_role_may_look(self, world: World, path: str, body: Any, role: Role) -> None:
        assert call(client_of(world.users[role]), "POST", path, body).status_code == 200
        assert call(client_of(world.users[role], with_token=False), "POST", path, body).status_code == 403

    def test_it_is_posted_to(self, caller: Client, path: str, body: Any) -> None:
        assert call(caller, "GET", path).status_code == 405
