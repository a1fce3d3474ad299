"""One client request, one answer: admit, resolve, line up, try until one speaks, stream, settle.

The pipeline knows no vendor, no HTTP server and no Django request; a task, a command or a test can call it. Until an
upstream has said something we may change our mind; afterwards never, so that no client sees two answers in one. What
a request used and cost is settled exactly once, whoever hangs up first.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from billing.budgets import BudgetExceeded
from billing.snapshot import KeyFacts
from combos.account import CLIENT_CLOSED, Account
from combos.candidates import Candidate, line_up
from combos.gateway import Gateway
from combos.reactions import REACTIONS, Reaction
from combos.refusals import AllFailed, Refusal, SpentUp
from combos.resolver import close_matches, resolve
from combos.snapshot import Snapshot
from providers import failures
from providers.failures import FailureKind, UpstreamError
from providers.upstream import Call, Exchange
from translator.dialects import UpstreamComplaint, openai
from translator.dialects.openai import ChatRequest, Relay


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's request, after its key was recognised."""

    request_id: str
    key: KeyFacts | None
    chat: ChatRequest


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in one piece: the upstream's bytes."""

    body: bytes


@dataclass(slots=True)
class Attempt:
    candidate: Candidate
    milliseconds: int
    failure: UpstreamError

    def __str__(self) -> str:
        return f"{self.candidate}: {self.failure.status} after {self.milliseconds} ms, {self.failure.message}"


async def answer(asked: Asked, gateway: Gateway) -> "Whole | Streaming":
    """Raises Refusal: why there is no answer."""
    snapshot = gateway.keeper.current
    account = Account(asked.request_id, asked.key, asked.chat, gateway)
    try:
        admit(asked, account, gateway)
        candidates = line_up(resolve(asked.chat.model, snapshot), gateway.dashboard)
        trial = Trial(asked, snapshot, account, gateway)
        return await trial.first_that_speaks(candidates)
    except Refusal as refusal:
        account.settle(refusal.status, refusal.message)
        raise
    except asyncio.CancelledError:
        account.settle(CLIENT_CLOSED, "the client hung up before the answer began")
        raise


def admit(asked: Asked, account: Account, gateway: Gateway) -> None:
    """Raises SpentUp."""
    try:
        gateway.keeper.meter.admit(asked.key.id if asked.key else None, account.started_at)
    except BudgetExceeded as spent:
        seconds = (spent.resets_at - account.started_at).total_seconds()
        raise SpentUp(
            f"The {spent.period} budget of this key, {spent.limit.normalize():f} US$, is used up. "
            f"It begins anew at {spent.resets_at:%Y-%m-%d %H:%M} UTC.",
            seconds,
        ) from None


@dataclass(slots=True)
class Trial:
    """The candidates of one request, asked one after the other."""

    asked: Asked
    snapshot: Snapshot
    account: Account
    gateway: Gateway
    failed: list[Attempt] = field(default_factory=list)

    async def first_that_speaks(self, candidates: list[Candidate]) -> "Whole | Streaming":
        """Raises AllFailed."""
        for candidate in candidates[: self.snapshot.limits.most_attempts]:
            self.account.attempt(candidate)
            started = time.monotonic()
            try:
                return await self._ask(candidate)
            except UpstreamError as failure:
                self.failed.append(Attempt(candidate, int((time.monotonic() - started) * 1000), failure))
                if REACTIONS[failure.kind] is Reaction.STOP:
                    break
        raise self._all_failed()

    async def _ask(self, candidate: Candidate) -> "Whole | Streaming":
        chat, timeouts = self.asked.chat, self.snapshot.directory.timeouts
        endpoint = candidate.endpoint
        body = chat.addressed_to(candidate.model.upstream_id, endpoint.stream_usage)
        patience = timeouts.first_event if chat.is_streaming else timeouts.whole_answer
        total = timeouts.stream if chat.is_streaming else timeouts.whole_answer
        gap = timeouts.gap if chat.is_streaming else total
        url = endpoint.url(candidate.model.upstream_id, chat.is_streaming)
        call = Call(url, candidate.connection.headers, body, endpoint.reach, timeouts.connect, gap)
        try:
            async with asyncio.timeout(patience):
                exchange = await self.gateway.upstream.send(call, total)
                return await self._begin(exchange)
        except TimeoutError as error:
            raise failures.from_exception(error) from error
        except UpstreamComplaint as complaint:
            kind = failures.classify(complaint.status, complaint.message)
            raise UpstreamError(kind, complaint.status, complaint.message) from complaint

    async def _begin(self, exchange: Exchange) -> "Whole | Streaming":
        """The answer, or the beginning of it. The exchange is closed unless a stream takes it over."""
        self.account.header_seconds = exchange.header_seconds
        try:
            if self.asked.chat.is_streaming:
                return await self._open_stream(exchange)
            body = await exchange.whole_body()
            self.account.finish_whole(body, openai.read_answer(body))
            return Whole(body)
        finally:
            if not self.account.is_streaming_now:
                await exchange.aclose()

    async def _open_stream(self, exchange: Exchange) -> "Streaming":
        if exchange.content_type.startswith("application/json"):
            openai.read_answer(await exchange.whole_body())
            raise UpstreamError(FailureKind.UNSUPPORTED_FEATURE, 502, "it answered in one piece instead of a stream")
        relay, held = Relay(self.asked.chat.shows_usage), []
        while not relay.has_spoken:
            chunk = await exchange.next_chunk()
            if chunk is None or relay.is_done:
                raise UpstreamError(FailureKind.TRANSIENT, 502, "it closed the stream without an answer")
            held.append(relay.feed(chunk))
        self.account.stream_begins()
        return Streaming(exchange, relay, b"".join(held), self.account)

    def _all_failed(self) -> AllFailed:
        last = self.failed[-1].failure
        if last.kind is FailureKind.MODEL_GONE and len(self.failed) == 1:
            return self._no_such_model(last)
        waits = [each.failure.retry_after for each in self.failed if each.failure.retry_after is not None]
        if len(self.failed) == 1:
            candidate = self.failed[-1].candidate
            return AllFailed(
                f"{candidate} failed with {last.status}: {last.message}", last.status, min(waits, default=None)
            )
        lines = "; ".join(map(str, self.failed))
        return AllFailed(f"All {len(self.failed)} attempts failed. {lines}", last.status, min(waits, default=None))

    def _no_such_model(self, failure: UpstreamError) -> AllFailed:
        """Ids that no catalogue lists are passed on; when the provider does not know one either, help is due."""
        close = close_matches(self.asked.chat.model, self.snapshot)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        said = f"{self.failed[-1].candidate} failed with {failure.status}: {failure.message}{hint}"
        return AllFailed(said, failure.status, failure.retry_after)


class Streaming:
    """A stream that has begun to speak. Iterate it once; `aclose` ends it wherever it is, also before it was read."""

    def __init__(self, exchange: Exchange, relay: Relay, first: bytes, account: Account) -> None:
        self._exchange = exchange
        self._relay = relay
        self._account = account
        self._pieces = self._read(first)

    def __aiter__(self) -> "Streaming":
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        await self._pieces.aclose()
        await self._end()

    async def _read(self, first: bytes) -> AsyncGenerator[bytes, None]:
        try:
            yield first
            while not self._relay.is_done and (chunk := await self._exchange.next_chunk()) is not None:
                if pieces := self._relay.feed(chunk):
                    yield pieces
            if last := self._relay.finish():
                yield last
            self._account.stream_ends(self._relay)
            await self._exchange.drain()
        except (UpstreamError, UpstreamComplaint) as failure:
            self._relay.failure = failure.message
            yield openai.encode_stream_error(failure.status, failure.message)
            self._account.stream_ends(self._relay, failure.status)
        finally:
            await self._end()

    async def _end(self) -> None:
        """Settles as hung up, unless the stream came to its own end."""
        self._account.stream_is_cut(self._relay)
        await self._exchange.aclose()
