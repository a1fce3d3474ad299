"""Budgets of every level, as clients meet them: who refuses, until when, and what changes while it runs."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.conftest import MakeGateway
from tests.gateway import GatewayProcess, wait_until
from tests.upstream import ScriptedUpstream
from tests.visitors import visitors

HELLO = [{"role": "user", "content": "hello"}]
PRICES = """
from billing.models import Pricing
from providers.models import Provider
for model, price in (("half", "0.5"), ("eight", "8")):
    Pricing.objects.create(
        provider=Provider.objects.get(prefix="up"), model_id=model, per_request=price,
        input_per_million=0, output_per_million=0,
    )
"""
PEOPLE = """
from django.contrib.auth.models import User
from billing.models import ApiKey, Budget, Team
team, other = (Team.objects.create(name=name) for name in ("core", "other"))
ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
for name, owner in (("first", ann), ("second", ann), ("third", bob)):
    ApiKey.objects.filter(name=name).update(owner=owner, team=team)
Budget.objects.create(level="team", team=team, period="monthly", limit_usd=10)
Budget.objects.create(level="user", user=ann, period="monthly", limit_usd=2)
Budget.objects.create(api_key=ApiKey.objects.get(name="first"), period="daily", limit_usd=1)
"""


def tell(gateway: GatewayProcess, code: str) -> str:
    said: str = gateway.manage("shell", "-v0", "-c", code).stdout
    gateway.settle()
    return said


@pytest.fixture(scope="module")
def priced(make_gateway: MakeGateway, upstream_server: ScriptedUpstream) -> GatewayProcess:
    gateway = make_gateway().start()
    gateway.add_node("up", upstream_server.base_url)
    tell(gateway, PRICES)
    return gateway


def ask(gateway: GatewayProcess, key: str, model: str = "up/half") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": model, "messages": HELLO}
    return httpx.post(f"{gateway.url}/chat/completions", json=body, headers=headers, timeout=20)


def refusal(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (429, "insufficient_quota"), error
    assert int(answer.headers["retry-after"]) > 0
    return str(error["message"])


def budget_of(gateway: GatewayProcess, name: str) -> dict[str, Any]:
    found = gateway.api("GET", "/usage/budget")["budgets"]
    shown: dict[str, Any] = next(each for each in found if each["name"] == name)
    return shown


def test_each_level_refuses_in_its_own_window_and_names_itself(priced: GatewayProcess) -> None:
    keys = {name: priced.make_key(name) for name in ("first", "second", "third")}
    tell(priced, PEOPLE)
    anew = r"is used up\. It begins anew at (\d{4}-\d\d-\d\d) 00:00 UTC"

    assert [ask(priced, keys["first"]).status_code for _ in range(2)] == [200, 200]
    by_key = refusal(ask(priced, keys["first"]))
    assert by_key.startswith("The daily budget of this key, 1 US$, ")
    assert re.search(anew, by_key)

    assert [ask(priced, keys["second"]).status_code for _ in range(2)] == [200, 200]
    by_user = refusal(ask(priced, keys["second"]))
    assert by_user.startswith("The monthly budget of the user ann, 2 US$, ")
    assert re.search(anew, by_user).group(1).endswith("-01")  # type: ignore[union-attr]

    assert ask(priced, keys["third"], "up/eight").status_code == 200
    by_team = refusal(ask(priced, keys["third"]))
    assert by_team.startswith("The monthly budget of the team core, 10 US$, ")

    wait_until(lambda: budget_of(priced, "core")["spent"] == 10, what="the team's sum")
    assert (budget_of(priced, "first")["spent"], budget_of(priced, "ann")["spent"]) == (1, 2)
    wait_until(lambda: "budget of the team core is used up: 10.0000 of 10 US$" in priced.log, what="the notice")
    assert priced.log.count("budget of the team core is used up") == 1

    # Another team pays from now on; what the key has spent today stays its own.
    code = (
        "from billing.models import *; ApiKey.objects.filter(name='first').update(team=Team.objects.get(name='other'))"
    )
    tell(priced, code)
    assert refusal(ask(priced, keys["first"])) == by_key
    tell(priced, code.replace("'first'", "'third'"))
    assert ask(priced, keys["third"]).status_code == 200


def test_a_limit_that_is_changed_is_obeyed_within_a_second(priced: GatewayProcess) -> None:
    key = priced.make_key("changing")
    row = next(each for each in priced.api("GET", "/keys")["keys"] if each["name"] == "changing")

    def set_limit(limit: float | None) -> None:
        priced.api("POST", "/usage/budget", {"keyId": row["id"], "limit": limit, "period": "weekly"})

    set_limit(0)
    wait_until(lambda: ask(priced, key).status_code == 429, 1, "the refusal")
    assert "0 US$, is used up" in refusal(ask(priced, key))
    set_limit(0.75)
    wait_until(lambda: ask(priced, key).status_code == 200, 1, "the answer")
    assert ask(priced, key).status_code == 200
    refusal(ask(priced, key))
    set_limit(None)
    wait_until(lambda: ask(priced, key).status_code == 200, 1, "the answer without a budget")


def test_a_model_without_a_price_is_refused_under_a_budget_unless_that_is_allowed(priced: GatewayProcess) -> None:
    key = priced.make_key("careful")
    row = next(each for each in priced.api("GET", "/keys")["keys"] if each["name"] == "careful")
    assert ask(priced, key, "up/unpriced").status_code == 200
    priced.api("POST", "/usage/budget", {"keyId": row["id"], "limit": 5, "period": "daily"})
    wait_until(lambda: ask(priced, key, "up/unpriced").status_code == 403, 1, "the refusal")
    error = ask(priced, key, "up/unpriced").json()["error"]
    assert (error["code"], error["param"]) == ("unknown_price", "model")
    assert "unpriced" in error["message"]
    assert ask(priced, key, "up/half").status_code == 200

    switch = "from billing.models import BillingSettings as S; S.objects.update_or_create(pk=1, defaults={'%s': %s})"
    tell(priced, switch % ("allows_unknown_prices", True))
    assert ask(priced, key, "up/unpriced").status_code == 200
    stored = priced.wait_for_usage(2, api_key_name="careful", model="unpriced", status=200)
    assert {(each["cost_source"], Decimal(each["cost_usd"])) for each in stored} == {("unknown", Decimal(0))}
    assert budget_of(priced, "careful")["spent"] == 0.5
    tell(priced, switch % ("allows_unknown_prices", False))
    assert ask(priced, key, "up/unpriced").status_code == 403


def test_who_has_spent_everything_still_reads_the_management_api(priced: GatewayProcess) -> None:
    key = priced.make_key("spent-manager", "--admin")
    row = next(each for each in priced.api("GET", "/keys")["keys"] if each["name"] == "spent-manager")
    priced.api("POST", "/usage/budget", {"keyId": row["id"], "limit": 0, "period": "daily"})
    wait_until(lambda: ask(priced, key).status_code == 429, 1, "the refusal")
    for path in ("/keys", "/usage/budget", f"/usage/budget?keyId={row['id']}", "/combos", "/providers"):
        answer = httpx.get(f"{priced.root}/api{path}", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 200, path
    check = priced.api("GET", f"/usage/budget?keyId={row['id']}")["budgetCheck"]
    assert check["reason"].startswith("The daily budget of the key spent-manager, 0 US$, is used up.")
    assert datetime.now(UTC).strftime("%Y") in check["reason"]


def test_another_time_zone_sums_what_is_kept_anew(priced: GatewayProcess) -> None:
    """Saved in the dashboard, done by the scheduled work."""
    key = priced.make_key("traveller")
    assert ask(priced, key).status_code == 200
    priced.wait_for_usage(1, api_key_name="traveller")
    now = datetime.now(UTC)
    zone = "Pacific/Kiritimati" if now.hour >= 10 else "Pacific/Niue"
    settings = {"assumed_output_tokens": "4096", "usage_days": "365", "body_days": "7", "time_zone": zone}
    answer = visitors(priced)["Operator"].post("billing/billingsettings/1/change/", **settings)
    assert answer.status_code == 302

    def days() -> str:
        code = "from billing.models import DailyUsage as D; print(*{str(row.day) for row in D.objects.all()})"
        return tell(priced, code).strip()

    there = str(now.astimezone(ZoneInfo(zone)).date())
    assert there != str(now.date())
    wait_until(lambda: days() == there, 30, "the new sums")
