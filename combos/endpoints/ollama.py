"""The endpoints of Ollama's clients, whose base URL is a host alone: `/api/chat`, `/api/tags`, `/api/version`."""

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from combos.endpoints.answering import JSON, answer, listed, not_allowed
from translator.dialect import Dialect

VERSION = "0.9.0"
"""The version of Ollama whose API this is; some clients refuse older ones."""

Answer = HttpResponse | StreamingHttpResponse


async def chat(request: HttpRequest) -> Answer:
    """Streams lines of JSON unless the body says `"stream": false`."""
    return await answer(request, Dialect.OLLAMA) if request.method == "POST" else not_allowed(request)


async def tags(request: HttpRequest) -> Answer:
    return await listed(request, Dialect.OLLAMA) if request.method == "GET" else not_allowed(request)


async def version(request: HttpRequest) -> Answer:
    return HttpResponse(orjson.dumps({"version": VERSION}), content_type=JSON)
