"""Names to addresses, without holding up anybody who does not wait for that very name.

The event loop looks names up in four threads (uvloop) or a few more, which it shares with everything else: four servers
of names that do not answer would hold up every other connect. Here there are more threads, and for nothing else. One
look-up at a time is made for a name, and how long to wait for it is the caller's affair.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

MOST_THREADS = 64
"""They are started when they are needed, and wait most of the time."""
_ALREADY_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class Resolver(AbstractResolver):
    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, look_up, host, port, family)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def look_up(host: str, port: int, family: int) -> list[ResolveResult]:
    """Blocks. Raises OSError."""
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=_ALREADY_NUMERIC
        )
        for kind, _, protocol, _, address in found
    ]
