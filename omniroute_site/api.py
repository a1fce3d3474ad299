"""Job: the management API, `/api`: the apps' routers put together, and its edge.

Law: every path under `/api` answers JSON, with and without a trailing slash; nobody gets past `identify` unknown; an
operation that names no permission is closed. What errors look like is in `api_errors`. There are no HTML pages here,
so ninja's docs page is off; `GET /api/openapi.json` describes the operations to whoever may call any.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.parser import Parser

import billing.api_keys.api
import billing.api_keys.teams_api
import billing.budgets.api
import billing.prices.api
import billing.reports.api
import combos.api
import combos.combo_api
import combos.routing_api
import combos.watch.api
import combos.what_if.api
import health.api
import health.limits_api
import health.lockouts_api
import providers.api
from combos import runtime
from omniroute_site.api_access import SAFE, identify
from omniroute_site.api_errors import HANDLERS, TooLarge, WrongMethod, refused
from providers.api_access import ApiRefusal, Missing, nobody
from translator.json_body import JsonBody, MalformedJson

LARGEST_BODY = 1 << 20
LARGEST_TRANSLATION = 50 << 20
"""What a client may send to /v1 can also be looked at."""

View = Callable[..., HttpResponse]


class JsonParser(Parser):
    """Takes every body for JSON, whatever its Content-Type says: that of `curl -d` says form."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        try:
            body = JsonBody.parse(request.body)
            _ = body.spans  # which refuses a name that stands there twice
        except MalformedJson as error:
            raise ApiRefusal(str(error), error.param) from None
        return dict(body.value)


class ManagementApi(NinjaAPI):
    """ninja's, with an edge around each view, both spellings of each path, and JSON where there is no view."""

    @property
    def urls(self) -> tuple[list[URLPattern | URLResolver], str, str]:
        patterns, app, namespace = super().urls
        known = [pattern for pattern in patterns if isinstance(pattern, URLPattern) and pattern.name != "api-root"]
        return [*self._in_both_spellings(known), re_path(r"", no_such_path), *patterns[-1:]], app, namespace

    def _in_both_spellings(self, patterns: Iterable[URLPattern]) -> Iterable[URLPattern]:
        for pattern in patterns:
            view = self.with_edge(pattern.callback)
            yield path(str(pattern.pattern), view, name=pattern.name)
            yield path(f"{pattern.pattern}/", view)

    def with_edge(self, view: View) -> View:
        """The view with its body read, its caller known, and each of its errors in our shape."""

        @wraps(view)
        def edge(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                read_body(request)
                identify(request)
                response = view(request, *args, **kwargs)
                if request.method not in SAFE:
                    runtime.catch_up()
            except Exception as error:  # The outermost edge: nothing under /api may end in Django's HTML.
                response = self.on_exception(request, error)
            if isinstance(response, HttpResponseNotAllowed):
                response = refused(WrongMethod(request, response["Allow"]))
            response["Cache-Control"] = "no-store"
            return response

        edge.csrf_exempt = True  # type: ignore[attr-defined]  # `identify` asks for the token, where one is due.
        return edge


def read_body(request: HttpRequest) -> None:
    """Into memory, as far as it may be long: Django's own limit trusts Content-Length. Raises TooLarge."""
    largest = LARGEST_TRANSLATION if request.path.startswith("/api/translator/") else LARGEST_BODY
    body = request.read(largest + 1)
    if len(body) > largest:
        raise TooLarge(largest)
    request._body = body  # type: ignore[attr-defined]


@csrf_exempt
def no_such_path(request: HttpRequest) -> HttpResponse:
    return refused(Missing(f"There is nothing at {request.method} {request.path}."))


api = ManagementApi(
    title="OmniRoute management",
    urls_namespace="management",
    auth=nobody,
    parser=JsonParser(),
    docs_url=None,
    docs_decorator=require_safe,
)
for kind, handler in HANDLERS.items():
    api.add_exception_handler(kind, handler)
api.add_router("", providers.api.router)
api.add_router("", health.api.router)
api.add_router("", health.limits_api.router)
api.add_router("", health.lockouts_api.router)
api.add_router("", billing.api_keys.api.router)
api.add_router("", billing.reports.api.router)
api.add_router("", billing.prices.api.router)
api.add_router("", billing.api_keys.teams_api.router)
api.add_router("", billing.budgets.api.router)
api.add_router("", combos.api.router)
api.add_router("", combos.watch.api.router)
api.add_router("", combos.combo_api.router)
api.add_router("", combos.routing_api.router)
api.add_router("", combos.what_if.api.router)
