"""Job: the errors of the management API: `{"error": {"message", "type", "code", "param"}}`, one handler a kind.

Law: a field is named as it is spelled on the wire; a traceback goes to the log, never to the caller.
"""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.core.exceptions import NON_FIELD_ERRORS, BadRequest, SuspiciousOperation, ValidationError
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja.errors import HttpError
from ninja.errors import ValidationError as WrongInput

from providers.api_access import ApiRefusal, Missing
from providers.api_bodies import wire_name
from providers.vault import VaultError

log = logging.getLogger(__name__)

TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 503: "service_unavailable"}

UNIQUE = ("unique", "unique_together")
"""Django's codes for a value that another row has."""


class TooLarge(ApiRefusal):
    status = 413
    code = "request_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request is larger than {limit >> 20} MiB.")


class WrongMethod(ApiRefusal):
    status = 405
    code = "method_not_allowed"

    def __init__(self, request: HttpRequest, allowed: str) -> None:
        super().__init__(f"{request.path} takes {allowed}, not {request.method}.")
        self.allowed = allowed


class Conflict(ApiRefusal):
    """Another row has that name already, or somebody else was faster."""

    status = 409
    code = "conflict"


class Unavailable(ApiRefusal):
    status = 503
    code = "unavailable"


class Broken(ApiRefusal):
    status = 500
    code = "internal_error"


def refused(refusal: ApiRefusal) -> HttpResponse:
    error = {"message": refusal.message, "type": _type(refusal.status), "code": refusal.code, "param": refusal.param}
    response = HttpResponse(orjson.dumps({"error": error}), content_type="application/json", status=refusal.status)
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after is not None:
        response["Retry-After"] = str(math.ceil(refusal.retry_after))
    if isinstance(refusal, WrongMethod):
        response["Allow"] = refusal.allowed
    return response


def _type(status: int) -> str:
    return TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")


def on_refusal(request: HttpRequest, refusal: ApiRefusal) -> HttpResponse:
    return refused(refusal)


def on_wrong_input(request: HttpRequest, wrong: WrongInput) -> HttpResponse:
    """What the types of the bodies refuse. An id that cannot be one names nothing, like any unknown id."""
    first = wrong.errors[0]
    if first["loc"][0] == "path":
        return refused(Missing(f"There is nothing at {request.path}: {first['msg']}."))
    sayings = [_saying(error) for error in wrong.errors]
    return refused(ApiRefusal(" ".join(sayings), _param(first)))


def _saying(error: Mapping[str, Any]) -> str:
    param = _param(error)
    if error["type"] == "extra_forbidden":
        return f"{param} is not a field of this body."
    return f"{param}: {error['msg'].removeprefix('Value error, ')}." if param else "Send a JSON object as the body."


def _param(error: Mapping[str, Any]) -> str | None:
    """The location without "body" and the name of our own argument; None for the body as a whole. Queries are flat."""
    if error["loc"][0] == "query":
        return str(error["loc"][-1])[:100]
    return ".".join(str(step) for step in error["loc"][2:])[:100] or None


def on_invalid_row(request: HttpRequest, invalid: ValidationError) -> HttpResponse:
    """What a model or a deed refuses, by field."""
    if not hasattr(invalid, "error_dict"):
        return refused(ApiRefusal(" ".join(invalid.messages)))
    field, errors = next(iter(invalid.error_dict.items()))
    message = " ".join(text for found in invalid.message_dict.values() for text in found)
    kind = Conflict if any(error.code in UNIQUE for error in errors) else ApiRefusal
    return refused(kind(message, wire_name(_field(field, errors))))


def _field(field: str, errors: list[ValidationError]) -> str:
    """Of a constraint over several fields, the last: (provider, name) is about the name."""
    if field != NON_FIELD_ERRORS:
        return field
    together = (errors[0].params or {}).get("unique_check", ())
    return str(together[-1]) if together else "body"


def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """ninja's wrapping of what our parser said."""
    cause = error.__cause__
    return refused(cause if isinstance(cause, ApiRefusal) else ApiRefusal(str(error)))


def on_malformed_request(request: HttpRequest, error: Exception) -> HttpResponse:
    return refused(ApiRefusal(f"The request is malformed: {error}"))


def on_lost_race(request: HttpRequest, error: IntegrityError) -> HttpResponse:
    return refused(Conflict("Somebody else changed this at the same time, or took the name. Read it and try again."))


def on_missing_key(request: HttpRequest, error: VaultError) -> HttpResponse:
    return refused(Unavailable(str(error)))


def on_database_trouble(request: HttpRequest, error: OperationalError) -> HttpResponse:
    log.error("%s %s: the database does not answer: %s", request.method, request.path, error)
    return refused(Unavailable("The database does not answer. Try again."))


def on_failure(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return refused(Broken("The gateway failed; its log says why."))


HANDLERS: Mapping[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    ApiRefusal: on_refusal,
    WrongInput: on_wrong_input,
    ValidationError: on_invalid_row,
    HttpError: on_http_error,
    BadRequest: on_malformed_request,
    SuspiciousOperation: on_malformed_request,
    MultiPartParserError: on_malformed_request,
    IntegrityError: on_lost_race,
    OperationalError: on_database_trouble,
    VaultError: on_missing_key,
    Exception: on_failure,
}
