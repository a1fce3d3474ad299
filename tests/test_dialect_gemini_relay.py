"""Gemini's generateContent, streams that pass to a client as they are, and errors in Google's shape."""

from typing import Any

import orjson
import pytest

from translator.dialect import ClientRequest, Dialect, Reply
from translator.dialects import gemini
from translator.json_body import JsonBody
from translator.losses import UpstreamComplaint
from translator.relay import Relay
from translator.usage import Usage

REPLY = Reply("rid", 1760000000, "shown")
CALL = {"functionCall": {"name": "tide", "args": {"p": "Porto"}}}
COUNTS = {
    "promptTokenCount": 1540,
    "candidatesTokenCount": 35,
    "totalTokenCount": 1595,
    "cachedContentTokenCount": 1200,
    "thoughtsTokenCount": 20,
}
COUNTED = Usage(uncached_input=340, cache_read=1200, output=55, reasoning=20)


def chunk(*parts: dict[str, Any], finish: str | None = None, **members: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0} | ({"content": {"parts": list(parts), "role": "model"}} if parts else {})
    ended = {"finishReason": finish} if finish else {}
    return {"candidates": [candidate | ended], "modelVersion": "gemini-2.5-flash", "responseId": "R1", **members}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        *((400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND")),
        *((405, "UNIMPLEMENTED"), (413, "INVALID_ARGUMENT"), (422, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED")),
        *(
            (499, "CANCELLED"),
            (500, "INTERNAL"),
            (502, "UNAVAILABLE"),
            (503, "UNAVAILABLE"),
            (504, "DEADLINE_EXCEEDED"),
        ),
    ],
)
def test_an_error_has_google_s_shape(status: int, word: str) -> None:
    assert orjson.loads(gemini.encode_error(status, "no")) == {
        "error": {"code": status, "message": "no", "status": word}
    }
    frame = gemini.make_stream_encoder(REPLY).fail(status, "no")
    assert (
        frame == gemini.encode_stream_error(status, "no") == b"data: " + gemini.encode_error(status, "no") + b"\r\n\r\n"
    )


def test_an_error_names_the_member() -> None:
    error = orjson.loads(gemini.encode_error(400, "bad", "invalid_request", "contents"))["error"]
    assert error["details"][0]["reason"] == "INVALID_REQUEST"
    assert error["details"][1]["fieldViolations"] == [{"field": "contents", "description": "bad"}]


def relay() -> Relay:
    body = JsonBody.parse(b'{"contents":[{"parts":[{"text":"hi"}]}]}')
    return Relay(gemini, ClientRequest(Dialect.GEMINI, body, "m", True))


def frame(value: Any) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\r\n\r\n"


def test_a_stream_passes_as_it_is() -> None:
    passing = relay()
    first = frame({"usageMetadata": {"promptTokenCount": 9}})
    assert passing.feed(first) == first and not passing.has_spoken
    rest = frame(chunk({"text": "a"})) + frame(chunk(finish="STOP", usageMetadata=COUNTS))
    assert passing.feed(rest[:40]) + passing.feed(rest[40:]) == rest
    assert passing.has_spoken and passing.finish() == b""
    assert (passing.usage, passing.events, passing.failure) == (COUNTED, 3, None)


def test_a_stream_that_is_cut_ends_with_an_error() -> None:
    passing = relay()
    passing.feed(frame(chunk(CALL)) + b"data: garbage\r\n\r\ndata: " + b"[" * 100_000 + b"\r\n\r\n")
    assert b'"status":"UNAVAILABLE"' in passing.finish() and passing.failure


def test_an_early_error_is_raised_and_a_late_one_passed_on() -> None:
    error = frame({"error": {"code": 503, "message": "Busy", "status": "UNAVAILABLE"}})
    with pytest.raises(UpstreamComplaint):
        relay().feed(error)
    passing = relay()
    said = frame(chunk({"text": "a"}))
    assert passing.feed(said + error) == said + error
    assert (passing.failure, passing.is_done, passing.finish()) == ("Busy", True, b"")
