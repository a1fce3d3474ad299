"""What a client's message holds: a string, or parts in OpenAI's spelling and the ones that are mistaken for it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from translator import media
from translator.messages import Cache, Media, MediaKind, Reasoning, Refusal, Text
from translator.reading import Reader

Content: TypeAlias = Text | Refusal | Reasoning | Media

_AUDIO: Mapping[str, str] = {"wav": "audio/wav", "mp3": "audio/mpeg", "m4a": "audio/mp4"}
_DEFAULT_DOCUMENT = "application/pdf"


def content(message: Reader, name: str = "content") -> tuple[Content, ...]:
    """The parts that say something."""
    found = message.value.get(name)
    if isinstance(found, str):
        return (Text(found),) if found else ()
    if found is not None and not isinstance(found, list):
        raise message.wrong(name, "must be a string or a list of parts.")
    parts = (part(item) for item in message.objects(name))
    return tuple(each for each in parts if each is not None)


def texts(message: Reader) -> tuple[Text, ...]:
    """The content of a message that can hold text alone."""
    found = content(message)
    for each in found:
        if not isinstance(each, Text):
            raise message.wrong("content", "must be text in a message of this role.")
    return tuple(each for each in found if isinstance(each, Text))


def part(item: Reader) -> Content | None:
    item.required_text("type")
    found: Content | None = item.one_of("type", _PARTS)(item)
    return found


def cache(item: Reader) -> Cache | None:
    """Anthropic's mark, which several clients write in this dialect too."""
    mark = item.value.get("cache_control")
    if not isinstance(mark, dict):
        return None
    ttl = mark.get("ttl")
    return Cache(ttl if isinstance(ttl, str) else None)


def _text(item: Reader) -> Text | None:
    said = item.required_text("text")
    return Text(said, cache=cache(item)) if said else None


def _refusal(item: Reader) -> Refusal | None:
    said = item.required_text("refusal")
    return Refusal(said) if said else None


def _thinking(item: Reader) -> Reasoning | None:
    """Mistral's: a string, or a list of texts."""
    thoughts = item.value.get("thinking")
    if isinstance(thoughts, list):
        thoughts = "".join(each.text("text") or "" for each in item.objects("thinking"))
    elif thoughts is not None:
        thoughts = item.text("thinking")
    return Reasoning(thoughts) if thoughts else None


def _image(item: Reader) -> Media:
    source = item if isinstance(item.value.get("image_url"), str) else item.object("image_url")
    url = item.text("image_url") if source is item else source.text("url")
    detail = source.text("detail") or item.text("detail")
    file_id = item.text("file_id")
    if url:
        return media.of_url(url, MediaKind.IMAGE, item.path, detail=detail, cache=cache(item))
    if file_id:
        return Media(MediaKind.IMAGE, file_id=file_id, detail=detail, at=item.path)
    raise item.wrong("image_url.url", "is missing.")


def _audio(item: Reader) -> Media:
    audio = item.object("input_audio")
    data, form = audio.required_text("data"), (audio.text("format") or "").lower()
    if data.startswith("data:"):
        return media.of_url(data, MediaKind.AUDIO, item.path)
    mime = _AUDIO.get(form) or (f"audio/{form}" if form else "audio/wav")
    return media.of_base64(data, mime, MediaKind.AUDIO, item.path)


def _video(item: Reader) -> Media:
    url = item.text("video_url") if isinstance(item.value.get("video_url"), str) else None
    return media.of_url(url or item.object("video_url").required_text("url"), MediaKind.VIDEO, item.path)


def _file(item: Reader) -> Media:
    """OpenAI's `file` holds an object; Responses' `input_file` is one."""
    file = item.object("file") if isinstance(item.value.get("file"), dict) else item
    name, data = file.text("filename") or "", file.text("file_data") or file.text("file_url")
    if not data:
        file_id = file.text("file_id")
        if not file_id:
            raise file.wrong("file_data", "is missing.")
        return Media(MediaKind.DOCUMENT, file_id=file_id, name=name, at=item.path)
    guess = media.mime_of_name(name) or _DEFAULT_DOCUMENT
    if data.startswith(("data:", "http:", "https:")):
        found = media.of_url(data, None, item.path, name=name, cache=cache(item))
        return media.with_mime(found, guess) if found.data else found
    return media.of_base64(data, guess, None, item.path, name=name, cache=cache(item))


_PARTS: Mapping[str, Callable[[Reader], Content | None]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
    "thinking": _thinking,
    "image_url": _image,
    "input_image": _image,
    "input_audio": _audio,
    "file": _file,
    "input_file": _file,
    "video_url": _video,
}
