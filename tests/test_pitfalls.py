"""Where gateways are known to break, from outside: streams, tools, pictures, parameters."""

import re
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import pytest

from tests import wire
from tests.calls import Call
from tests.clients.pictures import READERS as PICTURES
from tests.clients.reading import read_turn
from tests.gateway import GatewayProcess
from tests.sdks import ask
from tests.talk import (
    BODIES,
    CITY,
    DATA_URL,
    DIALECTS,
    PNG,
    PNG_TEXT,
    PREFIXES,
    TOOLS,
    assert_error,
    nodes_of,
    post,
    says,
    wants_stream,
)
from tests.upstream import Behaviour, ScriptedUpstream
from tests.wire import Json

over_clients = pytest.mark.parametrize("client", DIALECTS)
over_speakers = pytest.mark.parametrize("speaker", DIALECTS)
over_crossings = pytest.mark.parametrize(("client", "speaker"), [*permutations(DIALECTS, 2)])
"""Pairs of different dialects; between two of one dialect nothing is changed."""
over_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
MODELS = {speaker: f"{prefix}/m" for speaker, prefix in PREFIXES.items()}
TOLD = "Hello from the scripted upstream."


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    nodes_of(shared_gateway, upstream_server, "only-", streaming="only")
    nodes_of(shared_gateway, upstream_server, "never-", streaming="never")
    return shared_gateway


def values_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of every object in it."""
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from values_of(inner)


class TestStreamsAndWholeAnswers:
    ACCEPTS = (None, "*/*", "application/json", "text/event-stream")

    @pytest.mark.parametrize("client", ["openai", "claude", "responses"])
    @pytest.mark.parametrize("accept", ACCEPTS)
    @pytest.mark.parametrize("said", [{}, {"stream": False}, {"stream": None}, {"stream": True}], ids=str)
    def test_the_body_alone_decides_whether_to_stream(
        self, cells: GatewayProcess, client: str, accept: str | None, said: Json
    ) -> None:
        headers = {"accept": accept} if accept else {}
        for speaker in ("openai", "responses"):
            answer = post(cells, client, MODELS[speaker], BODIES["text"][client] | said, headers=headers)
            streamed = answer.headers["content-type"].startswith("text/event-stream")
            assert (answer.status_code, streamed) == (200, said.get("stream") is True)

    @over_clients
    @over_speakers
    def test_an_upstream_that_only_streams_answers_in_one_piece(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        upstream.always(says("Hel", "lo", calls=[wire.ToolCall("get_weather", {"city": "Oslo"})]))
        heard = ask(cells, client, f"only-{MODELS[speaker]}", BODIES["tools"][client])
        assert (heard.text, [call.arguments for call in heard.calls]) == ("Hello", [{"city": "Oslo"}])
        assert heard.usage.input == 9
        assert wants_stream(upstream.calls[-1])

    @over_clients
    @over_speakers
    def test_an_upstream_that_never_streams_answers_in_a_stream(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        upstream.always(says("Hel", "lo", calls=[wire.ToolCall("get_weather", {"city": "Oslo"})]))
        heard = ask(cells, client, f"never-{MODELS[speaker]}", BODIES["tools"][client], stream=True)
        assert (heard.text, [call.arguments for call in heard.calls]) == ("Hello", [{"city": "Oslo"}])
        assert heard.usage.input == 9
        assert not wants_stream(upstream.calls[-1])

    @over_clients
    @over_speakers
    def test_what_is_put_together_of_a_cut_stream_is_no_answer(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        upstream.always(says("Once ", "upon ", "a ", "time", after=3))
        assert_error(post(cells, client, f"only-{MODELS[speaker]}"), client, 502)

    @over_speakers
    @over_ways
    def test_a_responses_body_on_the_chat_endpoint_gets_a_chat_answer(
        self, cells: GatewayProcess, speaker: str, stream: bool
    ) -> None:
        body = BODIES["loop"]["responses"]
        answer = post(cells, "openai", MODELS[speaker], body, stream)
        assert answer.status_code == 200, answer.text
        if not stream:
            assert answer.json()["choices"][0]["message"]["content"] == TOLD
        else:
            assert answer.text.rstrip().endswith("data: [DONE]")


LONG = "look_up_" + "x" * 80
ODD = [f"{LONG}_first", f"{LONG}_second", "files.read/now"]
LEGAL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")


def tools_named(client: str, names: list[str], **facts: Any) -> Json:
    """The client's body with tools of these names."""
    match client:
        case "openai":
            tools: list[Json] = [{"type": "function", "function": {"name": name, **facts}} for name in names]
        case "claude":
            tools = [{"name": name, "input_schema": CITY, **facts} for name in names]
        case "gemini":
            tools = [{"functionDeclarations": [{"name": name, **facts} for name in names]}]
        case _:
            tools = [{"type": "function", "name": name, "parameters": CITY, "strict": False, **facts} for name in names]
    return {**BODIES["text"][client], "tools": tools}


def calls_every_tool(call: Call) -> Behaviour:
    turn = read_turn(call)
    assert turn is not None
    return says(calls=[wire.ToolCall(tool.name, {"city": "Oslo"}) for tool in turn.tools])(call)


class TestTools:
    @over_crossings
    @over_ways
    def test_odd_names_are_shortened_there_and_restored_here(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(calls_every_tool)
        body = tools_named(client, ODD)
        heard = ask(cells, client, MODELS[speaker], body, stream)
        assert [call.name for call in heard.calls] == ODD
        turn = read_turn(upstream.calls[-1])
        assert turn is not None
        names = [tool.name for tool in turn.tools]
        assert len(set(names)) == len(ODD)
        assert all(LEGAL.fullmatch(name) for name in names)

    @pytest.mark.parametrize("speaker", ["claude", "gemini", "responses"])
    def test_an_odd_name_is_the_same_in_choice_and_history(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, speaker: str
    ) -> None:
        call = {"id": "a1", "type": "function", "function": {"name": ODD[1], "arguments": "{}"}}
        turns = [
            *BODIES["text"]["openai"]["messages"],
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "a1", "content": "found"},
        ]
        forced = {"tool_choice": {"type": "function", "function": {"name": ODD[1]}}}
        body = tools_named("openai", ODD) | {"messages": turns} | forced
        assert post(cells, "openai", MODELS[speaker], body).status_code == 200
        turn = read_turn(upstream.calls[-1])
        assert turn is not None
        assert turn.uses[0].name == turn.tools[1].name
        choice = upstream.calls[-1].fields.get("tool_choice", upstream.calls[-1].fields.get("toolConfig"))
        assert turn.tools[1].name in str(choice)

    @over_crossings
    def test_a_tool_without_a_description_has_none_there(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        assert post(cells, client, MODELS[speaker], tools_named(client, ["one"])).status_code == 200
        assert post(cells, client, MODELS[speaker], tools_named(client, ["one"], description=None)).status_code == 200
        for call in upstream.calls:
            assert ("description", None) not in list(values_of(call.fields))

    @pytest.mark.parametrize("speaker", ["openai", "gemini", "responses"])
    def test_a_vendors_own_tool_is_translated_or_reported(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, speaker: str
    ) -> None:
        search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 5}
        answer = post(cells, "claude", MODELS[speaker], BODIES["text"]["claude"] | {"tools": [search]})
        assert answer.status_code == 200, answer.text
        body = upstream.calls[-1].body
        assert b"web_search_20250305" not in body
        assert "tools" in upstream.calls[-1].fields or "web_search" in answer.headers["x-omniroute-dropped"]

    @over_speakers
    @pytest.mark.parametrize("client", ["claude", "gemini", "responses"])
    def test_a_picture_in_a_tools_result_arrives(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        answer = post(cells, client, MODELS[speaker], SHOWN[client])
        assert answer.status_code == 200, answer.text
        assert list(PICTURES[speaker](upstream.calls[-1].fields)) == [PNG]
        turn = read_turn(upstream.calls[-1])
        assert turn is not None
        assert "a red square" in "".join(result.text for result in turn.results)


INLINE = {"inlineData": {"mimeType": "image/png", "data": PNG_TEXT}}
BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}}
SHOWN: dict[str, Json] = {  # a tool that read a picture
    "claude": {
        **TOOLS["claude"],
        "max_tokens": 100,
        "messages": [
            {"role": "user", "content": "Read it."},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a1", "name": "get_weather", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "a1",
                        "content": [BLOCK, {"type": "text", "text": "a red square"}],
                    }
                ],
            },
        ],
    },
    "gemini": {
        **TOOLS["gemini"],
        "contents": [
            {"role": "user", "parts": [{"text": "Read it."}]},
            {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "get_weather", "response": {"output": "a red square"}}},
                    INLINE,
                ],
            },
        ],
    },
    "responses": {
        **TOOLS["responses"],
        "input": [
            {"role": "user", "content": "Read it."},
            {"type": "function_call", "call_id": "a1", "name": "get_weather", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "a1",
                "output": [
                    {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
                    {"type": "input_text", "text": "a red square"},
                ],
            },
        ],
    },
}

LIMITS: dict[str, Callable[[Any], Json]] = {
    "openai": lambda most: {"max_tokens": most},
    "claude": lambda most: {"max_tokens": most},
    "gemini": lambda most: {"generationConfig": {"maxOutputTokens": most}},
    "responses": lambda most: {"max_output_tokens": most},
}
NAMES = {"openai": "max_tokens", "claude": "max_tokens", "gemini": "maxOutputTokens", "responses": "max_output_tokens"}


class TestParameters:
    @over_clients
    @over_speakers
    @pytest.mark.parametrize("most", [0, -1, 10**18, "many", 1.5])
    def test_an_impossible_limit_is_400_and_named(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, most: Any
    ) -> None:
        answer = post(cells, client, MODELS[speaker], BODIES["text"][client] | LIMITS[client](most))
        assert NAMES[client] in assert_error(answer, client, 400)
        assert upstream.calls == []

    def test_what_a_vendor_cannot_be_told_is_reported(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        knobs = {"seed": 7, "logit_bias": {"1": 1}, "temperature": 0.5, "presence_penalty": 1}
        answer = post(cells, "openai", "c/claude-opus-4-5", BODIES["text"]["openai"] | knobs)
        dropped = [name.strip() for name in answer.headers["x-omniroute-dropped"].split(",")]
        assert {"seed", "logit_bias", "presence_penalty"} <= set(dropped)
        assert "temperature" not in dropped
        assert upstream.calls[-1].fields["temperature"] == 0.5
        plain = post(cells, "openai", "c/m")
        assert "x-omniroute-dropped" not in plain.headers

    def test_a_stream_reports_it_too(self, cells: GatewayProcess) -> None:
        answer = post(cells, "openai", "g/m", BODIES["text"]["openai"] | {"logit_bias": {"1": 1}}, stream=True)
        assert "logit_bias" in answer.headers["x-omniroute-dropped"]

    def test_a_strict_client_is_refused_instead(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        strict = {"x-omniroute-strict": "true"}
        answer = post(cells, "openai", "c/m", BODIES["text"]["openai"] | {"seed": 7}, headers=strict)
        assert "seed" in assert_error(answer, "openai", 400)
        assert upstream.calls == []
        assert post(cells, "openai", "c/m", headers=strict).status_code == 200

    @over_crossings
    def test_no_undocumented_member_arrives(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        own = {"omniroute": 1, "internal": {"a": 1}, "metadata": {"user_id": "u-1"}}
        answer = post(cells, client, MODELS[speaker], BODIES["loop"][client] | own)
        assert answer.status_code == 200, answer.text
        assert {"omniroute", "internal"} <= set(answer.headers["x-omniroute-dropped"].split(", "))
        assert [call.refused for call in upstream.calls] == [""]

    @over_clients
    @over_speakers
    def test_the_clients_beta_flags_stay_in_their_dialect(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        flags = "context-management-2025-06-27,mid-conversation-system"
        post(cells, client, MODELS[speaker], headers={"anthropic-beta": flags})
        arrived = upstream.calls[-1].header("anthropic-beta")
        assert arrived == (flags if (client, speaker) == ("claude", "claude") else "")


WRONG: dict[str, tuple[Json, str]] = {
    "openai": ({"messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
    "claude": ({"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image"}]}]}, "content[0].source"),
    "gemini": ({"contents": [{"role": "user", "parts": [{"inlineData": {}}]}]}, "contents[0].parts[0].inlineData"),
    "responses": ({"input": [{"type": "function_call", "name": "x"}]}, "input[0].call_id"),
}


class TestWhatIsRefusedHere:
    @over_crossings
    def test_what_is_wrong_deep_inside_is_named(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        body, named = WRONG[client]
        for stream in (False, True):
            assert named in assert_error(post(cells, client, MODELS[speaker], body, stream), client, 400)
        assert upstream.calls == []

    @pytest.mark.parametrize("speaker", ["openai", "claude", "responses"])
    def test_what_the_upstream_cannot_be_shown_is_named(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, speaker: str
    ) -> None:
        video = {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}
        body = {"contents": [{"role": "user", "parts": [{"text": "What happens?"}, video]}]}
        answer = post(cells, "gemini", MODELS[speaker], body)
        assert "contents[0].parts[1].inlineData" in assert_error(answer, "gemini", 400)
        assert upstream.calls == []
