"""Content of the client's items: texts, refusals, pictures, files and sound."""

from collections.abc import Callable, Mapping

from translator import media
from translator.losses import InvalidRequest
from translator.messages import Media, MediaKind, Refusal, Text
from translator.reading import Reader

_SOUNDS: Mapping[str, str] = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def read_content(item: Reader, name: str) -> list[Text | Refusal | Media]:
    """A string or a list of parts. Empty texts are left out."""
    found = item.value.get(name)
    if isinstance(found, str):
        return [Text(found)] if found else []
    if not isinstance(found, list):
        raise item.wrong(name, "is missing." if found is None else "must be a string or a list of parts.")
    parts = [_read_part(part) for part in item.objects(name)]
    return [part for part in parts if isinstance(part, Media) or part.text]


def _read_part(part: Reader) -> Text | Refusal | Media:
    kind = part.required_text("type")
    read = _PARTS.get(kind)
    if read is None:
        raise part.wrong("type", f"must be one of {', '.join(_PARTS)}, not `{kind[:80]}`.")
    return read(part)


def _text(part: Reader) -> Text:
    return Text(part.required_text("text"))


def _refusal(part: Reader) -> Refusal:
    return Refusal(part.required_text("refusal"))


def _image(part: Reader) -> Media:
    """`image_url` is a string here, and an object in Chat Completions, which some clients mix up."""
    found = part.value.get("image_url")
    nested = part.object("image_url") if isinstance(found, dict) else None
    url = nested.text("url") if nested else part.text("image_url")
    detail = nested.text("detail") if nested else part.text("detail")
    if url:
        return media.of_url(url, MediaKind.IMAGE, part.path, detail=detail)
    file_id = part.text("file_id")
    if not file_id:
        raise part.wrong("image_url", "is missing, and there is no `file_id` either.")
    return Media(MediaKind.IMAGE, file_id=file_id, detail=detail, at=part.path)


def _file(part: Reader) -> Media:
    """Chat Completions nests the same members in `file`."""
    facts = part.object("file") if isinstance(part.value.get("file"), dict) else part
    name = facts.text("filename") or ""
    if data := facts.text("file_data"):
        if data.startswith("data:"):
            return media.of_url(data, at=part.path, name=name)
        return media.of_base64(data, media.mime_of_name(name), at=part.path, name=name)
    if url := facts.text("file_url"):
        return media.of_url(url, at=part.path, name=name)
    if file_id := facts.text("file_id"):
        return Media(MediaKind.DOCUMENT, file_id=file_id, name=name, at=part.path)
    raise facts.wrong("file_data", "is missing, and there is neither `file_url` nor `file_id`.")


def _audio(part: Reader) -> Media:
    facts = part.object("input_audio")
    if not facts.text("data"):
        raise facts.wrong("data", "is missing.")
    mime = facts.one_of("format", _SOUNDS)
    if mime is None:
        raise facts.wrong("format", "is missing.")
    return media.of_base64(facts.required_text("data"), mime, MediaKind.AUDIO, part.path)


_PARTS: Mapping[str, Callable[[Reader], Text | Refusal | Media]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "image_url": _image,
    "input_file": _file,
    "file": _file,
    "input_audio": _audio,
}


def without_refusals(parts: list[Text | Refusal | Media], item: Reader, name: str) -> tuple[Text | Media, ...]:
    """The content of a tool's output, in which nobody refuses."""
    for number, part in enumerate(parts):
        if isinstance(part, Refusal):
            raise InvalidRequest(f"`{item.at(name)}[{number}]` must not be a refusal.", f"{item.at(name)}[{number}]")
    return tuple(part for part in parts if not isinstance(part, Refusal))
