"""How bytes reach an upstream: pyqwest (Rust: TLS, HTTP/1.1, HTTP/2) under the httpx interface.

httpx's own connection pool is quadratic in open requests (6 ms of CPU a call at 64, docs/performance.md). pyreqwest is
as quick, but a call that is cancelled before its headers goes on in the background; pyqwest stops it within a
millisecond, which is what a client that hangs up needs. No redirects, no proxies from the environment, no
decompression, no cookies.
"""

import os
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path

import certifi
import httpx
import pyqwest
from pyqwest import HTTPTransport

from providers.guard import Resolver

MOST_TRANSPORTS = 256
IDLE_SECONDS = 55.0
"""Below the 60 s after which common servers close an idle connection, so that none is reused while it closes."""
MOST_IDLE_CONNECTIONS = 256


class Reach(StrEnum):
    """How far a request may go."""

    VENDOR = "vendor"
    """To a host of the catalogue, which TLS proves to be the right one."""
    PUBLIC = "public"
    PRIVATE = "private"
    """To a node that the operator allowed on a private network."""


class ChunkStream(httpx.AsyncByteStream):
    """The body, piece by piece as it comes."""

    def __init__(self, response: pyqwest.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content:
                yield bytes(chunk)
        except (pyqwest.ReadError, pyqwest.RemoteProtocolError, OSError) as error:
            raise httpx.ReadError(str(error)) from error

    async def aclose(self) -> None:
        await self._response.aclose()


class Network(httpx.AsyncBaseTransport):
    """The way out to real servers.

    A request says by its extensions which addresses are allowed (`reach`), and how many seconds connecting may take
    (`connect`). All time limits but that one are the caller's, who cancels.
    """

    def __init__(self) -> None:
        self._resolver = Resolver()
        self._transports: dict[tuple[str, str, float], HTTPTransport] = {}
        forget_proxies_of_the_environment()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx errors, and guard.AddressRefused."""
        transport = await self._transport_for(request)
        headers = pyqwest.Headers([(name.decode(), value.decode()) for name, value in request.headers.raw])
        headers.pop("host", None)
        try:
            response = await transport.execute(
                pyqwest.Request(request.method, str(request.url), headers, request.content)
            )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error), request=request) from error
        except ConnectionError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        except (pyqwest.ReadError, pyqwest.WriteError, pyqwest.RemoteProtocolError, ValueError) as error:
            raise httpx.ReadError(str(error), request=request) from error
        return httpx.Response(response.status, headers=[*response.headers.items()], stream=ChunkStream(response))

    async def _transport_for(self, request: httpx.Request) -> HTTPTransport:
        """One for all vendors, and one for each judged address of a node, which can reach nothing else."""
        reach, connect = request.extensions["reach"], request.extensions["connect"]
        host = address = ""
        if reach is not Reach.VENDOR:
            host = request.url.host
            address = await self._resolver.address_of(host, reach is Reach.PRIVATE)
        key = (host, address, connect)
        if key not in self._transports:
            if len(self._transports) >= MOST_TRANSPORTS:
                self._transports.pop(next(iter(self._transports)))
            self._transports[key] = make_transport(*key)
        return self._transports[key]

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()


def make_transport(host: str, address: str, connect_seconds: float) -> HTTPTransport:
    return HTTPTransport(
        tls_ca_cert=Path(certifi.where()).read_bytes(),
        tls_include_system_certs=True,
        connect_timeout=connect_seconds,
        pool_idle_timeout=IDLE_SECONDS,
        pool_max_idle_per_host=MOST_IDLE_CONNECTIONS,
        enable_gzip=False,
        enable_brotli=False,
        enable_zstd=False,
        dns_overrides={host: [f"[{address}]" if ":" in address else address]} if host != address else None,
        follow_redirects=False,
        enable_otel=False,
    )


def forget_proxies_of_the_environment() -> None:
    """The engine would use them, and offers no switch. A proxy here is a setting, or there is none."""
    for name in [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]:
        del os.environ[name]
