"""Misconfiguration, found before anything starts. Each has an id and says what to do."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from omniroute_site.environment import ENVIRONMENT, SWITCHES, env, raw
from omniroute_site.installation import SHORTEST_PASSWORD, SHORTEST_SECRET, weakness


def register_all() -> None:
    for check in (secrets, urls, switches, workers, password):
        register(check, Tags.security)


def secrets(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name} {fault}.",
            hint=f"Unset {name}: a random one is made and kept in {settings.DATA_DIR / 'secrets'}.",
            id="omniroute.E001",
        )
        for name in ("JWT_SECRET", "API_KEY_SECRET")
        if env(name) and (fault := weakness(env(name), SHORTEST_SECRET))
    ]


def password(**_: Any) -> list[CheckMessage]:
    fault = env("INITIAL_PASSWORD") and weakness(env("INITIAL_PASSWORD"), SHORTEST_PASSWORD)
    hint = "Choose another, or unset it: a random one is made and shown once."
    return [Error(f"INITIAL_PASSWORD {fault}.", hint=hint, id="omniroute.E002")] if fault else []


def urls(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name} is not an http or https URL: {value}", hint="Example: https://llm.example.com", id="omniroute.E003"
        )
        for name in ("BASE_URL", "CLOUD_URL")
        if (value := env(name)) and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname)
    ]


def switches(**_: Any) -> list[CheckMessage]:
    """A switch that is neither on nor off would silently be off."""
    return [
        Error(f"{name} is neither true nor false: {value}", hint="Write true or false.", id="omniroute.E006")
        for name, (kind, _default) in ENVIRONMENT.items()
        if kind is bool and (value := raw(name)) and value.lower() not in SWITCHES
    ]


def workers(**_: Any) -> list[CheckMessage]:
    if settings.WEB_CONCURRENCY < 1:
        return [Error("WEB_CONCURRENCY must be at least 1.", hint="Unset it for one worker.", id="omniroute.E004")]
    if settings.WEB_CONCURRENCY > 1 and not settings.REDIS_URL:
        hint = "Set REDIS_URL, so that the workers can share limits and events, or use one worker."
        return [Error(f"{settings.WEB_CONCURRENCY} workers need Redis.", hint=hint, id="omniroute.E005")]
    if not settings.REQUIRE_API_KEY and settings.BASE_URL.startswith("https://"):
        hint = "Set REQUIRE_API_KEY=true: a proxy that adds no X-Forwarded-For makes every caller look local."
        return [Warning("Requests from this machine need no API key.", hint=hint, id="omniroute.W001")]
    return []
