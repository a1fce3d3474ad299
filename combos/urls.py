"""What the short path serves: clients' endpoints, in both spellings, and the probes. Errors are JSON here."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from combos import v1
from combos.refusals import Refusal
from health import probes

urlpatterns = [
    path("v1/", v1.api.urls),
    path("chat/completions", v1.chat_completions_at_root),
    path("models", v1.models_at_root),
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
    return v1.refused(NoSuchPath(f"There is no endpoint {request.method} {request.path}."))


def handler500(request: HttpRequest) -> HttpResponse:
    return v1.refused(BrokenGateway("The gateway failed; its log says why."))
