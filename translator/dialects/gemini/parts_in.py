"""One content of a client's conversation: its parts, and what a tool call is answered with."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from msgspec.structs import replace

from translator import media
from translator.dialects.gemini.vocabulary import part_of, parts_of, signature_of
from translator.losses import Dropped
from translator.messages import Media, MediaKind, Message, Part, Reasoning, Role, Signature, Text, ToolCall, ToolResult
from translator.reading import Reader

_ROLES: Mapping[str, Role] = {"user": Role.USER, "function": Role.USER, "tool": Role.USER, "model": Role.ASSISTANT}
_ABOUT_A_PART = frozenset({"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
"""Members beside the one that says what a part is."""
_ALONE = ("output", "result", "error")
"""A string that is a response's only member, under one of these names, is what the tool said."""
FILES_API = "generativelanguage.googleapis.com"
"""Files there are known by their URL, and to nobody without the key that stored them."""
_FILMS = ("youtube.com", "youtu.be")


def message_of(content: Reader, dropped: list[Dropped]) -> Message:
    role = role_of(content)
    parts: list[Part] = []
    for reader in parts_of(content, "parts"):
        part = _part(reader, dropped)
        last = parts[-1] if parts else None
        if isinstance(part, Media) and isinstance(last, ToolResult):
            # Clients without a place for pictures in a function's response put them behind it.
            parts[-1] = replace(last, content=(*last.content, part))
        elif part is not None:
            parts.append(part)
    return Message(role, tuple(parts))


def role_of(content: Reader) -> Role:
    role: Role | None = content.one_of("role", _ROLES)
    return role or Role.USER


def _part(reader: Reader, dropped: list[Dropped]) -> Part | None:
    value = reader.value
    if value.get("videoMetadata"):
        dropped.append(Dropped(reader.at("videoMetadata"), "which part of a film to look at"))
    for name, read in _READ.items():
        if value.get(name) is not None:
            return read(reader, signature_of(reader.text("thoughtSignature")))
    return _other(reader, dropped)


def _other(reader: Reader, dropped: list[Dropped]) -> Part | None:
    """A part of which only its signature is known, or nothing at all."""
    unknown = [name for name, value in reader.value.items() if name not in _ABOUT_A_PART and value is not None]
    if unknown:
        dropped += [Dropped(reader.at(name), "no other dialect has such a part") for name in unknown]
        return None
    if not reader.value:
        raise reader.wrong("", "says nothing.")
    signature = signature_of(reader.text("thoughtSignature"))
    if signature is None:
        return None
    return Reasoning("", signature, is_redacted=True) if reader.boolean("thought") else Text("", signature)


def _text(reader: Reader, signature: Signature | None) -> Part | None:
    text = reader.required_text("text")
    if not text and signature is None:
        return None
    return Reasoning(text, signature) if reader.boolean("thought") else Text(text, signature)


def _call(reader: Reader, signature: Signature | None) -> Part:
    call = part_of(reader, "functionCall")
    return ToolCall(call.text("id") or "", _name(call), call.json_text("args"), signature=signature)


def _result(reader: Reader, _: Signature | None) -> Part:
    answer = part_of(reader, "functionResponse")
    said, is_error = _said(answer)
    shown = [part for item in parts_of(answer, "parts") if (part := _media(item)) is not None]
    texts = (Text(said),) if said else ()
    return ToolResult(answer.text("id") or "", (*texts, *shown), is_error, _name(answer))


def _name(reader: Reader) -> str:
    name = reader.required_text("name")
    if not name:
        raise reader.wrong("name", "cannot be empty.")
    return name


def _said(answer: Reader) -> tuple[str, bool]:
    """What the tool said, and whether that is an error."""
    response = answer.mapping("response") or {}
    is_error = response.keys() == {"error"}
    if len(response) == 1:
        for name in _ALONE:
            if isinstance(response.get(name), str):
                return response[name], is_error
    return answer.json_text("response"), is_error


def _media(reader: Reader) -> Media | None:
    """A picture in a function's response."""
    if reader.value.get("inlineData") is not None:
        return _inline(reader, None)
    return _file(reader, None) if reader.value.get("fileData") is not None else None


def _inline(reader: Reader, _: Signature | None) -> Media:
    blob = part_of(reader, "inlineData")
    mime, name = blob.required_text("mimeType"), blob.text("displayName") or ""
    return media.of_base64(blob.required_text("data"), mime, at=blob.path, name=name)


def _file(reader: Reader, _: Signature | None) -> Media:
    """By the address of a file: a public one, or one in Google's own stores."""
    file = part_of(reader, "fileData")
    address, name = file.required_text("fileUri"), file.text("displayName") or ""
    if not address:
        raise file.wrong("fileUri", "cannot be empty.")
    host = _host(address)
    mime = (file.text("mimeType") or "").lower() or media.mime_of_name(address.partition("?")[0])
    kind = media.kind_of(mime) if mime else MediaKind.VIDEO if host.endswith(_FILMS) else MediaKind.IMAGE
    is_public = host not in ("", FILES_API)
    url, file_id = (address, "") if is_public else ("", address)
    return Media(kind, mime, url=url, file_id=file_id, name=name, at=file.path)


def _host(address: str) -> str:
    """Of an http(s) address; empty for others."""
    try:
        url = urlsplit(address)
        return url.hostname or "" if url.scheme in ("http", "https") else ""
    except ValueError:
        return ""


_READ: Mapping[str, Callable[[Reader, Signature | None], Part | None]] = {
    "functionCall": _call,
    "functionResponse": _result,
    "inlineData": _inline,
    "fileData": _file,
    "text": _text,
}
