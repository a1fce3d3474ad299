"""The candidates of one request, asked one after the other until one speaks."""

import asyncio
import time
from dataclasses import dataclass, field

import httpx

from billing.snapshot import KeyFacts
from combos import conversations, outgoing
from combos.account import Account
from combos.candidates import Candidate
from combos.gateway import Gateway
from combos.outgoing import Outgoing
from combos.reactions import REACTIONS, Reaction
from combos.refusals import AllFailed, InvalidBody
from combos.resolver import close_matches
from combos.snapshot import Snapshot
from combos.streaming import Streaming
from providers import failures
from providers.failures import FailureKind, UpstreamError
from providers.upstream import Call, Exchange
from translator.dialect import ClientRequest, Dialect
from translator.dialects import DIALECTS
from translator.losses import CannotSay, InvalidRequest, UpstreamComplaint
from translator.messages import Part, Request

CONTEXT_TOO_LONG = "context_length_exceeded"
"""OpenAI's word, by which agents know that they must shorten the conversation."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's request, after its key was recognised."""

    request_id: str
    key: KeyFacts | None
    request: ClientRequest
    beta: str = ""
    """The client's own anthropic-beta flags, which belong to members of its body."""
    is_strict: bool = False
    """Whether the client would rather be refused than lose a parameter."""

    @property
    def owner(self) -> str:
        """Whose conversation it is, for what is remembered of it."""
        return str(self.key.id) if self.key else ""


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in one piece: the client's bytes. `is_stream` says that they are those of a stream."""

    body: bytes
    candidate: Candidate
    dropped: tuple[str, ...] = ()
    is_stream: bool = False


@dataclass(slots=True)
class Attempt:
    candidate: Candidate
    milliseconds: int
    failure: UpstreamError

    def __str__(self) -> str:
        return f"{self.candidate}: {self.failure.status} after {self.milliseconds} ms, {self.failure.message}"


@dataclass(slots=True)
class Trial:
    """The candidates of one request, asked one after the other."""

    asked: Asked
    snapshot: Snapshot
    account: Account
    gateway: Gateway
    failed: list[Attempt] = field(default_factory=list)
    with_reasoning: bool = True
    """Whether what models thought before is sent along; not any more once a vendor refused it."""
    understood: Request | None = None
    """The client's request in neutral words, once a candidate needed them."""

    async def first_that_speaks(self, candidates: list[Candidate]) -> Whole | Streaming:
        """Raises AllFailed, or InvalidBody where the request turns out to be wrong in its own dialect."""
        for candidate in candidates[: self.snapshot.limits.most_attempts]:
            reaction, answer = await self._try(candidate)
            if reaction is Reaction.WITHOUT_REASONING and self.with_reasoning:
                self.with_reasoning = False
                reaction, answer = await self._try(candidate)
            if answer is not None:
                return answer
            if reaction is Reaction.STOP:
                break
        raise self._all_failed()

    async def _try(self, candidate: Candidate) -> tuple[Reaction | None, Whole | Streaming | None]:
        started = time.monotonic()
        try:
            return None, await self._ask(candidate)
        except UpstreamError as failure:
            self.failed.append(Attempt(candidate, int((time.monotonic() - started) * 1000), failure))
            return REACTIONS[failure.kind], None

    async def _ask(self, candidate: Candidate) -> Whole | Streaming:
        try:
            sent = await self._outgoing(candidate)
            if sent.dropped and self.asked.is_strict:
                raise CannotSay(f"it would not get {', '.join(sent.dropped)}", sent.dropped[0])
        except CannotSay as lack:
            raise UpstreamError(FailureKind.UNSUPPORTED_FEATURE, 400, lack.message) from lack
        self.account.attempt(candidate)
        timeouts = self.snapshot.directory.timeouts
        wants_stream = self.asked.request.is_streaming
        patience = timeouts.first_event if wants_stream and sent.streams else timeouts.whole_answer
        total = timeouts.stream if wants_stream else timeouts.whole_answer
        try:
            async with asyncio.timeout(patience):
                exchange = await self.gateway.upstream.send(self._call(candidate, sent), total)
                return await self._begin(candidate, sent, exchange)
        except TimeoutError as error:
            raise failures.from_exception(error) from error
        except UpstreamComplaint as complaint:
            kind = failures.classify(complaint.status, complaint.message)
            raise UpstreamError(kind, complaint.status, complaint.message) from complaint

    async def _outgoing(self, candidate: Candidate) -> Outgoing:
        """Raises CannotSay, or InvalidBody."""
        asked, reply_id = self.asked.request, self.asked.request_id.removeprefix("req_")
        if candidate.endpoint.dialect is asked.dialect:
            return outgoing.addressed(asked, candidate, reply_id, with_reasoning=self.with_reasoning)
        if self.understood is None:
            self.understood = self._understand()
        if not self.with_reasoning:
            request = conversations.without_reasoning(self.understood)
        elif conversations.takes_signatures(candidate.endpoint.dialect, candidate.model.upstream_id):
            request = await conversations.with_signatures(self.understood, self.asked.owner, self.gateway.memory)
        else:
            request = self.understood
        return outgoing.translated(asked, request, candidate, reply_id)

    def _understand(self) -> Request:
        asked = self.asked.request
        try:
            return DIALECTS[asked.dialect].decode_request(asked.body.value, asked.model)
        except InvalidRequest as error:
            raise InvalidBody(error.message, error.param) from None

    def _call(self, candidate: Candidate, sent: Outgoing) -> Call:
        timeouts = self.snapshot.directory.timeouts
        gap = timeouts.gap if sent.streams else timeouts.whole_answer
        url = candidate.endpoint.url(candidate.model.upstream_id, sent.streams)
        return Call(url, self._headers(candidate, sent), sent.body, candidate.endpoint.reach, timeouts.connect, gap)

    def _headers(self, candidate: Candidate, sent: Outgoing) -> httpx.Headers:
        """The connection's. Members of a Claude body need the flags their client sent with them."""
        headers = candidate.connection.headers
        if not self.asked.beta or not sent.is_same or sent.dialect is not Dialect.CLAUDE:
            return headers
        own = headers.get("anthropic-beta")
        flags = dict.fromkeys([*(own.split(",") if own else ()), *self.asked.beta.split(",")])
        merged = headers.copy()
        merged["anthropic-beta"] = ",".join(flag.strip() for flag in flags if flag.strip())
        return merged

    async def _begin(self, candidate: Candidate, sent: Outgoing, exchange: Exchange) -> Whole | Streaming:
        """The answer, or the beginning of it. The exchange is closed unless a stream takes it over."""
        self.account.header_seconds = exchange.header_seconds
        is_stream = exchange.content_type.startswith(outgoing.STREAM)
        try:
            if self.asked.request.is_streaming and (
                is_stream or not exchange.content_type.startswith("application/json")
            ):
                return await self._open_stream(candidate, sent, exchange)
            return await self._whole(candidate, sent, await exchange.whole_body(), is_stream)
        finally:
            if not self.account.is_streaming_now:
                await exchange.aclose()

    async def _whole(self, candidate: Candidate, sent: Outgoing, raw: bytes, is_stream: bool) -> Whole:
        wants_stream = self.asked.request.is_streaming
        if wants_stream:
            spoken = sent.taken_apart(raw)
        elif is_stream:
            spoken = sent.put_together(sent.reader(), raw)
        else:
            spoken = sent.spoken(raw)
        await self._remember(spoken.body, spoken.parts, is_stream=wants_stream)
        self.account.finish_whole(spoken)
        return Whole(spoken.body, candidate, sent.dropped, is_stream=wants_stream)

    async def _remember(self, body: bytes, parts: tuple[Part, ...], is_stream: bool) -> None:
        """Before the client has the end of the answer: its next request may be quicker than we are."""
        entries = conversations.worth_keeping(self.asked.request, body, parts, is_stream=is_stream)
        if entries:
            await self.gateway.memory.remember(self.asked.owner, entries, self.snapshot.limits.memory_hours)

    async def _open_stream(self, candidate: Candidate, sent: Outgoing, exchange: Exchange) -> "Streaming":
        stream, held = sent.stream(), []
        while not stream.has_spoken:
            chunk = await exchange.next_chunk()
            if chunk is None:
                held.append(stream.finish())
                if not stream.has_spoken:
                    raise UpstreamError(FailureKind.TRANSIENT, 502, "it closed the stream without an answer")
            elif stream.is_done:
                raise UpstreamError(FailureKind.TRANSIENT, 502, "it closed the stream without an answer")
            else:
                held.append(stream.feed(chunk))
        self.account.stream_begins()
        return Streaming(exchange, stream, b"".join(held), self.account, self._remember, sent.dropped)

    def _all_failed(self) -> AllFailed:
        last = self.failed[-1].failure
        if last.kind is FailureKind.MODEL_GONE and len(self.failed) == 1:
            return self._no_such_model(last)
        waits = [each.failure.retry_after for each in self.failed if each.failure.retry_after is not None]
        if len(self.failed) == 1:
            said = "" if isinstance(last.__cause__, CannotSay) else f" failed with {last.status}"
            message = f"{self.failed[-1].candidate}{said}: {last.message}"
            failed = AllFailed(message, last.status, min(waits, default=None))
            failed.param = getattr(last.__cause__, "param", None)
        else:
            lines = "; ".join(map(str, self.failed))
            failed = AllFailed(
                f"All {len(self.failed)} attempts failed. {lines}", last.status, min(waits, default=None)
            )
        if last.kind is FailureKind.CONTEXT_TOO_LONG:
            failed.code = CONTEXT_TOO_LONG
        return failed

    def _no_such_model(self, failure: UpstreamError) -> AllFailed:
        """Ids that no catalogue lists are passed on; when the provider does not know one either, help is due."""
        close = close_matches(self.asked.request.model, self.snapshot)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        said = f"{self.failed[-1].candidate} failed with {failure.status}: {failure.message}{hint}"
        return AllFailed(said, failure.status, failure.retry_after)
