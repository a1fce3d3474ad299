"""Job: the windows of budgets: when a day, a week or a month began, and when the next one does.

Law: windows are computed when they are read, in the configured time zone, and never reset by a job. A request belongs
to the window it began in, also when it ends in the next one. A window begins with the first moment of its first day,
which is midnight except where a change of clocks takes midnight away. Windows follow each other without a gap.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.calendar import ONE_DAY, beginning, day_of
from billing.models import Period


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


def window(period: Period, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end, in UTC, of the window that `now` falls into."""
    first = first_day(period, now, zone)
    return beginning(first, zone), beginning(day_after(period, first), zone)
