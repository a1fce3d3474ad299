"""Estimates of tokens: near enough to a real vocabulary, quick, and never an error."""

import base64
import json
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stopwatch import least_seconds
from tests.token_samples import CHAT, CHINESE, ENGLISH, MARKDOWN, PYTHON, SAMPLES, SCHEMA, SHELL, TOOLS
from translator import tokens
from translator.dialect import ClientRequest, Dialect
from translator.json_body import JsonBody


@pytest.mark.parametrize(("text", "true", "percent"), SAMPLES)
def test_an_estimate_is_near_what_a_real_vocabulary_counts(text: str, true: int, percent: int) -> None:
    assert tokens.of_text(text) == pytest.approx(true, rel=percent / 100)


def test_a_long_conversation_in_many_languages_is_met_within_five_percent() -> None:
    together = "\n".join(text for text, _, _ in SAMPLES)
    assert tokens.of_text(together) == pytest.approx(sum(true for _, true, _ in SAMPLES), rel=0.05)


@given(st.text(), st.text())
def test_every_text_has_an_estimate_and_more_text_never_has_a_much_lower_one(text: str, more: str) -> None:
    assert 0 <= tokens.of_text(text) <= tokens.of_text(text + more) + 3


def test_nothing_has_no_tokens_and_anything_has_one() -> None:
    assert [tokens.of_text(text) for text in ("", " ", "\n", "a", "\ud800")] == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("piece", [PYTHON, CHINESE, "a", " ", "\n", "aA", "0", "...a", "t", '"', "😀"])
def test_the_time_grows_with_the_length_alone(piece: str) -> None:
    text = piece * (1_000_000 // len(piece.encode()))
    seconds = least_seconds(tokens.of_text, text, rounds=1)
    assert seconds < 0.5, "About 0.04 s are usual; a pattern that backtracks takes minutes."


SEAL = "c2lnbmF0dXJl" * 50
"""An id, a signature or something encrypted, which costs nothing."""


def ask(dialect: Dialect, **body: Any) -> int:
    return tokens.of_request(ClientRequest(dialect, JsonBody.parse(orjson.dumps(body)), "m", False))


def said(dialect: Dialect, question: str, answer: str, result: str) -> dict[str, Any]:
    """The same short conversation with one call of a tool, in each dialect's words."""
    asked: Any
    called: Any
    done: Any
    arguments: Any = {"command": "ls -la src"}
    call: Any = {"name": "run_command", "arguments": json.dumps(arguments)}
    match dialect:
        case Dialect.OPENAI | Dialect.OLLAMA:
            call = call if dialect is Dialect.OPENAI else call | {"arguments": arguments}
            asked = {"role": "user", "content": question}
            called = {"role": "assistant", "content": answer, "tool_calls": [{"id": SEAL, "function": call}]}
            return {"messages": [asked, called, {"role": "tool", "tool_call_id": SEAL, "content": result}]}
        case Dialect.CLAUDE:
            asked = {"content": [{"type": "text", "text": question, "cache_control": {"type": "ephemeral"}}]}
            call = {"type": "tool_use", "id": SEAL, "name": "run_command", "input": arguments}
            called = {"content": [{"type": "text", "text": answer}, call]}
            done = {"content": [{"type": "tool_result", "tool_use_id": SEAL, "content": result}]}
            return {"messages": [asked, called, done]}
        case Dialect.GEMINI:
            call = {"functionCall": {"name": "run_command", "args": arguments}, "thoughtSignature": SEAL}
            done = {"functionResponse": {"id": SEAL, "response": {"output": result}}}
            turns = [[{"text": question}], [{"text": answer}, call], [done]]
            return {"contents": [{"role": "user", "parts": parts} for parts in turns]}
        case Dialect.RESPONSES:
            call = {"type": "function_call", "call_id": SEAL} | call
            done = {"type": "function_call_output", "call_id": SEAL, "output": result}
            thought = {"type": "reasoning", "id": SEAL, "summary": [], "encrypted_content": SEAL}
            return {"input": [{"role": "user", "content": question}, thought, {"content": answer}, call, done]}


def offered(dialect: Dialect) -> list[dict[str, Any]]:
    """The tools as each dialect declares them."""
    schema = {Dialect.CLAUDE: "input_schema", Dialect.GEMINI: "parametersJsonSchema"}.get(dialect, "parameters")
    tools = [{"name": tool["name"], "description": tool["description"], schema: tool["input_schema"]} for tool in TOOLS]
    match dialect:
        case Dialect.GEMINI:
            return [{"functionDeclarations": tools}]
        case Dialect.OPENAI | Dialect.OLLAMA:
            return [{"type": "function", "function": tool} for tool in tools]
        case _:
            return tools


@pytest.mark.parametrize("dialect", Dialect)
def test_a_conversation_costs_about_the_same_in_every_dialect(dialect: Dialect) -> None:
    words = sum(tokens.of_text(text) for text in (ENGLISH, CHAT, SHELL, "run_command", '{"command": "ls -la src"}'))
    assert ask(dialect, **said(dialect, ENGLISH, CHAT, SHELL)) == pytest.approx(words + 4 * 4, rel=0.03)


@pytest.mark.parametrize("dialect", Dialect)
def test_tools_cost_their_declarations_and_what_the_vendor_writes_around_them(dialect: Dialect) -> None:
    bare = said(dialect, ENGLISH, CHAT, SHELL)
    around = 346 if dialect is Dialect.CLAUDE else 0
    more = ask(dialect, **bare, tools=offered(dialect)) - ask(dialect, **bare)
    assert more == pytest.approx(tokens.of_text(orjson.dumps(TOOLS).decode()) + around, rel=0.05)
    assert ask(dialect, **bare, tools=[]) == ask(dialect, **bare)


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        (Dialect.CLAUDE, {"system": MARKDOWN}),
        (Dialect.CLAUDE, {"system": [{"type": "text", "text": MARKDOWN, "cache_control": {"type": "ephemeral"}}]}),
        (Dialect.GEMINI, {"systemInstruction": {"parts": [{"text": MARKDOWN}]}}),
        (Dialect.RESPONSES, {"instructions": MARKDOWN}),
        (Dialect.RESPONSES, {"input": MARKDOWN}),
        (Dialect.OPENAI, {"prompt": MARKDOWN}),
        (Dialect.OPENAI, {"prompt": [MARKDOWN]}),
        (Dialect.OLLAMA, {"prompt": MARKDOWN}),
        (Dialect.GEMINI, {"generateContentRequest": {"systemInstruction": {"parts": [{"text": MARKDOWN}]}}}),
    ],
)
def test_a_prompt_counts_wherever_it_stands(dialect: Dialect, said: dict[str, Any]) -> None:
    assert ask(dialect, **said) == tokens.of_text(MARKDOWN) + 3


def test_a_prompt_of_token_numbers_is_exact() -> None:
    assert ask(Dialect.OPENAI, prompt=[1, 2, 3, 4]) == 4 + 3


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "a-long-name-of-a-model-20260101", "max_tokens": 4096, "temperature": 0.5, "stop": ["END"]},
        {"metadata": {"user_id": "0123456789abcdef" * 8}, "thinking": {"type": "enabled", "budget_tokens": 9999}},
        {"generationConfig": {"temperature": 0.5, "thinkingConfig": {"thinkingLevel": "high"}}},
        {"tool_choice": {"type": "auto"}, "stream": True, "service_tier": "auto", "prompt_cache_key": "x" * 500},
        {"response_format": {"type": "json_object"}, "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT"}]},
    ],
)
def test_settings_cost_nothing(settings: dict[str, Any]) -> None:
    bare = {"messages": [{"role": "user", "content": CHAT}]}
    assert ask(Dialect.OPENAI, **bare, **settings) == ask(Dialect.OPENAI, **bare)


@pytest.mark.parametrize(
    "settings",
    [
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"generationConfig": {"temperature": 1, "responseJsonSchema": SCHEMA}},
        {"format": SCHEMA},
    ],
)
def test_the_schema_of_an_answer_counts_as_its_text(settings: dict[str, Any]) -> None:
    schema = tokens.of_text(orjson.dumps(SCHEMA).decode())
    assert ask(Dialect.OPENAI, **settings) == pytest.approx(schema, abs=20)


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", width, height) + b"\0" * 900


def jpeg(width: int, height: int, thumbnail: int = 0) -> bytes:
    notes = b"\xff\xe1" + struct.pack(">H", thumbnail + 2) + b"\xff" * thumbnail
    return b"\xff\xd8" + notes + b"\xff\xc2\0\x11\x08" + struct.pack(">HH", height, width) + b"\0" * 900


def webp(kind: bytes, size: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + size + b"\0" * 900


PICTURES = {
    "png": (png(300, 250), 100),
    "jpeg": (jpeg(300, 250), 100),
    "jpeg behind a thumbnail": (jpeg(300, 250, 60_000), 100),
    "gif": (b"GIF89a" + struct.pack("<HH", 300, 250), 100),
    "lossy webp": (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 250)), 100),
    "lossless webp": (webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 249 << 14)), 100),
    "extended webp": (webp(b"VP8X", b"\0\0\0\0" + (299).to_bytes(3, "little") + (249).to_bytes(3, "little")), 100),
    "a large one": (png(4000, 3000), 1600),
    "heic": (b"\0\0\0\x18ftypheic" + b"\0" * 900, 1000),
    "cut off": (b"\x89PNG\r\n\x1a\n", 1000),
    "jpeg without end": (b"\xff\xd8\xff\xe0\0\0\xff", 1000),
}


def words_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def shown(dialect: Dialect, data: str) -> dict[str, Any]:
    url = f"data:image/png;base64,{data}"
    match dialect:
        case Dialect.OPENAI:
            return {"messages": [{"content": [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]}]}
        case Dialect.CLAUDE:
            source = {"type": "base64", "media_type": "image/png", "data": data}
            return {"messages": [{"content": [{"type": "tool_result", "content": [{"source": source}]}]}]}
        case Dialect.GEMINI:
            return {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": data}}]}]}
        case Dialect.RESPONSES:
            return {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}
        case Dialect.OLLAMA:
            return {"messages": [{"role": "user", "content": "", "images": [data]}]}


@pytest.mark.parametrize(("picture", "cost"), PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("dialect", Dialect)
def test_a_picture_costs_by_its_size_or_a_thousand(dialect: Dialect, picture: bytes, cost: int) -> None:
    assert ask(dialect, **shown(dialect, words_of(picture))) == cost + 4 + 3


@pytest.mark.parametrize("data", ["", "no base64 at all!", "ééé", "iVBORw0KGgo", "A", "====", "\n\n"])
@pytest.mark.parametrize("dialect", Dialect)
def test_broken_media_are_pictures_that_nobody_can_measure(dialect: Dialect, data: str) -> None:
    assert ask(dialect, **shown(dialect, data)) == 1000 + 4 + 3


@pytest.mark.parametrize(
    ("part", "cost"),
    [
        ({"source": {"type": "base64", "media_type": "application/pdf", "data": words_of(b"%PDF-" * 20_000)}}, 4000),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64," + words_of(b"%PDF-1.7")}}, 2000),
        ({"inlineData": {"mimeType": "audio/mpeg", "data": words_of(b"ID3" * 16_000)}}, 96),
        ({"type": "input_audio", "input_audio": {"data": words_of(b"RIFF" * 12_000), "format": "wav"}}, 96),
        ({"inlineData": {"mimeType": "video/mp4", "data": words_of(b"ftyp" * 125_000)}}, 1000),
        ({"type": "image_generation_call", "id": "x", "result": words_of(png(300, 250))}, 100),
        ({"type": "image", "source": {"type": "url", "url": "https://pictures.example/cat"}}, 1000),
        ({"type": "input_file", "file_url": "https://papers.example/paper.pdf"}, 2000),
        ({"type": "file", "file": {"file_id": "file-0123456789"}}, 2000),
        ({"fileData": {"mimeType": "audio/wav", "fileUri": "https://sounds.example/x"}}, 1920),
        ({"type": "redacted_thinking", "data": words_of(bytes(9000))}, 0),
        ({"type": "thinking", "thinking": "", "signature": words_of(bytes(9000))}, 0),
    ],
)
def test_other_media_cost_by_their_size_and_seals_nothing(part: dict[str, Any], cost: int) -> None:
    assert ask(Dialect.CLAUDE, messages=[{"role": "user", "content": [part]}]) - 7 == pytest.approx(cost, abs=2)


@pytest.mark.parametrize(
    "source",
    [
        {"type": "text", "media_type": "text/plain", "data": MARKDOWN},
        {"type": "base64", "media_type": "text/markdown", "data": words_of(MARKDOWN.encode())},
        {"type": "content", "content": [{"type": "text", "text": MARKDOWN}]},
    ],
)
def test_a_document_of_text_counts_as_its_text(source: dict[str, Any]) -> None:
    document = {"type": "document", "source": source}
    assert ask(Dialect.CLAUDE, messages=[{"content": [document]}]) == tokens.of_text(MARKDOWN) + 7


CALL = {"command": "make test"}
CALLED = {"name": "run_command", "arguments": json.dumps(CALL)}
ANSWERED: dict[str, Any] = {"content": ENGLISH, "reasoning_content": CHAT, "reasoning_details": [{"text": CHAT}]}
USES = [{"id": SEAL, "type": "function", "function": CALLED}]
PLAIN_USES = [{"function": {"name": "run_command", "arguments": CALL}}]
BLOCKS = [
    {"type": "thinking", "thinking": CHAT, "signature": SEAL},
    {"type": "text", "text": ENGLISH, "citations": [{"cited_text": CHAT}]},
    {"type": "tool_use", "id": SEAL, "name": "run_command", "input": CALL},
]
PARTS = [
    {"text": CHAT, "thought": True},
    {"text": ENGLISH, "thoughtSignature": SEAL},
    {"functionCall": {"id": SEAL, "name": "run_command", "args": CALL}},
]
ITEMS = [
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": CHAT}], "encrypted_content": SEAL},
    {"type": "message", "content": [{"type": "output_text", "text": ENGLISH, "annotations": [{"title": CHAT}]}]},
    {"type": "function_call", "call_id": SEAL} | CALLED,
]
LIKELY = {"content": [{"token": "The", "logprob": -0.1}] * 200}
GEMINI = {"candidates": [{"content": {"parts": PARTS}, "groundingMetadata": {"webSearchQueries": [CHAT]}}]}
ANSWERS = {
    "openai": {"id": SEAL, "choices": [{"index": 0, "message": ANSWERED | {"tool_calls": USES}, "logprobs": LIKELY}]},
    "claude": {"id": SEAL, "model": "m", "content": BLOCKS, "stop_reason": "tool_use"},
    "gemini": GEMINI,
    "code assist": {"response": GEMINI, "traceId": SEAL},
    "responses": {"id": SEAL, "instructions": CHAT, "tools": TOOLS, "output": ITEMS},
    "ollama": {"message": {"thinking": CHAT, "content": ENGLISH, "tool_calls": PLAIN_USES}},
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_costs_what_the_model_wrote(answer: dict[str, Any]) -> None:
    written = "\n".join((CHAT, ENGLISH, "run_command", json.dumps(CALL)))
    assert tokens.of_bytes(orjson.dumps(answer)) == pytest.approx(tokens.of_text(written), rel=0.02)


@pytest.mark.parametrize("answer", [{"choices": [{"text": ENGLISH}]}, {"response": ENGLISH, "context": [1, 2]}])
def test_a_plain_completion_costs_its_text(answer: dict[str, Any]) -> None:
    assert tokens.of_bytes(orjson.dumps(answer)) == tokens.of_text(ENGLISH)


def test_a_list_of_pieces_costs_all_of_them() -> None:
    piece = {"candidates": [{"content": {"parts": [{"text": ENGLISH}]}}]}
    assert tokens.of_bytes(orjson.dumps([piece, piece])) == pytest.approx(2 * tokens.of_text(ENGLISH), rel=0.01)


def test_what_is_no_json_costs_its_length() -> None:
    assert tokens.of_bytes(f"<html>{ENGLISH}".encode()) == pytest.approx(tokens.of_text(ENGLISH), rel=0.05)
    assert tokens.of_bytes(b"\xff\xfe\x00") >= 1
    assert tokens.of_bytes(b"") == 0


NAMES = st.sampled_from(["content", "parts", "type", "data", "url", "source", "format", "input", "prompt", "images"])
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["messages", "contents", "input", "tools", "system", "text"]), STRANGE))
def test_no_json_is_too_strange(value: dict[str, Any]) -> None:
    for dialect in Dialect:
        assert ask(dialect, **value) >= 3
    assert tokens.of_bytes(orjson.dumps({"choices": value, "content": value})) >= 0


@pytest.mark.parametrize("piece", ['{"content":', '{"input":', "["])
def test_an_answer_of_great_depth_is_no_error(piece: str) -> None:
    closing = "".join("]" if sign == "[" else "}" for sign in reversed(piece) if sign in "[{")
    assert tokens.of_bytes(f'{{"content":{piece * 1000}1{closing * 1000}}}'.encode()) >= 0
