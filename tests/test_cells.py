"""Every client dialect on every upstream dialect, streamed and whole: 32 cells, read by the official SDKs.

`pytest tests/test_cells.py -k table -rP --show-capture=stdout` prints how many kinds of answers each of them holds.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from json import loads
from typing import Any

import httpx
import pytest

from tests import sdks
from tests import upstream as play
from tests.clients.pictures import READERS as PICTURES
from tests.clients.reading import Result, ToolUse, read_turn
from tests.gateway import GatewayProcess
from tests.sdks import Heard, ask
from tests.talk import BODIES, DIALECTS, PNG, PREFIXES, QUESTION, nodes_of, post, says
from tests.upstream import ScriptedUpstream
from tests.wire import ToolCall, Usage

CELLS = [
    pytest.param(client, speaker, stream, id=f"{client}-{speaker}-{'stream' if stream else 'whole'}")
    for client in DIALECTS
    for speaker in DIALECTS
    for stream in (False, True)
]
over_cells = pytest.mark.parametrize(("client", "speaker", "stream"), CELLS)
over_pairs = pytest.mark.parametrize("speaker", DIALECTS)
over_clients = pytest.mark.parametrize("client", DIALECTS)

USAGE = Usage(input=50, output=30, cached=20, reasoning=10)
OSLO, ROME = ToolCall("get_weather", {"city": "Oslo"}), ToolCall("get_weather", {"city": 'Rome é"\\ '})

STOPS = {"openai": "stop", "claude": "end_turn", "gemini": "STOP", "responses": "completed"}
CALLED = {"openai": "tool_calls", "claude": "tool_use", "gemini": "STOP", "responses": "completed"}
CUT_SHORT = {
    "openai": "length",
    "claude": "max_tokens",
    "gemini": "MAX_TOKENS",
    "responses": "incomplete: max_output_tokens",
}
FILTERED = {
    "openai": "content_filter",
    "claude": "refusal",
    "gemini": "SAFETY",
    "responses": "incomplete: content_filter",
}
# What each vendor says when an answer was cut short, or filtered.
LENGTH = {"openai": "length", "claude": "max_tokens", "gemini": "MAX_TOKENS", "responses": "max_output_tokens"}
FILTER = {"openai": "content_filter", "claude": "refusal", "gemini": "SAFETY", "responses": "content_filter"}


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    return shared_gateway


def told_usage(client: str, speaker: str) -> Usage:
    """Reasoning tokens are counted apart only where both ends have a word for them."""
    return replace(USAGE, reasoning=0) if "claude" in (client, speaker) else USAGE


def heard(cells: GatewayProcess, client: str, speaker: str, stream: bool, topic: str = "text") -> Heard:
    return ask(cells, client, f"{PREFIXES[speaker]}/m", BODIES[topic][client], stream)


@over_cells
class TestAnswers:
    def test_text_and_usage(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(says("Hel", "lo é 北🙂", usage=USAGE))
        said = heard(cells, client, speaker, stream)
        assert (said.text, said.thinking, said.calls, said.refusal) == ("Hello é 北🙂", "", (), "")
        assert said.finish == STOPS[client]
        assert said.usage == told_usage(client, speaker)

    def test_parallel_tool_calls(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(says("Let me see.", calls=[OSLO, ROME], usage=USAGE))
        said = heard(cells, client, speaker, stream, "tools")
        assert [(call.name, call.arguments) for call in said.calls] == [
            ("get_weather", OSLO.arguments),
            ("get_weather", ROME.arguments),
        ]
        assert said.text == "Let me see."
        assert said.finish == CALLED[client]
        assert said.usage == told_usage(client, speaker)
        if (client, speaker) != ("gemini", "gemini"):
            assert len({call.id for call in said.calls} - {""}) == 2

    def test_thinking_is_not_text(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(says("It is ", "4.", thinking="Two and two make four.", usage=USAGE))
        said = heard(cells, client, speaker, stream, "thinking")
        assert (said.text, said.thinking) == ("It is 4.", "Two and two make four.")
        assert said.finish == STOPS[client]

    def test_a_filtered_answer_says_so(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(says("I would ", finish=FILTER))
        assert heard(cells, client, speaker, stream).finish == FILTERED[client]

    def test_an_answer_cut_short_says_so(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        upstream.always(says("Once upon", finish=LENGTH))
        said = heard(cells, client, speaker, stream)
        assert (said.text, said.finish) == ("Once upon", CUT_SHORT[client])


@over_cells
class TestQuestions:
    def test_an_image_arrives_to_the_byte(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        assert heard(cells, client, speaker, stream, "image").finish == STOPS[client]
        body = upstream.calls[-1].fields
        assert list(PICTURES[speaker](body)) == [PNG]
        assert "What is this?" in upstream.calls[-1].body.decode()

    def test_a_tool_loop_arrives_with_its_results(
        self, cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool
    ) -> None:
        assert heard(cells, client, speaker, stream, "loop").finish == STOPS[client]
        turn = read_turn(upstream.calls[-1])
        assert turn is not None
        assert [tool.name for tool in turn.tools] == ["get_weather"]
        assert [use.arguments for use in turn.uses] == [{"city": "Oslo"}, {"city": "Rome"}]
        assert results_by_city(turn.uses, turn.results) == {"Oslo": "4 degrees", "Rome": "18 degrees"}
        assert "Be brief." in upstream.calls[-1].body.decode()
        assert QUESTION in upstream.calls[-1].body.decode()


def results_by_city(uses: tuple[ToolUse, ...], results: tuple[Result, ...]) -> dict[str, str]:
    """By id; Gemini's results are JSON, and paired by their order."""
    cities = [use.arguments["city"] for use in uses if isinstance(use.arguments, dict)]
    ids = [use.id for use in uses]
    if len(set(ids)) < len(uses):
        return {city: loads(result.text)["output"] for city, result in zip(cities, results, strict=True)}
    return {cities[ids.index(result.of)]: result.text for result in results}


ERRORS = {400: "BadRequestError", 429: "RateLimitError", 503: "InternalServerError"}


@over_cells
@pytest.mark.parametrize("status", ERRORS)
def test_an_upstreams_error_is_the_sdks_own(
    cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str, stream: bool, status: int
) -> None:
    upstream.always(play.json(status))
    with pytest.raises(sdks.SDK_ERRORS) as raised:
        heard(cells, client, speaker, stream)
    error: Any = raised.value
    assert f"scripted {status}" in str(error)
    name = type(error).__name__
    if client == "gemini":
        assert (name, error.code) == ("ClientError" if status < 500 else "ServerError", status)
    else:
        assert (error.status_code, name) == (status, sdk_name(client, status))


def sdk_name(client: str, status: int) -> str:
    return "ServiceUnavailableError" if (client, status) == ("claude", 503) else ERRORS[status]


@over_clients
@over_pairs
def test_a_cut_stream_never_looks_finished(
    cells: GatewayProcess, upstream: ScriptedUpstream, client: str, speaker: str
) -> None:
    upstream.always(says("Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "king.", after=6))
    with pytest.raises(sdks.SDK_ERRORS):
        heard(cells, client, speaker, stream=True)


def test_every_cell_leaves_its_row(cells: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.always(says("Hel", "lo", usage=USAGE))
    asked = [cell.values for cell in CELLS]
    for client, speaker, stream in asked:
        ask(cells, str(client), f"{PREFIXES[str(speaker)]}/row-{stream}", BODIES["text"][str(client)], bool(stream))
    rows = cells.wait_for_usage(len(asked), model__startswith="row-")
    seen = Counter((row["dialect"], row["provider"], row["is_streaming"]) for row in rows)
    assert seen == Counter((client, PREFIXES[str(speaker)], stream) for client, speaker, stream in asked)
    for row in rows:
        counted = (row["uncached_input_tokens"], row["cache_read_tokens"], row["output_tokens"], row["is_estimated"])
        assert counted == (30, 20, 30, False), row
        assert (row["status"], row["attempts"]) == (200, 1)
        assert row["reasoning_tokens"] == (0 if row["provider"] == "c" else 10)


# -- all combinations, without an SDK ---------------------------------------------------------------------------------

KINDS = {
    "text": ("text", says("Hello.")),
    "tool": ("tools", says(calls=[OSLO, ROME])),
    "image": ("image", says("A red square.")),
    "refusal": ("text", says("No", finish=FILTER)),
    "empty": ("text", says()),
}
ENDS = {
    "openai": b"data: [DONE]\n\n",
    "claude": b"message_stop",
    "gemini": b"finishReason",
    "responses": b'"type":"response.',
}


def holds(answer: httpx.Response, client: str, stream: bool) -> bool:
    """A whole answer, a stream that ended, or an error that is nobody's crash."""
    if answer.status_code != 200:
        return answer.status_code in (400, 502) and "error" in answer.json()
    return ENDS[client] in answer.content if stream else isinstance(answer.json(), dict)


@pytest.fixture
def table() -> Iterator[dict[tuple[str, str], int]]:
    """Filled in by the test and printed, whether it passes or not."""
    passed: dict[tuple[str, str], int] = Counter()
    yield passed
    print("\nclient \\ upstream" + "".join(f"{speaker:>12}" for speaker in DIALECTS))  # noqa: T201
    for client in DIALECTS:
        cells = "".join(f"{passed[client, speaker]:>9}/{2 * len(KINDS)}" for speaker in DIALECTS)
        print(f"{client:<17}{cells}")  # noqa: T201


def test_the_table_of_all_cells(
    cells: GatewayProcess, upstream: ScriptedUpstream, table: dict[tuple[str, str], int]
) -> None:
    failed = []
    for client, speaker, stream in (cell.values for cell in CELLS):
        for kind, (topic, told) in KINDS.items():
            upstream.reset()
            upstream.always(told)
            answer = post(cells, str(client), f"{PREFIXES[str(speaker)]}/m", BODIES[topic][str(client)], bool(stream))
            if holds(answer, str(client), bool(stream)):
                table[str(client), str(speaker)] += 1
            else:
                failed.append((client, speaker, stream, kind, answer.status_code, answer.text[:300]))
    assert failed == []
    assert "Traceback" not in cells.log
    assert cells.is_ready()
