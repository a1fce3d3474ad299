"""What a client sent and what it got, overheard for the log of bodies. Made only where that is kept."""

from collections.abc import AsyncIterator
from datetime import datetime

from django.http import HttpResponse, StreamingHttpResponse

from billing.usage.bodies import BodyLog, Call
from translator.dialect import Dialect

MOST_HEARD = 1 << 20
"""Bytes of a stream that are kept in memory while it runs."""


class Recorder:
    """Of one request. Either `hear` or `nothing` is called, once."""

    __slots__ = ("_asked", "_began_at", "_dialect", "_log", "_request_id")

    def __init__(self, log: BodyLog, request_id: str, began_at: datetime, dialect: Dialect, asked: bytes) -> None:
        self._log = log
        self._request_id = request_id
        self._began_at = began_at
        self._dialect = dialect
        self._asked = asked

    def nothing(self) -> None:
        """The client hung up before it was answered."""
        self.keep(b"", 0, is_stream=False)

    def hear(self, response: HttpResponse | StreamingHttpResponse) -> None:
        """Of a stream what comes by, when it is closed, however it ended."""
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = Overheard(response._iterator, self)  # type: ignore[attr-defined]
        else:
            self.keep(response.content, len(response.content), is_stream=False)

    def keep(self, heard: bytes, said: int, *, is_stream: bool) -> None:
        call = Call(self._request_id, self._began_at, self._dialect, self._asked, heard, said, is_stream)
        self._log.keep(call)


class Overheard:
    """A stream on its way to the client. No generator, since one that was never begun would not close what it reads."""

    __slots__ = ("_heard", "_pieces", "_recorder", "_said", "_size")

    def __init__(self, pieces: AsyncIterator[bytes], recorder: Recorder) -> None:
        self._pieces = pieces
        self._recorder: Recorder | None = recorder
        self._heard: list[bytes] = []
        self._size = self._said = 0

    def __aiter__(self) -> "Overheard":
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        self._said += len(piece)
        if self._size < MOST_HEARD:
            self._heard.append(piece)
            self._size += len(piece)
        return piece

    async def aclose(self) -> None:
        try:
            await self._pieces.aclose()  # type: ignore[attr-defined]
        finally:
            if self._recorder is not None:
                self._recorder.keep(b"".join(self._heard), self._said, is_stream=True)
                self._recorder = None
