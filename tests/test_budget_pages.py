"""The dashboard's pages on budgets and the money settings, and what the front page says of budgets."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from billing.models import BillingSettings, Budget, Level, Team
from omniroute_site.roles import Role
from tests.dashboard import make_key, make_record, make_user, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

LIST, ADD = "/admin/billing/budget/", "/admin/billing/budget/add/"
SETTINGS = "/admin/billing/billingsettings/1/change/"
NUMBERS = {"period": "daily", "limit_usd": "5", "warn_percent": "80"}
SAVED = {
    "time_zone": "UTC",
    "assumed_output_tokens": "4096",
    "usage_days": "365",
    "body_days": "7",
}


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.headers
    return dict(response.context["adminform"].form.errors)


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="core")


# The form.


def test_each_level_takes_its_own_subject(page: Client, owner: User, team: Team) -> None:
    key = make_key()
    for level, subject in (("key", {"api_key": key.pk}), ("user", {"user": owner.pk}), ("team", {"team": team.pk})):
        assert page.post(ADD, {"level": level, **subject, **NUMBERS}).status_code == 302
    assert page.post(ADD, {"level": "global", **NUMBERS}).status_code == 302
    assert [row.subject_name for row in Budget.objects.order_by("pk")] == ["laptop", "owner", "core", "Everybody"]


def test_subjects_of_other_levels_are_forgotten(page: Client, owner: User) -> None:
    form = {"level": "user", "api_key": make_key().pk, "user": owner.pk, **NUMBERS}
    assert page.post(ADD, form).status_code == 302
    row = Budget.objects.get()
    assert (row.level, row.api_key, row.user) == (Level.USER, None, owner)


@pytest.mark.parametrize(("level", "field"), [("key", "api_key"), ("user", "user"), ("team", "team")])
def test_a_level_without_its_subject_is_an_error_there(page: Client, level: str, field: str) -> None:
    assert set(errors_of(page.post(ADD, {"level": level, **NUMBERS}))) == {field}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit_usd", "-1"),
        ("limit_usd", "NaN"),
        ("limit_usd", "Infinity"),
        ("limit_usd", "1e999"),
        ("limit_usd", "100000000"),
        ("limit_usd", "0.0000001"),
        ("limit_usd", "five"),
        ("limit_usd", ""),
        ("warn_percent", "0"),
        ("warn_percent", "101"),
        ("warn_percent", "99999999999999999999"),
        ("period", "yearly"),
        ("level", "planet"),
        ("api_key", "no-uuid"),
        ("api_key", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_a_wrong_value_is_an_error_at_its_field(page: Client, field: str, value: str) -> None:
    form = {"level": "key", "api_key": make_key().pk, **NUMBERS, field: value}
    assert field in errors_of(page.post(ADD, form))
    assert not Budget.objects.exists()


def test_an_address_with_a_subject_that_is_none_opens_the_form(page: Client) -> None:
    for query in ("api_key=no-uuid", "user=none", "level=planet", "api_key=" + "9" * 500):
        assert page.get(f"{ADD}?{query}").status_code == 200, query


def test_a_second_budget_for_the_same_period_is_an_error_at_the_period(page: Client, owner: User) -> None:
    for subject in ({"level": "user", "user": owner.pk}, {"level": "global"}):
        assert page.post(ADD, {**subject, **NUMBERS}).status_code == 302
        assert "already" in errors_of(page.post(ADD, {**subject, **NUMBERS}))["period"][0]
    weekly = Budget.objects.create(user=owner, level="user", period="weekly", limit_usd=1)
    assert "period" in errors_of(page.post(f"{LIST}{weekly.pk}/change/", NUMBERS))


def test_limit_and_period_change_but_not_whom_it_is_for(page: Client, owner: User) -> None:
    row = Budget.objects.create(api_key=make_key(), period="daily", limit_usd=1)
    form = {"level": "user", "user": owner.pk, "period": "weekly", "limit_usd": "0", "warn_percent": "50"}
    assert page.post(f"{LIST}{row.pk}/change/", form).status_code == 302
    row.refresh_from_db()
    assert (row.level, row.user, row.period, row.limit_usd, row.warn_percent) == ("key", None, "weekly", 0, 50)


def test_an_operator_without_a_list_of_users_sets_their_budgets(client: Client) -> None:
    member = make_user(Role.MEMBER)
    client.force_login(make_user(Role.OPERATOR))
    assert f'<option value="{member.pk}">member</option>' in text_of(client.get(ADD))
    assert client.post(ADD, {"level": "user", "user": member.pk, **NUMBERS}).status_code == 302


# The list.


def test_the_list_shows_what_is_spent_and_when_it_starts_anew(page: Client, team: Team) -> None:
    BillingSettings.objects.create(pk=1, time_zone="Asia/Kathmandu")
    key = make_key()
    Budget.objects.create(api_key=key, period="daily", limit_usd=10)
    Budget.objects.create(level="team", team=team, period="weekly", limit_usd=2)
    Budget.objects.create(level="global", period="monthly", limit_usd=100)
    make_record(key, cost_usd=Decimal("9.5"), started_at=timezone.now(), team_id=team.pk)
    shown = text_of(page.get(LIST))
    for words in ("$9.50 of $10.00", "(95 %)", "over 80 %", "$9.50 of $2.00", "used up", "$9.50 of $100.00"):
        assert words in shown
    assert "00:00 Asia/Kathmandu" in shown
    assert "data-countdown" in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("level=key", {"laptop"}),
        ("level=global", {"Everybody"}),
        ("period=weekly", {"core"}),
        ("state=used-up", {"core"}),
        ("state=warned", {"laptop"}),
        ("state=fine", {"Everybody"}),
        ("state=nonsense", {"laptop", "core", "Everybody"}),
        ("q=core", {"core"}),
    ],
)
def test_the_lists_filters_are_in_the_url(page: Client, team: Team, query: str, found: set[str]) -> None:
    key = make_key()
    Budget.objects.create(api_key=key, period="daily", limit_usd=10)
    Budget.objects.create(level="team", team=team, period="weekly", limit_usd=2)
    Budget.objects.create(level="global", period="monthly", limit_usd=Decimal("99999999.999999"))
    make_record(key, cost_usd=Decimal(8), started_at=timezone.now(), team_id=team.pk)
    rows = page.get(f"{LIST}?{query}").context["cl"].result_list
    assert {row.subject_name for row in rows} == found


def test_a_hundred_budgets_cost_no_more_queries_than_one(page: Client) -> None:
    for place in range(60):
        Budget.objects.create(api_key=make_key(name=f"key {place}"), period="daily", limit_usd=10)
    with CaptureQueriesContext(database) as captured:
        assert page.get(LIST).status_code == 200
    assert len(captured) <= 12


# Where budgets apply.


def test_a_users_page_shows_what_holds_them_back(page: Client) -> None:
    member = make_user(Role.MEMBER)
    Budget.objects.create(level="user", user=member, period="daily", limit_usd=3)
    Budget.objects.create(level="global", period="monthly", limit_usd=44)
    shown = text_of(page.get(f"/admin/auth/user/{member.pk}/change/"))
    assert "of $3.00" in shown
    assert "of $44.00" in shown


def test_a_teams_page_shows_what_holds_it_back_and_how_many_keys_it_pays_for(page: Client, team: Team) -> None:
    key = make_key()
    key.team = team
    key.save()
    Budget.objects.create(level="team", team=team, period="weekly", limit_usd=7)
    Budget.objects.create(level="team", team=Team.objects.create(name="another"), period="daily", limit_usd=9)
    shown = text_of(page.get(f"/admin/billing/team/{team.pk}/change/"))
    assert "of $7.00" in shown
    assert "of $9.00" not in shown
    assert f"?team__id__exact={team.pk}" in shown
    assert "its keys" not in text_of(page.get("/admin/billing/team/add/"))


def test_a_keys_page_shows_every_level_to_its_member(client: Client, team: Team) -> None:
    member = make_user(Role.MEMBER)
    key = make_key(member)
    key.team = team
    key.save()
    for facts in ({"api_key": key}, {"level": "user", "user": member}, {"level": "team", "team": team}):
        Budget.objects.create(**facts, period="daily", limit_usd=3)
    client.force_login(member)
    shown = text_of(client.get(f"/admin/billing/apikey/{key.pk}/change/"))
    assert shown.count("of $3.00") == 3
    assert "/admin/billing/budget/" not in shown


# Home.


def test_home_lists_budgets_of_all_levels_that_are_used_up_or_nearly(page: Client, team: Team) -> None:
    key = make_key()
    Budget.objects.create(api_key=key, period="daily", limit_usd=10)
    Budget.objects.create(level="team", team=team, period="weekly", limit_usd=2)
    Budget.objects.create(level="global", period="monthly", limit_usd=100)
    Budget.objects.create(level="global", period="weekly", limit_usd=0)
    make_record(key, cost_usd=Decimal(8), started_at=timezone.now(), team_id=team.pk)
    texts = [item.text for item in page.get("/admin/").context["attention"]]
    assert texts == ["core: weekly budget used up", "laptop: 80 % of the daily budget"]


def test_home_does_not_drown_in_budgets(page: Client) -> None:
    for place in range(30):
        key = make_key(name=f"key {place}")
        Budget.objects.create(api_key=key, period="daily", limit_usd=1)
        make_record(key, cost_usd=Decimal(1), started_at=timezone.now())
    attention = page.get("/admin/").context["attention"]
    assert len(attention) == 9
    assert attention[-1].link == LIST


def test_home_shows_members_their_own_budgets(client: Client) -> None:
    member = make_user(Role.MEMBER)
    key = make_key(member)
    Budget.objects.create(api_key=key, period="daily", limit_usd=10)
    Budget.objects.create(api_key=make_key(name="not yours"), period="daily", limit_usd=77)
    make_record(key, cost_usd=Decimal("8.5"), started_at=timezone.now())
    client.force_login(member)
    answer = client.get("/admin/")
    assert "$8.50 of $10.00" in text_of(answer)
    assert "$77.00" not in text_of(answer)
    (attention,) = answer.context["attention"]
    assert attention.text == "laptop: 85 % of the daily budget"
    assert client.get(attention.link).status_code == 200


def test_who_has_spent_everything_still_opens_every_page(client: Client) -> None:
    member = make_user(Role.MEMBER)
    key = make_key(member)
    Budget.objects.create(level="user", user=member, period="monthly", limit_usd=0)
    client.force_login(member)
    for address in ("", "billing/apikey/", f"billing/apikey/{key.pk}/change/", "billing/usagerecord/", "combos/combo/"):
        assert client.get(f"/admin/{address}").status_code == 200, address


# Money settings.


def test_another_time_zone_has_the_days_summed_anew(page: Client) -> None:
    answer = page.post(SETTINGS, SAVED | {"time_zone": "Asia/Kathmandu"}, follow=True)
    assert "Days begin at midnight in Asia/Kathmandu now." in text_of(answer)
    assert BillingSettings.load().time_zone == "Asia/Kathmandu"
    assert [task.func() for task in OrmQ.objects.all()] == ["billing.usage.rebuilding.rebuild"]


def test_the_other_settings_sum_nothing_anew(page: Client) -> None:
    assert page.post(SETTINGS, SAVED | {"allows_unknown_prices": "on", "usage_days": "30"}).status_code == 302
    row = BillingSettings.load()
    assert (row.allows_unknown_prices, row.usage_days) == (True, 30)
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("assumed_output_tokens", "0"),
        ("assumed_output_tokens", "99999999999"),
        ("usage_days", "-1"),
        ("body_days", "1e9"),
    ],
)
def test_a_wrong_setting_is_an_error_at_its_field(page: Client, field: str, value: str) -> None:
    assert set(errors_of(page.post(SETTINGS, SAVED | {field: value}))) == {field}


def test_a_time_zone_that_is_no_place_can_stay(page: Client) -> None:
    BillingSettings.objects.create(pk=1, time_zone="Etc/GMT+5")
    assert page.post(SETTINGS, SAVED | {"time_zone": "Etc/GMT+5", "body_days": "3"}).status_code == 302
    assert BillingSettings.load().body_days == 3


def test_a_window_follows_the_time_zone_at_once(page: Client) -> None:
    """What was spent in the last hour of a day there is not in the budget of today."""
    key = make_key()
    Budget.objects.create(api_key=key, period="daily", limit_usd=10)
    BillingSettings.objects.create(pk=1, time_zone="Pacific/Kiritimati")
    make_record(key, cost_usd=Decimal(5), started_at=timezone.now() - timedelta(days=1))
    assert "$0.00 of $10.00" in text_of(page.get(LIST))
