"""Signs of life for a client that waits: proxies and tools hang up on a stream that is silent for a minute.

A stream that has had nothing to send for a while gets what its dialect has for that: a comment, a ping, a line break.
The first one commits the status 200, so from then on every failure is told inside the stream. Until then nothing was
promised: most answers begin long before, and all that a pulse costs them is a timer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Send = Callable[[Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Pulse:
    """ASGI's `send` for one response. All that goes to the client goes through here, so that nothing overlaps."""

    __slots__ = (
        "_beat",
        "_beating",
        "_headers",
        "_is_sending",
        "_moved_at",
        "_seconds",
        "_send",
        "_timer",
        "has_begun",
    )

    def __init__(self, send: Send) -> None:
        self._send = send
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._is_sending = False
        self._moved_at = 0.0
        self.has_begun = False
        """Whether the client has the status 200 already."""

    def begin(self, content_type: str, headers: dict[str, str], beat: bytes, seconds: float) -> None:
        """From now on `beat` is sent after each `seconds` of silence. An empty beat or 0 seconds: never."""
        if not beat or not seconds:
            return
        named = {"Content-Type": content_type} | headers
        self._headers = [(name.lower().encode(), text.encode()) for name, text in named.items()]
        self._beat, self._seconds = beat, seconds
        loop = asyncio.get_running_loop()
        self._moved_at = loop.time()
        self._timer = loop.call_later(seconds, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._moved_at + self._seconds - loop.time()
        if left <= 0 and not self._is_sending:
            self._moved_at = loop.time()
            self._beating = asyncio.ensure_future(self._beat_once())
        self._timer = loop.call_later(left if left > 0 else self._seconds, self._look)

    async def _beat_once(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await self._send({"type": "http.response.body", "body": self._beat, "more_body": True})

    async def send(self, message: Message) -> None:
        """As ASGI's, except that a start is left out where a beat has sent one."""
        if self._beating is not None:
            await self._beating
            self._beating = None
        if self.has_begun and message["type"] == "http.response.start":
            return
        self._is_sending = True
        try:
            await self._send(message)
        finally:
            self._is_sending = False
        if self._timer is not None:
            self._moved_at = asyncio.get_running_loop().time()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
