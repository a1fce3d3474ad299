"""Job: the journal's rows into the database: the request, its attempts, and its share of the day's sums.

Law: all of it in one transaction, and once for each request id, whatever the journal says twice.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import DateTimeField, DecimalField, JSONField, UUIDField

from billing.api_keys import last_use
from billing.models import UsageAttempt, UsageRecord
from billing.usage import days, interrupted, request_log
from billing.usage.rows import Attempt, UsageRow

log = logging.getLogger(__name__)

RECORD_COLUMNS = tuple(name for name in UsageRow.__struct_fields__ if name not in ("made", "is_reserved", "body_bytes"))
ATTEMPT_COLUMNS = tuple(name for name in Attempt.__struct_fields__ if name not in ("start_ms", "is_flat"))
PLACE_COLUMNS = ("request_id", "number", "started_at")
MOST_ASKED_AT_ONCE = 500


def store(rows: Sequence[UsageRow]) -> None:
    """Insert the requests that are not there yet, and log them where that is asked for."""
    interrupted.estimate(rows)
    for row in rows:
        row.add_up()
    try:
        stored = _insert(rows)
    except (DataError, IntegrityError):
        stored = _insert_one_by_one(rows)
    request_log.write(stored)


def _insert(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """Those that were new. The driver's own bulk insert costs a sixth of the ORM's, and this runs for every request."""
    with transaction.atomic():
        new = _not_there_yet(rows)
        if not new:
            return []
        attempts = [values for row in new for values in _attempts(row)]
        _execute(UsageRecord, RECORD_COLUMNS, [_record(row) for row in new])
        _execute(UsageAttempt, (*PLACE_COLUMNS, *ATTEMPT_COLUMNS), attempts)
        days.add(new)
        _note_last_use(new)
    return new


def _insert_one_by_one(rows: Sequence[UsageRow]) -> list[UsageRow]:
    """One row that the database refuses must not keep the others waiting for ever."""
    stored: list[UsageRow] = []
    for row in rows:
        try:
            stored += _insert([row])
        except (DataError, IntegrityError) as error:
            log.critical("usage row %s is refused by the database: %s", row.request_id, error)
    return stored


def _not_there_yet(rows: Sequence[UsageRow]) -> list[UsageRow]:
    last = {row.request_id: row for row in rows}
    ids = list(last)
    for start in range(0, len(ids), MOST_ASKED_AT_ONCE):
        known = UsageRecord.objects.filter(request_id__in=ids[start : start + MOST_ASKED_AT_ONCE])
        for request_id in known.values_list("request_id", flat=True):
            del last[request_id]
    return list(last.values())


def _note_last_use(rows: Iterable[UsageRow]) -> None:
    latest = {row.api_key_id: row.started_at for row in sorted(rows, key=lambda row: row.started_at)}
    for key_id, moment in latest.items():
        if key_id is not None:
            last_use.note(key_id, moment)


def _record(row: UsageRow) -> list[Any]:
    return [getattr(row, name) for name in RECORD_COLUMNS]


def _attempts(row: UsageRow) -> Iterable[list[Any]]:
    for number, attempt in enumerate(row.made, 1):
        began = row.started_at + timedelta(milliseconds=attempt.start_ms)
        yield [row.request_id, number, began, *(getattr(attempt, name) for name in ATTEMPT_COLUMNS)]


def _execute(model: type[models.Model], columns: tuple[str, ...], lines: list[list[Any]]) -> None:
    if not lines:
        return
    adapted = _adapted(model, columns)
    for line in lines:
        for place, adapt in adapted:
            line[place] = adapt(line[place], connection)
    values: list[Any] = lines
    with connection.cursor() as cursor:
        cursor.executemany(_statement(model, columns), values)


@cache
def _statement(model: type[models.Model], columns: tuple[str, ...]) -> str:
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    places = ", ".join(["%s"] * len(columns))
    table = connection.ops.quote_name(model._meta.db_table)
    return f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - our own names


@cache
def _adapted(model: type[models.Model], columns: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any, Any], Any]], ...]:
    """The columns whose values a database wants in a form of its own, and how to get it."""
    fields = [model._meta.get_field(name) for name in columns]
    kinds = (DateTimeField, DecimalField, JSONField, UUIDField)
    return tuple((place, field.get_db_prep_save) for place, field in enumerate(fields) if isinstance(field, kinds))
