"""A request in the words of Chat Completions, for OpenAI and the many who speak like it."""

import re
from typing import Any

import orjson

from translator import signatures, toolbox
from translator.dialect import ClientRequest, Encoded, Target
from translator.dialects.openai import messages_out, settings_out, tools_out
from translator.losses import Dropped
from translator.messages import Request
from translator.toolbox import ToolRule

_LEGAL = re.compile(r"[a-zA-Z0-9_-]+")
FUNCTIONS_ONLY = ToolRule(_LEGAL, longest=64)
WITH_FREEFORM = ToolRule(_LEGAL, longest=64, takes_freeform=True)
_ASK_FOR_USAGE = b'{"include_usage":true}'


def encode_request(request: Request, target: Target) -> Encoded:
    """Raises CannotSay. Freeform tools go out as functions, since few models here know others."""
    return encode(request, target, FUNCTIONS_ONLY)


def encode(request: Request, target: Target, rule: ToolRule) -> Encoded:
    packed, tools = toolbox.pack(request, rule)
    own = signatures.only_of(packed, target.family.maker)
    if told := settings_out.instruction(request.output, target.family):
        own = messages_out.instructed(own, told)
    dropped: list[Dropped] = [*request.leftovers]
    body: dict[str, Any] = {
        "model": target.model,
        "messages": messages_out.conversation(own, target.family),
        **tools_out.tools(own, target.family, dropped),
        **settings_out.knobs(own, target, dropped),
        **settings_out.effort(own, target, dropped),
        **settings_out.output(own.output, target.family),
    }
    if request.is_streaming:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Encoded(body, tuple(dropped), tools)


def addressed(request: ClientRequest, model: str, asks_usage: bool) -> dict[str, bytes]:
    """Members to set in the client's bytes, for an upstream that knows the model as `model`.

    Streams ask for usage, whatever the client did: without it nobody knows what was spent.
    """
    changes = {"model": orjson.dumps(model)}
    if request.is_streaming and asks_usage and not request.shows_usage:
        options = request.body.value.get("stream_options")
        changes["stream_options"] = orjson.dumps({**options, "include_usage": True}) if options else _ASK_FOR_USAGE
    return changes
