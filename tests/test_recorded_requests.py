"""What Claude Code, Codex CLI and Gemini CLI really sent reaches every vendor: tools, calls, results and words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.test_request_laws import MODELS, encode
from translator import turns
from translator.dialect import Dialect
from translator.dialects import DIALECTS
from translator.messages import Media, Request, Role, Text, ToolCall, ToolKind, ToolResult

RECORDED = sorted((Path(__file__).parent / "clients" / "recorded").glob("*.json"))
UNTRANSLATED = {"gemini-cli-count"}
"""A request to count tokens, with other members."""
TRANSLATED = [path for path in RECORDED if path.stem not in UNTRANSLATED]
requests = pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: path.stem)
each_dialect = pytest.mark.parametrize("dialect", MODELS)


def own(path: Path) -> str:
    """The dialect it was recorded in."""
    return str(json.loads(path.read_text())["dialect"])


def asked(path: Path) -> Request:
    recorded = json.loads(path.read_text())
    model = recorded["target"].partition("models/")[2].partition(":")[0]
    return DIALECTS[Dialect(recorded["dialect"])].decode_request(recorded["body"], model)


def parts(request: Request, kind: type) -> Iterator[Any]:
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, kind):
                yield part
            if isinstance(part, ToolResult):
                yield from (inner for inner in part.content if isinstance(inner, kind))


def decoded(body: dict[str, Any], dialect: str) -> Request:
    return DIALECTS[Dialect(dialect)].decode_request(orjson.loads(orjson.dumps(body)), MODELS[dialect][0])


@requests
def test_a_recorded_request_is_understood_whole(path: Path) -> None:
    request = asked(path)
    text = path.read_text()
    assert request.messages and request.tools
    assert not any(loss.what in ("messages", "input", "contents", "tools", "system") for loss in request.leftovers)
    assert len(list(parts(request, ToolCall))) == sum(text.count(f'"{name}"') for name in CALLS if name in text)


CALLS = ("tool_use", "functionCall", "function_call", "custom_tool_call")


@requests
@each_dialect
def test_every_tool_is_on_offer(path: Path, dialect: str) -> None:
    request = asked(path)
    sent = encode(request, dialect, MODELS[dialect][0])
    offered = {tool.name for tool in decoded(sent.body, dialect).tools if tool.kind is not ToolKind.WEB_SEARCH}
    own = {tool.name for tool in request.tools if tool.kind is not ToolKind.WEB_SEARCH}
    assert {sent.toolbox.restored(ToolCall("1", name)).name for name in offered} == own
    assert not any(tool.description is None for tool in request.tools)


@requests
@each_dialect
def test_every_call_has_its_result_behind_it(path: Path, dialect: str) -> None:
    request = asked(path)
    sent = encode(request, dialect, MODELS[dialect][0])
    back = decoded(sent.body, dialect)
    calls = [sent.toolbox.restored(call) for call in parts(back, ToolCall)]
    assert [call.name for call in calls] == [call.name for call in parts(request, ToolCall)]
    assert [arguments(call) for call in calls] == [arguments(call) for call in parts(request, ToolCall)]
    before, after = (told(each) for each in (request, back))
    assert len(before) == len(after) and all(one in other for one, other in zip(before, after, strict=True))
    assert turns.NO_RESULT not in orjson.dumps(sent.body).decode()


def arguments(call: ToolCall) -> Any:
    return call.arguments if call.kind is ToolKind.FREEFORM else json.loads(call.arguments)


def told(request: Request) -> list[str]:
    """The words of each result, in the order of the calls."""
    ordered = turns.in_order(turns.with_system_first(request)[1], turns.IdRule())
    results = [part for message in ordered for part in message.parts if isinstance(part, ToolResult)]
    return [
        "".join("".join(part.text for part in result.content if isinstance(part, Text)).split()) for result in results
    ]


@requests
@each_dialect
def test_every_word_of_the_system_and_the_user_arrives(path: Path, dialect: str) -> None:
    request = asked(path)
    raw = orjson.dumps(encode(request, dialect, MODELS[dialect][0]).body).decode()
    spoken = [text.text for text in request.system]
    spoken += [
        part.text
        for message in request.messages
        if message.role is not Role.ASSISTANT
        for part in message.parts
        if isinstance(part, Text)
    ]
    assert spoken and all(orjson.dumps(text).decode()[1:-1] in raw for text in spoken if text)


@requests
@each_dialect
def test_every_picture_arrives(path: Path, dialect: str) -> None:
    request = asked(path)
    back = decoded(encode(request, dialect, "gpt-4o" if dialect == "responses" else MODELS[dialect][0]).body, dialect)
    assert sorted(picture.data for picture in parts(back, Media)) == sorted(p.data for p in parts(request, Media))


@pytest.mark.parametrize(
    "name", ["claude-code-picture", "codex-picture", "gemini-cli-picture", "codex-code-mode-picture"]
)
def test_a_picture_was_recorded(name: str) -> None:
    (path,) = (path for path in RECORDED if path.stem == name)
    assert list(parts(asked(path), Media))


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        (path, dialect)
        for path in RECORDED
        for dialect in MODELS
        if path.stem not in UNTRANSLATED and own(path) != dialect
    ],
    ids=lambda value: getattr(value, "stem", value),
)
def test_nothing_of_a_clients_own_reaches_a_vendor_that_does_not_know_it(path: Path, dialect: str) -> None:
    body = encode(asked(path), dialect, MODELS[dialect][0]).body
    assert not {"client_metadata", "context_management", "output_config", "include"} & set(body) or dialect != "openai"
    assert "skip_thought_signature_validator" not in orjson.dumps(body).decode()


@requests
def test_what_is_lost_on_the_way_is_listed(path: Path) -> None:
    body = json.loads(path.read_text())["body"]
    request = asked(path)
    if "context_management" in body:
        assert any("context_management" in loss.what for loss in request.leftovers)
