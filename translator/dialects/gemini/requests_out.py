"""A request in Gemini's words."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from translator.dialect import ClientRequest, Encoded, Target
from translator.dialects.gemini.parts_out import answer_parts, media_part, pictures_of, result_of
from translator.dialects.gemini.settings_out import config_of, is_only_asked
from translator.dialects.gemini.tools_out import RULE, calling_of, functions_of, tools_of
from translator.dialects.gemini.vocabulary import SKIP_VALIDATION
from translator.families import Family, ThinkingStyle
from translator.losses import CannotSay
from translator.messages import Media, Message, Part, Reasoning, Request, Role, Text, ToolCall, ToolResult
from translator.schemas import asking_for_json
from translator.signatures import only_of, tagged_base64
from translator.toolbox import pack
from translator.turns import IdRule, in_order, with_system_first

NO_BEGINNING = "(The beginning of this conversation is missing.)"
"""Google refuses a conversation that opens with a function call."""


def encode_request(request: Request, target: Target) -> Encoded:
    """Raises CannotSay. The model stands in the path, not in the body."""
    packed, toolbox = pack(request, RULE)
    own = only_of(packed, target.family.maker)
    system, spoken = with_system_first(own)
    dropped = list(request.leftovers)
    functions = functions_of(packed)
    if packed.output is not None and is_only_asked(packed, target.family, bool(functions)):
        system = (*system, Text(asking_for_json(packed.output.schema)))
    body = _conversation(system, in_order(_without_unsigned(spoken), IdRule()), target.family)
    tools = tools_of(packed, functions, dropped)
    if tools:
        body["tools"] = tools
    calling = calling_of(packed.tool_choice, functions, dropped)
    if calling is not None:
        body["toolConfig"] = {"functionCallingConfig": calling}
    config = config_of(packed, target.family, bool(functions), dropped)
    if config:
        body["generationConfig"] = config
    return Encoded(body, tuple(dropped), toolbox)


def addressed(request: ClientRequest, model: str, asks_usage: bool) -> dict[str, bytes]:
    """Nothing: the model stands in the path, and usage comes unasked."""
    return {}


def _conversation(system: tuple[Text, ...], messages: tuple[Message, ...], family: Family) -> dict[str, Any]:
    """What nobody answers is no conversation: where a system prompt is all there is, it is the user's."""
    told: dict[str, Any] = {"parts": [{"text": text.text} for text in system]}
    contents = _contents(messages, family)
    if contents:
        return {"systemInstruction": told, "contents": contents} if system else {"contents": contents}
    if system:
        return {"contents": [{"role": "user", **told}]}
    raise CannotSay("`contents`: Gemini takes no conversation in which nothing is said.", "contents")


def _without_unsigned(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Thoughts without a signature of their maker's mean nothing to it."""
    return tuple(
        replace(message, parts=tuple(part for part in message.parts if not _is_unsigned_thought(part)))
        for message in messages
    )


def _is_unsigned_thought(part: Part) -> bool:
    return isinstance(part, Reasoning) and part.signature is None


def _contents(messages: tuple[Message, ...], family: Family) -> list[dict[str, Any]]:
    contents = [
        {"role": "model", "parts": _model_parts(message, family)}
        if message.role is Role.ASSISTANT
        else {"role": "user", "parts": _user_parts(message)}
        for message in messages
    ]
    if family.thinking is ThinkingStyle.LEVEL:
        _mark_unsigned_steps(contents)
    if contents and contents[0]["role"] == "model" and _calls_in(contents[0]):
        contents.insert(0, {"role": "user", "parts": [{"text": NO_BEGINNING}]})
    return contents


def _user_parts(message: Message) -> list[dict[str, Any]]:
    """Results first, as many as there were calls, then what they show, then what the user says."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    said = [_user_part(part) for part in message.parts if not isinstance(part, ToolResult)]
    shown = [picture for result in results for picture in pictures_of(result)]
    return [*map(result_of, results), *shown, *said]


def _user_part(part: Part) -> dict[str, Any]:
    return media_part(part) if isinstance(part, Media) else {"text": part.text if isinstance(part, Text) else ""}


def _model_parts(message: Message, family: Family) -> list[dict[str, Any]]:
    return [_model_part(part, family) for part in message.parts]


def _model_part(part: Part, family: Family) -> dict[str, Any]:
    if isinstance(part, Media):
        return media_part(part)
    (written,) = answer_parts(part)
    signature = part.signature if isinstance(part, Text | Reasoning | ToolCall) else None
    if signature is not None:
        written["thoughtSignature"] = tagged_base64(signature, family.maker)
    return written


def _mark_unsigned_steps(contents: list[dict[str, Any]]) -> None:
    """Tell Gemini 3 which calls are not its own: it refuses those of the turn that goes on without any signature.

    All of them are marked, so that a conversation begins the same way in each request and vendors' caches hit.
    """
    for content in contents:
        calls = _calls_in(content)
        if calls:
            calls[0].setdefault("thoughtSignature", SKIP_VALIDATION)


def _calls_in(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in content["parts"] if "functionCall" in part]
