"""The Responses API's input at the chat endpoint, as Cursor sends it: the same request in Chat Completions' words.

It becomes a client's request like any other, so that it can go on to servers that know chat alone.
"""

import orjson

from translator.dialect import Target
from translator.dialects import responses
from translator.dialects.openai.requests_out import WITH_FREEFORM, encode
from translator.families import Family, ThinkingStyle
from translator.json_body import JsonBody
from translator.messages import Effort

_ANY = Family("openai", ThinkingStyle.EFFORT, tuple(Effort), replays_reasoning=True)
"""Takes all there is: what the true target cannot say is found out later."""


def from_responses_body(body: JsonBody) -> JsonBody:
    """Raises InvalidRequest, naming the member of the client's own body."""
    request = responses.decode_request(body.value)
    value = encode(request, Target(request.model, _ANY), WITH_FREEFORM).body
    return JsonBody(orjson.dumps(value), value)
