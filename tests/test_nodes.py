"""Where calls go and what they carry: nodes of every dialect, and the vendors of the catalogue beside them."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from providers import addresses, snapshot
from providers.catalogue import CATALOGUE
from providers.connections import add_connection, save_node
from providers.models import ProviderNode
from providers.snapshot import ProviderFacts
from providers.sync import sync_catalogue
from providers.transport import Reach
from tests.test_admin import errors_of
from translator.dialect import UPSTREAM_DIALECTS, Dialect
from translator.quirks import NONE, Streaming

HOST = "http://127.0.0.1:9"
GEMINI = addresses.of_node(Dialect.GEMINI, HOST)

# Dialect, path of the base URL, and below the host: a whole answer, a stream, counting tokens.
ADDRESSES: list[tuple[str, str, str, str, str | None]] = [
    ("openai", "/v1", "/v1/chat/completions", "/v1/chat/completions", None),
    ("openai", "/api/", "/api/chat/completions", "/api/chat/completions", None),
    ("responses", "/v1", "/v1/responses", "/v1/responses", None),
    ("claude", "", "/v1/messages", "/v1/messages", "/v1/messages/count_tokens"),
    ("claude", "/v1/", "/v1/messages", "/v1/messages", "/v1/messages/count_tokens"),
    ("claude", "/a", "/a/v1/messages", "/a/v1/messages", "/a/v1/messages/count_tokens"),
    *(
        (
            "gemini",
            given,
            f"{made}/models/m:generateContent",
            f"{made}/models/m:streamGenerateContent?alt=sse",
            f"{made}/models/m:countTokens",
        )
        for given, made in (("", "/v1beta"), ("/v1beta/", "/v1beta"), ("/v1", "/v1"), ("/a", "/a/v1beta"))
    ),
]


@pytest.mark.parametrize(("dialect", "base", "whole", "stream", "count"), ADDRESSES)
def test_a_node_is_asked_below_its_base_url(
    dialect: str, base: str, whole: str, stream: str, count: str | None
) -> None:
    made = addresses.of_node(Dialect(dialect), HOST + base)
    found = [
        addresses.filled(template, "m") if template else None for template in (made.whole, made.stream, made.count)
    ]
    assert found == [httpx.URL(HOST + whole), httpx.URL(HOST + stream), httpx.URL(HOST + count) if count else None]


def test_a_url_is_made_once_and_keeps_its_query() -> None:
    template = "https://api.acme.test/v1/messages?beta=true"
    assert addresses.filled(template, "a") is addresses.filled(template, "b")
    assert str(addresses.filled(template, "a")) == template
    assert addresses.filled(GEMINI.whole, "a") is addresses.filled(GEMINI.whole, "a")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3-pro", "/v1beta/models/gemini-3-pro:generateContent"),
        ("up/gemini-3-pro", "/v1beta/models/up/gemini-3-pro:generateContent"),
        ("models/gemini-3-pro", "/v1beta/models/gemini-3-pro:generateContent"),
        ("tunedModels/mine-1", "/v1beta/tunedModels/mine-1:generateContent"),
        ("llama3:8b", "/v1beta/models/llama3%3A8b:generateContent"),
        ("a?key=1#b", "/v1beta/models/a%3Fkey%3D1%23b:generateContent"),
        ("é", "/v1beta/models/%C3%A9:generateContent"),
        ("../../files", "/v1beta/models/..%2F..%2Ffiles:generateContent"),
        ("tunedModels/../../x", "/v1beta/tunedModels%2F..%2F..%2Fx:generateContent"),
        ("{model}", "/v1beta/models/%7Bmodel%7D:generateContent"),
    ],
)
def test_a_models_name_fills_its_place_in_the_path(model: str, path: str) -> None:
    assert addresses.filled(GEMINI.whole, model).raw_path == path.encode()


@given(st.text(max_size=40) | st.text("./%:?#@\\ ", max_size=20) | st.just("a" * 100_000))
def test_no_models_name_leads_elsewhere(model: str) -> None:
    url = addresses.filled(GEMINI.stream, model)
    assert (url.scheme, url.host, url.port, url.query) == ("http", "127.0.0.1", 9, b"alt=sse")
    path = urlsplit(str(url)).path
    assert path.startswith(("/v1beta/models", "/v1beta/tunedModels"))
    assert path.endswith(":streamGenerateContent")
    assert not {".", ".."} & set(path.split("/"))


@pytest.fixture
def directory(db: None, quiet_dashboard: None) -> Any:
    """`directory(prefix)` are the facts of a provider as requests find them."""
    sync_catalogue()
    return lambda prefix: snapshot.load().providers[prefix]


def node(dialect: str, base_url: str = f"{HOST}/v1", **facts: Any) -> ProviderNode:
    made = ProviderNode(name="Lab", prefix="lab", dialect=dialect, base_url=base_url, **facts)
    made.allow_private_network = True
    return save_node(made)


CREDENTIALS = {
    "openai": {"authorization": "Bearer k-1"},
    "responses": {"authorization": "Bearer k-1"},
    "claude": {"x-api-key": "k-1", "anthropic-version": "2023-06-01"},
    "gemini": {"x-goog-api-key": "k-1"},
}


@pytest.mark.parametrize(("dialect", "credentials"), CREDENTIALS.items())
def test_a_node_gets_its_key_where_its_dialect_has_it(
    directory: Any, dialect: str, credentials: dict[str, str]
) -> None:
    add_connection(node(dialect, streaming="only"), "k-1")
    facts: ProviderFacts = directory("lab")
    ours = {"content-type": "application/json", "user-agent": "OmniRoute/0.1"}
    assert dict(facts.connections[0].headers) == ours | credentials
    assert facts.endpoint
    assert (facts.endpoint.dialect, facts.endpoint.streaming, facts.endpoint.reach) == (dialect, "only", Reach.PRIVATE)
    assert facts.quirks_of("any") is NONE


def test_a_node_without_a_key_gets_no_credential(directory: Any) -> None:
    add_connection(node("claude"), None)
    assert "x-api-key" not in directory("lab").connections[0].headers


def test_a_gemini_node_is_asked_by_the_models_name(directory: Any) -> None:
    node("gemini", HOST)
    endpoint = directory("lab").endpoint
    assert str(endpoint.url("m", streams=False)) == f"{HOST}/v1beta/models/m:generateContent"
    assert str(endpoint.url("m", streams=True)) == f"{HOST}/v1beta/models/m:streamGenerateContent?alt=sse"
    assert str(endpoint.count_url("m")) == f"{HOST}/v1beta/models/m:countTokens"


def test_an_openai_node_counts_no_tokens(directory: Any) -> None:
    node("openai")
    assert directory("lab").endpoint.count_url("m") is None


def test_vendors_are_asked_in_their_own_dialect(directory: Any) -> None:
    anthropic, codex, gemini = (directory(name).endpoint for name in ("anthropic", "codex", "gemini"))
    assert (anthropic.dialect, codex.dialect, gemini.dialect) == (Dialect.CLAUDE, Dialect.RESPONSES, Dialect.GEMINI)
    assert str(anthropic.count_url("x")) == "https://api.anthropic.com/v1/messages/count_tokens"
    assert gemini.url("a", streams=True).query == b"alt=sse"
    assert (codex.streaming, anthropic.streaming) == (Streaming.ONLY, Streaming.BOTH)


def test_formats_that_need_an_adapter_are_not_spoken(directory: Any) -> None:
    for prefix in ("kiro", "gemini-cli"):
        facts: ProviderFacts = directory(prefix)
        model = next(iter(facts.models.values()))
        assert (facts.speaks(model), facts.endpoint_of(model), facts.wire_of(model)) == (False, None, prefix)
    nvidia: ProviderFacts = directory("nvidia")
    rerank = nvidia.models["nvidia/nv-rerankqa-mistral-4b-v3"]
    assert (nvidia.speaks(rerank), nvidia.wire_of(rerank)) == (False, "nvidia")


def test_every_vendor_that_chats_in_a_dialect_of_ours_is_spoken_to(directory: Any) -> None:
    chatting = {vendor.id for vendor in CATALOGUE.values() if vendor.endpoint("chat")}
    adapted = {vendor.id for vendor in CATALOGUE.values() if vendor.dialect not in UPSTREAM_DIALECTS}
    spoken = {facts.slug for facts in snapshot.load().all() if facts.endpoint}
    assert spoken == chatting - adapted


def test_a_model_of_another_dialect_than_its_vendors_is_asked_elsewhere(directory: Any) -> None:
    github: ProviderFacts = directory("github")
    codex, other = github.models["gpt-5.1-codex"], github.models["gpt-5"]
    endpoint = github.endpoint_of(codex)
    assert endpoint and endpoint.dialect is Dialect.RESPONSES
    assert str(endpoint.url("x", streams=True)) == "https://api.githubcopilot.com/responses"
    assert github.endpoint_of(other) is github.endpoint


def test_a_models_quirks_are_those_of_its_upstream_id(directory: Any) -> None:
    xai: ProviderFacts = directory("xai")
    assert xai.models["grok-code-mini"].upstream_id == "grok-code-fast-1"
    assert xai.models["grok-code-mini"].quirks == xai.quirks_of("grok-code-fast-1") != NONE
    assert xai.quirks_of("grok-4-next-reasoning").unsupported >= {"stop"}


FORM = {"name": "Lab", "prefix": "lab", "base_url": f"{HOST}/v1", "allow_private_network": "on", "streaming": "only"}


@pytest.mark.parametrize("dialect", ["openai", "responses", "claude", "gemini"])
def test_a_node_may_speak_any_dialect_in_streams_alone(quiet_dashboard: None, page: Client, dialect: str) -> None:
    form = FORM | {"dialect": dialect}
    assert page.post("/admin/providers/providernode/add/", form).status_code == 302
    node = ProviderNode.objects.get()
    assert (node.dialect, node.streaming) == (dialect, "only")


def test_a_node_speaks_no_dialect_that_only_clients_speak(quiet_dashboard: None, page: Client) -> None:
    form = FORM | {"dialect": "ollama"}
    assert "dialect" in errors_of(page.post("/admin/providers/providernode/add/", form))
