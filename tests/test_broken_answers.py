"""Answers that are none, and streams that break off: never invented text, never an end that was not reached."""

from dataclasses import replace
from itertools import permutations
from json import loads

import pytest

from tests import upstream as play
from tests import wire
from tests.calls import Call
from tests.gateway import GatewayProcess
from tests.sdks import SDK_ERRORS, ask
from tests.talk import BODIES, DIALECTS, HTTP, PREFIXES, assert_error, dialect_of, nodes_of, path_of, post, says
from tests.upstream import Behaviour, ScriptedUpstream
from tests.wire import Json

over_clients = pytest.mark.parametrize("client", DIALECTS)
over_speakers = pytest.mark.parametrize("speaker", DIALECTS)
over_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
MODELS = {speaker: f"{prefix}/m" for speaker, prefix in PREFIXES.items()}
ONCE = ("Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "king.")
"""More frames than the cuts below let through, in every dialect."""


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    return shared_gateway


NOTHING: dict[str, Json] = {
    "openai": wire.openai_answer() | {"choices": []},
    "claude": {"type": "message", "role": "assistant"},
    "gemini": {"candidates": [], "usageMetadata": {}},
    "responses": {"object": "response", "status": "completed"},
}


class TestEmptyAndCutAnswers:
    @over_clients
    @over_speakers
    @over_ways
    def test_an_answer_without_anything_is_an_error(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(lambda call: play.json(200, NOTHING[dialect_of(call)]))
        assert_error(post(cells, client, MODELS[speaker], stream=stream), client, 502)
        empty = [b"data: [DONE]\n\n"] if speaker == "openai" else []
        upstream.always(play.sse(empty))
        assert_error(post(cells, client, MODELS[speaker], stream=stream), client, 502)

    @over_clients
    @over_speakers
    @over_ways
    def test_no_text_is_ever_invented(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(says())
        try:
            heard = ask(cells, client, MODELS[speaker], BODIES["text"][client], stream)
        except SDK_ERRORS:
            return
        assert (heard.text, heard.calls) == ("", ())

    ENDINGS = {"cut": play.end_after, "reset": play.rst_after, "closed": play.close_after}

    @over_clients
    @over_speakers
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_a_cut_stream_ends_with_the_clients_own_error(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, ending: str
    ) -> None:
        whole = says(*ONCE)
        upstream.always(lambda call: self.ENDINGS[ending](6, whole(call)))
        answer = post(cells, client, MODELS[speaker], stream=True)
        assert (answer.status_code, b"Once" in answer.content) == (200, True)
        last = loads(answer.text.strip().splitlines()[-1].removeprefix("data: "))
        said = last["response"]["error"] if "response" in last else last.get("error", last)
        assert said["message"]
        for word in ("[DONE]", "message_stop", '"finishReason":"', '"finish_reason":"', "response.completed"):
            assert word not in answer.text.replace(": ", ":")
        if client == "responses":
            assert last["type"] in ("response.failed", "error")

    @over_clients
    @over_speakers
    def test_a_stream_that_is_cut_before_a_word_is_a_502(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        upstream.always(says("Once", after=0 if speaker == "gemini" else 1))
        assert_error(post(cells, client, MODELS[speaker], stream=True), client, 502)

    def test_a_cut_stream_is_recorded_as_failed(self, cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
        upstream.always(says(*ONCE, after=6))
        for client in DIALECTS:
            for speaker in DIALECTS:
                post(cells, client, f"{PREFIXES[speaker]}/was-cut", stream=True)
        rows = cells.wait_for_usage(16, model="was-cut")
        assert {(row["status"], bool(row["error"]), row["is_estimated"]) for row in rows} == {(502, True, True)}


def test_an_unreachable_upstream_is_each_clients_own_502(cells: GatewayProcess) -> None:
    cells.add_node("nobody", "http://127.0.0.1:9/v1", dialect="claude")
    for client in DIALECTS:
        answer = post(cells, client, "nobody/m")
        assert_error(answer, client, 502)


class TestStreamsThatAreHardToRead:
    CALLS = (wire.ToolCall("get_weather", {"city": 'Osló 北🙂 \u2028"\\'}),)

    @over_clients
    @over_speakers
    def test_one_byte_at_a_time_reads_the_same(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        told = says("é北🙂", "\u2028", thinking="Hm 🙂", calls=self.CALLS)

        def in_bytes(call: Call) -> Behaviour:
            return replace(told(call), pieces=tuple(play.slices(b"".join(told(call).pieces or ()), 1)))

        upstream.always(in_bytes)
        heard = ask(cells, client, MODELS[speaker], BODIES["tools"][client], stream=True)
        assert (heard.text, heard.calls[0].arguments) == ("é北🙂\u2028", self.CALLS[0].arguments)

    @over_clients
    @over_speakers
    @pytest.mark.parametrize("line_end", [b"\r\n", b"\r"], ids=["CRLF", "CR"])
    def test_comments_other_line_ends_and_garbage_change_nothing(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, line_end: bytes
    ) -> None:
        told = says("Hel", "lo", calls=self.CALLS)

        def odd(call: Call) -> Behaviour:
            pieces = [b"\xef\xbb\xbf: a comment\n\n", *(told(call).pieces or ())]
            pieces.insert(3, play.GARBAGE)
            return replace(told(call), pieces=tuple(piece.replace(b"\n", line_end) for piece in pieces))

        upstream.always(odd)
        heard = ask(cells, client, MODELS[speaker], BODIES["tools"][client], stream=True)
        assert (heard.text, heard.calls[0].arguments) == ("Hello", self.CALLS[0].arguments)

    @pytest.mark.parametrize(("client", "speaker"), [*permutations(DIALECTS, 2)])
    def test_long_arguments_arrive_whole(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        arguments = {"text": 'x"\\é' * 5_000}
        upstream.always(says(calls=[wire.ToolCall("write", arguments)]))
        (call,) = ask(cells, client, MODELS[speaker], BODIES["tools"][client], stream=True).calls
        assert call.arguments == arguments

    @over_speakers
    @pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}], ids=["silent", "asked"])
    def test_a_chat_client_sees_usage_only_if_it_asked(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, speaker: str, options: Json
    ) -> None:
        answer = post(cells, "openai", MODELS[speaker], BODIES["text"]["openai"] | options, stream=True)
        assert (b'"prompt_tokens":9' in answer.content.replace(b" ", b"")) is bool(options)
        assert answer.content.endswith(b"data: [DONE]\n\n")


class TestTrouble:
    @over_clients
    @over_speakers
    @pytest.mark.parametrize("status", [401, 403, 404, 500, 529])
    def test_a_failure_keeps_its_status_and_reason(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, status: int
    ) -> None:
        upstream.always(play.json(status))
        answer = post(cells, client, MODELS[speaker], stream=status % 2 == 1)
        assert f"scripted {status}" in assert_error(answer, client, status)

    @over_clients
    @over_speakers
    def test_an_error_in_place_of_a_stream_has_the_status_it_means(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        upstream.always(play.sse([ERRORS_IN_STREAMS[speaker]]))
        answer = post(cells, client, MODELS[speaker], stream=True)
        assert "slow down" in assert_error(answer, client, 429)

    @over_clients
    def test_the_next_dialect_answers_when_a_stream_breaks_before_a_word(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, chain: str, client: str
    ) -> None:
        upstream.always(says("Never ", "shown.", after=0), model="silent")
        upstream.always(says("Hel", "lo."), model="last")
        heard = ask(cells, client, chain, BODIES["text"][client], stream=True)
        assert heard.text == "Hello."
        assert [call.model for call in upstream.calls] == ["silent-c", "silent-o", "silent-r", "last"]

    @pytest.mark.parametrize(("client", "speaker"), [*permutations(DIALECTS, 2)])
    def test_a_client_that_hangs_up_stops_the_upstream(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
    ) -> None:
        whole = says(*ONCE)
        upstream.always(lambda call: play.hang_after(6, whole(call)))
        body = BODIES["text"][client] | ({} if client == "gemini" else {"model": MODELS[speaker], "stream": True})
        url = cells.root + path_of(client, MODELS[speaker], stream=True)
        with HTTP.stream("POST", url, json=body) as answer:
            next(answer.iter_raw())
        upstream.wait_until_peer_closed(upstream.calls[-1], timeout=3)


ERRORS_IN_STREAMS: dict[str, bytes] = {
    "openai": wire.frame(wire.openai_error(429, "slow down") | {"status": 429}),
    "claude": wire.frame(wire.claude_error(429, "slow down"), "error"),
    "gemini": wire.frame(wire.gemini_error(429, "slow down")),
    "responses": wire.frame(
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None, "sequence_number": 0},
        "error",
    ),
}


@pytest.fixture(scope="module")
def chain(cells: GatewayProcess) -> str:
    """A combo over all dialects, of which the last answers."""
    models = ("c/silent-c", "o/silent-o", "r/silent-r", "g/last")
    code = (
        "from combos.models import Combo, ComboTarget as T; c = Combo.objects.create(name='chain');"
        f"[T.objects.create(combo=c, position=n, model=m) for n, m in enumerate({models!r})]"
    )
    cells.manage("shell", "-v0", "-c", code)
    cells.settle()
    return "chain"
