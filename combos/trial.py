"""The candidates of one request, asked one after the other until one speaks."""

import asyncio
import math
import time
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from billing.api_keys.facts import KeyFacts
from billing.calendar import now
from combos import outgoing, verdicts
from combos.candidates import Candidate, nobody
from combos.conversations import conversations
from combos.gateway import Gateway
from combos.line import Line, Taken
from combos.outgoing import Outgoing
from combos.permissions import close_to
from combos.reactions import REACTIONS, Reaction
from combos.refusals import InvalidBody, Refusal
from combos.settling.account import Account
from combos.snapshot import ComboConfig, Snapshot
from combos.streaming import Streaming
from combos.trail import Attempt, Trail
from combos.use import Use
from health import events
from health.events import AttemptFailed, RequestRouted
from providers import capabilities, failures
from providers.capabilities import Needs
from providers.failures import FailureKind, UpstreamError
from providers.upstream import Call, Exchange
from translator import tokens
from translator.dialect import ClientRequest, Dialect
from translator.dialects import DIALECTS
from translator.losses import CannotSay, InvalidRequest, UpstreamComplaint
from translator.messages import Part, Request

WANTING = frozenset({FailureKind.CONTEXT_TOO_LONG, FailureKind.UNSUPPORTED_FEATURE})
"""Failures that only another model can mend, one that is able to."""


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
    session: str = ""
    """What the client's headers call the conversation."""

    @property
    def owner(self) -> str:
        """Whose conversation it is, for what is remembered of it."""
        return str(self.key.id) if self.key else ""

    @property
    def reply_id(self) -> str:
        return self.request_id.removeprefix("req_")


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in one piece: the client's bytes. `is_stream` says that they are those of a stream."""

    body: bytes
    candidate: Candidate
    dropped: tuple[str, ...] = ()
    is_stream: bool = False
    route: str = ""


@dataclass(slots=True)
class Trial:
    """The candidates of one request, asked one after the other."""

    asked: Asked
    snapshot: Snapshot
    account: Account
    gateway: Gateway
    line: Line
    trail: Trail = field(default_factory=Trail)
    with_reasoning: bool = True
    """Whether what models thought before is sent along; not any more once a vendor refused it."""
    understood: Request | None = None
    """The client's request in neutral words, once a candidate needed them."""
    _ends_at: float = 0.0
    """On the monotonic clock: no attempt begins after it."""
    _tries: dict[tuple[UUID, str], int] = field(default_factory=dict)

    async def first_that_speaks(self) -> Whole | Streaming:
        """Raises AllFailed, or InvalidBody where the request turns out to be wrong in its own dialect."""
        self._ends_at = time.monotonic() + self.snapshot.routing.total_seconds
        while (taken := await self._next()) is not None:
            use = Use(self.gateway.health, taken)
            try:
                return await self._ask_as_often_as_it_helps(taken.candidate, use)
            except UpstreamError as failure:
                await use.failed(failure)
                if self._after(taken, failure, use.milliseconds) is Reaction.STOP:
                    break
            finally:
                if use.is_open and not self.account.is_streaming_now:
                    await use.ended()
        raise self._nobody_answered()

    async def _next(self) -> Taken | None:
        left = self._ends_at - time.monotonic()
        if len(self.trail.failed) >= self.snapshot.limits.most_attempts or left <= 0:
            return None
        patience = min(left, self.snapshot.health.queue_seconds)
        while (taken := await self.line.next(patience) or await self._another_round()) is not None:
            if self._is_still_there(taken.candidate):
                return taken
            await self.line.give_back(taken)
        return None

    def _is_still_there(self, candidate: Candidate) -> bool:
        """Whether it may be used still: a request that waited or tried others may be older than a change."""
        current = self.gateway.keeper.current
        if current is self.snapshot:
            return True
        provider = current.directory.providers.get(candidate.provider.slug)
        connections = provider.connections if provider is not None and provider.is_enabled else ()
        return any(each.id == candidate.connection.id for each in connections)

    async def _another_round(self) -> Taken | None:
        """Once everybody failed: those of a combo whose failure may have passed, after a pause."""
        again = [each.candidate for each in self.trail.failed if self._may_ask_again(each)]
        pause = max((_config(each).retry_delay_ms for each in again), default=0) / 1000
        if not again or time.monotonic() + pause >= self._ends_at:
            return None
        await asyncio.sleep(pause)
        self.line.put_back(list({_identity(each): each for each in again}.values()))
        return await self.line.next(0)

    def _may_ask_again(self, attempt: Attempt) -> bool:
        candidate = attempt.candidate
        if attempt.reaction is not Reaction.RETRY or candidate.combo is None:
            return False
        return self._tries[_identity(candidate)] <= _config(candidate).max_retries

    def _after(self, taken: Taken, failure: UpstreamError, milliseconds: int) -> Reaction:
        reaction = REACTIONS[failure.kind]
        self.trail.failed.append(Attempt(taken.candidate, milliseconds, failure, reaction))
        events.publish(self._failed(taken.candidate, failure, milliseconds))
        identity = _identity(taken.candidate)
        self._tries[identity] = self._tries.get(identity, 0) + 1
        if reaction is Reaction.OTHER_MODEL:
            self.line.forget_model(taken.candidate)
        if failure.kind in WANTING:
            self.line.look_for(self._needs(taken.candidate, failure.kind))
        return reaction

    def _failed(self, candidate: Candidate, failure: UpstreamError, milliseconds: int) -> AttemptFailed:
        return AttemptFailed(
            request_id=self.asked.request_id,
            provider=candidate.provider.slug,
            connection=candidate.connection.id,
            model=candidate.model.id,
            kind=failure.kind.value,
            status=failure.status,
            milliseconds=milliseconds,
            message=failure.message,
        )

    def _needs(self, candidate: Candidate, kind: FailureKind) -> Needs:
        """What whoever is asked next has to be able to do: at least more than the one that was too small."""
        size = tokens.of_request(self.asked.request)
        if kind is FailureKind.CONTEXT_TOO_LONG and candidate.model.context_window:
            size = max(size, candidate.model.context_window + 1)
        try:
            self.understood = self.understood or self._understand()
        except InvalidBody:  # Its own vendor took it so far; only what can be counted is known of it.
            return Needs(tokens=size)
        return capabilities.needs_of(self.understood, size)

    async def _ask_as_often_as_it_helps(self, candidate: Candidate, use: Use) -> Whole | Streaming:
        """Twice where a vendor refused what models thought before: the second time without it."""
        try:
            return await self._ask(candidate, use)
        except UpstreamError as failure:
            if REACTIONS[failure.kind] is not Reaction.WITHOUT_REASONING or not self.with_reasoning:
                raise
            self.with_reasoning = False
            self.trail.failed.append(Attempt(candidate, use.milliseconds, failure, Reaction.WITHOUT_REASONING))
        return await self._ask(candidate, use)

    async def _ask(self, candidate: Candidate, use: Use) -> Whole | Streaming:
        try:
            sent = await self._outgoing(candidate)
            if sent.dropped and self.asked.is_strict:
                raise CannotSay(f"it would not get {', '.join(sent.dropped)}", sent.dropped[0])
        except CannotSay as lack:
            raise UpstreamError(FailureKind.UNSUPPORTED_FEATURE, 400, lack.message) from lack
        self.account.attempt(candidate)
        try:
            return await self._call_and_hear(candidate, sent, use)
        except UpstreamError as failure:
            self.account.attempt_failed(failure)
            raise

    async def _call_and_hear(self, candidate: Candidate, sent: Outgoing, use: Use) -> Whole | Streaming:
        timeouts = self.snapshot.directory.timeouts
        wants_stream = self.asked.request.is_streaming
        total = timeouts.stream if wants_stream else timeouts.whole_answer
        try:
            async with asyncio.timeout(self._patience(candidate, wants_stream and sent.streams)):
                exchange = await self.gateway.upstream.send(self._call(candidate, sent), total)
                use.hints = exchange.hints
                return await self._begin(candidate, sent, exchange, use)
        except TimeoutError as error:
            raise failures.from_exception(error) from error
        except UpstreamComplaint as complaint:
            raise failures.from_complaint(complaint, now()) from complaint

    def _patience(self, candidate: Candidate, is_stream: bool) -> float:
        """Seconds until the first word of a stream, or until the whole answer."""
        timeouts = self.snapshot.directory.timeouts
        own = _config(candidate).timeout_ms if candidate.combo is not None else None
        most = math.inf if own is None else own / 1000
        if not is_stream:
            return min(most, timeouts.whole_answer)
        return min(most, timeouts.first_event, max(0.0, self._ends_at - time.monotonic()))

    async def _outgoing(self, candidate: Candidate) -> Outgoing:
        """Raises CannotSay, or InvalidBody."""
        asked, reply_id = self.asked.request, self.asked.reply_id
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

    async def _begin(self, candidate: Candidate, sent: Outgoing, exchange: Exchange, use: Use) -> Whole | Streaming:
        """The answer, or the beginning of it. The exchange is closed unless a stream takes it over."""
        self.account.headers_came(exchange.header_seconds)
        is_stream = exchange.content_type.startswith(outgoing.STREAM)
        try:
            if self.asked.request.is_streaming and (
                is_stream or not exchange.content_type.startswith("application/json")
            ):
                return await self._open_stream(candidate, sent, exchange, use)
            whole = await self._whole(candidate, sent, await exchange.whole_body(), is_stream)
            await use.succeeded()
            return whole
        except (UpstreamError, UpstreamComplaint):
            if is_stream:
                self.account.spoken_in_vain = exchange.received.count(b"data:")
            raise
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
        route = self._route(candidate)
        self.account.finish_whole(spoken)
        return Whole(spoken.body, candidate, sent.dropped, wants_stream, route)

    async def _remember(self, body: bytes, parts: tuple[Part, ...], is_stream: bool) -> None:
        """Before the client has the end of the answer: its next request may be quicker than we are."""
        entries = conversations.worth_keeping(self.asked.request, body, parts, is_stream=is_stream)
        if entries:
            await self.gateway.memory.remember(self.asked.owner, entries, self.snapshot.limits.memory_hours)

    async def _open_stream(self, candidate: Candidate, sent: Outgoing, exchange: Exchange, use: Use) -> "Streaming":
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
        await use.spoke()
        first, route = b"".join(held), self._route(candidate)
        self.account.stream_begins()
        return Streaming(candidate, exchange, stream, first, self.account, use, self._remember, sent.dropped, route)

    def _route(self, candidate: Candidate) -> str:
        """For the header; and the same for the usage row."""
        self.trail.skipped = self.line.skipped
        if self.trail:
            self.account.tried = self.trail.told()
        if events.has_subscribers():
            events.publish(self._routed(candidate))
        return self.trail.of_answer(candidate)

    def _routed(self, candidate: Candidate) -> RequestRouted:
        return RequestRouted(
            request_id=self.asked.request_id,
            asked=self.asked.request.model,
            provider=candidate.provider.slug,
            connection=candidate.connection.id,
            model=candidate.model.id,
            attempts=len(self.trail.failed) + 1,
        )

    def _nobody_answered(self) -> Refusal:
        if not self.line.count:
            return nobody(self.line.first, self.gateway.dashboard)
        self.trail.skipped = self.line.skipped
        self.account.tried = self.trail.told()
        return verdicts.verdict_on(
            self.trail, lambda: close_to(self.asked.key, self.asked.request.model, self.snapshot)
        )


def _config(candidate: Candidate) -> ComboConfig:
    assert candidate.combo is not None
    return candidate.combo.config


def _identity(candidate: Candidate) -> tuple[UUID, str]:
    return candidate.connection.id, candidate.model.id
