"""What one request will be remembered by. Filled in while it runs, settled exactly once."""

import time
from dataclasses import replace
from datetime import datetime

from billing.api_keys.facts import KeyFacts
from billing.budgets.counters import Wish
from billing.calendar import now
from billing.money import ZERO, units
from billing.prices.cost import Price
from billing.usage.rows import CLIENT_HUNG_UP, INTERRUPTED, WHY_INTERRUPTED, Attempt, UsageRow
from combos.candidates import Candidate
from combos.gateway import Gateway
from combos.outgoing import Spoken
from combos.settling.pace import Pace
from providers.failures import UpstreamError
from translator import tokens
from translator.crossing import StreamCrossing
from translator.dialect import ClientRequest
from translator.relay import Relay
from translator.usage import Usage

CHARACTERS_OF_ERROR = 500
CHARACTERS_OF_MODEL = 300


class Account:
    def __init__(self, request_id: str, key: KeyFacts | None, asked: ClientRequest, gateway: Gateway) -> None:
        self.request_id = request_id
        self.key = key
        self.asked = asked
        self._gateway = gateway
        self._started = time.monotonic()
        self._candidate: Candidate | None = None
        self._attempt_started = self._started
        self._header_ms: int | None = None
        self._first_event_ms: int | None = None
        self._is_settled = False
        self.pace = Pace()
        self.started_at = now()
        self._row = _new_row(request_id, key, asked, self.started_at)
        self.is_streaming_now = False
        self.reserved: Wish | None = None
        """What its budgets hold for it while it runs."""
        self.spoken_in_vain = 0
        """Events of an answer that was cut before its client had heard of it."""
        self.combo = ""
        """The name of the combo that was asked for."""
        self.tried: list[dict[str, str | int]] = []
        """Who was asked in vain, or passed over."""

    @property
    def _made(self) -> list[Attempt]:
        return self._row.made

    def attempt(self, candidate: Candidate) -> None:
        """A vendor is called now."""
        self._candidate = candidate
        self._attempt_started = time.monotonic()
        self._row.made.append(self._new_attempt(candidate))
        self._begin()

    def reserves(self, wish: Wish, *, is_told: bool) -> None:
        """Its budgets are asked to hold this. Told first, where a kill would leave it held."""
        self.reserved = wish
        self._row.is_reserved = True
        if is_told:
            self._begin()

    def _begin(self) -> None:
        """Have told what is known by now, if this worker should be killed."""
        row = self._row
        row.status, row.error, row.body_bytes = INTERRUPTED, WHY_INTERRUPTED, len(self.asked.body.raw)
        row.combo, row.tried = self.combo, self.tried
        self._gateway.journal.begin(row)

    def _new_attempt(self, candidate: Candidate) -> Attempt:
        return Attempt(
            is_flat=candidate.connection.is_flat,
            provider=candidate.provider.slug,
            connection=candidate.connection.name,
            model=_storable(candidate.model.id, 200),
            start_ms=_milliseconds(self._attempt_started - self._started),
        )

    def headers_came(self, seconds: float) -> None:
        self._made[-1].header_ms = self._header_ms = _milliseconds(seconds)

    def attempt_failed(self, failure: UpstreamError) -> None:
        """The last attempt came to nothing; what it said before is counted, for its vendor counts it too."""
        attempt = self._made[-1]
        if attempt.status:
            return
        if self.spoken_in_vain:
            self._count(self._estimate(self.spoken_in_vain))
            self.spoken_in_vain = 0
        self._end_attempt(failure.status, failure.kind.value)

    def finish_whole(self, spoken: Spoken) -> None:
        self._count(spoken.usage or self._estimate(tokens.of_bytes(spoken.body)))
        self.settle(200)

    def stream_begins(self) -> None:
        self.is_streaming_now = True
        moment = time.monotonic()
        self._first_event_ms = _milliseconds(moment - self._started)
        self.pace.beat()
        self._made[-1].first_event_ms = _milliseconds(moment - self._attempt_started)

    def stream_ends(self, stream: Relay | StreamCrossing, failed_with: int = 502) -> None:
        """The stream came to an end of its own: a good one, or the upstream's failure."""
        self._take_usage(stream, is_whole=not stream.failure)
        self.settle(failed_with if stream.failure else 200, stream.failure or "")

    def stream_is_cut(self, stream: Relay | StreamCrossing) -> None:
        """The client hung up, unless the stream had ended before. What was streamed is charged.

        Many clients hang up as soon as they have read the end mark; to them the answer was whole.
        """
        if self._is_settled:
            return
        if stream.is_done:
            self.stream_ends(stream)
            return
        self._take_usage(stream, is_whole=False)
        self.settle(CLIENT_HUNG_UP, "the client hung up")

    def _take_usage(self, stream: Relay | StreamCrossing, *, is_whole: bool) -> None:
        """The vendor's counts if the answer is whole; of a cut one they say too little."""
        self._row.gap_ms = self._made[-1].gap_ms = self.pace.middle_ms
        counted = stream.usage or self._estimate(stream.events)
        if not is_whole:
            output = max(counted.output, stream.events)
            counted = replace(counted, output=output, is_estimated=True, vendor_cost=None)
        self._count(counted)

    def _count(self, usage: Usage) -> None:
        """What the attempt that runs has used, at the price of now."""
        assert self._candidate is not None
        self._made[-1].add_usage(usage, self._price(self._candidate))

    def _price(self, candidate: Candidate) -> Price | None:
        return self._gateway.keeper.current.books.prices.get((candidate.provider.slug, candidate.model.id))

    def _end_attempt(self, status: int, kind: str = "") -> None:
        attempt = self._made[-1]
        attempt.status, attempt.kind = status, kind
        attempt.total_ms = _milliseconds(time.monotonic() - self._attempt_started)

    def _estimate(self, output: int) -> Usage:
        """For vendors that send no counts."""
        return Usage(tokens.of_request(self.asked), output=output, is_estimated=True)

    def hung_up(self) -> None:
        """The client did, before the answer began. Whoever was asked has the prompt, and bills it."""
        if self._made and not self._made[-1].status and not self._is_settled:
            self._count(self._estimate(0))
        self.settle(CLIENT_HUNG_UP, "the client hung up before the answer began")

    def settle(self, status: int, error: str = "") -> None:
        """Write the usage row, and charge the key's budgets."""
        if self._is_settled:
            return
        self._is_settled = True
        if self._made and not self._made[-1].status:
            self._end_attempt(status)
        self._gateway.journal.append(self._told(status, error))
        if self.reserved is not None:
            spent = sum((each.cost_usd for each in self._made), ZERO)
            used = sum(each.prompt_tokens + each.output_tokens for each in self._made)
            self._gateway.meter.settle(self.reserved, units(spent), used)

    def _told(self, status: int, error: str) -> UsageRow:
        row = self._row
        row.status, row.error, row.body_bytes = status, _storable(error, CHARACTERS_OF_ERROR), 0
        row.combo, row.tried = self.combo, self.tried
        row.header_ms, row.first_event_ms = self._header_ms, self._first_event_ms
        row.total_ms = _milliseconds(time.monotonic() - self._started)
        return row


def _new_row(request_id: str, key: KeyFacts | None, asked: ClientRequest, started_at: datetime) -> UsageRow:
    row = UsageRow(
        request_id=request_id,
        started_at=started_at,
        dialect=asked.dialect.value,
        model_asked=_storable(asked.model, CHARACTERS_OF_MODEL),
        status=0,
        total_ms=0,
        is_streaming=asked.is_streaming,
    )
    if key is not None:
        row.api_key_id, row.api_key_name = key.id, key.name
        row.user_id, row.user_name = key.user_id, key.user_name
        row.team_id, row.team_name = key.team_id, key.team_name
    return row


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _storable(text: str, most: int) -> str:
    """A text the database takes: PostgreSQL refuses NUL, and columns have an end."""
    return text.replace("\0", "")[:most]
