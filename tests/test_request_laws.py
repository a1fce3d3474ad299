"""Laws of every crossing of requests: what was asked arrives or is listed as lost; no vendor sees another's proofs."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategies import answers, conversations, examples, requests
from tests.vendors import REPLY, SOURCES
from translator import restoring, signatures, turns
from translator.crossing import cross_request, target_of
from translator.dialect import Dialect, Encoded
from translator.dialects import DIALECTS
from translator.events import fold, unfold
from translator.losses import CannotSay
from translator.messages import (
    Answer,
    Choice,
    Finish,
    Knob,
    Media,
    Message,
    Reasoning,
    Request,
    Role,
    Signature,
    Text,
    ToolCall,
    ToolResult,
)
from translator.toolbox import Toolbox

MODELS = {
    "openai": ("gpt-4o", "gpt-5", "deepseek-chat", "scripted-model"),
    "claude": ("claude-sonnet-4-5", "claude-opus-4-7", "claude-3-haiku-20240307", "scripted-model"),
    "gemini": ("gemini-2.5-pro", "gemini-3-pro-preview", "gemini-2.0-flash", "scripted-model"),
    "responses": ("gpt-5", "gpt-4o", "scripted-model"),
}
TARGETS = [(dialect, model) for dialect, models in MODELS.items() for model in models]
NATIVE = {"claude": "claude", "gemini": "gemini", "openai": "responses"}
"""The dialect of each maker's own endpoint."""
NO_TOOLS = Toolbox()
LEGAL = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
RENAMED = re.compile(r".*_[0-9a-f]{8}")
each_target = pytest.mark.parametrize(("dialect", "model"), TARGETS, ids=["-".join(target) for target in TARGETS])


def encode(request: Request, dialect: str, model: str) -> Encoded:
    """A request that says nothing but white space is no conversation, and not what the laws are about."""
    try:
        return cross_request(request, Dialect(dialect), model)
    except CannotSay as lack:
        assume("say something" not in lack.message)
        raise


# -- meaning ----------------------------------------------------------------------------------------------------------


def meaning(request: Request, toolbox: Toolbox = NO_TOOLS) -> dict[str, Any]:
    """What every dialect can say, in one form."""
    system, messages = turns.with_system_first(request)
    return {
        "system": words(*(text.text for text in system)),
        "turns": [turn(message, toolbox) for message in turns.in_order(messages, turns.IdRule())],
        "tools": [
            (name_of(tool.name, toolbox), words(tool.description), sorted((tool.schema or {}).get("properties", {})))
            for tool in request.tools
        ],
    }


def turn(message: Message, toolbox: Toolbox) -> tuple[Any, ...]:
    """A picture of a tool's may have moved behind its result."""
    parts = message.parts
    results = [part for part in parts if isinstance(part, ToolResult)]
    within = [part for part in parts if isinstance(part, Media)]
    within += [part for result in results for part in result.content if isinstance(part, Media)]
    return (
        message.role,
        words(*(part.text for part in parts if isinstance(part, Text))),
        [(name_of(part.name, toolbox), json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)],
        sorted((part.data, part.url) for part in within),
        [words(*(part.text for part in result.content if isinstance(part, Text))) for result in results],
    )


def words(*texts: str) -> str:
    return "".join("".join(texts).split())


def name_of(name: str, toolbox: Toolbox) -> str:
    own = toolbox.known[name].name if name in toolbox.known else name
    return own if LEGAL.fullmatch(own) and not RENAMED.fullmatch(own) else "an odd name"


@examples(25)
@given(requests())
@each_target
def test_what_was_asked_is_read_back(dialect: str, model: str, request_: Request) -> None:
    sent = encode(request_, dialect, model)
    back = DIALECTS[Dialect(dialect)].decode_request(orjson.loads(orjson.dumps(sent.body)), model)
    assume(not any(isinstance(part, Media) and part.url for part in parts_of(request_)) or dialect != "gemini")
    before, after = meaning(without_thoughts(request_)), meaning(without_thoughts(back), sent.toolbox)
    assert before["system"] in after["system"], "more may be said there: a schema, in words"
    assert after["tools"] == before["tools"]
    for one, other in zip(before["turns"], after["turns"], strict=True):
        assert other == (*one[:-1], other[-1])
        assert all(map(str.__contains__, other[-1], one[-1])), "so may an error be"


def without_thoughts(request: Request) -> Request:
    kept = (tuple(part for part in message.parts if not isinstance(part, Reasoning)) for message in request.messages)
    messages = (replace(message, parts=parts) for message, parts in zip(request.messages, kept, strict=True))
    return replace(request, messages=tuple(messages))


def parts_of(request: Request) -> Iterator[Any]:
    for message in request.messages:
        for part in message.parts:
            yield part
            yield from part.content if isinstance(part, ToolResult) else ()


DEFAULTS: dict[Knob, Any] = {Knob.CHOICES: 1, Knob.PARALLEL_TOOL_CALLS: True, Knob.SERVICE_TIER: "auto"}
CHANGED_ON_PURPOSE = {Knob.MAX_TOKENS, Knob.TEMPERATURE}
"""Claude counts thinking as part of the answer, and takes no temperature but 1 beside it."""


@examples(40)
@given(requests())
@each_target
def test_every_setting_arrives_or_is_listed_as_lost(dialect: str, model: str, request_: Request) -> None:
    sent = encode(request_, dialect, model)
    back = DIALECTS[Dialect(dialect)].decode_request(orjson.loads(orjson.dumps(sent.body)), model)
    lost = {loss.what for loss in sent.dropped}
    for knob, value in request_.knobs.items():
        is_default = DEFAULTS.get(knob) == value or (knob is Knob.PARALLEL_TOOL_CALLS and not may_call(request_))
        arrives = back.knobs.get(knob) == value or (knob in CHANGED_ON_PURPOSE and knob in back.knobs)
        if knob in (Knob.LOGPROBS, Knob.TOP_LOGPROBS):  # The number without the switch asks for nothing.
            arrives = "logprobs" in f"{sent.body} {lost}".lower() or Knob.LOGPROBS not in request_.knobs
        assert arrives or is_default or knob.value in lost, knob
    assert (
        back.output is not None or request_.output is None or lost or any("JSON" in text.text for text in back.system)
    )
    assert not request_.thinking or not request_.thinking.is_on or back.thinking or lost


def may_call(request: Request) -> bool:
    return bool(request.tools) and (request.tool_choice is None or request.tool_choice.choice is not Choice.NONE)


@examples(20)
@given(requests(is_tidy=False))
@each_target
def test_equal_requests_are_equal_to_the_byte(dialect: str, model: str, request_: Request) -> None:
    """Prompt caches live from it."""
    one, other = (orjson.dumps(encode(request_, dialect, model).body) for _ in range(2))
    assert one == other


@examples(20)
@given(requests(is_tidy=False))
@each_target
def test_a_longer_conversation_begins_like_the_shorter_one(dialect: str, model: str, request_: Request) -> None:
    """But for the thoughts that DeepSeek wants to see within a loop of tool calls alone."""
    tidy = Message(Role.ASSISTANT, (Text("Well then."),))
    request_ = without_thoughts(request_)
    longer = replace(request_, messages=(*request_.messages, Message(Role.USER, (Text("Bye."),)), tidy))
    short, long = (encode(request, dialect, model).body for request in (request_, longer))
    member = next(name for name in ("messages", "contents", "input") if name in short)
    assert long[member][: len(short[member]) - 1] == short[member][:-1]
    assert long.get("tools") == short.get("tools")


# -- reasoning --------------------------------------------------------------------------------------------------------

REASONING = {"thinking", "redacted_thinking", "reasoning"}
THOUGHTS = {"reasoning_content", "reasoning_details", "reasoning"}


def visible(value: Any) -> Iterator[str]:
    """Every text of a body that is not in a place for reasoning."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from visible(item)
    elif isinstance(value, dict) and value.get("type") not in REASONING and value.get("thought") is not True:
        for name, item in value.items():
            yield from () if name in THOUGHTS else visible(item)


@examples(40)
@given(conversations(is_tidy=False))
@each_target
def test_thoughts_are_never_visible_and_proofs_reach_their_maker_alone(
    dialect: str, model: str, history: tuple[Message, ...]
) -> None:
    body = encode(Request("m", history), dialect, model).body
    assert not any("THOUGHT" in text for text in visible(body))
    raw = orjson.dumps(body).decode()
    maker = target_of(Dialect(dialect), model).family.maker
    others = {"claude", "gemini", "openai"} - {maker}
    assert not any(f"SIGNED{other}" in raw for other in others) and signatures.TAG not in raw


def echo(client: str, body: Mapping[str, Any]) -> list[Any]:
    """An answer as a client repeats it in its next request."""
    match client:
        case "openai":
            return [body["choices"][0]["message"]]
        case "claude":
            return [{"role": "assistant", "content": body["content"]}]
        case "gemini":
            return [body["candidates"][0]["content"]]
        case _:
            return list(body["output"])


def forgotten(client: str, said: list[Any]) -> list[Any]:
    """The same from a client that knows only what its vendor documents, or leaves thoughts out."""
    if client == "openai":
        unknown = ("reasoning_content", "reasoning_details", "extra_content")
        return [without(said[0], *unknown) | calls_without(said[0], "extra_content")]
    if client == "gemini":
        parts = [without(part, "thoughtSignature") for part in said[0]["parts"] if part.get("thought") is not True]
        return [{**said[0], "parts": [part for part in parts if part]}]
    kept = [part for part in (said[0]["content"] if client == "claude" else said) if part["type"] not in REASONING]
    return [{**said[0], "content": kept}] if client == "claude" else kept


def without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in names}


def calls_without(message: Mapping[str, Any], *names: str) -> dict[str, Any]:
    calls = message.get("tool_calls")
    return {"tool_calls": [without(call, *names) for call in calls]} if calls else {}


def asked_again(client: str, said: list[Any]) -> Request:
    first: dict[str, Any] = {"role": "user", "content": "Go."}
    bodies: dict[str, dict[str, Any]] = {
        "openai": {"model": "m", "messages": [first, *said]},
        "claude": {"model": "m", "max_tokens": 9, "messages": [first, *said]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "Go."}]}, *said]},
        "responses": {"model": "m", "input": [first, *said]},
    }
    body = orjson.loads(orjson.dumps(bodies[client]))
    return DIALECTS[Dialect(client)].decode_request(body, "m")


def signed_before_calls(answer: Answer) -> list[str]:
    """The proofs that a vendor wants to see again: of its calls, and of the thoughts that led to them."""
    last = max((number for number, part in enumerate(answer.parts) if isinstance(part, ToolCall)), default=-1)
    signed = (getattr(part, "signature", None) for part in answer.parts[: last + 1])
    return [signature.value for signature in signed if signature is not None]


@pytest.mark.parametrize("forgets", [False, True], ids=["faithful", "forgetful"])
@pytest.mark.parametrize("client", SOURCES)
@pytest.mark.parametrize("maker", NATIVE)
@examples(20)
@given(st.data())
def test_proofs_survive_the_clients_echo(maker: str, client: str, forgets: bool, data: st.DataObject) -> None:
    """The answer of one maker goes to any client and comes back to the same maker, with all it signed unchanged, and to
    another one with nothing of it."""
    drawn = data.draw(answers(maker))
    answer = fold(restoring.restore(unfold(drawn), Toolbox(), REPLY.id))
    proofs = signed_before_calls(answer)
    assume(proofs and len({part.id for part in drawn.parts if isinstance(part, ToolCall)}) == len(calls_of(answer)))
    said = echo(client, DIALECTS[Dialect(client)].encode_response(answer, REPLY))
    request = asked_again(client, forgotten(client, said) if forgets else said)
    kept = signatures.keepsakes(answer.parts)
    request = signatures.restored(request, {key: kept[key] for key in signatures.wanted(request) if key in kept})
    for dialect, model in TARGETS:
        raw = orjson.dumps(encode(request, dialect, model).body).decode()
        if dialect == NATIVE[maker] and target_of(Dialect(dialect), model).family.maker == maker:
            assert [proof for proof in proofs if proof not in raw] == []
        elif target_of(Dialect(dialect), model).family.maker != maker:
            assert f"SIGNED{maker}" not in raw


def calls_of(answer: Answer) -> list[ToolCall]:
    return [part for part in answer.parts if isinstance(part, ToolCall)]


@pytest.mark.parametrize("client", SOURCES)
@examples(20)
@given(st.data())
def test_a_call_is_known_again_after_the_clients_echo(client: str, data: st.DataObject) -> None:
    drawn = data.draw(answers("openai"))
    answer = fold(restoring.restore(unfold(drawn), Toolbox(), REPLY.id))
    request = asked_again(client, echo(client, DIALECTS[Dialect(client)].encode_response(answer, REPLY)))
    again = [part for part in parts_of(request) if isinstance(part, ToolCall)]
    assert [signatures.key_of(call) for call in again] == [signatures.key_of(call) for call in calls_of(answer)]


def test_thoughts_stay_before_the_words_that_came_of_them() -> None:
    """Claude refuses a turn with calls that begins otherwise; Chat's clients know no order."""
    proof = Signature("claude", "c2ln")
    parts = (Reasoning("Hm.", proof), Text("I look."), ToolCall("1", "f", "{}"))
    answer = Answer("a", "m", parts, Finish.TOOL_CALLS)
    said = forgotten("openai", echo("openai", DIALECTS[Dialect.OPENAI].encode_response(answer, REPLY)))
    request = signatures.restored(asked_again("openai", said), signatures.keepsakes(parts))
    sent = encode(request, "claude", "claude-sonnet-4-5").body["messages"][1]["content"]
    assert [block["type"] for block in sent] == ["thinking", "text", "tool_use"]


def test_what_a_target_cannot_say_is_refused_by_name() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    asked = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hear"}, sound]}]}
    request = DIALECTS[Dialect.OPENAI].decode_request(asked)
    with pytest.raises(CannotSay) as refused:
        cross_request(request, Dialect.CLAUDE, "claude-sonnet-4-5")
    assert refused.value.param is not None and refused.value.param.startswith("messages[0].content[1]")
