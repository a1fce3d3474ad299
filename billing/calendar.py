"""Job: which moment it is, and which day a moment falls into, in the configured time zone.

Law: a day begins with its first moment, which is midnight except where a change of clocks takes midnight away. Days
follow each other without a gap.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day that a moment falls into. Clocks that are put back over midnight do not bring the day before back."""
    shown = moment.astimezone(zone).date()
    if moment >= beginning(shown + ONE_DAY, zone):
        return shown + ONE_DAY
    return shown if moment >= beginning(shown, zone) else shown - ONE_DAY


@lru_cache(maxsize=4096)
def beginning(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, in UTC. `fold=0`: of two midnights, the earlier one.

    Kept, since every request with a budget asks for the days around it.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)
