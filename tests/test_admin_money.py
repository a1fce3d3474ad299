"""The dashboard's pages on keys, money and requests, and the front page."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from billing.api_keys import keys
from billing.figures import count, milliseconds, money, percent
from billing.models import ApiKey, Budget, PriceSource, Pricing, UsageRecord
from providers.models import ProviderConnection
from tests.dashboard import (
    make_connection,
    make_key,
    make_provider,
    make_record,
    text_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]


# API keys.


def test_a_new_key_is_shown_once_and_works(page: Client, owner: User) -> None:
    answer = page.post("/admin/billing/apikey/add/", {"name": "laptop", "scopes": "inference", "owner": owner.pk})
    key = answer.context["key"]
    row = ApiKey.objects.get()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert (row.digest, row.owner, row.is_admin) == (keys.digest(key), owner, False)
    assert f"Bearer {key}" in text_of(answer).replace("&quot;", '"')
    assert settings.BASE_URL in text_of(answer)
    assert key not in str(dict(page.session.items())) + str(page.cookies)
    for address in ("", f"{row.pk}/change/", f"{row.pk}/history/"):
        assert key not in text_of(page.get(f"/admin/billing/apikey/{address}"))


def test_an_owner_makes_a_key_with_the_admin_scope(page: Client) -> None:
    page.post("/admin/billing/apikey/add/", {"name": "ci", "scopes": "manage"})
    assert ApiKey.objects.get().is_admin


def test_a_key_changes_its_scopes_and_its_owner(page: Client, owner: User) -> None:
    key = make_key(owner)
    page.post(f"/admin/billing/apikey/{key.pk}/change/", {"name": "renamed", "scopes": "read", "owner": ""})
    key.refresh_from_db()
    assert (key.name, key.scopes, key.owner, key.is_active) == ("renamed", ["read"], None, False)


def test_keys_are_disabled_together(page: Client) -> None:
    key = make_key()
    page.post("/admin/billing/apikey/", {"action": "disable", "_selected_action": [str(key.pk)]})
    assert not ApiKey.objects.get().is_active


# Money.


def test_a_saved_price_is_the_operators_from_today_on(page: Client) -> None:
    price = Pricing.objects.create(
        provider=make_provider(), model_id="llama", input_per_million=1, output_per_million=2, source="genai-prices"
    )
    form = {"provider": "groq", "model_id": "llama", "input_per_million": "3", "output_per_million": "15"}
    assert page.post(f"/admin/billing/pricing/{price.pk}/change/", form).status_code == 302
    price.refresh_from_db()
    assert (price.source, price.as_of, price.input_per_million) == (PriceSource.OPERATOR, timezone.now().date(), 3)
    shown = text_of(page.get(f"/admin/billing/pricing/{price.pk}/change/"))
    assert "$0.0105" in shown
    assert "$0.003 per 1K" in shown


def test_a_budget_shows_what_its_window_has_spent(page: Client) -> None:
    key = make_key()
    Budget.objects.create(api_key=key, period="daily", limit_usd=10)
    make_record(key, cost_usd=Decimal("8.5"), started_at=timezone.now())
    make_record(key, cost_usd=Decimal(100), started_at=timezone.now() - timedelta(days=2))
    make_record(make_key(), cost_usd=Decimal(100))
    shown = text_of(page.get("/admin/billing/budget/"))
    assert "$8.50 of $10.00" in shown
    assert "omni-bar-warn" in shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "$0.00"),
        ("0", "$0.00"),
        ("0.5", "$0.50"),
        ("1204.5", "$1,204.50"),
        ("0.0012345", "$0.001235"),
        ("0.00000012345", "$0.0000001235"),
        ("1.999", "$2.00"),
        ("-1204.5", "-$1,204.50"),
        ("-0.0012345", "-$0.001235"),
    ],
)
def test_money_is_written_to_the_cent_and_small_money_to_four_digits(amount: str | None, shown: str) -> None:
    assert money(None if amount is None else Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, "0"), (999, "999"), (1000, "1K"), (12_400, "12.4K"), (999_960, "1M"), (3_100_000, "3.1M")],
)
def test_counts_are_short(number: int | None, shown: str) -> None:
    assert count(number) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "—"), (0, "0 %"), (1, "100 %"), (0.25, "25 %"), (1 / 3, "33.3 %"), (0.9999, "> 99.9 %"), (1e-4, "< 0.1 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_milliseconds_are_short() -> None:
    assert [milliseconds(number) for number in (None, 840, 2400)] == ["—", "840 ms", "2.4 s"]


# Requests.


def test_the_log_shows_outcome_tokens_cost_and_times(page: Client) -> None:
    make_record(make_key(), is_estimated=True)
    make_record(status=499, cost_source="unknown")
    make_record(status=502, provider="", model="", error="The provider answered 502.")
    shown = text_of(page.get("/admin/billing/usagerecord/"))
    for words in ("5 min ago", "12.4K", "$0.001235", "120 ms", "2.4 s", "estimated", "client hung up", "failed 502"):
        assert words in shown
    assert "unknown price" in shown
    assert "nobody" in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=ok", 1),
        ("outcome=failed", 1),
        ("outcome=hung-up", 1),
        ("outcome=refused", 0),
        ("window=1h", 2),
        ("window=30d", 3),
        ("window=nonsense", 3),
        ("provider=groq", 2),
        ("q=req_wanted", 1),
        ("q=gpt-5", 1),
    ],
)
def test_the_logs_filters_are_in_the_url(page: Client, query: str, found: int) -> None:
    make_connection()
    make_connection(make_provider("openai", "OpenAI"))
    make_record(request_id="req_wanted")
    make_record(status=502, started_at=timezone.now() - timedelta(hours=3))
    make_record(status=499, provider="openai", model_asked="openai/gpt-5")
    assert len(page.get(f"/admin/billing/usagerecord/?{query}").context["cl"].result_list) == found


def test_the_log_is_filtered_by_key(page: Client) -> None:
    key = make_key()
    make_record(key)
    make_record(make_key())
    response = page.get(f"/admin/billing/usagerecord/?key={key.shown_prefix}")
    assert [record.api_key_id for record in response.context["cl"].result_list] == [key.pk]


def test_a_requests_page_tells_its_story(page: Client) -> None:
    record = make_record(make_key(), status=502, error="The provider answered 502.")
    shown = text_of(page.get(f"/admin/billing/usagerecord/{record.pk}/change/"))
    for words in ("asked with laptop", "1 attempt", "through work", "The provider answered 502.", "got status 502"):
        assert words in shown


def test_the_log_cannot_be_changed(page: Client) -> None:
    record = make_record()
    for deed in ("change", "delete"):
        assert page.post(f"/admin/billing/usagerecord/{record.pk}/{deed}/", {"post": "yes"}).status_code == 403
    assert UsageRecord.objects.filter(pk=record.pk).exists()


# Home.


def test_home_sums_the_last_day_up(page: Client) -> None:
    make_connection()
    make_record(status=502, cost_usd=0)
    make_record()
    make_record(started_at=timezone.now() - timedelta(days=2))
    day = page.get("/admin/").context["day"]
    assert (day["requests"], day["failed"], day["tokens"]) == (2, 1, 25_400)


def test_home_names_what_needs_attention(page: Client) -> None:
    connection = make_connection()
    ProviderConnection.objects.filter(pk=connection.pk).update(is_active=False)
    key = make_key()
    Budget.objects.create(api_key=key, period="monthly", limit_usd=1)
    make_record(key, cost_usd=2, started_at=timezone.now())
    make_record(cost_source="unknown")
    texts = [item.text for item in page.get("/admin/").context["attention"]]
    assert texts == [
        "Groq, work: switched off",
        "laptop: monthly budget used up",
        "1 request at an unknown price, last 24 h",
    ]


def test_home_tells_where_to_send_requests(page: Client) -> None:
    assert f"{settings.BASE_URL}/v1/chat/completions" in text_of(page.get("/admin/"))
