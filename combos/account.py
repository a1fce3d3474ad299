"""What one request will be remembered by. Filled in while it runs, settled exactly once."""

import time
from dataclasses import replace

from billing import ledger
from billing.ledger import UsageRow
from billing.snapshot import KeyFacts
from combos.candidates import Candidate
from combos.gateway import Gateway
from combos.outgoing import Spoken
from translator import tokens
from translator.crossing import StreamCrossing
from translator.dialect import ClientRequest
from translator.relay import Relay
from translator.usage import Usage

CLIENT_CLOSED = 499
"""The status of a request whose client hung up; nginx made it common."""
CHARACTERS_OF_ERROR = 500
CHARACTERS_OF_MODEL = 300


class Account:
    def __init__(self, request_id: str, key: KeyFacts | None, asked: ClientRequest, gateway: Gateway) -> None:
        self._request_id = request_id
        self._key = key
        self._asked = asked
        self._gateway = gateway
        self._started = time.monotonic()
        self._candidate: Candidate | None = None
        self._attempts = 0
        self._usage: Usage = ledger.NOTHING
        self._first_event_seconds: float | None = None
        self._is_settled = False
        self.started_at = ledger.now()
        self.header_seconds: float | None = None
        self.is_streaming_now = False
        self.combo = ""
        """The name of the combo that was asked for."""
        self.tried: list[dict[str, str | int]] = []
        """Who was asked in vain, or passed over."""

    def attempt(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._attempts += 1
        self.header_seconds = None

    def finish_whole(self, spoken: Spoken) -> None:
        self._usage = spoken.usage or self._estimate(tokens.of_bytes(spoken.body))
        self.settle(200)

    def stream_begins(self) -> None:
        self.is_streaming_now = True
        self._first_event_seconds = time.monotonic() - self._started

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
        self.settle(CLIENT_CLOSED, "the client hung up")

    def _take_usage(self, stream: Relay | StreamCrossing, *, is_whole: bool) -> None:
        """The vendor's counts if the answer is whole; of a cut one they say too little."""
        counted = stream.usage or self._estimate(stream.events)
        if not is_whole:
            counted = replace(counted, output=max(counted.output, stream.events), is_estimated=True)
        self._usage = counted

    def _estimate(self, output: int) -> Usage:
        """For vendors that send no counts."""
        return Usage(tokens.of_request(self._asked), output=output, is_estimated=True)

    def settle(self, status: int, error: str = "") -> None:
        """Write the usage row, and charge the key's budgets."""
        if self._is_settled:
            return
        self._is_settled = True
        row = self._row(status, error)
        self._gateway.journal.append(row)
        self._gateway.keeper.meter.charge(row.api_key_id, row.cost_usd, self.started_at)

    def _row(self, status: int, error: str) -> UsageRow:
        row = UsageRow(
            request_id=self._request_id,
            started_at=self.started_at,
            dialect=self._asked.dialect.value,
            model_asked=_storable(self._asked.model, CHARACTERS_OF_MODEL),
            status=status,
            total_ms=_milliseconds(time.monotonic() - self._started) or 0,
            is_streaming=self._asked.is_streaming,
            attempts=self._attempts,
            error=_storable(error, CHARACTERS_OF_ERROR),
            combo=self.combo,
            tried=self.tried,
            header_ms=_milliseconds(self.header_seconds),
            first_event_ms=_milliseconds(self._first_event_seconds),
        )
        if self._key:
            row.api_key_id, row.api_key_name = self._key.id, self._key.name
        if self._candidate:
            self._add_candidate(row, self._candidate)
        return row

    def _add_candidate(self, row: UsageRow, candidate: Candidate) -> None:
        row.provider = candidate.provider.slug
        row.connection = candidate.connection.name
        row.model = _storable(candidate.model.id, 200)
        prices = self._gateway.keeper.current.books.prices
        row.add_usage(self._usage, prices.get((candidate.provider.slug, candidate.model.id)))


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _storable(text: str, most: int) -> str:
    """A text the database takes: PostgreSQL refuses NUL, and columns have an end."""
    return text.replace("\0", "")[:most]
