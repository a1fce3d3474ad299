"""Pictures, sounds and documents as they travel: base64 in three spellings, data URLs, and mime types that lie."""

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit

from msgspec.structs import replace

from translator.losses import CannotSay, InvalidRequest
from translator.messages import Media, MediaKind

_DATA_URL = re.compile(r"data:(?P<mime>[^;,]*)(?P<parameters>(;[^;,]*)*),", re.I)
_URL_SAFE = str.maketrans("-_", "+/")
_SPACE = re.compile(r"\s+")
_HEAD = 32
"""Characters of base64 that tell a picture's true type."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_BY_SUFFIX: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
}
_KINDS: Mapping[str, MediaKind] = {"image": MediaKind.IMAGE, "audio": MediaKind.AUDIO, "video": MediaKind.VIDEO}


def of_url(url: str, kind: MediaKind | None = None, at: str = "", **facts: object) -> Media:
    """Media of an http(s) or data URL. Without a `kind` its mime type decides. Raises InvalidRequest naming `at`."""
    match = _DATA_URL.match(url)
    if match is None:
        return _linked(url, kind, at, facts)
    mime, payload = match["mime"].strip().lower(), url[match.end() :]
    if ";base64" not in match["parameters"].lower():
        payload = base64.b64encode(unquote_to_bytes(payload)).decode()
    return of_base64(payload, mime, kind, at, **facts)


def _linked(url: str, kind: MediaKind | None, at: str, facts: Mapping[str, object]) -> Media:
    try:
        address = urlsplit(url)
    except ValueError:
        address = urlsplit("")
    if address.scheme not in ("http", "https"):
        raise InvalidRequest(f"`{at}` must be an http, https or data URL.", at or None)
    mime = mime_of_name(address.path)
    return Media(kind or kind_of(mime), mime, url=url, at=at, **facts)  # type: ignore[arg-type]


def of_base64(data: str, mime: str = "", kind: MediaKind | None = None, at: str = "", **facts: object) -> Media:
    """Media of base64 in any spelling, under the type that its bytes show where they show one.

    Raises InvalidRequest naming `at`.
    """
    standard = standard_base64(data)
    if standard is None:
        raise InvalidRequest(f"`{at}` is not valid base64.", at or None)
    mime = true_mime(standard) or mime.partition(";")[0].strip().lower()
    return Media(kind or kind_of(mime), mime, data=standard, at=at, **facts)  # type: ignore[arg-type]


def standard_base64(data: str) -> str | None:
    """The standard spelling: no URL-safe letters, no white space, padded. None where it is no base64."""
    plain = data.translate(_URL_SAFE)
    if not plain.isascii() or " " in plain or "\n" in plain or "\r" in plain:
        plain = _SPACE.sub("", plain)
    plain += "=" * (-len(plain) % 4)
    try:
        binascii.a2b_base64(plain, strict_mode=True)
    except ValueError:
        return None
    return plain or None


def true_mime(data: str) -> str:
    """The type that the first bytes show, empty where they show none that is known."""
    head = base64.b64decode(data[:_HEAD] + "=" * (-len(data[:_HEAD]) % 4))
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), "")


def mime_of_name(name: str) -> str:
    """The type a file name or path suggests, empty where it suggests none."""
    return _BY_SUFFIX.get(name.rpartition(".")[2].lower(), "")


def kind_of(mime: str) -> MediaKind:
    return _KINDS.get(mime.partition("/")[0], MediaKind.DOCUMENT)


def data_url(media: Media) -> str:
    """As a data URL, or the URL it has."""
    return f"data:{media.mime or 'application/octet-stream'};base64,{media.data}" if media.data else media.url


def is_text(media: Media) -> bool:
    """Whether it is a text document that is here, so that its words can be said instead."""
    return bool(media.data) and (media.mime.startswith("text/") or media.mime == "application/json")


def words(media: Media) -> str:
    """The words of a text document, under its name."""
    text = base64.b64decode(media.data).decode("utf-8", "replace")
    return f"{media.name}\n\n{text}" if media.name else text


def of_text(text: str, name: str = "", mime: str = "text/plain", at: str = "") -> Media:
    return Media(MediaKind.DOCUMENT, mime, data=base64.b64encode(text.encode()).decode(), name=name, at=at)


def with_mime(media: Media, fallback: str) -> Media:
    """The same, with a type in any case."""
    return media if media.mime else replace(media, mime=fallback)


def refuse(media: Media, who: str, why: str = "") -> CannotSay:
    """The error of a target that has no word for it."""
    what = media.mime or media.kind.value
    where = media.at or "a part of the request"
    return CannotSay(f"`{where}`: {who} takes no {what}{f' {why}' if why else ''}.", media.at or None)
