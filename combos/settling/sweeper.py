"""Job: lets go of what is held where workers count together, for requests whose rows are in the database already.

Whoever stores a row says so; but a worker that is killed while Redis is away takes that word with it.

Law: one worker looks, whichever comes first, once in `SWEEP_SECONDS`. A request without a row holds what it holds: it
runs, or its row is on its way.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.db import connection

from billing.budgets import spending
from billing.budgets.meter import Meter
from billing.models import UsageRecord
from combos.snapshot import Keeper, Snapshot

log = logging.getLogger(__name__)

SWEEP_SECONDS = 10
MOST_ASKED_AT_ONCE = 500


async def sweep_for_ever(meter: Meter, keeper: Keeper) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await sweep(meter, keeper.current)
        except Exception as error:  # The outermost edge of the task: what was not found is found next time.
            log.warning("what is held in vain cannot be looked for: %s", error)


async def sweep(meter: Meter, snapshot: Snapshot) -> int:
    """For how many requests something was let go of."""
    if not await meter.sweeps(SWEEP_SECONDS):
        return 0
    allowances, now = snapshot.books.allowances, datetime.now(UTC)
    windows = [(each.id, allowances.window(each.period, now).name) for each in allowances.all]
    keys = {str(key.id) for key in snapshot.books.keys.values() if key.is_limited}
    held = await meter.held(windows, sorted(keys))
    if not held:
        return 0
    stored, totals = await sync_to_async(_look, thread_sensitive=False)(held, snapshot)
    if stored:
        log.info("%d requests held something although they were stored", len(stored))
        await meter.tell(stored, totals)
    return len(stored)


def _look(held: Collection[str], snapshot: Snapshot) -> tuple[list[tuple[str, str]], dict[tuple[int, str], int]]:
    """Those of them that are stored, with their keys, and what is spent by now."""
    try:
        stored = _stored(sorted(held))
        return stored, spending.totals(snapshot.books.allowances, datetime.now(UTC)) if stored else {}
    finally:
        connection.close()


def _stored(ids: Sequence[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for start in range(0, len(ids), MOST_ASKED_AT_ONCE):
        rows = UsageRecord.objects.filter(request_id__in=ids[start : start + MOST_ASKED_AT_ONCE])
        found += [(request_id, str(key or "")) for request_id, key in rows.values_list("request_id", "api_key_id")]
    return found
