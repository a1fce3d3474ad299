"""What another vendor signed does not reach this one, and whatever else the client wrote keeps its bytes."""

from typing import Any

import orjson
import pytest

from translator import echoes
from translator.dialect import Dialect
from translator.json_body import JsonBody
from translator.messages import Signature
from translator.signatures import tagged, tagged_base64

FOREIGN = tagged(Signature("grok", "Zm9yZWlnbg=="), "claude")
FOREIGN_BASE64 = tagged_base64(Signature("claude", "Zm9yZWlnbg=="), "gemini")
URL_SAFE = FOREIGN_BASE64.replace("+", "-").replace("/", "_").rstrip("=")
ASKED = {"role": "user", "content": "Go \u2028 on"}

LISTS = {
    Dialect.CLAUDE: "messages",
    Dialect.OPENAI: "messages",
    Dialect.GEMINI: "contents",
    Dialect.RESPONSES: "input",
}


def body(dialect: Dialect, *items: Any) -> JsonBody:
    """With a spelling that no writer of ours would choose."""
    listed = orjson.dumps(list(items)).decode()
    return JsonBody.parse(f'{{ "model":"m",  "{LISTS[dialect]}" : {listed} , "x":1.50e1 }}'.encode())


def cleaned(dialect: Dialect, maker: str, *items: Any, with_own: bool = True) -> list[Any]:
    """The items that go on; the rest of the body has kept its bytes."""
    asked = body(dialect, *items)
    changes = echoes.edits(dialect, asked, maker, with_own=with_own)
    assert set(changes) <= {LISTS[dialect]}
    sent = asked.with_members(changes, [])
    assert sent.startswith(b'{ "model":"m",  ') and sent.endswith(b' , "x":1.50e1 }')
    assert changes or sent == asked.raw
    found: list[Any] = orjson.loads(sent)[LISTS[dialect]]
    return found


def turn(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def reply(**members: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "Hi", **members}


def thinking(signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": "Hm.", "signature": signature}


def calling(**members: Any) -> dict[str, Any]:
    return {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, **members}


def google(signature: str) -> dict[str, Any]:
    return {"google": {"thought_signature": signature}}


def encrypted(content: str | None) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content}


def detail(format: str, **members: Any) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": "Hm.", "format": format, **members}


TEXT = {"type": "text", "text": "Hi"}
USE = {"type": "tool_use", "id": "1", "name": "f", "input": {}}
FUNCTION = {"functionCall": {"name": "f", "args": {}}}
CALL_ITEM = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}

KEPT: dict[str, tuple[Dialect, str, Any]] = {
    "claude's thinking": (Dialect.CLAUDE, "claude", turn(thinking("RXE="), TEXT)),
    "claude's redacted thinking": (Dialect.CLAUDE, "claude", turn({"type": "redacted_thinking", "data": "RXE="}, USE)),
    "unsigned thinking where nobody signs": (Dialect.CLAUDE, "glm", turn(thinking(""), TEXT)),
    "gemini's signature": (Dialect.GEMINI, "gemini", model({**FUNCTION, "thoughtSignature": "RXE="})),
    "gemini's marker": (Dialect.GEMINI, "gemini", model({"thoughtSignature": "skip_thought_signature_validator"})),
    "openai's reasoning": (Dialect.RESPONSES, "openai", encrypted("gAAAA")),
    "openai's reasoning by id": (Dialect.RESPONSES, "openai", encrypted(None)),
    "deepseek's reasoning": (Dialect.OPENAI, "deepseek", reply(reasoning_content="Hm.", tool_calls=[calling()])),
    "openrouter's details": (Dialect.OPENAI, "qwen", reply(reasoning_details=[detail("anthropic-claude-v1")])),
    "gemini's signature in chat": (Dialect.OPENAI, "gemini", reply(tool_calls=[calling(extra_content=google("RXE="))])),
    "a text about our tag": (Dialect.CLAUDE, "claude", turn({"type": "text", "text": f"what is {FOREIGN}?"})),
    "thinking in a string": (Dialect.CLAUDE, "claude", {"role": "assistant", "content": '"signature":""'}),
    "odd items": (Dialect.RESPONSES, "openai", {"role": "user", "content": FOREIGN}),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "maker", "item"), KEPT.values(), ids=KEPT)
def test_what_the_vendor_may_see_keeps_its_bytes(dialect: Dialect, maker: str, item: Any) -> None:
    asked = body(dialect, ASKED, item)
    assert echoes.edits(dialect, asked, maker) == {}


Case = tuple[Dialect, str, Any, Any]

REMOVED: dict[str, Case] = {
    "foreign thinking": (Dialect.CLAUDE, "claude", turn(thinking(FOREIGN), TEXT, USE), turn(TEXT, USE)),
    "foreign redacted thinking": (
        *(Dialect.CLAUDE, "claude"),
        turn({"type": "redacted_thinking", "data": FOREIGN}, TEXT),
        turn(TEXT),
    ),
    "unsigned thinking": (Dialect.CLAUDE, "claude", turn(thinking(""), TEXT), turn(TEXT)),
    "thinking signed by us": (Dialect.CLAUDE, "claude", turn(thinking("omniroute.1.."), TEXT), turn(TEXT)),
    "foreign beside own": (
        *(Dialect.CLAUDE, "claude"),
        turn(thinking("RXE="), thinking(FOREIGN), USE),
        turn(thinking("RXE="), USE),
    ),
    "a turn of nothing else": (Dialect.CLAUDE, "claude", turn(thinking(FOREIGN)), None),
    "a foreign signature on a call": (
        *(Dialect.GEMINI, "gemini"),
        model({**FUNCTION, "thoughtSignature": FOREIGN_BASE64}),
        model(FUNCTION),
    ),
    "in the SDK's spelling": (
        *(Dialect.GEMINI, "gemini"),
        model({**FUNCTION, "thought_signature": URL_SAFE}),
        model(FUNCTION),
    ),
    "a foreign thought": (
        *(Dialect.GEMINI, "gemini"),
        model({"text": "Hm.", "thought": True, "thoughtSignature": FOREIGN_BASE64}, FUNCTION),
        model(FUNCTION),
    ),
    "a part that is only a signature": (Dialect.GEMINI, "gemini", model({"thoughtSignature": FOREIGN_BASE64}), None),
    "foreign encrypted reasoning": (Dialect.RESPONSES, "openai", encrypted(FOREIGN), None),
    "reasoning in chat": (
        *(Dialect.OPENAI, "openai"),
        reply(reasoning_content="Hm.", reasoning_details=[detail("anthropic-claude-v1")], images=[]),
        reply(),
    ),
    "our details": (
        *(Dialect.OPENAI, "deepseek"),
        reply(reasoning_content="Hm.", reasoning_details=[detail("omniroute", signature=FOREIGN)]),
        reply(reasoning_content="Hm."),
    ),
    "our details of openai's signature": (
        *(Dialect.OPENAI, "deepseek"),
        reply(reasoning_details=[detail("omniroute", signature="gAAAA"), detail("unknown")]),
        reply(reasoning_details=[detail("unknown")]),
    ),
    "google's signature on a call": (
        *(Dialect.OPENAI, "openai"),
        reply(tool_calls=[calling(extra_content=google("RXE=")), calling()]),
        reply(tool_calls=[calling(), calling()]),
    ),
    "google's signature on a text": (Dialect.OPENAI, "deepseek", reply(extra_content=google("RXE=")), reply()),
}


@pytest.mark.parametrize(("dialect", "maker", "item", "left"), REMOVED.values(), ids=REMOVED)
def test_what_another_vendor_signed_goes(dialect: Dialect, maker: str, item: Any, left: Any) -> None:
    expected = [ASKED, *([] if left is None else [left]), ASKED]
    assert cleaned(dialect, maker, ASKED, item, ASKED) == expected


WITHOUT_OWN: dict[str, Case] = {
    "claude": (Dialect.CLAUDE, "claude", turn(thinking("RXE="), TEXT), turn(TEXT)),
    "gemini": (Dialect.GEMINI, "gemini", model({**FUNCTION, "thoughtSignature": "RXE="}), model(FUNCTION)),
    "responses": (Dialect.RESPONSES, "openai", encrypted("gAAAA"), None),
    "openai": (Dialect.OPENAI, "qwen", reply(reasoning_details=[detail("anthropic-claude-v1")]), reply()),
}


@pytest.mark.parametrize(("dialect", "maker", "item", "left"), WITHOUT_OWN.values(), ids=WITHOUT_OWN)
def test_a_second_try_goes_without_what_was_refused(dialect: Dialect, maker: str, item: Any, left: Any) -> None:
    assert cleaned(dialect, maker, ASKED, item, with_own=False) == [ASKED, *([] if left is None else [left])]


@pytest.mark.parametrize("dialect", LISTS)
@pytest.mark.parametrize(
    "odd", [None, 3, "text", [], {}, {"role": "assistant"}, {"type": "reasoning"}, [FOREIGN]], ids=repr
)
@pytest.mark.parametrize("with_own", [True, False])
def test_odd_items_break_nothing(dialect: Dialect, odd: Any, with_own: bool) -> None:
    cleaned(
        dialect,
        "openai",
        odd,
        {"note": f'{FOREIGN} {FOREIGN_BASE64} "signature":"" "extra_content"'},
        with_own=with_own,
    )


@pytest.mark.parametrize("dialect", LISTS)
@pytest.mark.parametrize("text", ['"omniroute.1."', "null", "{}"])
def test_a_body_without_a_list_breaks_nothing(dialect: Dialect, text: str) -> None:
    asked = JsonBody.parse(f'{{"{LISTS[dialect]}":{text}}}'.encode())
    assert echoes.edits(dialect, asked, "openai", with_own=False) == {}


def test_what_follows_keeps_its_calls_results() -> None:
    result = {"type": "function_call_output", "call_id": "1", "output": "fine"}
    assert cleaned(Dialect.RESPONSES, "openai", encrypted(FOREIGN), CALL_ITEM, result) == [CALL_ITEM, result]
