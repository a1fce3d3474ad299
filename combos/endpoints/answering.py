"""From HTTP to the pipeline and back, the same for every endpoint. A refusal becomes an error in the client's dialect.

Everything here is async and touches no database.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from billing.calendar import now
from combos import outgoing, pipeline, runtime
from combos.admission import admit
from combos.conversations import affinity, conversations
from combos.endpoints import counting, listings
from combos.endpoints.framing import as_array
from combos.endpoints.pulse import Pulse
from combos.gateway import Gateway
from combos.refusals import AllFailed, InvalidBody, Refusal
from combos.settling.recording import Recorder
from combos.streaming import Streaming
from combos.trial import Asked, Whole
from translator.dialect import ClientRequest, Dialect
from translator.dialects import DIALECTS, openai
from translator.json_body import JsonBody, MalformedJson
from translator.losses import InvalidRequest

JSON = "application/json"
NO_HEADERS: Mapping[str, str] = {}
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""nginx would hold a stream back until its buffer is full."""
STREAM_TYPES: Mapping[Dialect, str] = {Dialect.OLLAMA: "application/x-ndjson"}
DROPPED = "X-OmniRoute-Dropped"
ROUTE = "X-OmniRoute-Route"
ESTIMATED = "X-OmniRoute-Estimated"
RECORDER = "omniroute.recorder"
"""There only where bodies are logged."""
STRICT = "HTTP_X_OMNIROUTE_STRICT"
"""As Django spells X-OmniRoute-Strict."""

_DIALECTS_OF_PATHS: tuple[tuple[str, Dialect], ...] = (
    ("/v1/messages", Dialect.CLAUDE),
    ("/v1/v1/messages", Dialect.CLAUDE),
    ("/v1/responses", Dialect.RESPONSES),
    ("/responses", Dialect.RESPONSES),
    ("/codex", Dialect.RESPONSES),
    ("/v1beta", Dialect.GEMINI),
    ("/api/", Dialect.OLLAMA),
    ("/v1/api/", Dialect.OLLAMA),
)


async def answer(
    request: HttpRequest, dialect: Dialect, model: str = "", is_streaming: bool | None = None, *, in_array: bool = False
) -> HttpResponse | StreamingHttpResponse:
    """What the client asked, answered. `in_array`: a stream is sent as one JSON array instead of as events."""
    try:
        response = await _answer(request, dialect, model, is_streaming, in_array=in_array)
    except asyncio.CancelledError:
        if recorder := request.META.get(RECORDER):
            recorder.nothing()
        raise
    if recorder := request.META.get(RECORDER):
        recorder.hear(response)
    return response


async def _answer(
    request: HttpRequest, dialect: Dialect, model: str, is_streaming: bool | None, *, in_array: bool
) -> HttpResponse | StreamingHttpResponse:
    kind = JSON if in_array else STREAM_TYPES.get(dialect, outgoing.STREAM)
    pulse: Pulse = request.META["omniroute.pulse"]
    try:
        gateway = await runtime.gateway()
        asked = await _asked(request, dialect, model, is_streaming, gateway)
        if gateway.bodies is not None:
            request.META[RECORDER] = Recorder(gateway.bodies, asked.request_id, now(), dialect, request.body)
        if asked.request.is_streaming:
            limits = gateway.keeper.current.limits
            pulse.begin(kind, STREAM_HEADERS, DIALECTS[dialect].KEEP_ALIVE, limits.keep_alive_seconds)
        found = await pipeline.answer(asked, gateway)
    except Refusal as refusal:
        if not pulse.has_begun:
            return refused(refusal, dialect)
        return _streamed(_once(_told_inside(refusal, asked)), kind, in_array=in_array)
    headers = {ROUTE: found.route}
    if found.dropped:
        headers[DROPPED] = outgoing.header_of(found.dropped)
    if isinstance(found, Whole) and not found.is_stream:
        return HttpResponse(found.body, content_type=JSON, headers=headers)
    pieces = found if isinstance(found, Streaming) else _once(found.body)
    return _streamed(pieces, kind, headers, in_array=in_array)


async def _asked(
    request: HttpRequest, dialect: Dialect, model: str, is_streaming: bool | None, gateway: Gateway
) -> Asked:
    """Who asks comes before what is asked: a stranger learns nothing of the body. Raises Refusal."""
    meta = request.META
    key = admit(meta, gateway, now())
    asked = read(request.body, dialect, model, is_streaming)
    asked = await conversations.with_previous_turns(asked, str(key.id) if key else "", gateway.memory)
    is_strict = meta.get(STRICT, "").lower() == "true"
    beta = meta.get("HTTP_ANTHROPIC_BETA", "")
    return Asked(meta["omniroute.request_id"], key, asked, beta, is_strict, affinity.named_by(meta))


def _streamed(
    pieces: AsyncIterator[bytes], kind: str, headers: Mapping[str, str] = NO_HEADERS, *, in_array: bool
) -> StreamingHttpResponse:
    framed = as_array(pieces) if in_array else pieces
    return StreamingHttpResponse(framed, content_type=kind, headers={**STREAM_HEADERS, **headers})


def _told_inside(refusal: Refusal, asked: Asked) -> bytes:
    """A refusal for a client that was told 200 already, to keep it from hanging up."""
    reply = outgoing.reply_of(asked.request, asked.reply_id)
    return DIALECTS[asked.request.dialect].make_stream_encoder(reply).fail(refusal.status, refusal.message)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def counted(request: HttpRequest, dialect: Dialect, model: str, member: str) -> HttpResponse:
    """How many tokens the request has, under the name the client looks for. A header marks an estimate."""
    try:
        gateway = await runtime.gateway()
        key = admit(request.META, gateway, now())
        with _bad_bodies_refused():
            asked = counting.read(request.body, dialect, model)
        found = await counting.count(asked, request.META["omniroute.request_id"], key, gateway)
    except Refusal as refusal:
        return refused(refusal, dialect)
    headers = {ESTIMATED: "true"} if found.is_estimated else {}
    return HttpResponse(orjson.dumps({member: found.tokens}), content_type=JSON, headers=headers)


async def remembered(request: HttpRequest, response_id: str) -> HttpResponse:
    """A stored answer of the Responses API, or on DELETE the word that it is forgotten."""
    try:
        gateway = await runtime.gateway()
        key = admit(request.META, gateway, now())
        owner = str(key.id) if key else ""
        if request.method == "DELETE":
            await conversations.forget_response(response_id, owner, gateway.memory)
            body = orjson.dumps({"id": response_id, "object": "response", "deleted": True})
        else:
            body = await conversations.stored_response(response_id, owner, gateway.memory)
    except Refusal as refusal:
        return refused(refusal, Dialect.RESPONSES)
    return HttpResponse(body, content_type=JSON)


async def listed(request: HttpRequest, dialect: Dialect) -> HttpResponse:
    """Every model that a request may name right now."""
    try:
        found = await listings.all_models(request.META)
    except Refusal as refusal:
        return refused(refusal, dialect)
    return HttpResponse(orjson.dumps(listings.page(dialect, found)), content_type=JSON)


async def listed_one(request: HttpRequest, dialect: Dialect, model: str) -> HttpResponse:
    try:
        found = await listings.one_model(request.META, model)
    except Refusal as refusal:
        return refused(refusal, dialect)
    return HttpResponse(orjson.dumps(listings.entry(dialect, found)), content_type=JSON)


def read(raw: bytes, dialect: Dialect, model: str = "", is_streaming: bool | None = None) -> ClientRequest:
    """Raises InvalidBody, naming the member."""
    with _bad_bodies_refused():
        body = JsonBody.parse(raw)
        body.spans  # noqa: B018 - finds names that appear twice
        if dialect is Dialect.OPENAI and openai.is_responses_body(body.value):
            body = openai.from_responses_body(body)
        return DIALECTS[dialect].read_request(body, model, is_streaming)


@contextmanager
def _bad_bodies_refused() -> Iterator[None]:
    try:
        yield
    except MalformedJson as error:
        raise InvalidBody(str(error), error.param) from None
    except InvalidRequest as error:
        raise InvalidBody(error.message, error.param) from None


def dialect_of(path: str) -> Dialect:
    """In which dialect an error at this path is told."""
    if path.endswith(("Content", "Tokens")) and ":" in path:
        return Dialect.GEMINI
    return next((dialect for prefix, dialect in _DIALECTS_OF_PATHS if path.startswith(prefix)), Dialect.OPENAI)


def refused(refusal: Refusal, dialect: Dialect) -> HttpResponse:
    body = DIALECTS[dialect].encode_error(refusal.status, refusal.message, refusal.code, refusal.param)
    if isinstance(refusal, AllFailed):
        body = _with_attempts(body, refusal)
    response = HttpResponse(body, content_type=JSON, status=refusal.status)
    if isinstance(refusal, AllFailed) and refusal.route:
        response[ROUTE] = refusal.route
    if refusal.retry_after is not None:
        response["Retry-After"] = str(max(1, round(refusal.retry_after)))
    return response


def _with_attempts(body: bytes, refusal: AllFailed) -> bytes:
    """Beside the message, in every dialect whose error is an object."""
    value = orjson.loads(body)
    if refusal.attempts and isinstance(value.get("error"), dict):
        value["error"]["attempts"] = refusal.attempts
        return orjson.dumps(value)
    return body


class WrongMethod(Refusal):
    status = 405
    code = "method_not_allowed"


def not_allowed(request: HttpRequest) -> HttpResponse:
    return refused(WrongMethod(f"{request.method} is not what {request.path} takes."), dialect_of(request.path))
