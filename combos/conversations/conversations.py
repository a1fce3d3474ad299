"""What a conversation needs to be remembered of it, and how it comes back into a request.

Two things: signatures over reasoning that the client's dialect cannot carry (`translator.signatures`), and the turns
behind a `previous_response_id` of the Responses API, which a client names instead of sending them again.
"""

import hashlib

import orjson

from combos.conversations.memory import FORGETTABLE, Memory
from combos.refusals import UnknownResponse
from translator import signatures, sse
from translator.dialect import ClientRequest, Dialect
from translator.dialects import responses
from translator.families import family_of
from translator.json_body import JsonBody
from translator.messages import Part, Request

NOBODY = "-"
PREVIOUS = "previous_response_id"


def takes_signatures(dialect: Dialect, model: str) -> bool:
    """Whether this model could want anything back: most that are asked in chat sign nothing."""
    return dialect is not Dialect.OPENAI or family_of(model, dialect).maker == "gemini"


async def with_signatures(request: Request, owner: str, memory: Memory) -> Request:
    """The request with the signatures that its client could not repeat."""
    wanted = signatures.wanted(request)
    return signatures.restored(request, await memory.recall(owner, wanted)) if wanted else request


def without_reasoning(request: Request) -> Request:
    return signatures.only_of(request, NOBODY)


async def with_previous_turns(asked: ClientRequest, owner: str, memory: Memory) -> ClientRequest:
    """The request with the turns behind its `previous_response_id` in front of its own. Raises UnknownResponse."""
    previous = asked.body.value.get(PREVIOUS)
    if asked.dialect is not Dialect.RESPONSES or not isinstance(previous, str) or not previous:
        return asked
    key = _key(previous)
    kept = (await memory.recall(owner, [key])).get(key)
    if kept is None:
        raise UnknownResponse(previous)
    turns = [*orjson.loads(kept)["items"], *responses.input_items(asked.body.value)]
    raw = asked.body.with_members({"input": orjson.dumps(turns)}, [PREVIOUS])
    return ClientRequest(asked.dialect, JsonBody.parse(raw), asked.model, asked.is_streaming, asked.shows_usage)


async def stored_response(response_id: str, owner: str, memory: Memory) -> bytes:
    """An answer of the Responses API as it was given. Raises UnknownResponse."""
    key = _key(response_id)
    kept = (await memory.recall(owner, [key])).get(key)
    if kept is None:
        raise UnknownResponse(response_id)
    return orjson.dumps(orjson.loads(kept)["response"])


async def forget_response(response_id: str, owner: str, memory: Memory) -> None:
    """Raises UnknownResponse."""
    if not await memory.forget(owner, _key(response_id)):
        raise UnknownResponse(response_id)


def worth_keeping(asked: ClientRequest, body: bytes, parts: tuple[Part, ...], *, is_stream: bool) -> dict[str, bytes]:
    """What to remember of an answer, by key. `body` is a whole one, or the bytes that end a stream."""
    kept = signatures.keepsakes(parts)
    if asked.dialect is not Dialect.RESPONSES or asked.body.value.get("store") is False:
        return kept
    bodies = [responses.final_response(sse.data(frame)) for frame in sse.split(body)] if is_stream else [body]
    for each in filter(None, bodies):
        kept |= _response(asked, each)
    return kept


def _response(asked: ClientRequest, body: bytes) -> dict[str, bytes]:
    value = orjson.loads(body)
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return {}
    items = [*responses.input_items(asked.body.value), *responses.output_items(value)]
    return {_key(value["id"]): orjson.dumps({"items": items, "response": value})}


def _key(response_id: str) -> str:
    """Ids come from vendors and clients, and may be of any length."""
    return FORGETTABLE + hashlib.sha256(response_id.encode()).hexdigest()[:40]
