"""A whole answer: a `chat.completion`, read and written."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import orjson

from translator import media
from translator.dialect import Reply
from translator.dialects.openai import signed, thoughts
from translator.dialects.openai.errors import complaint, excerpt
from translator.dialects.openai.finishes import read_finish, word_of
from translator.dialects.openai.usage import decode_usage, encode_usage
from translator.dialects.openai.vocabulary import PARAGRAPH
from translator.losses import InvalidRequest, UpstreamComplaint
from translator.messages import (
    Answer,
    Finish,
    Media,
    MediaKind,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
    ToolKind,
)
from translator.usage import Usage

SAYING = ("content", "refusal", "reasoning_content", "reasoning", "tool_calls", "function_call", "audio", "images")
"""Members of a message or delta that a client would show."""


# -- passed on --------------------------------------------------------------------------------------------------------


class _Choice(msgspec.Struct):
    message: dict[str, Any] | None = None
    finish_reason: Any = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: Any = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def read_answer(raw: bytes) -> Usage | None:
    """The usage of a whole answer, None where the vendor sent none. Raises UpstreamComplaint when it is no answer."""
    try:
        answer = _decode_answer(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamComplaint(502, "the answer is not a chat completion: " + excerpt(raw)) from None
    if not answer.choices or not any(map(_says_something, answer.choices)):
        raise complaint(orjson.loads(raw), raw)
    return decode_usage(answer.usage)


def _says_something(choice: _Choice) -> bool:
    message = choice.message or {}
    return bool(choice.finish_reason) or any(message.get(name) for name in SAYING)


# -- in ---------------------------------------------------------------------------------------------------------------


def decode_response(value: Mapping[str, Any]) -> Answer:
    """The first choice of an answer. Raises UpstreamComplaint: an error in the place of an answer."""
    choice = _first(value.get("choices"))
    if choice is None:
        raise complaint(value, orjson.dumps(value))
    message = choice.get("message")
    parts = tuple(_parts(message)) if isinstance(message, dict) else ()
    finish = read_finish(choice.get("finish_reason"))
    if not parts and finish is None:
        raise complaint(value, orjson.dumps(value))
    return Answer(
        id=_string(value.get("id")),
        model=_string(value.get("model")),
        parts=parts,
        finish=finish or Finish.STOP,
        usage=decode_usage(value.get("usage")) or decode_usage(choice.get("usage")),
    )


def _first(choices: Any) -> Mapping[str, Any] | None:
    found = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    return next((choice for choice in found if not choice.get("index")), None)


def _parts(message: Mapping[str, Any]) -> Iterable[Part]:
    plain = _string(message.get("reasoning_content")) or _string(message.get("reasoning"))
    reasoning, signatures = signed.read(message.get("reasoning_details"), plain)
    thought, text = spoken(message.get("content"), may_think=not reasoning)
    yield from reasoning
    if thought:
        yield Reasoning(thought)
    if text := text or transcript(message.get("audio")):
        yield Text(text, signed.signature_in(message.get("extra_content")))
    if refusal := _string(message.get("refusal")):
        yield Refusal(refusal)
    yield from pictures(message.get("images"))
    yield from _calls(message, signatures)


def spoken(content: Any, *, may_think: bool) -> tuple[str, str]:
    """What content says in thought and aloud. Mistral's is a list of parts, of which some are thoughts."""
    if isinstance(content, str):
        return thoughts.split(content) if may_think else ("", content)
    said: tuple[list[str], list[str]] = ([], [])
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict):
            said[0].append(_thinking(part.get("thinking")))
            said[1].append(_string(part.get("text")))
    return "".join(said[0]), "".join(said[1])


def _thinking(found: Any) -> str:
    if isinstance(found, list):
        return "".join(_string(each.get("text")) for each in found if isinstance(each, dict))
    return _string(found)


def transcript(audio: Any) -> str:
    """What was spoken, in words: no other dialect's clients ask for the sound."""
    return _string(audio.get("transcript")) if isinstance(audio, dict) else ""


def pictures(images: Any) -> Iterable[Media]:
    """OpenRouter's place for pictures that a model made; what is no picture is skipped."""
    for image in images if isinstance(images, list) else ():
        source = image.get("image_url") if isinstance(image, dict) else None
        try:
            yield media.of_url(source["url"], MediaKind.IMAGE)  # type: ignore[index]
        except (InvalidRequest, TypeError, KeyError, AttributeError):
            continue


def _calls(message: Mapping[str, Any], signatures: Mapping[str, Signature]) -> Iterable[ToolCall]:
    found = message.get("tool_calls")
    for call in found if isinstance(found, list) else ():
        if isinstance(call, dict) and (read := _call(call, signatures)).name:
            yield read
    function = message.get("function_call")
    if isinstance(function, dict) and _string(function.get("name")):
        yield ToolCall("", function["name"], arguments_text(function.get("arguments")))


def _call(call: Mapping[str, Any], signatures: Mapping[str, Signature]) -> ToolCall:
    is_custom = call.get("type") == "custom"
    inner = call.get("custom" if is_custom else "function")
    inner = inner if isinstance(inner, dict) else {}
    call_id = _string(call.get("id"))
    signature = signed.signature_in(call.get("extra_content")) or signatures.get(call_id)
    text = inner.get("input") if is_custom else inner.get("arguments")
    kind = ToolKind.FREEFORM if is_custom else ToolKind.FUNCTION
    return ToolCall(call_id, _string(inner.get("name")), arguments_text(text), kind, signature=signature)


def arguments_text(found: Any) -> str:
    """Some servers send the object itself instead of its JSON text."""
    if isinstance(found, dict):
        return orjson.dumps(found).decode()
    return _string(found)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


# -- out --------------------------------------------------------------------------------------------------------------


def encode_response(answer: Answer, reply: Reply) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": _message(answer, reply),
        "logprobs": None,
        "finish_reason": word_of(answer.finish),
    }
    body = {
        "id": answer.id or f"chatcmpl-{reply.id}",
        "object": "chat.completion",
        "created": reply.created_at,
        "model": answer.model or reply.model,
        "choices": [choice],
    }
    return body if answer.usage is None else {**body, "usage": encode_usage(answer.usage)}


def _message(answer: Answer, reply: Reply) -> dict[str, Any]:
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    refusal = "".join(part.text for part in answer.parts if isinstance(part, Refusal))
    text = "".join(part.text for part in answer.parts if isinstance(part, Text))
    images = [picture(part) for part in answer.parts if isinstance(part, Media)]
    is_silent = not text and bool(calls or refusal or images)
    message: dict[str, Any] = {"role": "assistant", "content": None if is_silent else text, "refusal": refusal or None}
    optional = {
        **_reasoning([part for part in answer.parts if isinstance(part, Reasoning)]),
        "images": images,
        "tool_calls": [_written(call, number, reply) for number, call in enumerate(calls)],
        "extra_content": _of_text(answer.parts),
    }
    return message | {name: value for name, value in optional.items() if value}


def _reasoning(found: list[Reasoning]) -> dict[str, Any]:
    details = (signed.detail(reasoning, number) for number, reasoning in enumerate(found))
    return {
        "reasoning_content": PARAGRAPH.join(reasoning.text for reasoning in found if reasoning.text),
        "reasoning_details": [detail for detail in details if detail is not None],
    }


def _of_text(parts: Iterable[Part]) -> dict[str, Any]:
    signatures = (part.signature for part in parts if isinstance(part, Text) and part.signature is not None)
    return next((signed.extra_content(signature) for signature in signatures), {})


def _written(call: ToolCall, number: int, reply: Reply) -> dict[str, Any]:
    opened = opened_call(call, call.id or f"call_{reply.id}{number}")
    if call.kind is ToolKind.FREEFORM:
        opened["custom"]["input"] = call.arguments
    else:
        opened["function"]["arguments"] = call.arguments or "{}"
    return opened


def opened_call(call: ToolCall, id: str) -> dict[str, Any]:
    """A call of which nothing but its name is said yet."""
    if call.kind is ToolKind.FREEFORM:
        opened: dict[str, Any] = {"id": id, "type": "custom", "custom": {"name": call.name, "input": ""}}
    else:
        opened = {"id": id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    return opened if call.signature is None else opened | {"extra_content": signed.extra_content(call.signature)}


def picture(found: Media) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": media.data_url(found)}}
