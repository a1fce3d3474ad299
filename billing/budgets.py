"""Job: the windows of budgets: when a day, a week or a month began, and when the next one does.

Law: windows are computed when they are read, in the configured time zone, and never reset by a job. A request belongs
to the window it began in, also when it ends in the next one. A window begins with the first moment of its first day,
which is midnight except where a change of clocks takes midnight away. Windows follow each other without a gap.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from billing.models import Period

ONE_DAY = timedelta(days=1)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day that a moment falls into. Clocks that are put back over midnight do not bring the day before back."""
    shown = moment.astimezone(zone).date()
    if moment >= beginning(shown + ONE_DAY, zone):
        return shown + ONE_DAY
    return shown if moment >= beginning(shown, zone) else shown - ONE_DAY


def first_day(period: Period, now: datetime, zone: ZoneInfo) -> date:
    """Of the window that `now` falls into."""
    today = day_of(now, zone)
    if period is Period.DAILY:
        return today
    if period is Period.WEEKLY:
        return today - timedelta(days=today.weekday())
    return today.replace(day=1)


def day_after(period: Period, first: date) -> date:
    """The first day of the window after the one that begins with `first`."""
    if period is Period.DAILY:
        return first + ONE_DAY
    if period is Period.WEEKLY:
        return first + timedelta(days=7)
    return (first + timedelta(days=32)).replace(day=1)


@lru_cache(maxsize=4096)
def beginning(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, in UTC. `fold=0`: of two midnights, the earlier one.

    Kept, since every request with a budget asks for the days around it.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def window(period: Period, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end, in UTC, of the window that `now` falls into."""
    first = first_day(period, now, zone)
    return beginning(first, zone), beginning(day_after(period, first), zone)
