"""Pictures: one that a client can show its model, and those that a request holds, whichever dialect it speaks.

Job: `draw` and `pictures_in`. Law: a picture counts only in the shape and the place that its dialect has for it.
"""

import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any
from zlib import compress, crc32

from tests.wire import Json


def draw(red: int, green: int, blue: int, size: int = 16) -> bytes:
    """A PNG, a square of one colour."""
    rows = (b"\0" + bytes([red, green, blue]) * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in chunks)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc32(name + content))


def objects(value: Any) -> Iterator[Json]:
    """Every object in it, the outer ones first."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(one)


def from_url(url: str) -> bytes:
    return b64decode(url.partition(";base64,")[2])


def of_openai(body: Json) -> Iterator[bytes]:
    said = [message for message in body["messages"] if message["role"] == "user"]
    return (from_url(part["image_url"]["url"]) for part in objects(said) if part.get("type") == "image_url")


def of_claude(body: Json) -> Iterator[bytes]:
    return (b64decode(part["source"]["data"]) for part in objects(body["messages"]) if part.get("type") == "image")


def of_gemini(body: Json) -> Iterator[bytes]:
    return (b64decode(part["inlineData"]["data"]) for part in objects(body["contents"]) if "inlineData" in part)


def of_responses(body: Json) -> Iterator[bytes]:
    return (from_url(part["image_url"]) for part in objects(body["input"]) if part.get("type") == "input_image")


READERS: dict[str, Callable[[Json], Iterator[bytes]]] = {
    "openai": of_openai, "claude": of_claude, "gemini": of_gemini, "responses": of_responses,
}  # fmt: skip


def pictures_in(dialect: str, body: Json) -> list[bytes]:
    return list(READERS[dialect](body))
