"""What clients ask besides answers: which models there are, and how many tokens a request has."""

import httpx
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests import sdks
from tests import upstream as play
from tests.gateway import GatewayProcess
from tests.talk import BODIES, HTTP, assert_error, nodes_of, post
from tests.upstream import ScriptedUpstream
from tests.wire import Json

TEXT = BODIES["text"]


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    return shared_gateway


COUNTED = BODIES["text"]["claude"] | {"system": "Be brief. " * 40, "tools": BODIES["tools"]["claude"]["tools"]}
BARE = {"messages": [{"role": "user", "content": "hello"}]}


class TestCounting:
    def count(self, cells: GatewayProcess, model: str, body: Json) -> httpx.Response:
        return HTTP.post(f"{cells.root}/v1/messages/count_tokens", json={"model": model, **body})

    @pytest.mark.parametrize(("model", "ending"), [("c/m", "/messages/count_tokens"), ("g/m", ":countTokens")])
    def test_the_upstream_is_asked_when_it_can_count(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, model: str, ending: str
    ) -> None:
        counted = {name: value for name, value in COUNTED.items() if name != "max_tokens"}
        answer = self.count(cells, model, counted)
        assert answer.json() == {"input_tokens": 9}
        assert "x-omniroute-estimated" not in answer.headers
        (call,) = upstream.calls
        assert call.path.endswith(ending)
        assert all(said in call.body.decode() for said in ("hello", "Be brief.", "get_weather"))

    @pytest.mark.parametrize("model", ["o/m", "r/m"])
    def test_an_estimate_counts_system_and_tools_and_says_that_it_is_one(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, model: str
    ) -> None:
        few, many = self.count(cells, model, BARE), self.count(cells, model, COUNTED)
        assert few.headers["x-omniroute-estimated"] == many.headers["x-omniroute-estimated"] == "true"
        assert 1 <= few.json()["input_tokens"] < 20
        with_system = self.count(cells, model, BARE | {"system": COUNTED["system"]}).json()["input_tokens"]
        assert 60 < with_system < many.json()["input_tokens"] < 1000
        assert upstream.calls == []

    def test_an_upstream_that_cannot_is_asked_at_two_connections_and_no_more(
        self, cells: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        cells.add_node("uncounted", upstream.url, api_key=None, dialect="claude")
        for number in range(4):
            cells.connect("uncounted", f"sk-uncounted-{number}", str(number))
        upstream.always(play.json(500), path="/count_tokens")
        answer = self.count(cells, "uncounted/m", BARE)
        assert (answer.status_code, answer.headers["x-omniroute-estimated"]) == (200, "true")
        assert len(upstream.calls) == 2

    def test_a_404_of_the_upstream_changes_nothing(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        upstream.script(play.json(404))
        answer = self.count(cells, "c/count-404", BARE)
        assert (answer.status_code, answer.headers["x-omniroute-estimated"]) == (200, "true")
        assert post(cells, "claude", "c/count-404").status_code == 200
        (row,) = cells.wait_for_usage(model="count-404")
        assert row["status"] == 200

    @pytest.mark.parametrize("model", ["g/m", "c/m", "o/m"])
    @pytest.mark.parametrize("wrapped", [True, False])
    def test_gemini_clients_count_too(self, cells: GatewayProcess, model: str, wrapped: bool) -> None:
        body = {"generateContentRequest": {"model": "models/x", **TEXT["gemini"]}} if wrapped else TEXT["gemini"]
        answer = HTTP.post(f"{cells.root}/v1beta/models/{model}:countTokens", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["totalTokens"] > 0
        assert ("x-omniroute-estimated" in answer.headers) is (model == "o/m")

    @pytest.mark.parametrize("model", ["g/m", "c/m", "o/m"])
    def test_a_tool_result_alone_can_be_counted(self, cells: GatewayProcess, model: str) -> None:
        result = {"functionResponse": {"name": "read", "response": {"output": "text"}}}
        body = {"contents": [{"role": "user", "parts": [result]}]}
        answer = HTTP.post(f"{cells.root}/v1beta/models/{model}:countTokens", json=body)
        assert answer.json()["totalTokens"] > 0

    def test_what_cannot_be_counted_is_400(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        answer = self.count(cells, "c/m", {"messages": "hello"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
        assert "messages" in answer.json()["error"]["message"]
        assert upstream.calls == []


class TestListsOfModels:
    @pytest.mark.parametrize(
        ("path", "headers", "member", "name"),
        [
            ("/v1/models", {}, "data", "id"),
            ("/models", {}, "data", "id"),
            ("/v1/models", {"anthropic-version": "2023-06-01"}, "data", "display_name"),
            ("/v1/models", {"x-goog-api-client": "google-genai-sdk/3"}, "models", "name"),
            ("/v1beta/models", {}, "models", "supportedGenerationMethods"),
        ],
    )
    def test_the_headers_of_an_sdk_say_which_shape(
        self, cells: GatewayProcess, path: str, headers: dict[str, str], member: str, name: str
    ) -> None:
        models = HTTP.get(cells.root + path, headers=headers).json()[member]
        assert all(name in model for model in models)
        assert any(model.get("id", model.get("name")) in ("demo/echo", "models/demo/echo") for model in models)

    def test_every_sdk_lists_models_and_finds_one(self, cells: GatewayProcess) -> None:
        openai = OpenAI(base_url=cells.url, api_key=cells.admin_key)
        claude = Anthropic(base_url=cells.root, api_key=cells.admin_key)
        assert openai.models.retrieve("demo/echo").id in [model.id for model in openai.models.list()]
        assert claude.models.retrieve("demo/echo").id in [model.id for model in claude.models.list()]
        for version in ("v1beta", "v1"):
            gemini = sdks.gemini_sdk(cells.root, cells.admin_key, version)
            assert gemini.models.get(model="demo/echo").name in [model.name for model in gemini.models.list()]

    @pytest.mark.parametrize("path", ["/v1beta/models/demo/echo", "/v1beta/models/demo%2Fecho"])
    def test_one_model_of_gemini(self, cells: GatewayProcess, path: str) -> None:
        model = HTTP.get(cells.root + path).json()
        assert (model["name"], "generateContent" in model["supportedGenerationMethods"]) == ("models/demo/echo", True)

    @pytest.mark.parametrize(
        ("path", "headers", "shape"),
        [
            ("/v1/models/none", {}, "openai"),
            ("/v1/models/none", {"anthropic-version": "2023-06-01"}, "claude"),
            ("/v1beta/models/none", {}, "gemini"),
        ],
    )
    def test_an_unknown_model_is_404_in_the_same_shape(
        self, cells: GatewayProcess, path: str, headers: dict[str, str], shape: str
    ) -> None:
        assert_error(HTTP.get(cells.root + path, headers=headers), shape, 404)
