"""Job: the sums of days anew, out of the requests that are kept: after the time zone was changed, or as a repair.

Law: a day is summed anew only where all of its requests are still there, each in a transaction of its own, the newest
first. Rows may be stored meanwhile: whoever adds to the sums holds their table (`days.hold`), so that a row is either
seen here or added afterwards. Older days stay as they were summed, so at the one border between them and the new ones
the hours between the two midnights may count in both days or in neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max, Min, Model
from django_q.tasks import async_task

from billing.calendar import ONE_DAY, beginning, day_of
from billing.models import BillingSettings, CostSource, DailyUsage, UsageAttempt, UsageRecord
from billing.models.usage import NOBODY
from billing.usage import days
from billing.usage.rows import CLIENT_HUNG_UP, SUMS

SUMMED_ALONE = "SHARE ROW EXCLUSIVE"
"""PostgreSQL's lock that lets everybody read and nobody add."""
APART = 2 * ONE_DAY
"""So far apart are the days of one moment in two time zones, at most."""


@dataclass(frozen=True, slots=True)
class Span:
    """The days, in this time zone, whose requests are all still there."""

    zone: ZoneInfo
    first: date
    last: date

    def newest_first(self) -> Iterator[date]:
        day = self.last
        while day >= self.first:
            yield day
            day -= ONE_DAY


def schedule() -> None:
    """Have the scheduled work sum the days anew, once the transaction of now is committed."""
    async_task("billing.usage.rebuilding.rebuild", task_name="Sum the days anew")


def rebuild() -> int:
    """How many days were summed. Ends early where the time zone changes again: that change has it done once more."""
    span = kept(datetime.now(UTC))
    if span is None:
        return 0
    summed = 0
    for day in span.newest_first():
        if not _sum_anew(day, span.zone):
            break
        summed += 1
    return summed


@transaction.atomic
def kept(now: datetime) -> Span | None:
    """None where no request is kept."""
    days.hold(SUMMED_ALONE)
    zone = days.time_zone()
    ends = UsageRecord.objects.aggregate(oldest=Min("started_at"), newest=Max("started_at"))
    if ends["oldest"] is None:
        return None
    oldest, newest = day_of(ends["oldest"], zone), max(day_of(ends["newest"], zone), day_of(now, zone))
    sums = DailyUsage.objects.aggregate(first=Min("day"), last=Max("day"))
    first = max(_first_whole(oldest, sums["first"] or oldest), _out_of_reach(now, zone))
    return Span(zone, first, max(newest, sums["last"] or newest))


def _first_whole(oldest: date, first_summed: date) -> date:
    """Where sums are older than every request, requests were removed, and perhaps some of the oldest day."""
    were_removed = oldest - first_summed > APART
    return oldest + ONE_DAY if were_removed else min(oldest, first_summed)


def _out_of_reach(now: datetime, zone: ZoneInfo) -> date:
    """The first day that the removal of old requests does not come to while this runs."""
    usage_days = BillingSettings.load().usage_days
    return day_of(now - timedelta(days=usage_days), zone) + 2 * ONE_DAY if usage_days else date.min


@transaction.atomic
def _sum_anew(day: date, zone: ZoneInfo) -> bool:
    """False where the time zone is another by now."""
    days.hold(SUMMED_ALONE)
    if days.time_zone() != zone:
        return False
    DailyUsage.objects.filter(day=day).delete()
    moments = [_adapted(UsageRecord, "started_at", beginning(each, zone)) for each in (day, day + ONE_DAY)]
    half = [_adapted(UsageRecord, "api_key_id", NOBODY), *moments]
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [_adapted(DailyUsage, "day", day), *half, *half])
    return True


def _adapted(model: type[Model], name: str, value: object) -> Any:
    """In the form that the database wants for this column."""
    field: Any = model._meta.get_field(name)
    return field.get_db_prep_value(value, connection)


CAME = {
    "requests": "1",
    "failed": f"CASE WHEN r.status >= 400 AND r.status <> {CLIENT_HUNG_UP} THEN 1 ELSE 0 END",
    "hung_up": f"CASE WHEN r.status = {CLIENT_HUNG_UP} THEN 1 ELSE 0 END",
    "fell_back": "CASE WHEN r.attempts > 1 THEN 1 ELSE 0 END",
    "total_ms": "r.total_ms",
    "first_events": "CASE WHEN r.first_event_ms IS NULL THEN 0 ELSE 1 END",
    "first_event_ms": "COALESCE(r.first_event_ms, 0)",
}
"""What a request adds to the sums, as `days` does it."""

MADE = {
    "attempts": "1",
    "failed_attempts": f"CASE WHEN a.status >= 400 AND a.status <> {CLIENT_HUNG_UP} THEN 1 ELSE 0 END",
    "unpriced": f"CASE WHEN a.cost_source = '{CostSource.UNKNOWN}' THEN 1 ELSE 0 END",
    "estimated": "CASE WHEN a.is_estimated THEN 1 ELSE 0 END",
    **{name: f"a.{name}" for name in SUMS},
}
"""What an attempt adds."""

NUMBERS = (*CAME, *MADE)
WHERE = ("provider", "model", "connection")
ASKED = ("combo", "dialect")


@cache
def _statement() -> str:
    """The sums of one day; both halves have the same columns in the same order."""
    requests, attempts = (connection.ops.quote_name(model._meta.db_table) for model in (UsageRecord, UsageAttempt))
    came = _half("r", CAME, f"{requests} r")
    made = _half("a", MADE, f"{requests} r JOIN {attempts} a ON a.request_id = r.request_id")
    place = ", ".join(days.PLACE[1:])
    names = ", ".join(f"MAX({name})" for name in days.NAMES)
    sums = ", ".join(f"SUM({name})" for name in NUMBERS)
    return (
        f"INSERT INTO {connection.ops.quote_name(DailyUsage._meta.db_table)} "  # noqa: S608 - our own names
        f"(day, {place}, {', '.join((*days.NAMES, *NUMBERS))}) "
        f"SELECT %s, {place}, {names}, {sums} "
        f"FROM ({came} UNION ALL {made}) each_one GROUP BY {place}"
    )


def _half(where: str, numbers: dict[str, str], table: str) -> str:
    columns = [
        "COALESCE(r.api_key_id, %s) AS api_key_id",
        *(f"{where}.{name} AS {name}" for name in WHERE),
        *(f"r.{name} AS {name}" for name in (*ASKED, *days.NAMES)),
        *(f"COALESCE(r.{name}, 0) AS {name}" for name in ("user_id", "team_id")),
        *(f"{numbers.get(name, '0')} AS {name}" for name in NUMBERS),
    ]
    span = "r.started_at >= %s AND r.started_at < %s"
    return f"SELECT {', '.join(columns)} FROM {table} WHERE {span}"  # noqa: S608 - our own names
