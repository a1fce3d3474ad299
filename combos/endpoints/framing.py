"""Gemini's other way to stream: one JSON array whose elements come one after the other, without `alt=sse`."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from translator import sse


async def as_array(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of the events as elements. `pieces` hold whole events each; its `aclose` is called at the end."""
    before = b"["
    async with aclosing(pieces) as events:  # type: ignore[type-var]
        async for piece in events:
            for frame in sse.split(piece):
                if data := sse.data(frame):
                    yield before + data
                    before = b",\r\n"
    yield b"]" if before == b",\r\n" else b"[]"
