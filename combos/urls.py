"""What the short path serves: clients' endpoints, in all their spellings, and the probes. Errors are JSON here."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from combos.endpoints import gemini, ollama, v1
from combos.endpoints.answering import dialect_of, not_allowed, refused
from combos.refusals import Refusal
from health import probes

Answer = HttpResponse | StreamingHttpResponse


def only(method: str, view: Callable[[HttpRequest], Awaitable[Answer]]) -> Callable[..., Coroutine[Any, Any, Answer]]:
    """The view for one method. `rest` is a part of the path that changes nothing."""

    async def checked(request: HttpRequest, rest: str = "") -> Answer:
        return await view(request) if request.method == method else not_allowed(request)

    return checked


async def greeting(request: HttpRequest) -> HttpResponse:
    """`HEAD /`, by which Claude Code asks whether anybody is there."""
    return HttpResponse()


urlpatterns = [
    path("", greeting),
    path("v1/", v1.api.urls),
    path("v1beta/models", gemini.models),
    path("v1beta/models/<path:name>", gemini.model),
    path("v1beta/<path:name>", gemini.model),
    path("chat/completions", only("POST", v1.chat_completions)),
    path("responses", only("POST", v1.responses)),
    path("models", only("GET", v1.models)),
    path("codex/models", only("GET", v1.models)),
    path("codex/<path:rest>", only("POST", v1.responses)),
    path("api/chat", ollama.chat),
    path("api/tags", ollama.tags),
    path("api/version", ollama.version),
    path("healthz", probes.alive),
    path("readyz", probes.ready),
]


class NoSuchPath(Refusal):
    status = 404
    code = "not_found"


class BrokenGateway(Refusal):
    status = 500
    code = "internal_error"


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return handler404(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = f"There is no endpoint {request.method} {request.path}."
    return refused(NoSuchPath(said), dialect_of(request.path))


def handler500(request: HttpRequest) -> HttpResponse:
    return refused(BrokenGateway("The gateway failed; its log says why."), dialect_of(request.path))
