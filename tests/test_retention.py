"""Old requests are forgotten in small steps, and nothing that was added up changes by it."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule

from billing.budgets.spending import with_spent
from billing.models import BillingSettings, Budget, CallBody, DailyUsage, Level, Period, UsageAttempt, UsageRecord
from billing.usage import days, retention
from omniroute_site.first_start import HOUSEKEEPING, schedule_housekeeping
from tests.dashboard import make_key, make_record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]


def make_old(age_days: float, **facts: Any) -> UsageRecord:
    """A request with an attempt and a body, begun so many days ago."""
    begun = timezone.now() - timedelta(days=age_days)
    record = make_record(started_at=begun, **facts)
    UsageAttempt.objects.create(
        request_id=record.request_id, number=1, started_at=begun, provider="groq", status=200, total_ms=9
    )
    CallBody.objects.create(request_id=record.request_id, created_at=begun, request_body="{}", response_body="{}")
    return record


def keep(usage_days: int, body_days: int) -> None:
    BillingSettings.objects.update_or_create(pk=1, defaults={"usage_days": usage_days, "body_days": body_days})


def run(*arguments: str) -> str:
    said = StringIO()
    call_command("forget_usage", *arguments, stdout=said)
    return said.getvalue()


def left() -> tuple[int, int, int]:
    return UsageRecord.objects.count(), UsageAttempt.objects.count(), CallBody.objects.count()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0)


def test_each_kind_is_kept_as_long_as_the_settings_say() -> None:
    keep(usage_days=30, body_days=7)
    for age in (1, 8, 29, 31, 400):
        make_old(age)
    run()
    assert left() == (3, 3, 1)


def test_a_body_never_outlives_its_request() -> None:
    keep(usage_days=3, body_days=0)
    make_old(5)
    run()
    assert left() == (0, 0, 0)


def test_nothing_is_forgotten_where_everything_is_kept_for_ever() -> None:
    keep(usage_days=0, body_days=0)
    make_old(4000)
    assert "for ever" in run()
    assert left() == (1, 1, 1)


def test_the_sums_of_days_and_what_budgets_have_spent_stay() -> None:
    key = make_key()
    Budget.objects.create(level=Level.KEY, api_key=key, period=Period.MONTHLY, limit_usd=5)
    for age in (0, 0, 40, 400):
        make_old(age, api_key_id=key.pk, api_key_name=key.name)

    def sums() -> tuple[list[Any], list[Any]]:
        spent: Any = with_spent(Budget.objects.all(), timezone.now(), days.time_zone())
        return list(DailyUsage.objects.order_by("pk").values()), list(spent.values_list("spent", flat=True))

    before = sums()
    assert before[1] != [0]
    run("--days", "1")
    assert left() == (2, 2, 2)
    assert sums() == before


def test_a_step_removes_a_thousand_rows_at_most_the_oldest_first_and_loads_none() -> None:
    now = timezone.now()
    CallBody.objects.bulk_create(
        CallBody(request_id=f"req_{number}", created_at=now - timedelta(days=10, seconds=number), request_body="prompt")
        for number in range(2500)
    )
    (task,) = (each for each in retention.tasks(now, 5) if each.kind is retention.BODIES)
    steps = retention.forget(task)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert next(steps) == 1000
    assert CallBody.objects.latest("created_at").request_id == "req_0"
    assert CallBody.objects.earliest("created_at").request_id == "req_1499"
    assert not [query for query in queries.captured_queries if "request_body" in query["sql"]]
    assert sum("DELETE" in query["sql"] for query in queries.captured_queries) == 1


def test_what_was_stopped_goes_on_where_it_was() -> None:
    now = timezone.now()
    CallBody.objects.bulk_create(
        CallBody(request_id=f"req_{number}", created_at=now - timedelta(days=10)) for number in range(2500)
    )
    task = retention.tasks(now, 5)[0]
    next(retention.forget(task))
    assert list(retention.forget(task)) == [1000, 500]


def test_a_dry_run_counts_and_removes_nothing() -> None:
    for age in (1, 20, 30):
        make_old(age)
    assert "2 requests from before" in run("--days", "10", "--dry-run")
    assert left() == (3, 3, 3)


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "many", "NaN", "99999999999", "٣"])
def test_a_number_of_days_that_is_none_is_refused_by_name(days: str) -> None:
    with pytest.raises(CommandError, match="no number of days from 1 to 36500"):
        run(f"--days={days}")


def test_it_happens_every_day_by_itself() -> None:
    schedule_housekeeping()
    schedule = Schedule.objects.get(func="billing.usage.retention.forget_what_is_due")
    assert schedule.schedule_type == Schedule.DAILY
    make_old(4000)
    assert retention.forget_what_is_due() == 3


def test_a_new_version_calls_what_it_has_at_the_time_an_operator_chose() -> None:
    Schedule.objects.create(name="Forget former API keys", func="a.former.place", schedule_type=Schedule.WEEKLY)
    schedule_housekeeping()
    schedule = Schedule.objects.get(name="Forget former API keys")
    assert (schedule.func, schedule.schedule_type) == (HOUSEKEEPING[schedule.name][0], Schedule.WEEKLY)


@pytest.mark.parametrize("function", [function for function, _arguments in HOUSEKEEPING.values()])
def test_what_is_scheduled_exists(function: str) -> None:
    assert callable(import_string(function))


def test_a_scheduled_run_ends_in_time_and_leaves_the_rest_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SCHEDULED_SECONDS", -1)
    make_old(4000)
    assert retention.forget_what_is_due() == 1
    assert sum(left()) == 2
