"""The endpoints of clients: `/v1` and its short spellings. From HTTP to the pipeline and back, nothing else.

Everything here is async and touches no database. A refusal becomes an error in the client's dialect.
"""

import time
from collections.abc import Iterable

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import NinjaAPI

from billing.ledger import now
from combos import pipeline, runtime
from combos.admission import identify
from combos.pipeline import Asked, Whole
from combos.refusals import InvalidBody, Refusal, UnknownModel, WrongKey
from combos.resolver import close_matches
from combos.snapshot import Snapshot
from providers.snapshot import ProviderFacts
from translator.dialects import InvalidRequest, openai
from translator.dialects.openai import ChatRequest

JSON = "application/json"
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""nginx would hold a stream back until its buffer is full."""


class ClientApi(NinjaAPI):
    """ninja's, except that the response it makes for views that only set headers on one is always the same: none do."""

    _unused = HttpResponse()

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        return self._unused


api = ClientApi(title="OmniRoute", urls_namespace="v1", docs_url=None, openapi_url=None)


@api.post("/chat/completions")
async def chat_completions(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """OpenAI Chat Completions, streamed when the body says `"stream": true`."""
    request_id = request.META["omniroute.request_id"]
    try:
        gateway = await runtime.gateway()
        key = identify(request.META, gateway.keeper.current, now())
        asked = Asked(request_id, key, _parse(request.body))
        answer = await pipeline.answer(asked, gateway)
    except Refusal as refusal:
        return refused(refusal)
    if isinstance(answer, Whole):
        return HttpResponse(answer.body, content_type=JSON)
    return StreamingHttpResponse(answer, content_type="text/event-stream", headers=STREAM_HEADERS)


def _parse(raw: bytes) -> ChatRequest:
    try:
        return openai.read_request(raw)
    except InvalidRequest as error:
        raise InvalidBody(error.message, error.param) from None


@api.get("/models")
async def models(request: HttpRequest) -> HttpResponse:
    """Every model a request may name right now: combos first, then the models of connected providers."""
    try:
        snapshot = await _snapshot_for_lists(request)
    except Refusal as refusal:
        return refused(refusal)
    return _json({"object": "list", "data": [*_listed(snapshot)]})


@api.get("/models/{path:model}")
async def model(request: HttpRequest, model: str) -> HttpResponse:
    """One of them, as OpenAI's SDK asks for it."""
    try:
        snapshot = await _snapshot_for_lists(request)
    except Refusal as refusal:
        return refused(refusal)
    found = next((entry for entry in _listed(snapshot) if entry["id"] == model), None)
    return _json(found) if found else refused(UnknownModel(model, close_matches(model, snapshot)))


async def _snapshot_for_lists(request: HttpRequest) -> Snapshot:
    """For who may see which models there are. Raises WrongKey."""
    snapshot = (await runtime.gateway()).keeper.current
    key = identify(request.META, snapshot, now())
    if snapshot.limits.models_need_key and key is None:
        raise WrongKey
    return snapshot


def _listed(snapshot: Snapshot) -> Iterable[dict[str, object]]:
    created = int(time.time())
    for name in snapshot.combos:
        yield {"id": name, "object": "model", "created": created, "owned_by": "combo", "type": "chat"}
    for facts in snapshot.directory.all():
        if facts.is_ready():
            yield from _of_provider(facts, created)


def _of_provider(facts: ProviderFacts, created: int) -> Iterable[dict[str, object]]:
    for model in facts.models.values():
        if model.kind == "chat" and facts.speaks(model):
            yield {
                "id": f"{facts.prefix}/{model.id}",
                "object": "model",
                "created": created,
                "owned_by": facts.slug,
                "type": model.kind,
                "context_window": model.context_window,
            }


async def chat_completions_at_root(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """For clients whose base URL has no `/v1`."""
    return await chat_completions(request) if request.method == "POST" else not_allowed(request)


async def models_at_root(request: HttpRequest) -> HttpResponse:
    return await models(request) if request.method == "GET" else not_allowed(request)


class WrongMethod(Refusal):
    status = 405
    code = "method_not_allowed"


def not_allowed(request: HttpRequest) -> HttpResponse:
    return refused(WrongMethod(f"{request.method} is not what {request.path} takes."))


def refused(refusal: Refusal) -> HttpResponse:
    response = HttpResponse(
        openai.encode_error(refusal.status, refusal.message, refusal.code, refusal.param),
        content_type=JSON,
        status=refusal.status,
    )
    if refusal.retry_after is not None:
        response["Retry-After"] = str(max(1, round(refusal.retry_after)))
    return response


def _json(payload: object) -> HttpResponse:
    return HttpResponse(orjson.dumps(payload), content_type=JSON)
