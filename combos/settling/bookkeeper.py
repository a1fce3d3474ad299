"""Job: rows into the database, and the word to the meter that they are there.

Law: called on the journal's writer thread; the meter lives on the event loop and is told there.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from billing.budgets import spending
from billing.budgets.meter import Meter
from billing.models import Level
from billing.usage import ledger
from billing.usage.rows import UsageRow
from combos.snapshot import Keeper

TOLD_SECONDS = 3.0


class Bookkeeper:
    """What a killed worker left behind is stored before there is a meter; it is told of it when it comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._meter: Meter | None = None
        self._early: list[UsageRow] = []
        self.keeper: Keeper | None = None

    def serve(self, meter: Meter) -> None:
        """From now on tell this one. On the event loop."""
        self._meter = meter
        meter.stored(_named(self._early), {})
        self._early = []

    def store(self, rows: Sequence[UsageRow]) -> None:
        """A connection that broke is not met again."""
        try:
            ledger.store(rows)
            if held := [row for row in rows if row.is_reserved]:
                self._tell(held)
        finally:
            connection.close()

    def _tell(self, rows: Sequence[UsageRow]) -> None:
        if self.keeper is None or self._meter is None:
            self._early += rows
            return
        allowances = self.keeper.current.books.allowances
        totals = spending.totals(allowances, datetime.now(UTC), _paid_by(rows))
        self._wait(self._meter.tell(_named(rows), totals))

    def _wait(self, telling: Coroutine[Any, Any, None]) -> None:
        """A moment at most. Until this returns the rows stay in the journal, and whoever adopts it tells of them."""
        told = asyncio.run_coroutine_threadsafe(telling, self._loop)
        with contextlib.suppress(TimeoutError):
            told.result(TOLD_SECONDS)


def _named(rows: Sequence[UsageRow]) -> list[tuple[str, str]]:
    """Each request's id, and its key's."""
    return [(row.request_id, str(row.api_key_id or "")) for row in rows]


def _paid_by(rows: Sequence[UsageRow]) -> Q:
    """The budgets that these requests count against."""
    return (
        Q(api_key_id__in={row.api_key_id for row in rows})
        | Q(user_id__in={row.user_id for row in rows})
        | Q(team_id__in={row.team_id for row in rows})
        | Q(level=Level.GLOBAL)
    )
