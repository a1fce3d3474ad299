"""Prompts and answers, logged where ENABLE_REQUEST_LOGS asks for it, and nowhere else."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import upstream as play
from tests.conftest import MakeGateway
from tests.crowd import Waiting
from tests.gateway import TRUST, GatewayProcess, wait_until
from tests.upstream import ScriptedUpstream
from tests.wire import openai_chunks

READ = """
import json
from billing.models import CallBody, UsageRecord
known = dict(UsageRecord.objects.values_list("request_id", "status"))
rows = CallBody.objects.order_by("created_at").values("request_id", "request_body", "response_body")
print(json.dumps([row | {"status": known.get(row["request_id"])} for row in rows]))
"""
CANARY = "sk-or-" + "c4nary" * 8


@pytest.fixture(scope="module")
def logging(make_gateway: MakeGateway, upstream_server: ScriptedUpstream) -> Iterator[GatewayProcess]:
    gateway = make_gateway(ENABLE_REQUEST_LOGS="true", LOGGED_BODY_KIB="2").start()
    gateway.add_node("up", upstream_server.base_url)
    yield gateway
    gateway.stop()


def logged(gateway: GatewayProcess, marker: str) -> dict[str, Any]:
    """The one call whose prompt has this marker."""

    def found() -> dict[str, Any] | None:
        rows = json.loads(gateway.manage("shell", "-v0", "-c", READ).stdout)
        return next((row for row in rows if marker in row["request_body"] and row["status"]), None)

    row: dict[str, Any] = wait_until(found, 15, f"the log of {marker}")
    return row


def test_a_call_is_kept_as_the_client_sent_and_got_it(logging: GatewayProcess, upstream: ScriptedUpstream) -> None:
    answer = logging.chat("up/m", "a plain question", temperature=0.5)
    row = logged(logging, "a plain question")
    assert json.loads(row["request_body"])["temperature"] == 0.5
    assert row["response_body"] == answer.text


def test_a_stream_is_kept_as_the_answer_that_it_adds_up_to(logging: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.script(play.sse(openai_chunks("Hel", "lo ", "there")))
    assert "Hel" in logging.chat("up/m", "a streamed question", stream=True).text
    answer = json.loads(logged(logging, "a streamed question")["response_body"])
    assert answer["choices"][0]["message"]["content"] == "Hello there"


def test_a_translated_stream_is_kept_in_the_words_of_its_client(
    logging: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    upstream.script(play.sse(openai_chunks("Hel", "lo")))
    body = {"model": "up/m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "in claude"}]}
    httpx.post(f"{logging.url}/messages", json=body, timeout=30, verify=TRUST)
    answer = json.loads(logged(logging, "in claude")["response_body"])
    assert answer["content"] == [{"type": "text", "text": "Hello"}]


def test_a_stream_that_broke_is_kept_as_it_came(logging: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.script(play.sse(openai_chunks("Hel", "lo"), ending=play.Ending.CLOSE, after=2))
    text = logging.chat("up/m", "a broken stream", stream=True).text
    row = logged(logging, "a broken stream")
    assert row["response_body"] == text
    assert row["status"] == 502


def test_a_refusal_is_kept_as_the_client_got_it(logging: GatewayProcess, upstream: ScriptedUpstream) -> None:
    answer = logging.chat("nowhere/m", "asked in vain")
    assert answer.status_code == 404
    assert logged(logging, "asked in vain")["response_body"] == answer.text


def test_a_client_that_hangs_up_leaves_its_question(logging: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.script(play.hang_before_headers())
    waiting = Waiting(logging, "up/hung-up")
    upstream.wait_for_calls(1)
    waiting.hang_up()
    row = logged(logging, "up/hung-up")
    assert (row["status"], row["response_body"]) == (499, "")


def test_what_is_long_is_cut_and_says_so(logging: GatewayProcess, upstream: ScriptedUpstream) -> None:
    long = "a long question " + "and on and on " * 500
    assert logging.chat("up/m", long).status_code == 200
    text = logged(logging, "a long question")["request_body"]
    assert text.endswith("bytes in all, the first 2,048 are kept]")
    assert len(text) < 2200


def test_no_secret_reaches_the_database_or_the_disk(logging: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.script(play.json(401, {"error": {"message": f"Incorrect API key provided: {CANARY}"}}))
    logging.chat("up/m", f"a secret question: my key is\n{CANARY}", metadata={"api_key": CANARY[6:]})
    row = logged(logging, "a secret question")
    assert "[redacted]" in row["request_body"]
    assert "c4nary" not in json.dumps(row)
    database = [path for path in logging.data_dir.rglob("*") if path.is_file() and path.suffix != ".log"]
    assert not [path for path in database if b"c4naryc4nary" in path.read_bytes()]


def test_nothing_is_kept_where_it_is_not_asked_for(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    assert gateway.chat("up/m", "a question for nobody's eyes").status_code == 200
    gateway.wait_for_usage(1, model_asked="up/m")
    assert json.loads(gateway.manage("shell", "-v0", "-c", READ).stdout) == []
    assert not (gateway.data_dir / "bodies").exists()
    files = [path for path in gateway.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if b"for nobody's eyes" in path.read_bytes()]


def test_the_size_of_nothing_keeps_the_lines_without_bodies(
    make_gateway: MakeGateway, upstream: ScriptedUpstream
) -> None:
    gateway = make_gateway(ENABLE_REQUEST_LOGS="true", LOGGED_BODY_KIB="0").start()
    assert gateway.chat("demo/echo", "for the lines alone").status_code == 200
    gateway.wait_for_usage(1)
    assert list((gateway.data_dir / "logs").glob("requests-*.jsonl"))
    assert json.loads(gateway.manage("shell", "-v0", "-c", READ).stdout) == []
    assert gateway.stop() == 0
