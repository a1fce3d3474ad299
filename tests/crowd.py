"""Many clients of one gateway. Each request has a connection of its own: the kernel spreads those over workers."""

import asyncio
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.fleet import Fleet
from tests.gateway import GatewayProcess

SEVERAL = 40
"""Requests that leave no worker out of four, but for once in 25,000 times."""


def body_of(model: str, text: str = "hello", **members: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}]} | members


def at_once(
    gateway: GatewayProcess, count: int, model: str, *, together: int = 0, **members: Any
) -> list[httpx.Response]:
    """So many requests, all at the same moment or so many of them at a time."""
    sent = _written(body_of(model, **members))

    async def ask(room: asyncio.Semaphore) -> httpx.Response:
        async with room, asyncio.timeout(60):
            return await _asked(gateway.port, sent)

    async def work() -> list[httpx.Response]:
        room = asyncio.Semaphore(together or count)
        return list(await asyncio.gather(*(ask(room) for _ in range(count))))

    return asyncio.run(work())


def _written(body: Any) -> bytes:
    content = json.dumps(body).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-type: application/json"
    return f"{head}\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content


async def _asked(port: int, sent: bytes) -> httpx.Response:
    """By hand: thousands of requests through a full client would measure the client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, text.strip()) for name, _, text in (line.partition(":") for line in lines)]
    return httpx.Response(int(status.split()[1]), headers=headers, content=content)


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def who_is_asked(fleet: Fleet, model: str, count: int = SEVERAL) -> Counter[str]:
    fleet.asked()
    at_once(fleet.gateway, count, model, together=10)
    return Counter(fleet.asked())


class Waiting:
    """One request whose answer is not waited for."""

    def __init__(self, gateway: GatewayProcess, model: str, **members: Any) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        content = json.dumps(body_of(model, **members))
        self._connection.request("POST", "/v1/chat/completions", content, {"content-type": "application/json"})
        self._gateway = gateway

    def hang_up(self) -> None:
        self._connection.close()

    def status(self) -> int:
        with self._connection.getresponse() as answer:
            answer.read()
        self._connection.close()
        return answer.status

    def worker(self) -> int:
        """The process that has this request: whose open files are the other end of our socket."""
        own = self._connection.sock.getsockname()[1]
        inode = next(row[9] for row in _sockets() if _port(row[1]) == self._gateway.port and _port(row[2]) == own)
        return next(pid for pid in self._gateway.pids("web") if _holds(pid, inode))


def _sockets() -> list[list[str]]:
    return [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _holds(pid: int, inode: str) -> bool:
    return any(str(entry.readlink()) == f"socket:[{inode}]" for entry in _open_files(pid))


def _open_files(pid: int) -> list[Path]:
    return [entry for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]


@contextmanager
def load(gateway: GatewayProcess, model: str, clients: int = 4) -> Iterator[list[int]]:
    """Clients that ask one after the other while the block runs. Gives the statuses of their answers so far."""
    seen: list[int] = []
    is_over = threading.Event()
    sent = _written(body_of(model))

    async def ask() -> None:
        while not is_over.is_set():
            try:
                async with asyncio.timeout(30):
                    seen.append((await _asked(gateway.port, sent)).status_code)
            except (OSError, TimeoutError):
                seen.append(0)

    async def work() -> None:
        await asyncio.gather(*(ask() for _ in range(clients)))

    thread = threading.Thread(target=asyncio.run, args=[work()])
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def resident_mebibytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def cpu_seconds(pid: int) -> float:
    facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(facts[11]) + int(facts[12])) / 100


def busiest(calls: list[Any]) -> int:
    """How many of these calls ran at the same time, at most."""
    now = time.monotonic()
    marks = sorted(
        mark for call in calls for mark in ((call.started_at, 1), (call.ended_at or call.peer_closed_at or now, -1))
    )
    running = most = 0
    for _, step in marks:
        running += step
        most = max(most, running)
    return most
