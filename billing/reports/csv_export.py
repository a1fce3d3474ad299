"""Job: tables as CSV for spreadsheets, sent while they are read.

Law: no cell is a formula: text that begins with one of `= + - @`, a tab or a line's end gets an apostrophe before it
(OWASP, CSV injection); numbers stay numbers. UTF-8 with a byte order mark, without which Excel takes it for another
encoding; programs have the JSON of the same address. Lines end with CR LF (RFC 4180).
"""

import csv
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

Cell = str | int | float | Decimal | datetime | bool | None
BYTE_ORDER_MARK = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The wide ones too: some spreadsheets take them for the others."""

Cursor = TypeVar("Cursor")


def safe(cell: Cell) -> str:
    """As it stands in the file."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA) else cell
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, datetime):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def response(
    name: str,
    header: Sequence[str],
    page_after: Callable[[Cursor | None], tuple[Sequence[Sequence[Cell]], Cursor | None]],
) -> StreamingHttpResponse:
    """`page_after` gives the rows after a place, from the first for None, and the place to go on from: None at the end.

    Each page is a query of its own, so that a slow reader holds neither memory nor a transaction.
    """

    async def pieces() -> AsyncIterator[bytes]:
        yield BYTE_ORDER_MARK.encode() + lines([header])
        cursor: Cursor | None = None
        while True:
            rows, cursor = await sync_to_async(page_after)(cursor)
            yield lines(rows)
            if cursor is None:
                return

    return StreamingHttpResponse(
        pieces(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
