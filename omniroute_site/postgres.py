"""What every connection to PostgreSQL is told when it is made."""

from typing import Any


def without_jit(connection: Any, **_: Any) -> None:
    """Its compiler takes a second for sums over many budgets that then take 20 ms.

    Said in words, since poolers such as PgBouncer refuse options of a connection that they do not know.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")
