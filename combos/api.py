"""Job: the management API of the translator: a body turned from one dialect into another, and a guess at its own.

Law: nothing is sent anywhere; whoever may see combos may translate.
"""

import secrets
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Strict

from combos import translations
from combos.translations import Kind, Translation
from providers.api_access import ApiRefusal, needs
from providers.api_bodies import Answer, Body
from translator.dialect import UPSTREAM_DIALECTS, Dialect
from translator.losses import InvalidRequest

router = Router(by_alias=True)

Named = Annotated[Dialect, Strict(False)]


class Asked(Body):
    source: Named
    target: Named
    kind: Annotated[Kind, Strict(False)]
    payload: Any
    model: str | None = None


class Loss(Answer):
    what: str
    why: str


class Told(Answer):
    result: Any
    dropped: list[Loss]


class Guessed(Body):
    body: Any = None
    payload: Any = None


class Guess(Answer):
    format: Dialect


@router.post("/translator/translate", auth=needs("combos.view_combo"), response=Told)
def translate(request: HttpRequest, asked: Asked) -> Told:
    """The payload in the target's words, and what these could not say."""
    if asked.target not in UPSTREAM_DIALECTS and asked.kind is Kind.REQUEST:
        raise ApiRefusal(f"No request is ever sent in `{asked.target}`.", "target")
    translation = Translation(
        asked.source,
        asked.target,
        asked.kind,
        asked.payload,
        asked.model or "",
        owner=f"translator {request.user.pk or ''}".strip(),
        number=secrets.token_hex(12),
    )
    try:
        found = translations.translate(translation)
    except InvalidRequest as error:
        raise ApiRefusal(error.message, error.param) from None
    return Told(result=found.result, dropped=[Loss(what=each.what, why=each.why) for each in found.dropped])


@router.post("/translator/detect", auth=needs("combos.view_combo"), response=Guess)
def detect(request: HttpRequest, asked: Guessed) -> Guess:
    """The dialect a request's body is in, by what stands in it."""
    body = asked.body if asked.body is not None else asked.payload
    if not isinstance(body, dict):
        raise ApiRefusal("`body` must be the request, a JSON object.", "body")
    return Guess(format=translations.detect(body))
