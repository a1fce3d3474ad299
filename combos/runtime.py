"""The one gateway of this process: started with the worker, or by the first request where nobody announces a start."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.urls import reverse

from billing.api_keys import keys
from billing.budgets import meter
from billing.budgets.meter import Meter
from billing.usage import bodies
from billing.usage.journal import Journal
from billing.usage.rows import UsageRow
from combos.conversations.affinity import Affinities
from combos.conversations.memory import Memory
from combos.gateway import Gateway, make_journal, transports
from combos.settling.bookkeeper import Bookkeeper
from combos.settling.sweeper import sweep_for_ever
from combos.snapshot import Keeper
from health import readiness
from health.health import Health
from health.health import make as make_health
from providers import keyring
from providers.upstream import Upstream

Result = TypeVar("Result")

log = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.2
CATCH_UP_SECONDS = 1.0

_gateway: Gateway | None = None
_followers: "list[asyncio.Task[None]]" = []
_loop: asyncio.AbstractEventLoop | None = None
_starting = asyncio.Lock()


def catch_up() -> None:
    """Have this process obey what was just saved, without waiting for the keeper's next look."""
    if _gateway is None:
        return

    async def apply(gateway: Gateway) -> None:
        await gateway.health.apply(gateway.keeper.current.health)

    with contextlib.suppress(DatabaseError, NotServing, TimeoutError):  # Then the next look will do.
        _gateway.keeper.look()
        from_thread(apply, CATCH_UP_SECONDS)


class NotServing(Exception):
    """This process has no gateway: it runs a command, or has not been asked anything yet."""


async def gateway() -> Gateway:
    if _gateway is None:
        async with _starting:
            if _gateway is None:
                await start()
    assert _gateway is not None
    return _gateway


def from_thread(ask: Callable[[Gateway], Coroutine[Any, Any, Result]], seconds: float) -> Result:
    """What `ask` finds out from this process' gateway, on the gateway's own loop, for views that are not async.

    Raises TimeoutError after so many seconds, and NotServing where this process serves no requests.
    """
    if _gateway is None or _loop is None:
        raise NotServing
    work = asyncio.run_coroutine_threadsafe(ask(_gateway), _loop)
    try:
        return work.result(seconds)
    except FutureTimeout:
        work.cancel()
        raise TimeoutError from None


async def start() -> None:
    """Raises what makes serving impossible: a vault that does not open, another API_KEY_SECRET, no database."""
    global _gateway, _followers, _loop
    _loop = asyncio.get_running_loop()
    books = Bookkeeper(_loop)
    snapshots, journal = await sync_to_async(_prepare, thread_sensitive=False)(books)
    dashboard = f"{settings.BASE_URL}{reverse('admin:index')}providers/providerconnection/"
    health = make_health(snapshots.current.health, meter.SCRIPTS)
    await health.start()
    counting = Meter(health.run_together if health.is_shared else None)
    books.serve(counting)
    upstream, affinities = Upstream(transports()), Affinities(health)
    body_log = await sync_to_async(bodies.begin, thread_sensitive=False)(settings.DATA_DIR, settings.LOGGED_BODY_BYTES)
    _gateway = Gateway(snapshots, upstream, journal, counting, Memory(), health, affinities, dashboard, body_log)
    _followers = [asyncio.create_task(_follow(snapshots, health))]
    if counting.is_shared:
        _followers.append(asyncio.create_task(sweep_for_ever(counting, snapshots)))
    readiness.register("journal", lambda: journal.trouble)
    readiness.register("snapshot", lambda: snapshots.trouble)


async def _follow(keeper: Keeper, health: Health) -> None:
    """Tell health of every new configuration, since it is at home on the event loop and the keeper is not."""
    known = keeper.current
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        if keeper.current is not known:
            known = keeper.current
            await health.apply(known.health)


def _prepare(books: Bookkeeper) -> tuple[Keeper, Journal[UsageRow]]:
    """What a killed worker left behind is stored before anybody reads what is spent."""
    keyring.open_vault(settings.DATA_DIR)
    keys.check_secret()
    journal = make_journal(settings.DATA_DIR, books.store)
    journal.start()
    books.keeper = Keeper()
    books.keeper.start()
    return books.keeper, journal


async def stop() -> None:
    """Stop taking notes: store what is in the journal, close what goes out."""
    global _gateway
    if _gateway is None:
        return
    stopped, _gateway = _gateway, None
    for follower in _followers:
        follower.cancel()
    await stopped.upstream.aclose()
    assert isinstance(stopped.journal, Journal)
    await sync_to_async(stopped.journal.stop, thread_sensitive=False)()
    if stopped.bodies is not None:
        await sync_to_async(stopped.bodies.stop, thread_sensitive=False)()
    await stopped.meter.stop()
    await stopped.health.stop()
    await sync_to_async(stopped.keeper.stop, thread_sensitive=False)()
