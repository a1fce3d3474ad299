"""The endpoints of Gemini's clients: `/v1beta`. The path names the model, which may hold slashes, and what to do."""

from collections.abc import Awaitable, Callable, Mapping

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from combos.endpoints.answering import answer, counted, listed, listed_one, not_allowed, refused
from combos.refusals import Refusal
from translator.dialect import Dialect

Answer = HttpResponse | StreamingHttpResponse
MODELS = "models/"


class NoSuchAction(Refusal):
    status = 404
    code = "not_found"


async def act(request: HttpRequest, action: str) -> Answer:
    """`{model}:{verb}`, with or without `models/` in front."""
    model, _, verb = action.rpartition(":")
    act = ACTIONS.get(verb)
    if act is None or not model:
        said = f"`{action[-80:]}` is none of {', '.join(f'{{model}}:{name}' for name in ACTIONS)}."
        return refused(NoSuchAction(said), Dialect.GEMINI)
    return await act(request, model.removeprefix(MODELS))


async def _generate(request: HttpRequest, model: str) -> Answer:
    return await answer(request, Dialect.GEMINI, model, is_streaming=False)


async def _stream(request: HttpRequest, model: str) -> Answer:
    in_array = request.GET.get("alt") != "sse"
    return await answer(request, Dialect.GEMINI, model, is_streaming=True, in_array=in_array)


async def _count(request: HttpRequest, model: str) -> Answer:
    return await counted(request, Dialect.GEMINI, model, "totalTokens")


ACTIONS: Mapping[str, Callable[[HttpRequest, str], Awaitable[Answer]]] = {
    "generateContent": _generate,
    "streamGenerateContent": _stream,
    "countTokens": _count,
}


async def models(request: HttpRequest) -> Answer:
    """`GET /v1beta/models`."""
    return await listed(request, Dialect.GEMINI) if request.method == "GET" else not_allowed(request)


async def model(request: HttpRequest, name: str) -> Answer:
    """`/v1beta/models/{model}` and, for some SDKs, `/v1beta/{model}`: a model's facts, or what to do with it."""
    if request.method == "POST":
        return await act(request, name)
    return await listed_one(request, Dialect.GEMINI, name) if request.method == "GET" else not_allowed(request)
