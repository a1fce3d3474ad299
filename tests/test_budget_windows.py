"""When budgets' windows begin and end, in every time zone, on the days that clocks are changed too."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.budgets.windows import day_after, first_day, window
from billing.calendar import beginning, day_of
from billing.models import Period

OSLO, KATHMANDU, NEW_YORK = ZoneInfo("Europe/Oslo"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/New_York")
SECOND = timedelta(seconds=1)

ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"})).map(ZoneInfo)
MOMENTS = st.integers(200_000, 4_100_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
"""From 1970 to 2099."""
PERIODS = st.sampled_from(Period)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        (ZoneInfo("UTC"), "2026-11-28T00:00:00"),
        (OSLO, "2026-11-27T23:00:00"),
        (OSLO, "2026-07-31T22:00:00"),
        (KATHMANDU, "2026-11-27T18:15:00"),
        (NEW_YORK, "2026-11-28T05:00:00"),
    ],
    ids=lambda each: str(each),
)
def test_the_second_after_the_last_of_a_day_is_the_next_day(zone: ZoneInfo, midnight: str) -> None:
    begins = utc(midnight)
    before, after = day_of(begins - SECOND, zone), day_of(begins, zone)
    assert after - before == timedelta(days=1)
    assert window(Period.DAILY, begins - SECOND, zone)[1] == begins == window(Period.DAILY, begins, zone)[0]
    assert f"{(begins - SECOND).astimezone(zone):%H:%M:%S}" == "23:59:59"


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Oslo", date(2026, 3, 29), 23),
        ("Europe/Oslo", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("America/Santiago", date(2026, 4, 4), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: date, hours: float) -> None:
    there = ZoneInfo(zone)
    assert beginning(day + timedelta(days=1), there) - beginning(day, there) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [("America/Santiago", date(2026, 9, 6), "01:00"), ("Africa/Cairo", date(2026, 4, 24), "01:00")],
)
def test_a_day_whose_midnight_does_not_exist_begins_with_its_first_moment(zone: str, day: date, first: str) -> None:
    there = ZoneInfo(zone)
    begins = beginning(day, there)
    assert f"{begins.astimezone(there):%H:%M}" == first
    assert (begins - SECOND).astimezone(there).date() == day - timedelta(days=1)


def test_clocks_that_are_put_back_over_midnight_do_not_bring_the_day_before_back() -> None:
    there = ZoneInfo("America/St_Johns")  # Until 2011 at one minute past midnight, back to 23:01.
    begins = beginning(date(2010, 11, 7), there)
    days = [day_of(begins + timedelta(minutes=minute), there) for minute in range(-1, 90)]
    assert days == sorted(days)


@pytest.mark.parametrize(
    ("now", "first", "after"),
    [
        ("2026-11-29T22:59:59", "2026-11-23", "2026-11-30"),  # Sunday, to its last second.
        ("2026-11-29T23:00:00", "2026-11-30", "2026-12-07"),
        ("2026-12-31T12:00:00", "2026-12-28", "2027-01-04"),
        ("2024-02-28T23:30:00", "2024-02-26", "2024-03-04"),
    ],
)
def test_a_week_begins_on_monday(now: str, first: str, after: str) -> None:
    found = first_day(Period.WEEKLY, utc(now), OSLO)
    assert (found.isoformat(), day_after(Period.WEEKLY, found).isoformat()) == (first, after)


@pytest.mark.parametrize(
    ("now", "first", "after"),
    [
        ("2026-01-31T12:00:00", "2026-01-01", "2026-02-01"),
        ("2026-02-28T12:00:00", "2026-02-01", "2026-03-01"),
        ("2028-02-29T22:59:59", "2028-02-01", "2028-03-01"),
        ("2028-02-29T23:00:00", "2028-03-01", "2028-04-01"),
        ("2026-12-31T22:59:59", "2026-12-01", "2027-01-01"),
        ("2026-12-31T23:00:00", "2027-01-01", "2027-02-01"),
    ],
)
def test_a_month_is_the_calendars(now: str, first: str, after: str) -> None:
    found = first_day(Period.MONTHLY, utc(now), OSLO)
    assert (found.isoformat(), day_after(Period.MONTHLY, found).isoformat()) == (first, after)


@given(period=PERIODS, moment=MOMENTS, zone=ZONES)
def test_every_moment_is_in_its_window(period: Period, moment: datetime, zone: ZoneInfo) -> None:
    start, end = window(period, moment, zone)
    assert start <= moment < end


@given(period=PERIODS, moment=MOMENTS, zone=ZONES)
def test_windows_follow_each_other_without_gap_or_overlap(period: Period, moment: datetime, zone: ZoneInfo) -> None:
    start, end = window(period, moment, zone)
    assert window(period, end, zone)[0] == end
    assert window(period, start - timedelta(microseconds=1), zone)[1] == start


@given(period=PERIODS, moment=MOMENTS, zone=ZONES)
def test_a_window_holds_whole_days(period: Period, moment: datetime, zone: ZoneInfo) -> None:
    """So that the sums of days add up to what a window has spent."""
    start, end = window(period, moment, zone)
    day_start, day_end = window(Period.DAILY, moment, zone)
    assert day_start == beginning(day_of(moment, zone), zone)
    assert start <= day_start
    assert day_end <= end
    assert day_of(start, zone) == first_day(period, moment, zone)


@given(one=MOMENTS, other=MOMENTS, zone=ZONES)
def test_days_never_go_back(one: datetime, other: datetime, zone: ZoneInfo) -> None:
    earlier, later = sorted((one, other))
    assert day_of(earlier, zone) <= day_of(later, zone)


@pytest.mark.parametrize("zone", ["America/St_Johns", "America/Havana", "America/Santiago", "Africa/Cairo"])
@given(hours=st.integers(0, 24 * 365 * 30), seconds=st.integers(0, 3599))
def test_the_laws_hold_where_clocks_change_at_midnight(zone: str, hours: int, seconds: int) -> None:
    there = ZoneInfo(zone)
    moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(hours=hours, seconds=seconds)
    for period in Period:
        start, end = window(period, moment, there)
        assert start <= moment < end
        assert day_of(start, there) == first_day(period, moment, there)
