"""Job: who pays for a request, and the budgets that it counts against, as the snapshot knows them.

Law: facts alone, immutable. What is spent of them is `meter`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.budgets.windows import first_day, window
from billing.models import BillingSettings, Budget, Level, Period
from billing.money import dollars, units

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Allowance:
    """One budget. `limit` is in ten-billionths of a dollar."""

    id: int
    level: Level
    subject: str
    """Whom it is for, by name."""
    period: Period
    limit: int
    warn_percent: int = 80

    @property
    def limit_usd(self) -> Decimal:
        return dollars(self.limit)


class Window(NamedTuple):
    """`name` is its first day, and where that is."""

    name: str
    begins: datetime
    ends: datetime


Subject = tuple[Level, Any]


@dataclass(frozen=True)
class Allowances:
    """Every budget, by whom it is for."""

    zone: ZoneInfo = UTC_ZONE
    by_subject: Mapping[Subject, tuple[Allowance, ...]] = field(default_factory=dict)
    _windows: dict[Period, Window] = field(default_factory=dict, compare=False)
    """The one of each period that was looked at last: it is the right one until it ends."""

    def of(self, key_id: UUID | None, user_id: int | None, team_id: int | None) -> tuple[Allowance, ...]:
        """Those that a request counts against, the narrowest first."""
        if not self.by_subject:
            return ()
        subjects = ((Level.KEY, key_id), (Level.USER, user_id), (Level.TEAM, team_id), (Level.GLOBAL, None))
        return tuple(each for subject in subjects for each in self.by_subject.get(subject, ()))

    @cached_property
    def all(self) -> tuple[Allowance, ...]:
        return tuple(each for found in self.by_subject.values() for each in found)

    def window(self, period: Period, now: datetime) -> Window:
        """The one that `now` falls into."""
        known = self._windows.get(period)
        if known is None or not known.begins <= now < known.ends:
            first = first_day(period, now, self.zone)
            known = self._windows[period] = Window(self.name_of(first), *window(period, now, self.zone))
        return known

    def name_of(self, first: date) -> str:
        """Of the window that begins with this day. In another time zone it is another window, with sums of its own."""
        return f"{first.isoformat()}@{self.zone.key}"


def first_day_of(window: str) -> date:
    """Of a window by its name."""
    return date.fromisoformat(window.partition("@")[0])


def load() -> Allowances:
    found: dict[Subject, tuple[Allowance, ...]] = {}
    for row in Budget.objects.select_related("api_key", "user", "team"):
        subject = _subject(row)
        found[subject] = (*found.get(subject, ()), _allowance(row))
    return Allowances(ZoneInfo(BillingSettings.load().time_zone), found)


def _subject(row: Budget) -> Subject:
    ids = {Level.KEY: row.api_key_id, Level.USER: row.user_id, Level.TEAM: row.team_id}  # type: ignore[attr-defined]
    level = Level(row.level)
    return level, ids.get(level)


def _allowance(row: Budget) -> Allowance:
    limit = units(row.limit_usd)
    return Allowance(row.pk, Level(row.level), row.subject_name, Period(row.period), limit, row.warn_percent)
