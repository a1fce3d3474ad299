"""The way of /v1 through Django: its requests, responses, URL resolver and ninja, without its thread hops.

Stock Django leaves the event loop at least twice a request (signals, closing, a new thread pool), which costs six
times the rest. Here nothing does: the body is read in memory against our own limit, and no middleware runs. What
follows from that: no view here may touch the database, and every view is async.
"""

import asyncio
import itertools
import secrets
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.urls import ResolverMatch, set_urlconf

from combos import runtime
from combos.endpoints.answering import dialect_of, not_allowed, refused
from combos.endpoints.pulse import Pulse
from combos.refusals import BodyTooLarge, InvalidBody

MOST_REMEMBERED_PATHS = 256
WATCH_AFTER_SECONDS = 0.1
TWICE = "/v1/v1/"
RUN = secrets.token_hex(8)
"""Makes the request ids of this process unlike those of every other."""

_numbers = itertools.count(1)


class ClientGone(Exception):
    """The client hung up before its request was whole."""


class ShortPathHandler(ASGIHandler):
    def __init__(self, urlconf: str) -> None:
        BaseHandler.__init__(self)
        self._urlconf = urlconf
        self._matches: dict[str, ResolverMatch] = {}
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._answer: Any = convert_exception_to_response(self._get_response_async)  # type: ignore[attr-defined]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            response = await self._answer_while_connected(scope, receive, send)
        except ClientGone:
            return
        if response is not None:
            await _send(response, Pulse(send))

    async def _answer_while_connected(self, scope: Any, receive: Any, send: Any) -> HttpResponseBase | None:
        """Answer, and stop at once when the client hangs up; None where that, or the whole answer, is done."""
        limit = (await runtime.gateway()).keeper.current.limits.largest_body
        body = await _read_body(receive, limit)
        if body is None:
            return refused(BodyTooLarge(limit), dialect_of(scope["path"]))
        pulse = Pulse(send)
        try:
            request = self._request(scope, body, pulse)
        except UnicodeDecodeError:
            return refused(InvalidBody("The path is not valid UTF-8."), dialect_of(scope["path"]))
        work = asyncio.current_task()
        assert work is not None
        watcher = Watcher(receive, work)
        try:
            response = await self._answer(request)
            if isinstance(response, HttpResponseNotAllowed):
                response = not_allowed(request)
            await _send(response, pulse, watcher)
        except asyncio.CancelledError:
            if not watcher.client_is_gone:
                raise
            work.uncancel()
        finally:
            pulse.stop()
            watcher.stop()
        return None

    def _request(self, scope: Any, body: bytes, pulse: Pulse) -> ASGIRequest:
        if scope["path"].startswith(TWICE):  # A base URL that ends in /v1, and a client that adds it again.
            scope = {**scope, "path": scope["path"].removeprefix("/v1"), "raw_path": None}
        request = ASGIRequest(scope, BytesIO(body))
        request._body = body  # type: ignore[attr-defined]
        request.urlconf = self._urlconf  # type: ignore[attr-defined]
        request.META["omniroute.request_id"] = f"req_{RUN}{next(_numbers):x}"
        request.META["omniroute.pulse"] = pulse
        return request

    def resolve_request(self, request: Any) -> ResolverMatch:
        """Paths without parameters are resolved once; that is a third of a request's time in Django."""
        set_urlconf(self._urlconf)  # Errors are answered by the handlers of the URL configuration that is set.
        match = self._matches.get(request.path_info)
        if match is None:
            match = super().resolve_request(request)
            if not match.args and not match.kwargs and len(self._matches) < MOST_REMEMBERED_PATHS:
                self._matches[request.path_info] = match
        request.resolver_match = match
        return match


class Watcher:
    """Cancels the work when the client hangs up. Servers also report that after a whole answer, which is no news.

    It begins to watch after a moment only, because most answers are whole by then and a task costs more than a timer.
    """

    def __init__(self, receive: Any, work: "asyncio.Task[Any]") -> None:
        self.client_is_gone = False
        self.answer_is_whole = False
        self._work = work
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_SECONDS, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.answer_is_whole:
            self.client_is_gone = True
            self._work.cancel()

    def stop(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()


async def _read_body(receive: Any, limit: int) -> bytes | None:
    """The whole body, or None when it is longer than `limit` bytes; the rest of a long one is read and dropped."""
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        more = message.get("more_body", False)
    if size > limit:
        return None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _send(response: HttpResponseBase, pulse: Pulse, watcher: Watcher | None = None) -> None:
    headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    if isinstance(response, StreamingHttpResponse):
        await _send_stream(response, headers, pulse, watcher)
        return
    assert isinstance(response, HttpResponse)
    headers.append((b"content-length", b"%d" % len(response.content)))
    await pulse.send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    if watcher:
        watcher.answer_is_whole = True
    await pulse.send({"type": "http.response.body", "body": response.content})


async def _send_stream(response: StreamingHttpResponse, headers: Any, pulse: Pulse, watcher: Watcher | None) -> None:
    pieces = response._iterator  # type: ignore[attr-defined]
    try:
        await pulse.send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        async for piece in pieces:
            await pulse.send({"type": "http.response.body", "body": piece, "more_body": True})
        if watcher:
            watcher.answer_is_whole = True
        await pulse.send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        await pieces.aclose()
