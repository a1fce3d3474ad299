"""Which level refuses, and until when, as the clock crosses the borders of windows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from billing.api_keys import keys
from billing.budgets import standing
from billing.models import ApiKey, BillingSettings, Budget, Level, Team
from billing.usage import ledger
from billing.usage.rows import Attempt, UsageRow

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MIDNIGHT = datetime(2026, 11, 28, 23, tzinfo=UTC)
"""In Oslo, of the 29th."""
NEXT_MONTH = datetime(2026, 11, 30, 23, tzinfo=UTC)


@pytest.fixture
def key() -> ApiKey:
    """Of a user with 2 US$ and a team with 10 a month, and with 1 a day of its own."""
    BillingSettings.objects.create(pk=1, time_zone="Europe/Oslo")
    row, _ = keys.create("laptop", owner=User.objects.create_user("ann"))
    row.team = Team.objects.create(name="core")
    row.save()
    Budget.objects.create(api_key=row, period="daily", limit_usd=1)
    Budget.objects.create(level="user", user=row.owner, period="monthly", limit_usd=2)
    Budget.objects.create(level="team", team=row.team, period="monthly", limit_usd=10)
    return row


def spend(key: ApiKey, dollars: str, began: datetime, total_ms: int = 1) -> None:
    made = [Attempt(provider="groq", connection="work", model="llama", status=200, cost_usd=Decimal(dollars))]
    row = UsageRow(
        request_id=uuid4().hex,
        started_at=began,
        dialect="openai",
        model_asked="m",
        status=200,
        total_ms=total_ms,
        made=made,
        api_key_id=key.pk,
        user_id=key.owner.pk if key.owner else None,
        team_id=key.team.pk if key.team else None,
    )
    ledger.store([row])


def refused_by(key: ApiKey, now: datetime) -> tuple[Level, str] | None:
    found = standing.refusing(standing.holding(key, now))
    return found and (Level(found.budget.level), f"{found.ends:%Y-%m-%d %H:%M %Z}")


def test_each_level_refuses_until_its_own_window_ends(key: ApiKey) -> None:
    spend(key, "1", MIDNIGHT - timedelta(hours=2))
    assert refused_by(key, MIDNIGHT - SECOND) == (Level.KEY, "2026-11-29 00:00 CET")
    assert refused_by(key, MIDNIGHT) is None
    spend(key, "1", MIDNIGHT)
    assert refused_by(key, MIDNIGHT + timedelta(hours=23, minutes=59)) == (Level.KEY, "2026-11-30 00:00 CET")
    assert refused_by(key, MIDNIGHT + timedelta(days=1)) == (Level.USER, "2026-12-01 00:00 CET")
    assert refused_by(key, NEXT_MONTH - SECOND) == (Level.USER, "2026-12-01 00:00 CET")
    assert refused_by(key, NEXT_MONTH) is None


def test_the_team_refuses_whom_their_own_budgets_would_let_through(key: ApiKey) -> None:
    other, _ = keys.create("server", owner=User.objects.create_user("bob"))
    other.team = key.team
    other.save()
    spend(other, "10", MIDNIGHT)
    assert refused_by(key, MIDNIGHT) == (Level.TEAM, "2026-12-01 00:00 CET")
    least = standing.narrowest(standing.holding(key, MIDNIGHT))
    assert least is not None
    assert (least.budget.level, least.left) == (Level.TEAM, 0)


def test_a_key_that_changes_teams_keeps_its_own_window(key: ApiKey) -> None:
    spend(key, "1", MIDNIGHT)
    key.team = Team.objects.create(name="other")
    key.save()
    Budget.objects.create(level="team", team=key.team, period="monthly", limit_usd=10)
    found = {each.budget.subject_name: each.spent for each in standing.holding(key, MIDNIGHT)}
    assert found == {"laptop": 1, "ann": 1, "other": 0}
    core = standing.standings(Budget.objects.filter(team__name="core"), MIDNIGHT)
    assert [each.spent for each in core] == [1]


def test_a_request_over_midnight_counts_in_the_window_it_began_in(key: ApiKey) -> None:
    spend(key, "1", MIDNIGHT - SECOND, total_ms=60_000)
    assert refused_by(key, MIDNIGHT - SECOND) is not None
    assert refused_by(key, MIDNIGHT + timedelta(minutes=2)) is None


def test_only_what_is_used_up_says_100_percent(key: ApiKey) -> None:
    spend(key, "0.9999", MIDNIGHT)
    own = standing.holding(key, MIDNIGHT)[0]
    assert (own.percent, own.allows) == (Decimal("99.9"), True)
    spend(key, "0.0001", MIDNIGHT)
    own = standing.holding(key, MIDNIGHT)[0]
    assert (own.percent, own.allows, own.left) == (Decimal("100.0"), False, 0)
