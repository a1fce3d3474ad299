"""A worker's start and end, as the server announces them (ASGI lifespan)."""

import asyncio
import gc
import logging
from importlib import import_module
from typing import Any

from combos import runtime
from omniroute_site.budget_watch import BudgetWatch

log = logging.getLogger(__name__)

COLLECT_AFTER = 50_000
"""Objects. With Python's 700 the collector takes a seventh of a busy worker's time."""


async def run(receive: Any, send: Any) -> None:
    await receive()
    try:
        watch = await start()
    except Exception as error:  # The outermost edge: the server must hear why there will be no worker.
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.to_thread(watch.stop)
    await runtime.stop()
    await send({"type": "lifespan.shutdown.complete"})


async def start() -> BudgetWatch:
    """Everything the first request would otherwise wait for."""
    await runtime.start()
    keeper = (await runtime.gateway()).keeper
    watch = BudgetWatch(lambda: (keeper.current.books.allowances, keeper.spent))
    watch.start()
    await asyncio.to_thread(import_module, "combos.urls")
    await asyncio.to_thread(import_module, "omniroute_site.urls")
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 100)
    return watch
