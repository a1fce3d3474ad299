"""Job: the windows of budgets: when a day, a week or a month began, and when the next one does.

Law: windows are computed when they are read, in the configured time zone, and never reset by a job. A request belongs
to the window it began in, also when it ends in the next one. A window begins with the first moment of its first day,
which is midnight except where a change of clocks takes midnight away.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.models import Period


def first_day(period: Period, now: datetime, zone: ZoneInfo) -> date:
    """Of the window that `now` falls into."""
    today = now.astimezone(zone).date()
    if period is Period.DAILY:
        return today
    if period is Period.WEEKLY:
        return today - timedelta(days=today.weekday())
    return today.replace(day=1)


def day_after(period: Period, first: date) -> date:
    """The first day of the window after the one that begins with `first`."""
    if period is Period.DAILY:
        return first + timedelta(days=1)
    if period is Period.WEEKLY:
        return first + timedelta(days=7)
    return (first + timedelta(days=32)).replace(day=1)


def beginning(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, in UTC. `fold=0`: of two midnights, the earlier one."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def window(period: Period, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end, in UTC, of the window that `now` falls into."""
    first = first_day(period, now, zone)
    return beginning(first, zone), beginning(day_after(period, first), zone)
