"""Whether this worker should be sent requests. Liveness is another question: a worker that waits is alive.

The parts of the product register what may be wrong with them; a check is cheap and never blocks.
"""

from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections, connection

Check = Callable[[], str | None]
"""What is wrong, in a sentence; None while all is well."""

_checks: dict[str, Check] = {}
_draining = False


def register(name: str, check: Check) -> None:
    _checks[name] = check


def drain() -> None:
    """From now on this worker says that it is not ready, while it still answers what comes."""
    global _draining
    _draining = True


async def troubles() -> dict[str, str]:
    """By part, what keeps this worker from being ready; empty when it is."""
    found = {name: trouble for name, check in _checks.items() if (trouble := check()) is not None}
    if _draining:
        found["worker"] = "shutting down"
    if trouble := await sync_to_async(_database, thread_sensitive=False)():
        found["database"] = trouble
    return found


def _database() -> str | None:
    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"it does not answer: {error}"
    finally:
        close_old_connections()
    return None
