"""How bytes reach an upstream: aiohttp's connector under the httpx interface.

httpx's own connection pool is quadratic in open requests (6 ms of CPU a call at 64). What was measured beside it, in
CPU ms for a call at 64 and for a stream of 32 chunks at 16: aiohttp 0.2 / 0.3, pyqwest 0.4 / 2.5, and pyreqwest, which
is quick but goes on with a call that was cancelled before its headers. Here no redirects are followed, no proxy is
taken from the environment, nothing is decompressed, and no cookie is kept.
"""

import ssl
from enum import StrEnum
from functools import lru_cache

import aiohttp
import certifi
import httpx
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from providers.guard import AddressRefused, GuardedResolver, judge_literal
from providers.names import Resolver

IDLE_SECONDS = 55.0
"""Below the 60 s after which common servers close an idle connection, so that none is reused while it closes."""


class Reach(StrEnum):
    """How far a request may go."""

    VENDOR = "vendor"
    """To a host of the catalogue, which TLS proves to be the right one."""
    PUBLIC = "public"
    PRIVATE = "private"
    """To a node that the operator allowed on a private network."""


class ChunkStream(httpx.AsyncByteStream):
    """The body, piece by piece as it comes."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response

    def __aiter__(self) -> "ChunkStream":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.content.readany()
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(str(error)) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """A connection whose answer was read to the end is kept; any other is closed, which stops the upstream."""
        self._response.close()


class Network(httpx.AsyncBaseTransport):
    """The way out to real servers.

    A request says by its extensions which addresses are allowed (`reach`), how many seconds connecting may take
    (`connect`), and how many may pass without a byte (`gap`). Other time limits are the caller's, who cancels.
    """

    def __init__(self) -> None:
        self._sessions: dict[Reach, ClientSession] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx errors, and guard.AddressRefused."""
        reach: Reach = request.extensions["reach"]
        if reach is not Reach.VENDOR:
            judge_literal(request.url.host, reach is Reach.PRIVATE)
        try:
            response = await self._session(reach).request(
                request.method,
                _url(str(request.url)),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=b"".join(request.stream),  # type: ignore[arg-type]
                allow_redirects=False,
                timeout=_timeout(request.extensions["connect"]),
            )
        except AddressRefused:
            raise
        except (aiohttp.ConnectionTimeoutError, TimeoutError) as error:
            raise httpx.ConnectTimeout(str(error), request=request) from error
        except aiohttp.ClientConnectorError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise httpx.ReadError(str(error), request=request) from error
        watch_gaps(response, request.extensions["gap"])
        return httpx.Response(response.status, headers=response.raw_headers, stream=ChunkStream(response))

    def _session(self, reach: Reach) -> ClientSession:
        session = self._sessions.get(reach)
        if session is None:
            session = self._sessions[reach] = make_session(reach)
        return session

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


def make_session(reach: Reach) -> ClientSession:
    """Connections of one reach have a pool of their own, so that none is lent to a request that may not go there."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    connector = aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=IDLE_SECONDS,
        ssl=context,
        resolver=Resolver() if reach is Reach.VENDOR else GuardedResolver(reach is Reach.PRIVATE),
    )
    return ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
    )


def watch_gaps(response: ClientResponse, seconds: float) -> None:
    """From now on, so many seconds may pass between two pieces. Until the headers the caller's clock runs alone.

    aiohttp's own `sock_read` would count the time before the headers too, which a thinking model needs.
    """
    connection = response.connection
    if connection is not None and connection.protocol is not None:
        connection.protocol.read_timeout = seconds
        connection.protocol.start_timeout()


@lru_cache(maxsize=1024)
def _url(text: str) -> URL:
    return URL(text, encoded=True)


@lru_cache(maxsize=16)
def _timeout(connect_seconds: float) -> ClientTimeout:
    """Connecting includes looking up the name, which `sock_connect` would leave out."""
    return ClientTimeout(total=None, connect=connect_seconds, sock_connect=connect_seconds)
