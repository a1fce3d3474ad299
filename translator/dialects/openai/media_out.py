"""Pictures, sounds and documents as a user's message of Chat Completions can hold them."""

from collections.abc import Callable, Mapping
from typing import Any

from translator import media
from translator.families import Family
from translator.messages import Media, MediaKind

WHO = "Chat Completions"
_DETAILS = frozenset({"auto", "low", "high"})
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SOUNDS: Mapping[str, str] = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
_PDF = "application/pdf"
_NAMELESS = "document.pdf"


def part(found: Media, family: Family) -> dict[str, Any]:
    """Raises CannotSay."""
    if found.file_id:
        raise media.refuse(found, WHO, "by an id that only the vendor knows where it was uploaded")
    return _KINDS[found.kind](found, family)


def _picture(found: Media, family: Family) -> dict[str, Any]:
    found = media.with_mime(found, "image/jpeg") if found.data else found
    if found.data and family.maker == "openai" and found.mime not in _PICTURES:
        raise media.refuse(found, WHO)
    image = {"url": media.data_url(found)}
    if found.detail in _DETAILS:
        image["detail"] = found.detail
    return {"type": "image_url", "image_url": image}


def _sound(found: Media, family: Family) -> dict[str, Any]:
    form = _SOUNDS.get(found.mime)
    if form is None or not found.data:
        raise media.refuse(found, WHO, "" if found.data else "by URL")
    return {"type": "input_audio", "input_audio": {"data": found.data, "format": form}}


def _film(found: Media, family: Family) -> dict[str, Any]:
    raise media.refuse(found, WHO)


def _document(found: Media, family: Family) -> dict[str, Any]:
    if media.is_text(found):
        return {"type": "text", "text": media.words(found)}
    if not found.data or found.mime != _PDF:
        raise media.refuse(found, WHO, "" if found.data else "by URL")
    name = found.name or _NAMELESS
    name = name if name.lower().endswith(".pdf") else f"{name}.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": media.data_url(found)}}


_KINDS: Mapping[MediaKind, Callable[[Media, Family], dict[str, Any]]] = {
    MediaKind.IMAGE: _picture,
    MediaKind.AUDIO: _sound,
    MediaKind.VIDEO: _film,
    MediaKind.DOCUMENT: _document,
}
