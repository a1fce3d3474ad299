"""What Django answers when no view did: JSON under /api, a page elsewhere."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults

from omniroute_site.api_errors import Broken, refused
from providers.api_access import ApiRefusal, Missing


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Among others, a Host header that is not ours."""
    if _is_api(request):
        return refused(ApiRefusal("The request is malformed, or its Host header is not in ALLOWED_HOSTS."))
    return defaults.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return refused(Missing(f"There is nothing at {request.method} {request.path}."))
    return defaults.page_not_found(request, exception)


def not_offered(request: HttpRequest) -> HttpResponse:
    """A page of allauth's that needs mail, which this product does not send."""
    raise Http404


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        return refused(Broken("The gateway failed; its log says why."))
    return defaults.server_error(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api")
