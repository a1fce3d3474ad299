"""Parts as Gemini has them: of a conversation that goes to a model, and of an answer that goes to a client."""

from collections.abc import Iterator, Mapping
from typing import Any

from translator import media
from translator.dialects.gemini.parts_in import FILES_API
from translator.dialects.gemini.vocabulary import MAKER, arguments_object, json_in
from translator.messages import Media, MediaKind, Part, Reasoning, Refusal, Signature, Text, ToolCall, ToolResult
from translator.signatures import tagged_base64

_GUESSES: Mapping[MediaKind, str] = {
    MediaKind.IMAGE: "image/jpeg",
    MediaKind.AUDIO: "audio/mpeg",
    MediaKind.VIDEO: "video/mp4",
    MediaKind.DOCUMENT: "application/pdf",
}
"""The type of media that came without one."""
_STORES = ("gs://", "files/", f"https://{FILES_API}/")
"""Where files of Google's lie; a file id of another vendor means nothing here."""
_EXACT = 2**53
"""Google keeps JSON's numbers as doubles; larger whole numbers would change."""


# -- answers ----------------------------------------------------------------------------------------------------------


def answer_parts(part: Part) -> Iterator[dict[str, Any]]:
    """One part of an answer, whole."""
    match part:
        case Text(text, signature):
            yield {"text": text, **_signed(signature)}
        case Refusal(text):
            yield {"text": text}
        case Reasoning(_, signature, is_redacted=True):
            if signature is not None:
                yield {"thought": True, **_signed(signature)}
        case Reasoning(text, signature):
            yield {"text": text, "thought": True, **_signed(signature)}
        case ToolCall():
            yield {"functionCall": call_of(part), **_signed(part.signature)}
        case Media(data=data) if data:
            yield {"inlineData": {"mimeType": part.mime or _GUESSES[part.kind], "data": data}}
        case Media(url=url) if url:
            yield {"fileData": {"mimeType": part.mime or _GUESSES[part.kind], "fileUri": url}}


def call_of(call: ToolCall) -> dict[str, Any]:
    named = {"id": call.id, "name": call.name} if call.id else {"name": call.name}
    return {**named, "args": arguments_object(call.arguments)}


def _signed(signature: Signature | None) -> dict[str, str]:
    return {"thoughtSignature": tagged_base64(signature, MAKER)} if signature is not None else {}


# -- requests ---------------------------------------------------------------------------------------------------------


def result_of(result: ToolResult) -> dict[str, Any]:
    """A functionResponse without its pictures, for which `pictures_of` has parts of their own."""
    said = "\n".join(
        part.text if isinstance(part, Text) else media.words(part)
        for part in result.content
        if isinstance(part, Text) or media.is_text(part)
    )
    response = {"error": said} if result.is_error else _response(said)
    return {"functionResponse": {"id": result.call_id, "name": result.name, "response": response}}


def pictures_of(result: ToolResult) -> Iterator[dict[str, Any]]:
    return (media_part(part) for part in result.content if isinstance(part, Media) and not media.is_text(part))


def _response(said: str) -> dict[str, Any]:
    """What a tool said, as the object that a response has to be: its own JSON where that can be kept exactly."""
    found = json_in(said) if said[:1] in ("{", "[") else None
    if found is None or not _is_exact(found):
        return {"output": said}
    return found if isinstance(found, dict) else {"output": found}


def _is_exact(value: Any) -> bool:
    """Whether no whole number in it is too large for a double."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, int | float) and abs(found) > _EXACT:
            return False
    return True


def media_part(found: Media) -> dict[str, Any]:
    """Raises CannotSay."""
    if media.is_text(found):
        return {"text": media.words(found)}
    mime = found.mime or _GUESSES[found.kind]
    if found.kind is MediaKind.DOCUMENT and mime != "application/pdf" and not mime.startswith("text/"):
        raise media.refuse(found, "Gemini", "but PDF and plain text")
    if found.data:
        return {"inlineData": {"mimeType": mime, "data": found.data}}
    address = found.url or found.file_id
    if found.file_id and not address.startswith(_STORES):
        raise media.refuse(found, "Gemini", "that is stored at another vendor's")
    return {"fileData": {"mimeType": mime, "fileUri": address}}
