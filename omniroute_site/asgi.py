"""The ASGI application. Clients' endpoints take the short path; everything else is Django as it comes."""

import os
import warnings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute_site.settings")

from typing import Any

import django

django.setup()
# whitenoise hands static files to Django as sync iterators, which ASGI reads at once: they are small and cached.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

from django.core.asgi import get_asgi_application  # noqa: E402

from omniroute_site import lifespan  # noqa: E402
from omniroute_site.short_path import ShortPathHandler  # noqa: E402

SHORT = ("/v1/", "/v1beta/", "/healthz", "/readyz", "/chat/completions", "/responses", "/models", "/codex/")
OLLAMA = frozenset({"/api/chat", "/api/tags", "/api/version"})
"""Ollama's clients take these paths for granted; the rest of /api is the management API."""

short_path = ShortPathHandler("combos.urls")
full_path = get_asgi_application()


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan.run(receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4404})
    elif _is_clients(scope["path"], scope["method"]):
        await short_path(scope, receive, send)
    else:
        await full_path(scope, receive, send)


def _is_clients(path: str, method: str) -> bool:
    return path.startswith(SHORT) or path in OLLAMA or (path == "/" and method == "HEAD")
