"""One exchange with one upstream. The only place that sends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from providers import failures, hints
from providers.failures import FailureKind, UpstreamError
from providers.guard import AddressRefused
from providers.hints import RateHints
from providers.transport import Reach

LARGEST_ERROR = 64 << 10
LARGEST_ANSWER = 64 << 20
"""Bytes of an answer that is not streamed."""
DRAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. A stream has three clocks: until it says something, between two pieces, and over all of it."""

    connect: float = 10
    first_event: float = 120
    gap: float = 60
    whole_answer: float = 600
    stream: float = 3600


@dataclass(frozen=True, slots=True)
class Call:
    url: httpx.URL
    headers: httpx.Headers
    body: bytes
    reach: Reach
    connect: float
    """Seconds that connecting may take."""
    gap: float
    """Seconds that may pass between two pieces of the answer."""


class Exchange:
    """An upstream that has answered with a success status, and whose body is being read."""

    __slots__ = ("_chunks", "_deadline", "_response", "header_seconds", "received")

    def __init__(self, response: httpx.Response, started: float, deadline: float) -> None:
        self._response = response
        self._deadline = deadline
        self._chunks: AsyncIterator[bytes] = aiter(response.stream)  # type: ignore[arg-type]
        self.header_seconds = time.monotonic() - started
        self.received = b""
        """What `whole_body` got, also when it was cut."""

    @property
    def content_type(self) -> str:
        return str(self._response.headers.get("content-type", ""))

    @property
    def hints(self) -> RateHints | None:
        """What the answer's headers say of the vendor's rate limits. Read when asked for; ask once."""
        return hints.read(self._response.headers.raw, datetime.now(UTC))

    async def next_chunk(self) -> bytes | None:
        """The next piece of the body, None at its end. Raises UpstreamError when it stalls, breaks or runs too long.

        The transport watches the gap; a timer here for every piece would cost as much as all the rest of it.
        """
        if time.monotonic() > self._deadline:
            raise failures.from_exception(TimeoutError())
        try:
            return await self._chunks.__anext__()
        except StopAsyncIteration:
            return None
        except (httpx.HTTPError, TimeoutError) as error:
            raise failures.from_exception(error) from error

    async def whole_body(self, largest: int = LARGEST_ANSWER) -> bytes:
        """All that remains. Raises UpstreamError."""
        pieces, size = [], 0
        try:
            while (piece := await self.next_chunk()) is not None:
                pieces.append(piece)
                size += len(piece)
                if size > largest:
                    raise UpstreamError(FailureKind.TRANSIENT, 502, f"its answer is larger than {largest} bytes")
        finally:
            self.received = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self.received

    async def drain(self) -> None:
        """Read what follows the end of the answer, a second at most, so that the connection can be used again."""
        with contextlib.suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while await self.next_chunk() is not None:
                    pass

    async def aclose(self) -> None:
        """Stop the upstream, wherever it is."""
        await self._response.stream.aclose()  # type: ignore[union-attr]


class Upstream:
    """Sends calls over the transport that their URL's scheme names."""

    def __init__(self, transports: Mapping[str, httpx.AsyncBaseTransport]) -> None:
        self._transports = transports

    async def send(self, call: Call, total: float) -> Exchange:
        """The exchange, once the upstream has answered with a success. `total` is in seconds. Raises UpstreamError."""
        started = time.monotonic()
        extensions = {"reach": call.reach, "connect": call.connect, "gap": call.gap}
        body = httpx.ByteStream(call.body)
        request = httpx.Request("POST", call.url, headers=call.headers, stream=body, extensions=extensions)
        try:
            response = await self._transports[call.url.scheme].handle_async_request(request)
        except AddressRefused as error:
            raise UpstreamError(FailureKind.NETWORK, 502, str(error)) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise failures.from_exception(error) from error
        exchange = Exchange(response, started, started + total)
        if response.is_success:
            return exchange
        raise await _failure(response, exchange)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


async def _failure(response: httpx.Response, exchange: Exchange) -> UpstreamError:
    try:
        body = await exchange.whole_body(LARGEST_ERROR)
    except UpstreamError:
        body = b""
    finally:
        await exchange.aclose()
    return failures.from_status(response.status_code, response.headers, body, datetime.now(UTC))
