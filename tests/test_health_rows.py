"""What operators decide about health, what outlives a restart, and what a person's order undoes."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.db import connection as database
from django.utils import timezone

from health import events, lockouts, orders, rows, snapshot
from health.breaker import OPEN, BreakerState
from health.clock import Clock
from health.events import BreakerChanged, CooldownBegan, CooldownEnded, HealthReset, LockedOut, Subscription
from health.health import Health
from health.models import (
    Breaker,
    ConnectionLimit,
    Cooldown,
    HealthOrder,
    Lockout,
    LockoutPolicy,
    PolicyName,
    ProviderProfile,
    RateLimitDefaults,
)
from health.profiles import DEFAULTS, ProfileClass
from health.rows import Rows
from health.slots import NO_LIMITS, Limits, SkipReason, Slot
from health.snapshot import HealthFacts
from providers.failures import FailureKind
from providers.models import Provider, ProviderConnection, Tier
from tests.health import PROFILE, SUCCESS, ask, failing, open_breaker, reason, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> ProviderConnection:
    provider = Provider.objects.create(slug="up", name="Up", prefix="up", tier=Tier.API_KEY)
    return ProviderConnection.objects.create(provider=provider, name="main")


@pytest.fixture
def asked(connection: ProviderConnection) -> Slot:
    return Slot("up", connection.pk, "m", NO_LIMITS, replace(PROFILE, breaker_seconds=30))


class Kept:
    """A worker whose rows are written when the test says so, by the test's own thread."""

    def __init__(self, facts: HealthFacts | None = None) -> None:
        self.rows = Rows()
        self.health = Health(facts or HealthFacts(), rows=self.rows)

    def does(self, work: Coroutine[Any, Any, Any]) -> None:
        run(work)
        self.rows.flush()

    def restarted(self) -> "Kept":
        again = Kept(self.health.facts)
        again.health._upkeep.remember(rows.read(Clock()))
        return again


class TestWhatIsDecided:
    def test_the_two_classes_are_there_from_the_start(self) -> None:
        found = {row.profile_class: snapshot.merged(DEFAULTS[ProfileClass.API_KEY], row) for row in profiles()}
        assert found == {each.value: DEFAULTS[each] for each in ProfileClass}

    def test_without_rows_the_products_defaults_hold(self, connection: ProviderConnection) -> None:
        profiles().delete()
        assert snapshot.load().profile_of("up") == DEFAULTS[ProfileClass.API_KEY]

    @pytest.mark.parametrize(
        ("slug", "expected"),
        [
            ("claude", ProfileClass.OAUTH),
            ("iflow", ProfileClass.OAUTH),
            ("groq", ProfileClass.API_KEY),
            ("demo", ProfileClass.API_KEY),
            ("a-node", ProfileClass.API_KEY),
        ],
    )
    def test_whoever_is_logged_in_to_has_the_patience_of_logins(self, slug: str, expected: ProfileClass) -> None:
        assert snapshot.profile_class(slug, slug == "a-node") is expected

    def test_a_provider_overrides_its_class_field_by_field(self, connection: ProviderConnection) -> None:
        profiles().filter(profile_class="apikey").update(breaker_ms=9_000)
        ProviderProfile.objects.create(provider_id="up", failure_threshold=0, jitter_percent=0)
        found = snapshot.load().profile_of("up")
        assert (found.failure_threshold, found.breaker_seconds, found.jitter) == (0, 9.0, 0.0)

    def test_a_profile_is_of_a_class_or_of_a_provider(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            ProviderProfile.objects.create()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("failure_threshold", -1),
            ("breaker_ms", 0),
            ("backoff_base", 0),
            ("jitter_percent", 101),
            ("longest_backoff_level", 16),
        ],
    )
    def test_nonsense_is_refused_by_its_field(self, connection: ProviderConnection, field: str, value: int) -> None:
        with pytest.raises(ValidationError) as refused:
            ProviderProfile(provider_id="up", **{field: value}).full_clean()
        assert list(refused.value.message_dict) == [field]

    def test_connections_have_no_limits_until_somebody_sets_some(self, connection: ProviderConnection) -> None:
        assert snapshot.load().limits_of(connection.pk) is NO_LIMITS

    def test_a_connection_takes_from_the_defaults_what_it_leaves_open(self, connection: ProviderConnection) -> None:
        RateLimitDefaults(id=1, requests_per_minute=100, min_gap_ms=200).save()
        ConnectionLimit.objects.create(connection=connection, requests_per_minute=7)
        facts = snapshot.load()
        assert facts.limits_of(connection.pk) == Limits(7, 0.2, None)
        assert facts.limits_of(uuid4()) == Limits(100, 0.2, None)

    def test_limits_that_are_switched_off_are_none(self, connection: ProviderConnection) -> None:
        RateLimitDefaults(id=1, requests_per_minute=100).save()
        ConnectionLimit.objects.create(connection=connection, is_enabled=False, requests_per_minute=7)
        assert snapshot.load().limits_of(connection.pk) is NO_LIMITS

    def test_a_policy_that_is_switched_off_is_not_in_force(self) -> None:
        LockoutPolicy.objects.filter(name=PolicyName.LOGIN).update(is_enabled=False)
        assert set(snapshot.load().policies) == set(PolicyName) - {PolicyName.LOGIN}


class TestARestart:
    def test_an_open_breaker_is_still_open(self, asked: Slot) -> None:
        kept = Kept()
        kept.does(open_breaker(kept.health, asked))
        row = Breaker.objects.get()
        assert (row.provider_id, row.state, row.failures) == ("up", OPEN, 3)
        assert row.last_failure == "transient (500)"
        run(expect(kept.restarted().health, asked, SkipReason.BREAKER_OPEN))

    def test_a_429_is_still_obeyed(self, asked: Slot) -> None:
        kept = Kept()
        kept.does(ask(kept.health, asked, failing(FailureKind.RATE_LIMIT, 429, retry_after=7)))
        row = Cooldown.objects.get()
        assert (row.connection_id, row.model_id, row.status, row.level) == (asked.connection, "m", 429, 0)
        run(expect(kept.restarted().health, asked, SkipReason.COOLING))

    def test_a_success_leaves_no_row(self, asked: Slot) -> None:
        kept = Kept()
        kept.does(ask(kept.health, asked, failing()))
        assert Cooldown.objects.exists()
        kept.does(ask(kept.health, asked, SUCCESS))
        assert not Cooldown.objects.exists()

    def test_whoever_was_refused_is_still_refused(self) -> None:
        kept = Kept(HealthFacts(policies={PolicyName.API_KEY: snapshot.Policy(2, 60.0, 120.0)}))
        kept.does(fail_twice(kept.health))
        row = Lockout.objects.get()
        assert (row.identifier, row.policy, row.failures) == ("address 10.0.0.9", "api_key", 2)
        assert 100 < (kept.restarted().health.lockouts.check("address 10.0.0.9") or 0) <= 120

    def test_a_row_from_before_the_clock_was_put_back_lasts_no_longer_than_meant(self, asked: Slot) -> None:
        later = timezone.now() + timedelta(hours=1)
        Cooldown.objects.create(
            connection_id=asked.connection, model_id="m", until=later, seconds=7, reason="rate limit", since=later
        )
        skip = Kept().restarted().health.glance(asked)
        assert skip is not None
        assert 6 < (skip.seconds or 0) <= 7

    def test_what_is_known_of_a_deleted_connection_is_not_stored(self, asked: Slot) -> None:
        kept = Kept()
        ProviderConnection.objects.all().delete()
        kept.does(ask(kept.health, asked, failing()))
        assert kept.rows.trouble is None
        assert not Cooldown.objects.exists()


class TestOrders:
    def test_reset_all_forgets_everything_that_was(self, asked: Slot) -> None:
        kept = Kept(HealthFacts(policies={PolicyName.API_KEY: snapshot.Policy(2, 60.0, 120.0)}))
        kept.does(open_breaker(kept.health, asked))
        kept.does(fail_twice(kept.health))
        orders.reset_all("ann")
        assert not any(model.objects.exists() for model in (Breaker, Cooldown, Lockout))
        kept.does(kept.health._upkeep.carry_out(snapshot.load().orders))
        run(expect(kept.health, asked, None))
        assert kept.health.lockouts.check("address 10.0.0.9") is None

    def test_what_happens_after_an_order_stays(self, asked: Slot) -> None:
        kept = Kept()
        orders.reset_all("ann")
        HealthOrder.objects.update(ordered_at=timezone.now() - timedelta(seconds=5))
        kept.does(open_breaker(kept.health, asked))
        kept.does(kept.health._upkeep.carry_out(snapshot.load().orders))
        run(expect(kept.health, asked, SkipReason.BREAKER_OPEN))

    def test_each_order_is_about_its_subject_alone(self, asked: Slot, connection: ProviderConnection) -> None:
        kept = Kept()
        other = replace(asked, model="other")
        for each in (asked, other):
            kept.does(ask(kept.health, each, failing(FailureKind.RATE_LIMIT, 429, 60)))
        orders.end_cooldowns(connection, "m", "ann")
        kept.does(kept.health._upkeep.carry_out(snapshot.load().orders))
        run(expect(kept.health, asked, None))
        run(expect(kept.health, other, SkipReason.COOLING))
        assert [row.model_id for row in Cooldown.objects.all()] == ["other"]

    def test_a_breaker_is_closed_by_order(self, asked: Slot, connection: ProviderConnection) -> None:
        kept = Kept()
        kept.does(open_breaker(kept.health, asked))
        orders.close_breaker(connection.provider, "ann")
        kept.does(kept.health._upkeep.carry_out(snapshot.load().orders))
        assert not Breaker.objects.exists()
        assert kept.health._board.breakers == {}

    def test_an_order_reaches_a_running_worker_with_its_configuration(self, asked: Slot) -> None:
        async def work() -> None:
            health = Health(HealthFacts())
            await health.start()
            await open_breaker(health, asked)
            await health.apply(HealthFacts(orders=(an_order(),)))
            assert health.glance(asked) is None
            await health.stop()

        run(work())

    def test_orders_of_long_ago_are_thrown_away(self) -> None:
        orders.reset_all("ann")
        HealthOrder.objects.update(ordered_at=timezone.now() - timedelta(hours=2))
        orders.unlock("address 10.0.0.9", "bob")
        assert [row.ordered_by for row in HealthOrder.objects.all()] == ["bob"]


class TestTheDashboardsLockouts:
    def test_the_fifth_failure_locks(self) -> None:
        said = [lockouts.failed_stored(PolicyName.LOGIN, "login ann from 10.0.0.9") for _ in range(5)]
        assert said[:4] == [None] * 4
        assert 890 < (said[4] or 0) <= 900
        assert lockouts.check_stored("login ann from 10.0.0.9") is not None
        assert lockouts.check_stored("login ann from 10.0.0.8") is None

    def test_failures_of_another_day_do_not_count(self) -> None:
        for _ in range(4):
            lockouts.failed_stored(PolicyName.LOGIN, "login ann from 10.0.0.9")
        Lockout.objects.update(since=timezone.now() - timedelta(seconds=301))
        assert lockouts.failed_stored(PolicyName.LOGIN, "login ann from 10.0.0.9") is None
        assert Lockout.objects.get().failures == 1

    def test_who_is_unlocked_begins_anew(self) -> None:
        for _ in range(5):
            lockouts.failed_stored(PolicyName.LOGIN, "login ann from 10.0.0.9")
        orders.unlock("login ann from 10.0.0.9", "bob")
        assert lockouts.check_stored("login ann from 10.0.0.9") is None

    def test_a_policy_that_is_switched_off_locks_nobody(self) -> None:
        LockoutPolicy.objects.filter(name=PolicyName.LOGIN).update(is_enabled=False, failures=1)
        assert lockouts.failed_stored(PolicyName.LOGIN, "login ann from 10.0.0.9") is None


class TestEvents:
    def test_whoever_watches_hears_what_happens(self, asked: Slot) -> None:
        heard: list[object] = []

        async def work() -> None:
            health = Health(HealthFacts(policies={PolicyName.API_KEY: snapshot.Policy(2, 60.0, 120.0)}))
            with events.subscribe() as subscription:
                await open_breaker(health, asked)
                await fail_twice(health)
                await ask(health, replace(asked, provider="fine"), SUCCESS)
                await health._upkeep.carry_out((an_order(),))
                heard.extend(await all_of(subscription))

        run(work())
        assert [type(event) for event in heard] == [
            CooldownBegan,
            BreakerChanged,
            LockedOut,
            CooldownEnded,
            BreakerChanged,
            events.Unlocked,
            HealthReset,
        ]
        opened = heard[1]
        assert isinstance(opened, BreakerChanged)
        assert (opened.before, opened.after, opened.why) == (BreakerState.CLOSED, OPEN, "transient (500)")

    def test_a_slow_subscriber_loses_the_oldest(self) -> None:
        heard: list[object] = []

        async def work() -> None:
            with events.subscribe() as subscription:
                for number in range(events.MOST_WAITING + 1):
                    events.publish(events.Unlocked(str(number)))
                heard.extend(await all_of(subscription))

        run(work())
        assert len(heard) == events.MOST_WAITING
        assert heard[0] == events.Unlocked("1")


class TestADatabaseThatIsDown:
    def test_changes_wait_for_it(self, asked: Slot) -> None:
        def is_down(*_: object) -> None:
            raise OperationalError("it is down")

        kept = Kept()
        with database.execute_wrapper(is_down):
            kept.does(ask(kept.health, asked, failing()))
        assert kept.rows.trouble == "what is known of health cannot be stored: it is down"
        kept.rows.flush()
        assert kept.rows.trouble is None
        assert Cooldown.objects.count() == 1


def profiles() -> Any:
    return ProviderProfile.objects.filter(profile_class__isnull=False)


def an_order() -> snapshot.Order:
    return snapshot.Order(uuid4(), orders.Deed.RESET_ALL, "", "", timezone.now())


async def expect(health: Health, asked: Slot, expected: SkipReason | None) -> None:
    assert await reason(health, asked) is expected


async def fail_twice(health: Health) -> None:
    for _ in range(2):
        health.lockouts.failed(PolicyName.API_KEY, "address 10.0.0.9")
    await asyncio.sleep(0)


async def all_of(subscription: Subscription) -> list[object]:
    heard: list[object] = []

    async def listen() -> None:
        async for event in subscription:
            heard.append(event)  # noqa: PERF401 - it does not end by itself

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.05)
    task.cancel()
    return heard
