"""Every endpoint that answers clients, in all its spellings: its shape, its keys, its errors."""

from json import dumps, loads
from typing import Any

import httpx
import pytest

from tests import upstream as play
from tests.gateway import GatewayProcess
from tests.talk import BODIES, HTTP, assert_error, nodes_of, says
from tests.upstream import ScriptedUpstream
from tests.wire import Json, ToolCall

OLLAMA = {"messages": [{"role": "user", "content": "hello"}], "stream": False}
TEXT = {**BODIES["text"], "ollama": OLLAMA}
TOLD = "Hello from the scripted upstream."


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    return shared_gateway


def shape_of(answer: Json) -> str:
    """Whose answer this is."""
    signs = {
        "choices": "openai",
        "stop_reason": "claude",
        "candidates": "gemini",
        "output": "responses",
        "done": "ollama",
    }
    return next(dialect for sign, dialect in signs.items() if sign in answer)


def text_of(answer: Json) -> str:
    match shape_of(answer):
        case "openai":
            return str(answer["choices"][0]["message"]["content"])
        case "claude":
            return "".join(block["text"] for block in answer["content"])
        case "gemini":
            return "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"])
        case "responses":
            return "".join(part["text"] for item in answer["output"] for part in item["content"])
    return str(answer["message"]["content"])


def events_of(answer: httpx.Response) -> list[Json]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [loads(line) for line in lines if line != "[DONE]"]


POSTS = [
    ("/v1/chat/completions", "openai"),
    ("/chat/completions", "openai"),
    ("/v1/v1/chat/completions", "openai"),
    ("/v1/messages", "claude"),
    ("/v1/messages?beta=true", "claude"),
    ("/v1/v1/messages", "claude"),
    ("/v1/responses", "responses"),
    ("/v1/v1/responses", "responses"),
    ("/responses", "responses"),
    ("/codex/responses", "responses"),
    ("/v1beta/models/{model}:generateContent", "gemini"),
    ("/v1beta/{model}:generateContent", "gemini"),
    ("/v1/models/{model}:generateContent", "gemini"),
    ("/api/chat", "ollama"),
    ("/v1/api/chat", "ollama"),
]


def send(gateway: GatewayProcess, path: str, client: str, model: str, **members: Any) -> httpx.Response:
    named = {} if client == "gemini" else {"model": model}
    body = TEXT[client] | named | members
    return HTTP.post(gateway.root + path.format(model=model), json=body, timeout=30)


class TestPaths:
    @pytest.mark.parametrize("model", ["o/m", "c/m"])
    @pytest.mark.parametrize(("path", "client"), POSTS)
    def test_the_path_decides_the_dialect(self, cells: GatewayProcess, path: str, client: str, model: str) -> None:
        answer = send(cells, path, client, model)
        assert answer.status_code == 200, answer.text
        assert (shape_of(answer.json()), text_of(answer.json())) == (client, TOLD)
        assert answer.headers["content-type"].startswith("application/json")

    @pytest.mark.parametrize(
        ("path", "asked_for"),
        [
            ("/v1beta/models/o/org/name:8b:generateContent", "org/name:8b"),
            ("/v1beta/models/o%2Forg%2Fname:generateContent", "org/name"),
            ("/v1beta/o/org/name:generateContent", "org/name"),
            ("/v1/models/o/org/name-1.5[1m]:generateContent", "org/name-1.5[1m]"),
            ("/v1beta/models/o/m@1:streamGenerateContent?alt=sse", "m@1"),
        ],
    )
    def test_a_models_name_may_hold_slashes_and_colons(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, path: str, asked_for: str
    ) -> None:
        assert HTTP.post(cells.root + path, json=TEXT["gemini"]).status_code == 200
        assert upstream.calls[-1].model == asked_for

    @pytest.mark.parametrize("model", ["o/m", "g/m"])
    def test_gemini_streams_as_events_with_alt_sse_and_else_as_one_array(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, model: str
    ) -> None:
        path = f"{cells.root}/v1beta/models/{model}:streamGenerateContent"
        events = HTTP.post(f"{path}?alt=sse", json=TEXT["gemini"])
        assert events.headers["content-type"].startswith("text/event-stream")
        array = HTTP.post(path, json=TEXT["gemini"])
        assert array.headers["content-type"].startswith("application/json")
        for chunks in (events_of(events), array.json()):
            texts = [part for chunk in chunks for part in chunk["candidates"][0]["content"].get("parts", [])]
            assert "".join(part.get("text", "") for part in texts) == TOLD
            assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
            assert chunks[-1]["usageMetadata"]["promptTokenCount"] == 9

    def test_a_cut_array_is_json_that_ends_with_the_error(
        self, cells: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        upstream.always(says("Once ", "upon ", "a ", "time", after=3))
        answer = HTTP.post(f"{cells.root}/v1beta/models/o/m:streamGenerateContent", json=TEXT["gemini"])
        assert answer.json()[-1]["error"]["message"]
        assert "finishReason" not in answer.text

    def test_claude_code_asks_whether_anybody_is_there(self, cells: GatewayProcess) -> None:
        answer = HTTP.head(cells.root + "/")
        assert (answer.status_code, answer.content) == (200, b"")

    def test_the_dashboard_is_still_at_the_root(self, cells: GatewayProcess) -> None:
        assert HTTP.get(cells.root + "/").status_code in (301, 302)


class TestOllama:
    def test_it_streams_lines_unless_told_not_to(self, cells: GatewayProcess) -> None:
        body = {"model": "o/m", "messages": OLLAMA["messages"]}
        answer = HTTP.post(f"{cells.root}/api/chat", json=body)
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [loads(line) for line in answer.text.splitlines()]
        assert "".join(line["message"]["content"] for line in lines) == TOLD
        assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
        assert (lines[-1]["done_reason"], lines[-1]["prompt_eval_count"], lines[-1]["eval_count"]) == ("stop", 9, 12)

    @pytest.mark.parametrize("model", ["o/m", "c/m", "g/m", "r/m"])
    def test_calls_have_objects_as_arguments(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, model: str
    ) -> None:
        upstream.always(says(calls=[ToolCall("get_weather", {"city": "Oslo"})]))
        tools = BODIES["tools"]["openai"]["tools"]
        (call,) = send(cells, "/api/chat", "ollama", model, tools=tools).json()["message"]["tool_calls"]
        function = call["function"]
        assert (function["name"], function["arguments"]) == ("get_weather", {"city": "Oslo"})

    def test_its_lists(self, cells: GatewayProcess) -> None:
        for path in ("/api/tags", "/v1/api/tags"):
            names = [model["name"] for model in HTTP.get(cells.root + path).json()["models"]]
            assert "demo/echo" in names
        assert HTTP.get(f"{cells.root}/api/version").json()["version"]

    def test_the_management_api_is_still_there(self, cells: GatewayProcess) -> None:
        assert HTTP.get(f"{cells.root}/api/keys").status_code == 401


FIRST_POSTS = {client: path for path, client in reversed(POSTS)}
over_dialects = pytest.mark.parametrize("client", FIRST_POSTS)


class TestErrors:
    @over_dialects
    @pytest.mark.parametrize("content", [b"{", b"[]", b'"\xff"', b""])
    def test_what_is_no_json_object_is_400(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, content: bytes
    ) -> None:
        path = FIRST_POSTS[client].format(model="o/m")
        assert_error(HTTP.post(cells.root + path, content=content), client, 400)
        assert upstream.calls == []

    @pytest.mark.parametrize("model", ["o/m", "c/m", "g/m", "r/m"])
    @pytest.mark.parametrize(
        ("client", "members", "named"),
        [
            ("openai", {"messages": "hello"}, "messages"),
            ("openai", {"stream": "yes"}, "stream"),
            ("claude", {"messages": []}, "messages"),
            ("claude", {"stream": 1}, "stream"),
            ("gemini", {"contents": 7}, "contents"),
            ("responses", {"input": 7}, "input"),
            ("responses", {"stream": "no"}, "stream"),
            ("ollama", {"messages": 7}, "messages"),
        ],
    )
    def test_a_wrong_member_is_400_and_named(
        self,
        cells: GatewayProcess,
        upstream: ScriptedUpstream,
        model: str,
        client: str,
        members: Json,
        named: str,
    ) -> None:
        message = assert_error(send(cells, FIRST_POSTS[client], client, model, **members), client, 400)
        assert named in message
        assert upstream.calls == []

    @over_dialects
    def test_an_unknown_model_is_404_and_names_what_comes_close(self, cells: GatewayProcess, client: str) -> None:
        answer = send(cells, FIRST_POSTS[client], client, "demo/ech")
        assert "demo/echo" in assert_error(answer, client, 404)

    @over_dialects
    def test_a_wrong_key_is_401(self, cells: GatewayProcess, client: str) -> None:
        path = FIRST_POSTS[client].format(model="o/m")
        answer = HTTP.post(cells.root + path, json=TEXT[client], headers={"x-api-key": "sk-or-wrong"})
        assert_error(answer, client, 401)

    @pytest.mark.parametrize(
        ("path", "shape"),
        [
            ("/v1/nope", "openai"),
            ("/v1/messages/nope", "claude"),
            ("/v1/v1/messages/nope", "claude"),
            ("/v1/responses/no/pe", "responses"),
            ("/v1beta/models/o/m:explode", "gemini"),
            ("/v1beta/nope", "gemini"),
        ],
    )
    def test_an_unknown_path_is_404(self, cells: GatewayProcess, path: str, shape: str) -> None:
        assert_error(HTTP.post(cells.root + path, json=TEXT["openai"]), shape, 404)

    @pytest.mark.parametrize(
        ("method", "path", "shape"),
        [
            ("GET", "/v1/chat/completions", "openai"),
            ("GET", "/v1/messages", "claude"),
            ("GET", "/v1/messages/count_tokens", "claude"),
            ("PUT", "/v1/responses", "responses"),
            ("GET", "/responses", "responses"),
            ("GET", "/codex/responses", "responses"),
            ("DELETE", "/v1beta/models/o/m", "gemini"),
            ("POST", "/v1beta/models", "gemini"),
            ("GET", "/api/chat", "ollama"),
        ],
    )
    def test_a_wrong_method_is_405(self, cells: GatewayProcess, method: str, path: str, shape: str) -> None:
        assert_error(HTTP.request(method, cells.root + path), shape, 405)

    @over_dialects
    def test_a_body_over_the_limit_is_413(self, cells: GatewayProcess, client: str) -> None:
        path = FIRST_POSTS[client].format(model="o/m")
        assert_error(HTTP.post(cells.root + path, content=b" " * (51 << 20), timeout=30), client, 413)

    @over_dialects
    @pytest.mark.parametrize("model", ["o/m", "c/m", "g/m", "r/m"])
    def test_an_upstreams_rate_limit_keeps_its_wait(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, model: str
    ) -> None:
        upstream.always(play.json(429, headers={"retry-after": "7"}))
        answer = send(cells, FIRST_POSTS[client], client, model)
        assert "scripted 429" in assert_error(answer, client, 429)
        assert answer.headers["retry-after"] == "7"


PLACES: dict[str, Any] = {
    "Authorization": lambda key: {"headers": {"authorization": f"Bearer {key}"}},
    "x-api-key": lambda key: {"headers": {"x-api-key": key}},
    "x-goog-api-key": lambda key: {"headers": {"x-goog-api-key": key}},
    "?key=": lambda key: {"params": {"key": key}},
}


class TestKeys:
    @over_dialects
    @pytest.mark.parametrize("place", PLACES)
    def test_a_key_is_found_wherever_a_client_puts_it(self, cells: GatewayProcess, client: str, place: str) -> None:
        path, body = FIRST_POSTS[client].format(model="o/m"), {**TEXT[client]}
        body |= {} if client == "gemini" else {"model": "o/m"}
        for key, status in ((cells.admin_key, 200), (cells.admin_key + "x", 401)):
            assert HTTP.post(cells.root + path, json=body, **PLACES[place](key)).status_code == status

    def test_a_key_in_the_query_is_in_no_log(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        key = cells.api("POST", "/keys", {"name": "in-the-query"}, 201)["key"]
        cells.settle()
        for path, status in (("o/m:generateContent", 200), ("none:generateContent", 404), ("o/m:explode", 404)):
            answer = HTTP.post(f"{cells.root}/v1beta/models/{path}", params={"key": key}, json=TEXT["gemini"])
            assert answer.status_code == status
        cells.wait_for_usage(api_key_name="in-the-query")
        files = [path for path in cells.data_dir.rglob("*") if path.is_file()]
        assert [path for path in files if key.encode() in path.read_bytes()] == []
        assert all(key not in dumps(call.row()) for call in upstream.calls)
