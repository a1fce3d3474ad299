"""What is wrong in its own dialect is refused at the door, naming the member, whoever would have been asked."""

from typing import Any

import pytest

from tests.gateway import GatewayProcess
from tests.talk import DIALECTS, PREFIXES, TEXT, assert_error, nodes_of, post
from tests.upstream import ScriptedUpstream
from tests.wire import Json


@pytest.fixture(scope="module")
def cells(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> GatewayProcess:
    nodes_of(shared_gateway, upstream_server)
    return shared_gateway


def config(**members: Any) -> Json:
    return {"generationConfig": members}


NOBODY: Json = {"role": "nobody", "content": "x"}
WRONG: dict[str, list[tuple[Json, str]]] = {
    "openai": [
        ({"messages": "hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": [NOBODY]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"n": 0}, "n"),
        ({"stop": [7]}, "stop[0]"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"model": 7}, "model"),
    ],
    "claude": [
        ({"messages": {}}, "messages"),
        ({"messages": [NOBODY]}, "messages[0].role"),
        ({"messages": [None]}, "messages[0]"),
        ({"temperature": 1.5}, "temperature"),
        ({"top_k": "many"}, "top_k"),
        ({"stop_sequences": 7}, "stop_sequences"),
        ({"max_tokens": None}, "max_tokens"),
        ({"stream": 1}, "stream"),
    ],
    "gemini": [
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "nobody", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": ["hello"]}, "contents[0]"),
        (config(temperature="hot"), "generationConfig.temperature"),
        (config(maxOutputTokens=0), "generationConfig.maxOutputTokens"),
        (config(stopSequences=[7]), "generationConfig.stopSequences[0]"),
    ],
    "responses": [
        ({"input": None}, "input"),
        ({"input": ["hello"]}, "input[0]"),
        ({"input": [NOBODY]}, "input[0].role"),
        ({"input": [{}]}, "input[0].type"),
        ({"temperature": -1}, "temperature"),
        ({"max_output_tokens": -5}, "max_output_tokens"),
        ({"stream": "yes"}, "stream"),
    ],
}
ROWS = [pytest.param(client, *row, id=f"{client}-{row[1]}") for client, rows in WRONG.items() for row in rows]


@pytest.mark.parametrize("speaker", DIALECTS)
@pytest.mark.parametrize(("client", "wrong", "named"), ROWS)
def test_what_is_wrong_is_named_and_nobody_is_asked(
    cells: GatewayProcess, upstream: ScriptedUpstream, client: str, wrong: Json, named: str, speaker: str
) -> None:
    answer = post(cells, client, f"{PREFIXES[speaker]}/m", TEXT[client] | wrong)
    assert f"`{named}`" in assert_error(answer, client, 400)
    assert upstream.calls == []
