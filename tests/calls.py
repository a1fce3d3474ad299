"""Calls as the scripted upstream receives them: read from the socket to the byte, and the tokens they redeem.

Job: `Call`, `read_call`, `TokenDesk`. Law: nothing here answers; answers are `tests/upstream.py`.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from json import loads
from secrets import token_hex
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.wire import Json


@dataclass(slots=True, eq=False)
class Call:
    """One request as it arrived, to the byte; not frozen, because the end of its story is filled in.

    Headers keep their order and case and are decoded as Latin-1. `fields` are what the body says if it is a
    JSON object, `refused` is the complaint about it, `bytes_sent` counts the body of the answer, and
    `peer_closed_at` stays None if the peer stayed to the end; a FIN from it counts as leaving.
    """

    peer: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    started_at: float
    body: bytes = b""
    fields: Json = field(default_factory=dict)
    bytes_sent: int = 0
    refused: str = ""
    ended_at: float | None = None
    peer_closed_at: float | None = None

    def header(self, name: str) -> str:
        return next((text for known, text in self.headers if known.lower() == name.lower()), "")

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def json(self) -> Any:
        return loads(self.body)

    @property
    def model(self) -> str:
        in_path = re.search(r"/models/(.+):\w+$", self.path)
        return unquote(in_path[1]) if in_path else str(self.fields.get("model", ""))

    @property
    def key(self) -> str:
        """The API key, wherever the dialect puts it."""
        bearer = self.header("authorization").removeprefix("Bearer ")
        own = self.header("x-api-key") or self.header("x-goog-api-key")
        return bearer or own or self.query.get("key", "")

    def row(self) -> Json:
        """The call as `GET /__log` shows it."""
        told = {"path": self.path, "query": self.query, "model": self.model, "key": self.key}
        row = {**asdict(self), **told, "body_base64": b64encode(self.body).decode()}
        return {name: value for name, value in row.items() if name != "body"}


class Reader(asyncio.StreamReader):
    """Tells at once when the peer has left, also while nobody is reading."""

    def __init__(self) -> None:
        super().__init__(limit=1 << 20)
        self.left: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def feed_eof(self) -> None:
        super().feed_eof()
        if not self.left.done():
            self.left.set_result(monotonic())

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self.feed_eof()


async def read_call(reader: Reader, writer: asyncio.StreamWriter) -> Call:
    """Raises IncompleteReadError or ConnectionError when the peer leaves instead."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = [(name, text.strip()) for name, _, text in (line.partition(":") for line in lines)]
    host, port = writer.get_extra_info("peername")
    call = Call(f"{host}:{port}", method, target, headers, monotonic())
    if call.header("expect").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in call.header("transfer-encoding"):
        call.body = b"".join([chunk async for chunk in read_chunks(reader)])
    else:
        call.body = await reader.readexactly(int(call.header("content-length") or 0))
    with suppress(ValueError):
        said = loads(call.body)
        call.fields = said if isinstance(said, dict) else {}
    return call


async def read_chunks(reader: Reader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")


@dataclass(slots=True)
class TokenDesk:
    """An OAuth token endpoint whose refresh tokens are good for one use, as Codex's and Claude's are."""

    expires_in: int = 3600
    refreshed: int = 0
    reused: int = 0
    current: str = ""
    issued: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)

    def issue(self) -> Json:
        """What a login gives, and every refresh."""
        self.current = f"refresh-{token_hex(8)}"
        self.issued.add(self.current)
        access = {"access_token": f"access-{token_hex(8)}", "token_type": "Bearer"}
        return {**access, "refresh_token": self.current, "expires_in": self.expires_in}

    def redeem(self, call: Call) -> tuple[int, Json]:
        """The status and the body for a request of `grant_type=refresh_token`."""
        form = call.fields or dict(parse_qsl(call.body.decode()))
        token = form.get("refresh_token", "")
        self.reused += token in self.spent
        if form.get("grant_type") != "refresh_token" or token not in self.issued - self.spent:
            return 400, {"error": "invalid_grant"}
        self.spent.add(token)
        self.refreshed += 1
        return 200, self.issue()
