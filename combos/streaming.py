"""A stream that has begun to speak, on its way to the client, to its end or wherever either side hangs up."""

from collections.abc import AsyncGenerator
from typing import Protocol

from billing.calendar import now
from combos.candidates import Candidate
from combos.settling.account import Account
from combos.use import Use
from providers import failures
from providers.failures import UpstreamError
from providers.upstream import Exchange
from translator.crossing import StreamCrossing
from translator.losses import UpstreamComplaint
from translator.messages import Part
from translator.relay import Relay


class Remember(Protocol):
    """Keep what the conversation will need of these last bytes and of what was said."""

    async def __call__(self, body: bytes, parts: tuple[Part, ...], is_stream: bool) -> None: ...


class Streaming:
    """A stream that has begun to speak. Iterate it once; `aclose` ends it wherever it is, also before it was read."""

    def __init__(
        self,
        candidate: Candidate,
        exchange: Exchange,
        stream: Relay | StreamCrossing,
        first: bytes,
        account: Account,
        use: Use,
        remember: Remember,
        dropped: tuple[str, ...],
        route: str,
    ) -> None:
        self._exchange = exchange
        self._stream = stream
        self._account = account
        self._use = use
        self._remember = remember
        self._pieces = self._read(first)
        self.candidate = candidate
        self.dropped = dropped
        self.route = route

    def __aiter__(self) -> "Streaming":
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        await self._pieces.aclose()
        await self._end()

    async def _read(self, first: bytes) -> AsyncGenerator[bytes, None]:
        stream, beat = self._stream, self._account.pace.beat
        try:
            await self._keep(first)
            yield first
            while not stream.is_done and (chunk := await self._exchange.next_chunk()) is not None:
                if pieces := stream.feed(chunk):
                    beat()
                    if stream.is_done:
                        await self._keep(pieces)
                    yield pieces
            if last := stream.finish():
                await self._keep(last)
                yield last
            self._account.stream_ends(stream)
            await self._report(stream.failure)
            await self._exchange.drain()
        except (UpstreamError, UpstreamComplaint) as failure:
            yield stream.fail(failure.status, failure.message)
            self._account.stream_ends(stream, failure.status)
            await self._use.failed(_as_error(failure))
        finally:
            await self._end()

    async def _report(self, failure: str | None) -> None:
        if failure is None:
            await self._use.succeeded()
        else:
            await self._use.failed(UpstreamError(failures.classify(502, failure), 502, failure))

    async def _keep(self, pieces: bytes) -> None:
        """Have remembered what must be, once these pieces hold the end of the answer."""
        if self._stream.is_done and not self._stream.failure:
            parts = self._stream.parts if isinstance(self._stream, StreamCrossing) else ()
            await self._remember(pieces, parts, is_stream=True)

    async def _end(self) -> None:
        """Settles as hung up, unless the stream came to its own end."""
        self._account.stream_is_cut(self._stream)
        try:
            await self._use.ended()
        finally:
            await self._exchange.aclose()


def _as_error(failure: UpstreamError | UpstreamComplaint) -> UpstreamError:
    return failure if isinstance(failure, UpstreamError) else failures.from_complaint(failure, now())
