"""The main job, from outside: a client, a gateway, an upstream, a usage row with its cost."""

import json
import socket
from decimal import Decimal
from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI

from combos import admission
from tests import upstream as play
from tests.gateway import GatewayProcess, wait_until
from tests.upstream import ScriptedUpstream
from tests.wire import openai_chunks

HELLO = [{"role": "user", "content": "hello"}]
PACED = play.sse(openai_chunks(*"abcdefgh"), gap=0.05)


@pytest.fixture
def client(gateway: GatewayProcess) -> OpenAI:
    return OpenAI(base_url=gateway.url, api_key=gateway.admin_key, max_retries=0)


class TestTheOpenAiSdk:
    def test_it_gets_a_whole_answer(self, client: OpenAI) -> None:
        answer = client.chat.completions.create(model="demo/echo", messages=HELLO)
        assert answer.choices[0].message.content == "hello"
        assert answer.usage is not None
        assert answer.usage.total_tokens > 0

    def test_it_gets_a_stream(self, client: OpenAI) -> None:
        stream = client.chat.completions.create(model="demo/lorem", messages=HELLO, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert text.startswith("Lorem ipsum")
        assert text.endswith("commodo.")

    def test_it_gets_a_tool_call(self, client: OpenAI) -> None:
        answer = client.chat.completions.create(model="demo/tool", messages=HELLO)
        assert answer.choices[0].finish_reason == "tool_calls"
        (call,) = answer.choices[0].message.tool_calls or []
        assert json.loads(call.function.arguments) == {"city": "Oslo"}  # type: ignore[union-attr]

    def test_it_lists_models(self, client: OpenAI) -> None:
        assert "demo/echo" in [model.id for model in client.models.list()]
        assert client.models.retrieve("demo/echo").id == "demo/echo"
        with pytest.raises(NotFoundError):
            client.models.retrieve("demo/none")

    def test_its_errors_are_its_own(self, client: OpenAI) -> None:
        with pytest.raises(NotFoundError) as refused:
            client.chat.completions.create(model="demo-echo", messages=HELLO)
        assert refused.value.code == "model_not_found"
        assert "demo/echo" in str(refused.value)


class TestBytes:
    def test_the_upstream_gets_the_clients_bytes_except_the_model(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        raw = b'{"messages":[{"role":"user","content":"\\u00e9 \\/ \\n"}] , "model":"up/some/model", "top_p":1e0}'
        answer = httpx.post(f"{gateway.url}/chat/completions", content=raw)
        assert answer.status_code == 200, answer.text
        assert upstream.calls[-1].body == raw.replace(b"up/some/model", b"some/model")

    def test_the_client_gets_the_upstreams_bytes(self, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
        whole = b'{"choices": [{"index":0,"message":{"role":"assistant","content":"\\u00e9"}}],\n "odd": [1.0, 1e3]}'
        upstream.script(play.json(200, whole))
        assert gateway.chat("up/m").content == whole

    def test_a_stream_keeps_the_upstreams_bytes(self, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
        frames = openai_chunks("Hel", "lo", include_usage=True)
        upstream.script(play.sse(frames))
        answer = gateway.chat("up/m", stream=True, stream_options={"include_usage": True})
        assert answer.content == b"".join(frames)
        assert answer.headers["content-type"] == "text/event-stream"

    def test_a_stream_comes_piece_by_piece(self, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
        upstream.script(play.sse(openai_chunks(*"abcdefgh"), gap=0.05))
        body = {"model": "up/m", "messages": HELLO, "stream": True}
        with httpx.stream("POST", f"{gateway.url}/chat/completions", json=body) as answer:
            pieces = list(answer.iter_raw())
        assert len(pieces) >= 6

    def test_nothing_of_the_client_leaks_to_the_upstream(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        headers = {"cookie": "a=b", "x-forwarded-host": "evil", "x-api-key": gateway.admin_key, "x-custom": "1"}
        body = {"model": "up/m", "messages": HELLO}
        assert httpx.post(f"{gateway.url}/chat/completions", json=body, headers=headers).status_code == 200
        call = upstream.calls[-1]
        assert call.header("authorization") == "Bearer sk-upstream"
        assert call.header("user-agent").startswith("OmniRoute/")
        assert not {"cookie", "x-forwarded-host", "x-api-key", "x-custom"} & {name.lower() for name, _ in call.headers}


class TestUsage:
    def test_a_request_leaves_a_row_with_its_cost(self, gateway: GatewayProcess) -> None:
        key = gateway.make_key("usage")
        gateway.settle()
        OpenAI(base_url=gateway.url, api_key=key).chat.completions.create(model="demo/echo", messages=HELLO)
        (row,) = gateway.wait_for_usage(api_key_name="usage")
        assert (row["status"], row["provider"], row["model"], row["attempts"]) == (200, "demo", "echo", 1)
        assert (row["uncached_input_tokens"], row["output_tokens"]) == (2, 2)
        assert Decimal(row["cost_usd"]) == Decimal("0.0000015")
        assert row["cost_source"] == "catalogue"

    @pytest.mark.parametrize("asks", [True, False])
    def test_a_streams_usage_is_counted_whether_or_not_the_client_asked(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream, asks: bool
    ) -> None:
        upstream.default_usage = upstream.default_usage.__class__(input=11, output=7)
        options = {"stream_options": {"include_usage": True}} if asks else {}
        answer = gateway.chat("up/counted-" + str(asks), stream=True, **options)
        assert (b'"usage":{' in answer.content.replace(b" ", b"")) is asks
        (row,) = gateway.wait_for_usage(model=f"counted-{asks}")
        assert (row["uncached_input_tokens"], row["output_tokens"]) == (11, 7)
        assert not row["is_estimated"]
        assert row["first_event_ms"] is not None

    def test_missing_usage_is_estimated_and_says_so(self, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
        upstream.script(play.sse(openai_chunks("Hel", "lo", include_usage=False)))
        gateway.chat("up/uncounted", stream=True)
        (row,) = gateway.wait_for_usage(model="uncounted")
        assert row["is_estimated"]
        assert row["output_tokens"] > 0
        assert row["cost_source"] == "unknown"


class TestRefusals:
    BODY = {"model": "up/m", "messages": HELLO}

    @pytest.mark.parametrize(
        ("raw", "param"),
        [
            (b"", None),
            (b"{", None),
            (b'{"model":NaN}', "model"),
            (b'{"model":"up/m","messages":' + b"[" * 1000 + b"]" * 1000 + b"}", None),
            (b'{"model":"\xff"}', None),
            (b'{"model":"up/m","model":"up/n","messages":[{}]}', None),
            (b'{"messages":[{}]}', "model"),
            (b'{"model":"up/m"}', "messages"),
        ],
    )
    def test_a_broken_body_is_400_in_the_clients_shape(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream, raw: bytes, param: str | None
    ) -> None:
        answer = httpx.post(f"{gateway.url}/chat/completions", content=raw)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert (error["type"], error["param"]) == ("invalid_request_error", param)
        assert upstream.calls == []

    @pytest.mark.parametrize("chunked", [True, False])
    def test_a_body_over_the_limit_is_413(self, gateway: GatewayProcess, chunked: bool) -> None:
        piece = b" " * (1 << 20)
        content: Any = (piece for _ in range(51)) if chunked else piece * 51
        answer = httpx.post(f"{gateway.url}/chat/completions", content=content, timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")

    def test_a_3_mib_picture_is_not_too_large(self, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (3 << 20)}}
        body = {"model": "up/m", "messages": [{"role": "user", "content": [picture]}]}
        assert httpx.post(f"{gateway.url}/chat/completions", json=body, timeout=30).status_code == 200
        assert len(upstream.calls[-1].body) > 3 << 20

    def test_every_wrong_key_gets_the_same_answer(self, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
        disabled = gateway.api("POST", "/keys", {"name": "disabled"}, 201)
        gateway.api("PATCH", f"/keys/{disabled['id']}", {"isActive": False})
        expired = gateway.api("POST", "/keys", {"name": "expired", "expiresAt": "2020-01-01T00:00:00Z"}, 201)
        gateway.settle()
        wrong = ["sk-or-unknown", disabled["key"], expired["key"], "", "Bearer", "x" * 5000]
        answers = [
            httpx.post(
                f"{gateway.url}/chat/completions", json=self.BODY, headers={"authorization": f"Bearer {key}".rstrip()}
            )
            for key in wrong
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
        assert upstream.calls == []

    def test_a_key_that_is_not_ascii_is_401_too(self, gateway: GatewayProcess) -> None:
        headers = [(b"authorization", "Bearer klé".encode())]
        answer = httpx.post(f"{gateway.url}/chat/completions", json=self.BODY, headers=headers)
        assert answer.status_code == 401

    def test_an_unknown_model_names_what_comes_close(self, gateway: GatewayProcess) -> None:
        for model in ("demo/ech", "ecco"):
            answer = gateway.chat(model)
            assert answer.status_code == 404
            assert "demo/echo" in answer.json()["error"]["message"]

    def test_an_endless_model_name_is_cut_in_the_answer(self, gateway: GatewayProcess) -> None:
        for model in ("x" * 100_000, "demo/" + "x" * 100_000, "demo/\0\n"):
            answer = gateway.chat(model)
            assert answer.status_code == 404
            assert len(answer.content) < 1000

    def test_a_provider_without_connection_says_where_to_add_one(self, gateway: GatewayProcess) -> None:
        answer = gateway.chat("groq/llama-3.3-70b-versatile")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_connection")
        assert "/admin/providers/providerconnection/" in answer.json()["error"]["message"]

    def test_what_is_no_endpoint_is_a_json_404_and_a_wrong_method_a_json_405(self, gateway: GatewayProcess) -> None:
        for path, status in {"/nope": 404, "/chat/completions": 405}.items():
            answer = httpx.get(gateway.url + path)
            assert (answer.status_code, "error" in answer.json()) == (status, True)

    def test_the_paths_without_v1_do_the_same(self, gateway: GatewayProcess) -> None:
        answer = httpx.post(f"{gateway.root}/chat/completions", json={"model": "demo/echo", "messages": HELLO})
        assert answer.json()["choices"][0]["message"]["content"] == "hello"
        assert httpx.get(f"{gateway.root}/models").json()["object"] == "list"


FORWARDED = [
    {"x-forwarded-for": "127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"forwarded": "for=127.0.0.1"},
    {"cf-connecting-ip": "::1"},
    {"x-forwarded-host": "localhost"},
    {"via": "1.1 proxy"},
]


class TestWithoutAKey:
    @pytest.mark.parametrize("headers", FORWARDED, ids=lambda headers: next(iter(headers)))
    def test_who_comes_through_a_proxy_is_not_local(self, gateway: GatewayProcess, headers: dict[str, str]) -> None:
        answer = httpx.get(f"{gateway.url}/models", headers=headers)
        assert answer.status_code == 401

    def test_a_host_header_says_nothing(self, gateway: GatewayProcess) -> None:
        assert httpx.get(f"{gateway.url}/models", headers={"host": "evil.example"}).status_code == 200

    @pytest.mark.parametrize(
        ("address", "is_local"),
        [
            ("127.0.0.1", True),
            ("127.8.8.8", True),
            ("::1", True),
            ("::ffff:127.0.0.1", True),
            ("10.0.0.5", False),
            ("192.168.1.2", False),
            ("::ffff:10.0.0.5", False),
            ("2001:db8::1", False),
            ("", False),
            ("localhost", False),
        ],
    )
    def test_local_is_what_the_socket_says(self, address: str, is_local: bool) -> None:
        assert admission.is_local({"REMOTE_ADDR": address}) is is_local


class TestTrouble:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
    @pytest.mark.parametrize("stream", [True, False])
    def test_an_upstreams_failure_keeps_its_status(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream, status: int, stream: bool
    ) -> None:
        upstream.always(play.json(status, {"error": {"message": "the reason"}}, {"retry-after": "7"}))
        answer = gateway.chat("up/m", stream=stream)
        assert answer.status_code == status
        assert "the reason" in answer.json()["error"]["message"]
        assert answer.headers["retry-after"] == "7"

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize(
        ("behaviour", "status"),
        [
            (play.json(200, {"error": {"message": "no", "code": 429}}), 429),
            (play.json(200, b"<html>please log in</html>"), 502),
            (play.json(200, b""), 502),
            (play.json(200, {"choices": []}), 502),
            (play.redirect("http://169.254.169.254/"), 502),
            (play.rst_after(0), 502),
        ],
    )
    def test_what_is_no_answer_is_never_a_200(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream, behaviour: Any, status: int, stream: bool
    ) -> None:
        upstream.always(behaviour)
        assert gateway.chat("up/m", stream=stream).status_code == status
        assert len(upstream.calls) == 1

    def test_an_upstream_that_is_down_is_502(self, gateway: GatewayProcess) -> None:
        gateway.add_node("down", "http://127.0.0.1:9/v1")
        answer = gateway.chat("down/m")
        assert answer.status_code == 502
        assert "no connection" in answer.json()["error"]["message"]

    @pytest.mark.parametrize("behaviour", [play.rst_after(3, PACED), play.close_after(3), play.end_after(3)])
    def test_a_cut_stream_ends_with_an_error_and_without_an_end_mark(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream, behaviour: Any
    ) -> None:
        upstream.script(behaviour)
        answer = gateway.chat("up/cut", stream=True)
        last = answer.content.strip().split(b"\n\n")[-1]
        assert answer.status_code == 200
        assert b"[DONE]" not in answer.content
        assert json.loads(last.removeprefix(b"data: "))["error"]
        row = gateway.wait_for_usage(model="cut")[-1]
        assert (row["status"], bool(row["error"])) == (502, True)

    def test_a_garbage_line_does_not_end_a_stream(self, gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
        upstream.script(play.garbage_line_at(2))
        answer = gateway.chat("up/m", stream=True)
        assert answer.content.rstrip().endswith(b"[DONE]")
        assert b"no JSON" not in answer.content

    def test_the_next_connection_answers_when_the_first_refuses(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        gateway.add_node("twofold", upstream.base_url, "sk-first")
        gateway.api("POST", "/providers", {"provider": "twofold", "apiKey": "sk-second", "name": "second"}, 201)
        gateway.settle()
        upstream.always(play.json(401, {"error": {"message": "bad key"}}), key="sk-first")
        assert gateway.chat("twofold/m").status_code == 200
        assert [call.key for call in upstream.calls] == ["sk-first", "sk-second"]
        upstream.always(play.json(400, {"error": {"message": "your fault"}}), key="sk-first")
        upstream.calls.clear()

    def test_a_combo_falls_back_before_the_first_word(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        code = (
            "from combos.models import Combo, ComboTarget as T; c = Combo.objects.create(name='first/second');"
            "T.objects.create(combo=c, position=1, model='up/broken'); T.objects.create(combo=c, position=2,"
            " model='demo/echo')"
        )
        gateway.manage("shell", "-v0", "-c", code)
        gateway.settle()
        frames = openai_chunks("never shown")
        upstream.script(play.close_after(1, play.sse(frames)), model="broken")
        answer = gateway.chat("first/second", stream=True)
        assert b"never shown" not in answer.content
        assert b'"hello"' in answer.content
        row = gateway.wait_for_usage(model_asked="first/second")[-1]
        assert (row["attempts"], row["provider"]) == (2, "demo")


HANGS = {
    "before headers": (play.hang_before_headers(), False),
    "before headers, streamed": (play.hang_before_headers(), True),
    "before the first word": (play.hang_after_headers(), True),
    "in the middle": (play.hang_after(3), True),
}


class TestDisconnect:
    @pytest.mark.parametrize(("behaviour", "stream"), HANGS.values(), ids=HANGS.keys())
    def test_a_client_that_hangs_up_stops_the_upstream(
        self, gateway: GatewayProcess, upstream: ScriptedUpstream, behaviour: Any, stream: bool
    ) -> None:
        model = f"gone-{id(behaviour)}-{stream}"
        upstream.script(behaviour)
        with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
            body = json.dumps({"model": f"up/{model}", "messages": HELLO, "stream": stream}).encode()
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body)
            connection.sendall(head + body)
            (call,) = upstream.wait_for_calls(1)
            if behaviour == HANGS["in the middle"][0]:
                assert connection.recv(65536)
        upstream.wait_until_peer_closed(call, timeout=2)
        (row,) = gateway.wait_for_usage(model=model)
        assert row["status"] == 499
        wait_until(lambda: gateway.chat("up/m").status_code == 200)
