"""Pictures of the dashboard for the README and for looking at: `make screenshots`, into SCREENSHOTS (docs/screenshots).

It is a test module by form, so that it has the server, the users and the browser of the tests; `make test-browser`
does not collect it, since its name does not begin with `test_`.
"""

import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from billing.models import ApiKey, Budget, Pricing, UsageRecord
from billing.prices.cost import cost, saved_by_cache
from billing.prices.table import price_of
from billing.usage import days
from combos.models import Combo, ComboTarget
from omniroute_site.roles import Role
from providers.models import Provider
from tests.browser.conftest import OpenAs
from tests.dashboard import make_connection, make_key, row_of
from translator.usage import Usage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DIRECTORY = Path(os.environ.get("SCREENSHOTS", "docs/screenshots"))
ROWS = 400

PAGES = {
    "home": "/admin/",
    "requests": "/admin/billing/usagerecord/",
    "usage": "/admin/billing/dailyusage/",
    "costs": "/admin/billing/dailyusage/costs/",
    "providers": "/admin/providers/provider/",
    "combos": "/admin/combos/combo/",
    "keys": "/admin/billing/apikey/",
    "budgets": "/admin/billing/budget/",
    "prices": "/admin/billing/pricing/",
}


def seed(member: Any) -> None:
    call_command("sync_catalogue", verbosity=0)
    key = make_key(member, "laptop")
    make_connection(Provider.objects.get(pk="openai"), "team account")
    make_connection(Provider.objects.get(pk="groq"), "work")
    combo = Combo.objects.create(name="coding")
    for position, model in enumerate(("openai/gpt-5", "groq/llama-3.3-70b-versatile", "demo/echo"), start=1):
        ComboTarget.objects.create(combo=combo, position=position, model=model)
    Budget.objects.create(api_key=key, period="monthly", limit_usd=25)
    records = UsageRecord.objects.bulk_create(record(place, key, random.Random(place)) for place in range(ROWS))
    days.add([row_of(each) for each in records])


def record(place: int, key: ApiKey, dice: random.Random) -> UsageRecord:
    """A request with the cost that the price table gives it."""
    status = dice.choice([200] * 14 + [499, 502])
    provider, model = dice.choice([("openai", "gpt-5"), ("openai", "gpt-5"), ("groq", "llama-3.3-70b-versatile")])
    usage = Usage(dice.randint(300, 9000), dice.randint(0, 40_000), output=dice.randint(20, 2500))
    prices = price_of(Pricing.objects.get(provider_id=provider, model_id=model))
    price = cost(usage, prices)
    return UsageRecord(
        request_id=f"req_{place:024x}",
        started_at=timezone.now() - timedelta(minutes=place * dice.random() * 100),
        api_key_id=key.pk,
        api_key_name=key.name,
        dialect="openai",
        model_asked=dice.choice(["coding", f"{provider}/{model}"]),
        provider=provider,
        model=model,
        connection={"openai": "team account", "groq": "work"}[provider],
        is_streaming=dice.random() < 0.8,
        attempts=1,
        status=status,
        uncached_input_tokens=usage.uncached_input,
        cache_read_tokens=usage.cache_read,
        output_tokens=usage.output,
        cost_usd=price if provider == "openai" else 0,
        list_cost_usd=price,
        cache_saved_usd=saved_by_cache(usage, prices),
        cost_source="genai-prices",
        header_ms=dice.randint(80, 400),
        first_event_ms=dice.randint(400, 1500),
        gap_ms=dice.randint(8, 40),
        total_ms=dice.randint(1500, 30_000),
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_pictures_are_taken(open_as: OpenAs, users: dict[Role, Any], theme: str, width: int) -> None:
    seed(users[Role.MEMBER])
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    page = open_as(Role.OWNER, theme, width).new_page()
    for name, address in PAGES.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=DIRECTORY / f"{name}-{theme}-{width}.png")
