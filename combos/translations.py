"""One request, answer or stream turned from one dialect into another without sending it: the translator on its own.

Signatures that the target cannot carry are remembered as they are for requests to `/v1`, so that a conversation can be
translated step by step.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from combos.conversations import memory
from combos.conversations.memory import Entry
from translator import crossing, echoes, signatures
from translator.crossing import StreamCrossing
from translator.dialect import Dialect, Reply
from translator.dialects import DIALECTS
from translator.json_body import JsonBody
from translator.losses import Dropped, InvalidRequest, UpstreamComplaint
from translator.messages import Part
from translator.toolbox import Toolbox

MEMORY_HOURS = 24


class Kind(StrEnum):
    REQUEST = "request"
    RESPONSE = "response"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Translation:
    """What to turn into what. `payload` is JSON, of a stream its text. `model` is the target's name for the model."""

    source: Dialect
    target: Dialect
    kind: Kind
    payload: Any
    model: str
    owner: str
    """Whose signatures are remembered."""
    number: str
    """Makes ids; letters and digits."""


@dataclass(frozen=True, slots=True)
class Translated:
    result: Any
    dropped: tuple[Dropped, ...] = ()


def translate(asked: Translation) -> Translated:
    """Raises InvalidRequest: the payload is wrong in its own dialect, or has a part that the target cannot say."""
    if not isinstance(asked.payload, str if asked.kind is Kind.STREAM else dict):
        raise InvalidRequest(f"`payload` of a {asked.kind} must be {_shape_of(asked.kind)}.", "payload")
    return _TRANSLATE[asked.kind](asked)


def _shape_of(kind: Kind) -> str:
    return "the text of its events" if kind is Kind.STREAM else "a JSON object"


def _request(asked: Translation) -> Translated:
    model = asked.model or str(asked.payload.get("model") or "")
    if asked.source is asked.target:
        return Translated(_same_dialect(asked, model))
    request = DIALECTS[asked.source].decode_request(asked.payload, model)
    wanted = signatures.wanted(request)
    if wanted:
        request = signatures.restored(request, memory.read(asked.owner, wanted))
    encoded = crossing.cross_request(request, asked.target, model)
    return Translated(encoded.body, encoded.dropped)


def _same_dialect(asked: Translation, model: str) -> dict[str, Any]:
    """The payload as it would go out: with the target's model, and without what another vendor signed."""
    family = crossing.target_of(asked.target, model).family
    body = JsonBody(orjson.dumps(asked.payload), asked.payload)
    edits = {name: orjson.loads(text) for name, text in echoes.edits(asked.target, body, family.maker).items()}
    named = {} if asked.target is Dialect.GEMINI or not model else {"model": model}
    return {**asked.payload, **edits, **named}


def _response(asked: Translation) -> Translated:
    """An error in the place of an answer stays one; what is neither is refused."""
    if asked.source is asked.target:
        return Translated(asked.payload)
    reply = _reply(asked)
    try:
        answer = crossing.read_whole(asked.source, asked.payload, _toolbox(asked), reply.id)
    except UpstreamComplaint as complaint:
        if not _is_error(asked.payload):
            raise InvalidRequest(f"`payload` is no answer: {complaint.message}", "payload") from None
        return Translated(orjson.loads(DIALECTS[asked.target].encode_error(complaint.status, complaint.message)))
    _remember(asked, answer.parts)
    return Translated(DIALECTS[asked.target].encode_response(answer, reply))


def _stream(asked: Translation) -> Translated:
    if asked.source is asked.target:
        return Translated(asked.payload)
    crossed = _crossing(asked)
    try:
        text = crossed.feed(asked.payload.encode()) + crossed.finish()
    except UpstreamComplaint as complaint:  # Before anything was said, so what had begun is not shown.
        text = _crossing(asked).fail(complaint.status, complaint.message)
    _remember(asked, crossed.parts)
    return Translated(text.decode())


def _crossing(asked: Translation) -> StreamCrossing:
    return StreamCrossing(asked.source, asked.target, _toolbox(asked), _reply(asked))


def _toolbox(asked: Translation) -> Toolbox:
    """No request says which tools the client knows; only those of the Responses API are always taken as freeform."""
    return Toolbox(has_only_functions=asked.target is not Dialect.RESPONSES)


def _is_error(payload: dict[str, Any]) -> bool:
    """Whether a vendor says in the place of an answer that it has none."""
    return any(payload.get(member) for member in ("error", "detail", "message", "msg"))


_TRANSLATE = {Kind.REQUEST: _request, Kind.RESPONSE: _response, Kind.STREAM: _stream}


def _reply(asked: Translation) -> Reply:
    return Reply(asked.number, int(time.time()), asked.model)


def _remember(asked: Translation, parts: tuple[Part, ...]) -> None:
    if kept := signatures.keepsakes(parts):
        memory.write(Entry(asked.owner, key, value, MEMORY_HOURS) for key, value in kept.items())


def detect(value: dict[str, Any]) -> Dialect:
    """The dialect that a request's body most likely is in. Only people need this guess; `/v1` goes by the path."""
    if "contents" in value or "generateContentRequest" in value:
        return Dialect.GEMINI
    if "input" in value or "previous_response_id" in value:
        return Dialect.RESPONSES
    if _is_claude(value):
        return Dialect.CLAUDE
    return Dialect.OPENAI


def _is_claude(value: dict[str, Any]) -> bool:
    if any(name in value for name in ("system", "stop_sequences", "anthropic_version", "thinking", "output_config")):
        return True
    blocks = [block for block in _content_blocks(value) if isinstance(block, dict)]
    if any(block.get("type") in ("tool_use", "tool_result", "thinking", "image", "document") for block in blocks):
        return True
    tools = value.get("tools")
    return isinstance(tools, list) and any(isinstance(tool, dict) and "input_schema" in tool for tool in tools)


def _content_blocks(value: dict[str, Any]) -> list[Any]:
    messages = value.get("messages")
    turns = messages if isinstance(messages, list) else ()
    contents = [message.get("content") for message in turns if isinstance(message, dict)]
    return [block for content in contents if isinstance(content, list) for block in content]
