"""That a budget is nearly used up, and that it is used up, is told once for each window, whoever looks."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.api_keys import keys
from billing.budgets import allowances, notices
from billing.models import Budget, BudgetNotice, Mark
from health import events
from health.events import BudgetReached, Event, Subscription
from omniroute_site.budget_watch import BudgetWatch

pytestmark = pytest.mark.django_db

TODAY, TOMORROW = "2026-11-28", "2026-11-29"


def cents(amount: str) -> int:
    return int(Decimal(amount) * 10**10)


@pytest.fixture
def budget() -> Budget:
    return Budget.objects.create(api_key=keys.create("laptop")[0], period="daily", limit_usd=10)


def told(budget: Budget, amount: str, window: str = TODAY) -> list[Mark]:
    found = notices.reached(allowances.load(), {(budget.pk, window): cents(amount)})
    return [each.mark for each in notices.tell(found)]


def test_each_mark_is_told_once_in_a_window(budget: Budget) -> None:
    spent = ["0", "7.99", "8", "9.9999", "9.9999", "10", "12", "12"]
    assert [told(budget, amount) for amount in spent] == [[], [], [Mark.WARNED], [], [], [Mark.USED_UP], [], []]
    assert [told(budget, amount, TOMORROW) for amount in ("1", "9", "9")] == [[], [Mark.WARNED], []]


def test_what_is_used_up_at_once_is_not_warned_of(budget: Budget) -> None:
    assert told(budget, "11") == [Mark.USED_UP]


def test_a_limit_of_nothing_is_no_news(budget: Budget) -> None:
    Budget.objects.update(limit_usd=0)
    assert told(budget, "5") == []


def test_a_budget_that_was_removed_meanwhile_is_no_news(budget: Budget) -> None:
    assert not list(notices.reached(allowances.load(), {(999, TODAY): cents("9")}))
    BudgetNotice.objects.create(budget=budget, window=date.fromisoformat(TODAY), mark=Mark.WARNED)
    budget.delete()
    assert not BudgetNotice.objects.exists()


def test_the_log_says_whose_it_is_how_much_and_when_it_begins_anew(
    budget: Budget, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        told(budget, "8.12345")
    (line,) = caplog.messages
    assert line.startswith("the daily budget of the key laptop is nearly used up: 8.1234 of 10 US$.")
    assert line.endswith("It begins anew at 2026-11-29 00:00 UTC.")


def test_notices_of_long_ago_are_forgotten(budget: Budget) -> None:
    for age in (0, 399, 401):
        day = datetime.now(UTC).date() - timedelta(days=age)
        BudgetNotice.objects.create(budget=budget, window=day, mark=Mark.WARNED)
    assert notices.forget_old() == 1


def test_two_workers_publish_one_event_between_them(budget: Budget) -> None:
    known, spent = allowances.load(), {(budget.pk, TODAY): cents("9.5")}
    workers = [BudgetWatch(lambda: (known, spent)) for _ in range(2)]
    with asyncio.Runner() as runner:
        listening = events.subscribe()
        subscription = runner.run(within(listening.__enter__))
        for worker in [*workers, *workers]:
            worker.look()
        heard = runner.run(everything(subscription))
        listening.__exit__(None, None, None)
    (event,) = heard
    assert isinstance(event, BudgetReached)
    assert (event.level, event.subject, event.mark, event.percent) == ("key", "laptop", "warned", 95)
    assert event.resets_at.date() == date(2026, 11, 29)


async def within(enter: Callable[[], Subscription]) -> Subscription:
    """On the loop that will listen."""
    return enter()


async def everything(subscription: Subscription) -> list[Event]:
    heard: list[Event] = []
    coming = aiter(subscription)
    with contextlib.suppress(TimeoutError):
        while True:
            heard.append(await asyncio.wait_for(anext(coming), 0.1))
    return heard
