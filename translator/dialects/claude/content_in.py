"""Content blocks of a client's request, read into parts.

Blocks that only Anthropic's own machinery understands (its server tools and their results, containers, MCP) are
dropped and reported; a block of a type nobody knows is the client's mistake.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec.structs import replace

from translator import media, signatures
from translator.dialects.claude.vocabulary import MAKER
from translator.losses import Dropped
from translator.messages import Cache, Media, MediaKind, Part, Reasoning, Role, Text, ToolCall, ToolResult
from translator.reading import Reader

PDF = "application/pdf"
OF_THE_VENDOR = "only Anthropic's own servers understand it"
_VENDORS_BLOCKS = frozenset(
    {"server_tool_use", "container_upload", "tool_reference", "tool_addition", "tool_removal", "fallback"}
    | {"browser_state", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing"}
)
_TTLS: Mapping[str, str] = {"5m": "5m", "1h": "1h"}
_TRUE_MIMES: Mapping[str, str] = {"image/jpg": "image/jpeg"}

Leftovers: TypeAlias = dict[str, Dropped]
"""What is reported, each thing once, in the order of its appearance."""
_Read: TypeAlias = Callable[[Reader, Leftovers], tuple[Part, ...]]


def leave(leftovers: Leftovers, what: str, why: str = OF_THE_VENDOR) -> None:
    leftovers.setdefault(what, Dropped(what, why))


def parts_of(message: Reader, role: Role, leftovers: Leftovers) -> tuple[Part, ...]:
    """A message's content, which is a string or a list of blocks."""
    return _content(message, _BLOCKS[role], leftovers)


def texts_of(owner: Reader, name: str, leftovers: Leftovers) -> tuple[Text, ...]:
    """A string or a list of text blocks: system prompts, and documents made of pieces."""
    found = _content(owner, {"text": _text}, leftovers, name)
    return tuple(part for part in found if isinstance(part, Text))


def cache_of(block: Reader) -> Cache | None:
    mark = block.mapping("cache_control")
    return None if mark is None else Cache(block.object("cache_control").one_of("ttl", _TTLS))


def _content(
    owner: Reader, known: Mapping[str, _Read], leftovers: Leftovers, name: str = "content"
) -> tuple[Part, ...]:
    found = owner.value.get(name)
    if isinstance(found, str):
        return (Text(found),) if found else ()
    return tuple(part for block in owner.objects(name) for part in _block(block, known, leftovers))


def _block(block: Reader, known: Mapping[str, _Read], leftovers: Leftovers) -> tuple[Part, ...]:
    kind = block.required_text("type")
    read = known.get(kind)
    if read is not None:
        return read(block, leftovers)
    if kind in _VENDORS_BLOCKS or kind.endswith("_tool_result"):
        leave(leftovers, kind)
        return ()
    raise block.wrong("type", f"must be one of {', '.join(known)} here, not `{kind[:80]}`.")


# -- blocks -----------------------------------------------------------------------------------------------------------


def _text(block: Reader, leftovers: Leftovers) -> tuple[Text, ...]:
    return (Text(block.required_text("text"), cache=cache_of(block)),)


def _thinking(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    """Without a signature where another vendor's model thought, which gave none."""
    return (Reasoning(block.required_text("thinking"), signatures.read(block.text("signature"), MAKER)),)


def _redacted(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    return (Reasoning("", signatures.untagged(block.required_text("data"), MAKER), is_redacted=True),)


def _compaction(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    """Anthropic's summary of what was said before; null where it failed."""
    summary = block.text("content")
    return (Text(summary, cache=cache_of(block)),) if summary else ()


def _search_result(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    said = texts_of(block, "content", leftovers)
    lines = [block.text("title"), block.text("source"), *(text.text for text in said)]
    return (Text("\n".join(line for line in lines if line), cache=cache_of(block)),)


def _image(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    source = _source(block)
    found = _one_of(source, _IMAGE_SOURCES)(source, block)
    mime = _TRUE_MIMES.get(found.mime, found.mime)
    return (replace(found, mime=mime, cache=cache_of(block)),)


def _document(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    source = _source(block)
    if block.text("context"):
        leave(leftovers, "document.context", "documents have a title at most")
    if source.value.get("type") == "content":
        return _pieces(source, block, leftovers)
    found = _one_of(source, _DOCUMENT_SOURCES)(source, block)
    return (replace(found, name=block.text("title") or "", cache=cache_of(block)),)


def _pieces(source: Reader, block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    """A document that the client cut into blocks itself: its words as one, then its pictures."""
    found = _content(source, {"text": _text, "image": _image}, leftovers)
    words = "\n\n".join(part.text for part in found if isinstance(part, Text))
    pictures = tuple(part for part in found if isinstance(part, Media))
    if not words:
        return pictures
    document = media.of_text(words, block.text("title") or "", at=block.path)
    return (replace(document, cache=cache_of(block)), *pictures)


def _tool_use(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    return (ToolCall(block.required_text("id"), block.required_text("name"), block.json_text("input")),)


def _tool_result(block: Reader, leftovers: Leftovers) -> tuple[Part, ...]:
    said = _content(block, _IN_RESULTS, leftovers)
    content = tuple(part for part in said if isinstance(part, Text | Media))
    is_error = block.boolean("is_error") or False
    return (ToolResult(block.required_text("tool_use_id"), content, is_error, cache=cache_of(block)),)


# -- sources of media -------------------------------------------------------------------------------------------------

_Source: TypeAlias = Callable[[Reader, Reader], Media]


def _source(block: Reader) -> Reader:
    if block.mapping("source") is None:
        raise block.wrong("source", "is missing.")
    return block.object("source")


def _one_of(source: Reader, known: Mapping[str, _Source]) -> _Source:
    source.required_text("type")
    chosen: _Source = source.one_of("type", known)
    return chosen


def _image_here(source: Reader, block: Reader) -> Media:
    mime = source.text("media_type") or ""
    return media.of_base64(source.required_text("data"), mime, MediaKind.IMAGE, block.path)


def _image_there(source: Reader, block: Reader) -> Media:
    return media.of_url(source.required_text("url"), MediaKind.IMAGE, block.path)


def _image_on_file(source: Reader, block: Reader) -> Media:
    return Media(MediaKind.IMAGE, file_id=source.required_text("file_id"), at=block.path)


def _document_here(source: Reader, block: Reader) -> Media:
    mime = source.text("media_type") or PDF
    return media.of_base64(source.required_text("data"), mime, MediaKind.DOCUMENT, block.path)


def _document_there(source: Reader, block: Reader) -> Media:
    return media.with_mime(media.of_url(source.required_text("url"), MediaKind.DOCUMENT, block.path), PDF)


def _document_in_words(source: Reader, block: Reader) -> Media:
    return media.of_text(source.required_text("data"), at=block.path)


def _document_on_file(source: Reader, block: Reader) -> Media:
    return Media(MediaKind.DOCUMENT, file_id=source.required_text("file_id"), at=block.path)


_IMAGE_SOURCES: Mapping[str, _Source] = {"base64": _image_here, "url": _image_there, "file": _image_on_file}
_DOCUMENT_SOURCES: Mapping[str, _Source] = {
    "base64": _document_here,
    "url": _document_there,
    "text": _document_in_words,
    "content": _document_in_words,  # Named for the error that lists what there is: `_pieces` reads it.
    "file": _document_on_file,
}
_IN_RESULTS: Mapping[str, _Read] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
}
_ANYWHERE: Mapping[str, _Read] = {**_IN_RESULTS, "compaction": _compaction}
_BLOCKS: Mapping[Role, Mapping[str, _Read]] = {
    Role.USER: {**_ANYWHERE, "tool_result": _tool_result},
    Role.ASSISTANT: {**_ANYWHERE, "thinking": _thinking, "redacted_thinking": _redacted, "tool_use": _tool_use},
    Role.SYSTEM: {"text": _text},
}
