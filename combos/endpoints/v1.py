"""The endpoints of OpenAI's and Anthropic's clients: `/v1` and its short spellings. The path decides the dialect."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import NinjaAPI

from combos.endpoints import gemini, listings
from combos.endpoints.answering import answer, counted, listed, listed_one, remembered
from translator.dialect import Dialect

Answer = HttpResponse | StreamingHttpResponse


class ClientApi(NinjaAPI):
    """ninja's, except that the response it makes for views that only set headers on one is always the same: none do."""

    _unused = HttpResponse()

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        return self._unused


api = ClientApi(title="OmniRoute", urls_namespace="v1", docs_url=None, openapi_url=None)


@api.post("/chat/completions")
async def chat_completions(request: HttpRequest) -> Answer:
    """OpenAI Chat Completions, streamed when the body says `"stream": true`."""
    return await answer(request, Dialect.OPENAI)


@api.post("/responses")
async def responses(request: HttpRequest) -> Answer:
    """OpenAI Responses, streamed when the body says `"stream": true`."""
    return await answer(request, Dialect.RESPONSES)


@api.api_operation(["GET", "DELETE"], "/responses/{response_id}")
async def response(request: HttpRequest, response_id: str) -> HttpResponse:
    """An answer that was stored, or the end of it."""
    return await remembered(request, response_id)


@api.post("/messages")
async def messages(request: HttpRequest) -> Answer:
    """Anthropic Messages."""
    return await answer(request, Dialect.CLAUDE)


@api.post("/messages/count_tokens")
async def count_tokens(request: HttpRequest) -> HttpResponse:
    """Anthropic's count of system, tools and messages; a header marks an estimate."""
    return await counted(request, Dialect.CLAUDE, "", "input_tokens")


@api.get("/models")
async def models(request: HttpRequest) -> HttpResponse:
    """Every model a request may name right now, in the shape of the client's SDK."""
    return await listed(request, listings.dialect_of(request.META))


@api.get("/models/{path:model}")
async def model(request: HttpRequest, model: str) -> HttpResponse:
    """One of them."""
    return await listed_one(request, listings.dialect_of(request.META), model)


@api.post("/models/{path:model}")
async def gemini_action(request: HttpRequest, model: str) -> Answer:
    """`{model}:generateContent` and its like: Google's SDK asks here as well as under /v1beta.

    The path is spelled as the one above, since ninja knows the methods of a path by its spelling.
    """
    return await gemini.act(request, model)


@api.post("/api/chat")
async def ollama_chat(request: HttpRequest) -> Answer:
    """Ollama's chat, for clients whose base URL ends in /v1."""
    return await answer(request, Dialect.OLLAMA)


@api.get("/api/tags")
async def ollama_tags(request: HttpRequest) -> HttpResponse:
    return await listed(request, Dialect.OLLAMA)
