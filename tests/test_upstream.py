"""The scripted upstream keeps its promises, as clients see them: httpx, the openai SDK and bare sockets."""

import http.client
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import closing, suppress
from json import loads
from time import monotonic
from typing import Any

import httpx
import pytest
from httpx import Client
from openai import OpenAI

from tests import upstream as play
from tests import wire
from tests.upstream import ScriptedUpstream as Upstream
from tests.upstream import json
from tests.wire import ToolCall, Usage, openai_chunks

MESSAGES: list[Any] = [{"role": "user", "content": "Hi"}]
CHAT = {"model": "gpt-5", "messages": MESSAGES}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
DIALECTS = {
    "openai": ("/chat/completions", CHAT),
    "responses": ("/responses", {"model": "gpt-5", "input": "Hi"}),
    "claude": ("/messages", CHAT),
    "gemini": ("/models/gemini-3:generateContent", GEMINI),
}
in_each_dialect = pytest.mark.parametrize(("path", "body"), DIALECTS.values(), ids=DIALECTS.keys())
ARGUMENTS = [{"city": "Oslo"}, {"city": 'R"ö"m 🙂'}]
CALLS = [ToolCall("get_weather", arguments) for arguments in ARGUMENTS]
HANGS = {"early": play.hang_before_headers(), "then": play.hang_after_headers(), "late": play.hang_after(2)}
CUTS = {"reset": (play.rst_after, httpx.ReadError), "close": (play.close_after, httpx.RemoteProtocolError)}
KEY_PLACES = [{"authorization": "Bearer K"}, {"x-api-key": "K"}, {"x-goog-api-key": "K"}, {}]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def client(upstream: Upstream) -> Iterator[Client]:
    with Client(base_url=upstream.base_url, trust_env=False, verify=False, timeout=5) as ready:
        yield ready


@pytest.fixture
def sdk(upstream: Upstream) -> OpenAI:
    return OpenAI(base_url=upstream.base_url, api_key="sk-sdk", max_retries=0)


def ask(client: Client, **fields: Any) -> httpx.Response:
    return client.post("/chat/completions", json={**CHAT, **fields})


def payloads(text: str) -> list[Any]:
    """The JSON of each SSE event, [DONE] left out."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [loads(line) for line in lines if line != "[DONE]"]


def frames_before(cut: type[Exception], client: Client, timeout: float = 5) -> list[bytes]:
    frames = []
    with client.stream("POST", "/chat/completions", json=CHAT, timeout=timeout) as response, suppress(cut):
        for chunk in response.iter_raw():
            frames.append(chunk)  # noqa: PERF402 - a comprehension would lose them all at the cut
        pytest.fail("the stream was not cut")
    return frames


def test_the_openai_sdk_is_answered(sdk: OpenAI, upstream: Upstream) -> None:
    upstream.default_text, upstream.default_usage = "Good day.", Usage(input=20, output=5, cached=8)
    completion: Any = sdk.chat.completions.create(model="gpt-5", messages=MESSAGES)
    assert (completion.choices[0].message.content, completion.usage.total_tokens) == ("Good day.", 25)
    assert (upstream.calls[-1].key, upstream.calls[-1].json["model"]) == ("sk-sdk", "gpt-5")


@pytest.mark.parametrize("asked", [True, False])
def test_a_streamed_chat_has_a_usage_chunk_only_if_asked(sdk: OpenAI, asked: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = list(sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True, **options))
    texts = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert texts == ["Hello", " from", " the", " scripted", " upstream."]
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([21] if asked else [])
    assert (chunks[-1].choices == []) is asked


def test_the_openai_sdk_accumulates_streamed_parallel_calls(sdk: OpenAI, upstream: Upstream) -> None:
    upstream.default_calls, ids = CALLS, set()
    for _ in range(2):
        with sdk.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            choice: Any = stream.get_final_completion().choices[0]
        assert choice.finish_reason == "tool_calls"
        assert [loads(call.function.arguments) for call in choice.message.tool_calls] == ARGUMENTS
        ids |= {call.id for call in choice.message.tool_calls}
    assert len(ids) == 4, "no id is used twice"


def test_the_openai_sdk_reads_responses(sdk: OpenAI, upstream: Upstream) -> None:
    upstream.default_thinking, upstream.default_calls = "Let me think.", CALLS
    whole = sdk.responses.create(model="m", input="Hi")
    assert [item.type for item in whole.output] == ["reasoning", "message", "function_call", "function_call"]
    with sdk.responses.stream(model="m", input="Hi") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert final.output_text == whole.output_text == upstream.default_text
    assert [loads(item.arguments) for item in final.output if item.type == "function_call"] == ARGUMENTS


def test_the_openai_sdk_lists_models_and_embeds(sdk: OpenAI, upstream: Upstream) -> None:
    upstream.models = ["a", "b"]
    assert [model.id for model in sdk.models.list()] == ["a", "b"]
    in_base64 = sdk.embeddings.create(model="m", input=["one", "two words"])
    in_floats = sdk.embeddings.create(model="m", input=["one", "two words"], encoding_format="float")
    assert [row.embedding for row in in_base64.data] == [row.embedding for row in in_floats.data]


def test_a_claude_stream_follows_the_grammar(client: Client, upstream: Upstream) -> None:
    upstream.default_thinking, upstream.default_calls = "Hm.", CALLS
    upstream.default_usage = Usage(input=20, output=7, cached=8, cache_write=2)
    start, *events, stop = payloads(client.post("/messages", json={**CHAT, "stream": True}).text)
    assert (start["type"], events[1]["type"], stop["type"]) == ("message_start", "ping", "message_stop")
    blocks = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert blocks == ["thinking", "text", "tool_use", "tool_use"]
    assert [event["index"] for event in events if event["type"] == "content_block_stop"] == [0, 1, 2, 3]
    deltas = [event["delta"] for event in events if event.get("index") == 3 and "delta" in event]
    assert loads("".join(delta["partial_json"] for delta in deltas)) == ARGUMENTS[1]
    assert events[-1]["delta"]["stop_reason"] == "tool_use"
    assert (events[-1]["usage"]["input_tokens"], events[-1]["usage"]["output_tokens"]) == (10, 7)


def test_gemini_sends_each_parallel_call_in_its_own_chunk(client: Client, upstream: Upstream) -> None:
    upstream.default_text, upstream.default_calls = "", CALLS
    path = "/models/gemini-3:streamGenerateContent"
    chunks = payloads(client.post(path, params={"alt": "sse"}, json=GEMINI).text)
    calls = [chunk["candidates"][0]["content"]["parts"][0]["functionCall"] for chunk in chunks]
    assert [call["args"] for call in calls] == ARGUMENTS
    assert ["finishReason" in chunk["candidates"][0] for chunk in chunks] == [False, True]
    without_alt_sse = client.post(path, json=GEMINI).json()
    assert without_alt_sse[0]["candidates"] == chunks[0]["candidates"]


def test_tokens_are_counted_on_request(client: Client, upstream: Upstream) -> None:
    upstream.default_usage = Usage(input=321)
    assert client.post("/messages/count_tokens", json=CHAT).json() == {"input_tokens": 321}
    assert client.post("/models/gemini-3:countTokens", json=GEMINI).json()["totalTokens"] == 321


@in_each_dialect
def test_an_undocumented_field_is_refused(client: Client, upstream: Upstream, path: str, body: Any) -> None:
    upstream.script(json(200, {"scripted": True}))
    refused = client.post(path, json={**body, "_internal": 1})
    assert refused.status_code == 400
    assert "_internal" in refused.json()["error"]["message"]
    assert [("_internal" in call.refused) for call in upstream.calls] == [True]
    assert client.post(path, json=body).json() == {"scripted": True}, "the script was not used up"
    upstream.allowed_fields.add("_internal")
    assert "Hello from the scripted upstream." in client.post(path, json={**body, "_internal": 1}).text


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model"'])
def test_what_is_no_json_object_is_refused(client: Client, upstream: Upstream, body: bytes) -> None:
    assert client.post("/messages", content=body).status_code == 400
    upstream.strict = False
    assert client.post("/messages", content=body).is_success


@in_each_dialect
def test_each_dialect_has_its_own_errors(client: Client, upstream: Upstream, path: str, body: Any) -> None:
    (endpoint,) = (endpoint for endpoint in wire.ENDPOINTS if path.endswith(endpoint.ending))
    for status in (400, 401, 404, 429, 500, 503, 529):
        upstream.script(json(status, headers={"Retry-After": "7"}))
        response = client.post(path, json=body)
        assert (response.status_code, response.headers["retry-after"]) == (status, "7")
        assert response.json()["error"] == endpoint.error(status, f"scripted {status}")["error"]


@pytest.mark.parametrize(("body", "text"), [("<p>", "<p>"), (b"\xff", "\ufffd"), ([1], "[1]"), ("", "")])
def test_a_body_can_be_anything(client: Client, upstream: Upstream, body: Any, text: str) -> None:
    upstream.script(json(200, body, {"Content-Type": "text/html; charset=utf-8"}))
    response = ask(client)
    assert (response.text, response.headers["content-type"]) == (text, "text/html; charset=utf-8")


def test_a_behaviour_can_be_meant_for_a_model(client: Client, upstream: Upstream) -> None:
    upstream.script(json(500), model="bad")
    assert ask(client, model="good").status_code == 200
    assert client.post("/models/very-bad:generateContent", json=GEMINI).status_code == 500


@pytest.mark.parametrize("place", KEY_PLACES, ids=str)
def test_a_behaviour_can_be_meant_for_a_key(client: Client, upstream: Upstream, place: Any) -> None:
    upstream.script(json(401), key="K")
    assert ask(client).status_code == 200
    query = {} if place else {"key": "K"}
    assert client.post("/chat/completions", json=CHAT, headers=place, params=query).status_code == 401


def test_a_behaviour_without_a_path_is_not_for_get(client: Client, upstream: Upstream) -> None:
    upstream.script(json(500))
    upstream.script(json(200, {"data": []}), path="/models")
    answers = [client.get("/models").json()["data"] for _ in range(2)]
    assert (answers[0], answers[1][0]["id"], ask(client).status_code) == ([], "scripted-model", 500)


def test_narrow_goes_before_broad_and_what_stays_last(client: Client, upstream: Upstream) -> None:
    upstream.always(json(503), model="gpt")
    upstream.script(json(500), json(502))
    upstream.script(json(429), model="gpt")
    assert [ask(client).status_code for _ in range(5)] == [429, 500, 502, 503, 503]


def test_frames_come_one_by_one_and_not_too_soon(client: Client, upstream: Upstream) -> None:
    frames = openai_chunks("Hel", "lo")
    upstream.script(play.sse(frames, delay=0.05, first_gap=0.1, gap=0.03))
    started = monotonic()
    with client.stream("POST", "/chat/completions", json=CHAT) as response:
        arrivals = [(chunk, monotonic() - started) for chunk in response.iter_raw()]
    assert [chunk for chunk, _ in arrivals] == frames
    assert all(seconds > 0.149 + 0.03 * number for number, (_, seconds) in enumerate(arrivals))


def test_raw_chunks_may_be_cut_inside_a_character(client: Client, upstream: Upstream) -> None:
    whole = wire.frame({"content": "北🙂é"})
    upstream.script(play.sse_bytes([whole[place : place + 1] for place in range(len(whole))]))
    with client.stream("POST", "/chat/completions", json=CHAT) as response:
        assert list(response.iter_raw()) == [bytes([byte]) for byte in whole]
    assert upstream.calls[-1].bytes_sent == len(whole)


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS.keys())
def test_a_hanging_answer_ends_when_the_peer_leaves(client: Client, upstream: Upstream, hang: Any) -> None:
    upstream.script(hang)
    started = monotonic()
    with pytest.raises(httpx.ReadTimeout):
        client.post("/chat/completions", json={**CHAT, "stream": True}, timeout=0.1)
    (call,) = upstream.wait_for_calls(1)
    upstream.wait_until_peer_closed(call)
    assert (call.peer_closed_at or 0) - started >= 0.1
    assert ask(client).is_success


def test_a_hang_comes_after_its_frames(client: Client, upstream: Upstream) -> None:
    frames = openai_chunks("Hel", "lo")
    upstream.script(play.hang_after(2, play.sse(frames)))
    assert frames_before(httpx.ReadTimeout, client, timeout=0.5) == frames[:2]


@pytest.mark.parametrize(("cut_after", "error"), CUTS.values(), ids=CUTS.keys())
def test_a_cut_comes_after_its_frames(client: Client, upstream: Upstream, cut_after: Any, error: Any) -> None:
    frames = openai_chunks("Hel", "lo")
    upstream.script(cut_after(3, play.sse(frames)), cut_after(-1), cut_after(2))
    assert frames_before(error, client) == frames[:3]
    for _ in ("before the headers", "in a body that is no stream"):
        with pytest.raises(error):
            ask(client)
    assert [call.bytes_sent for call in upstream.calls] == [len(b"".join(frames[:3])), 0, 32]
    assert {call.peer_closed_at for call in upstream.calls} == {None}


def test_a_stream_can_end_well_without_its_last_events(client: Client, upstream: Upstream) -> None:
    upstream.script(play.end_after(2))
    assert ask(client, stream=True).text.count("\n\n") == 2


def test_a_garbage_line_stands_between_good_frames(client: Client, upstream: Upstream) -> None:
    frames = openai_chunks("Hel", "lo")
    upstream.script(play.garbage_line_at(1, play.sse(frames)))
    assert ask(client).content == b"".join([frames[0], play.GARBAGE, *frames[1:]])


def test_a_slow_body_keeps_its_pace(client: Client, upstream: Upstream) -> None:
    upstream.script(play.slow_body(2000, json(200, "x" * 400)))
    started = monotonic()
    assert ask(client).text == "x" * 400
    assert monotonic() - started > 0.1


def test_a_redirect_names_its_place(client: Client, upstream: Upstream) -> None:
    upstream.script(play.redirect("http://127.0.0.1:1/x"))
    assert ask(client).headers["location"] == "http://127.0.0.1:1/x"


def test_a_call_is_logged_to_the_byte(upstream: Upstream) -> None:
    body = b'{"model": "gpt-5",\t"input":[ ], "user":"\\u00e9 \\/ \xc3\xa9"}'
    head = f"POST /v1/responses?a=1&b=%20 HTTP/1.1\r\nX-Odd: 1\r\nx-odd:  2 \r\nContent-Length: {len(body)}"
    started = monotonic()
    with socket.create_connection(("127.0.0.1", upstream.port)) as peer:
        peer.sendall(head.encode() + b"\r\n\r\n" + body)
        assert peer.recv(65536).startswith(b"HTTP/1.1 200 ")
    (call,) = upstream.wait_for_calls(1)
    assert (call.method, call.path, call.query) == ("POST", "/v1/responses", {"a": "1", "b": " "})
    assert call.headers[:2] == [("X-Odd", "1"), ("x-odd", "2")]
    assert (call.body, call.model, call.json["user"]) == (body, "gpt-5", "é / é")
    upstream.wait_until(lambda: started <= call.started_at <= (call.ended_at or 0) <= monotonic())


def test_one_connection_serves_many_calls(upstream: Upstream) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=5)) as connection:
        connection.connect()
        first_socket = connection.sock
        durations = []
        for stream in ["false", "true"] * 5:
            started = monotonic()
            connection.request("POST", "/v1/chat/completions", f'{{"model":"m","stream":{stream}}}')
            assert connection.getresponse().read()
            durations.append(monotonic() - started)
        assert min(durations) < 0.03, "Nagle's algorithm costs 40 ms"
        assert (len({call.peer for call in upstream.calls}), upstream.open_connections) == (1, 1)
        connection.request("GET", "/v1/models", headers={"Connection": "close"})
        connection.getresponse().read()
        assert first_socket.recv(1) == b"", "asked to close, it closes"


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_may_have_fifty_megabytes(client: Client, upstream: Upstream, in_chunks: bool) -> None:
    body = b'{"model":"m","messages":["' + b"x" * 50_000_000 + b'"]}'
    pieces = (body[start : start + 5_000_000] for start in range(0, len(body), 5_000_000))
    assert client.post("/chat/completions", content=pieces if in_chunks else body).is_success
    assert upstream.calls[0].body == body


def test_a_peer_that_expects_100_continue_gets_it(upstream: Upstream) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 13\r\n\r\n"
    with socket.create_connection(("127.0.0.1", upstream.port), timeout=5) as peer:
        peer.sendall(head)
        assert peer.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(b'{"model":"m"}')
        assert peer.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_hanging_call_holds_up_no_other(client: Client, upstream: Upstream) -> None:
    upstream.script(play.hang_before_headers(), model="stuck")
    with socket.create_connection(("127.0.0.1", upstream.port)) as peer:
        peer.sendall(b'POST /v1/messages HTTP/1.1\r\nContent-Length: 17\r\n\r\n{"model":"stuck"}')
        (call,) = upstream.wait_for_calls(1)
        assert ask(client).is_success
    upstream.wait_until_peer_closed(call)


def test_a_reset_forgets_and_cuts_what_still_runs(client: Client, upstream: Upstream) -> None:
    upstream.default_text = "Changed."
    upstream.script(play.hang_after_headers(), json(500))
    with client.stream("POST", "/chat/completions", json=CHAT) as response:
        upstream.reset()
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()
    assert upstream.calls == []
    assert "Hello from" in ask(client).text


def test_a_server_stops_with_answers_under_way_and_starts_again_in_its_place() -> None:
    with Upstream() as upstream, socket.create_connection(("127.0.0.1", upstream.port), timeout=5) as peer:
        upstream.script(play.hang_before_headers())
        peer.sendall(b"POST /v1/messages HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        upstream.wait_for_calls(1)
        upstream.stop()
        assert peer.recv(1) == b""
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{upstream.base_url}/models")
        upstream.start()
        assert httpx.get(f"{upstream.base_url}/models").is_success


def test_another_process_can_script_and_read_the_log(upstream: Upstream, client: Client) -> None:
    raw = {"do": "sse_bytes", "chunks": [b64encode(b"data: \xff").decode()]}
    cut = {"do": "close_after", "n": 1, "of": {"do": "sse", "events": [{"n": 1}, "[DONE]"]}}
    orders = {"behaviours": [{"do": "json", "status": 503}, raw, cut], "model": "gpt"}
    assert httpx.post(f"{upstream.url}/__script", json=orders).is_success
    assert ask(client, model="other").is_success
    assert ask(client).status_code == 503
    assert ask(client).content == b"data: \xff"
    assert frames_before(httpx.RemoteProtocolError, client) == [b'data: {"n":1}\n\n']
    rows = httpx.get(f"{upstream.url}/__log").json()
    assert [row["model"] for row in rows] == ["other", "gpt-5", "gpt-5", "gpt-5"]
    assert b64decode(rows[0]["body_base64"]) == upstream.calls[0].body
    assert httpx.post(f"{upstream.url}/__reset").is_success
    assert httpx.get(f"{upstream.url}/__log").json() == []


def test_a_refresh_token_is_good_for_one_use(client: Client, upstream: Upstream) -> None:
    login = upstream.tokens.issue()
    form = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
    assert client.post("/oauth/token", data={**form, "grant_type": "password"}).status_code == 400
    fresh = client.post("/oauth/token", data=form).json()
    assert fresh["refresh_token"] == upstream.tokens.current
    assert set(fresh.values()).isdisjoint({login["refresh_token"], login["access_token"]})
    reused = client.post("/oauth/token", data=form)
    assert (reused.status_code, reused.json()) == (400, {"error": "invalid_grant"})
    assert client.post("/oauth/token", data={**form, "refresh_token": "never-issued"}).status_code == 400
    assert (upstream.tokens.refreshed, upstream.tokens.reused) == (1, 1)
    assert client.post("/oauth/token", json={**form, "refresh_token": fresh["refresh_token"]}).is_success
