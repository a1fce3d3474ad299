"""What if, asked by its page, the API and the command: the same answer everywhere, and nothing written."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import Pricing, UsageRecord
from billing.usage import ledger
from billing.usage.rows import Attempt, UsageRow
from billing.what_if import recorded
from combos import snapshot
from combos.models import Combo, ComboTarget
from omniroute_site.roles import Role
from providers.models import Model, Source
from tests.dashboard import make_connection, make_key, make_provider, make_user, text_of
from tests.management import call, client_of, error_of
from translator.usage import Usage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard", "shop")]

PAGE = "/admin/combos/combo/what-if/"
QUERIES = 15
USED = Usage(uncached_input=1_000_000, output=100_000)


@pytest.fixture
def shop() -> None:
    """Two models: the large one costs 3 and 15 a million, the small one 0.5 and 2; and a combo of both."""
    for slug, prices in (("large", ("3", "15")), ("small", ("0.5", "2"))):
        provider = make_provider(slug, slug.title())
        make_connection(provider)
        Model.objects.create(provider=provider, model_id="m", source=Source.OPERATOR)
        Pricing.objects.create(
            provider=provider, model_id="m", input_per_million=prices[0], output_per_million=prices[1]
        )
    combo = Combo.objects.create(name="both")
    for position, model in enumerate(("large/m", "small/m"), 1):
        ComboTarget.objects.create(combo=combo, model=model, position=position)


def record(number: int, *providers: str, days_ago: float = 1, key: Any = None, **facts: Any) -> None:
    """A request that the last of these answered, all others having failed before it said a word."""
    books = snapshot.load().books.prices
    row = UsageRow(
        request_id=f"req_{number}",
        started_at=timezone.now() - timedelta(days=days_ago),
        dialect="openai",
        status=200,
        total_ms=10,
        **{"model_asked": "large/m"} | facts,
    )
    if key is not None:
        row.api_key_id, row.api_key_name, row.user_id = key.pk, key.name, key.owner_id
    for place, provider in enumerate(providers):
        attempt = Attempt(
            provider=provider, connection="work", model="m", status=200 if place + 1 == len(providers) else 503
        )
        if attempt.status == 200:
            attempt.add_usage(USED, books.get((provider, "m")))
        row.made.append(attempt)
    ledger.store([row])


def ask(client: Client, **question: Any) -> dict[str, Any]:
    answer = call(client, "POST", "/api/usage/simulate", question)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def refusal(client: Client, **question: Any) -> tuple[str, str]:
    answer = call(client, "POST", "/api/usage/simulate", question)
    assert answer.status_code == 400, answer.content
    error = error_of(answer)
    return error["param"], error["message"]


@pytest.fixture
def api(owner: Any) -> Client:
    return client_of(owner)


def simulate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("simulate", *arguments, stdout=out)
    return out.getvalue()


# The API.


def test_everything_at_another_model(api: Client) -> None:
    record(1, "large")
    record(2, "small", model_asked="small/m")
    found = ask(api, withModel="small/m")
    assert (found["total"]["before"]["cost"], found["total"]["after"]["cost"]) == (5.2, 1.4)
    assert (found["total"]["saved"], found["total"]["savedPercent"]) == (3.8, 73.0769)
    assert (found["requests"], found["replayed"], found["moved"], found["isSample"]) == (2, 2, 1, False)
    assert [(line["name"], line["before"]["requests"], line["after"]["requests"]) for line in found["byModel"]] == [
        ("large/m", 1, 0),
        ("small/m", 1, 2),
    ]


def test_only_the_requests_for_a_name_are_moved(api: Client) -> None:
    record(1, "large", model_asked="gpt-5")
    record(2, "large", model_asked="claude")
    found = ask(api, withCombo="both", only="GPT-*")
    assert found["moved"] == 0
    found = ask(api, withModel="small/m", only="gpt-*")
    assert (found["moved"], found["total"]["after"]["cost"]) == (1, 5.2)


def test_another_strategy_for_a_combo_and_for_nobody_else(api: Client) -> None:
    for number in range(4):
        record(number, "large", combo="both", model_asked="both")
    record(9, "large")
    found = ask(api, withStrategy="round-robin", forCombo="both")
    assert (found["moved"], found["total"]["after"]["cost"]) == (2, 3 * 4.5 + 2 * 0.7)
    found = ask(api, withStrategy="cost-optimized", forCombo="both")
    assert (found["moved"], round(found["total"]["after"]["cost"], 10)) == (4, 7.3)


def test_the_same_combo_gives_what_was_recorded_although_prices_have_changed_since(api: Client) -> None:
    record(1, "large", combo="both", model_asked="both")
    record(2, "large", "small", combo="both", model_asked="both")
    Pricing.objects.all().update(input_per_million=99)
    found = ask(api, withCombo="both")
    assert found["total"]["before"] == found["total"]["after"]
    assert (found["total"]["saved"], found["moved"]) == (0, 0)


def test_as_if_nobody_had_failed(api: Client) -> None:
    record(1, "large", "small", combo="both", model_asked="both")
    assert ask(api, withCombo="both", allHealthy=True)["total"]["after"]["cost"] == 4.5


def test_prices_of_today_and_prices_that_are_given(api: Client) -> None:
    record(1, "large")
    Pricing.objects.filter(provider="large").update(input_per_million=6)
    assert ask(api, prices="today")["total"]["after"]["cost"] == 7.5
    given = {"large": {"m": {"input": 1, "output": 1}}}
    assert ask(api, priceTable=given)["total"]["after"]["cost"] == 1.1
    assert ask(api, prices="today", withModel="small/m", priceTable=given)["total"]["after"]["cost"] == 0.7


def test_a_model_without_a_price_is_told_apart(api: Client) -> None:
    record(1, "large")
    found = ask(api, withModel="small/unheard-of")
    assert found["total"]["after"]["requests"] == 0
    assert found["apart"] == [
        {"why": "no price", "model": "small/unheard-of", "requests": 1, "tokens": 1_100_000, "cost": 4.5}
    ]


def test_filters_narrow_what_is_replayed(api: Client) -> None:
    key = make_key(make_user(Role.MEMBER), "laptop")
    record(1, "large", key=key, user_name="mia")
    record(2, "small", combo="both")
    for filters in ({"key": "laptop"}, {"user": "mia"}, {"provider": "large"}, {"combo": "both"}, {"model": "m"}):
        assert ask(api, noCache=True, **filters)["requests"] == (2 if "model" in filters else 1), filters


def test_the_days_of_a_period_are_inclusive_and_begin_in_the_configured_zone(api: Client) -> None:
    record(1, "large", days_ago=2)
    day = (timezone.now() - timedelta(days=2)).date().isoformat()
    assert ask(api, noCache=True, since=day, until=day)["requests"] == 1
    assert ask(api, noCache=True, last="24h")["requests"] == 0


@pytest.mark.parametrize(
    ("question", "param", "said"),
    [
        ({}, "withModel", "Say what should have been different"),
        ({"withModel": "no/such"}, "withModel", "no/such"),
        ({"withModel": "both"}, "withModel", "“both” is a combo"),
        ({"withCombo": "small/m"}, "withCombo", "is no combo"),
        ({"withCombo": "both", "withModel": "small/m"}, "withCombo", "not both"),
        ({"withStrategy": "cheapest", "forCombo": "both"}, "withStrategy", "There is no strategy “cheapest”"),
        ({"withStrategy": "random"}, "forCombo", "A strategy needs the name of a combo"),
        ({"withStrategy": "random", "forCombo": "none"}, "forCombo", "There is no combo “none”"),
        ({"withStrategy": "random", "forCombo": "both", "withModel": "small/m"}, "withStrategy", "Choose one"),
        ({"only": "gpt-*", "noCache": True}, "only", "Say where"),
        ({"withModel": "small/m", "only": "*" * 9}, "only", "at most 8 stars"),
        ({"noCache": True, "last": "forever"}, "last", "“forever” is no length of time"),
        ({"noCache": True, "last": "99999w"}, "last", "no length of time"),
        ({"noCache": True, "since": "2026-13-01"}, "since", "“2026-13-01” is no day"),
        ({"noCache": True, "since": "0001-01-01"}, "since", "is no day"),
        ({"noCache": True, "since": "2026-11-02", "until": "2026-11-01"}, "until", "ends before it begins"),
        ({"noCache": True, "until": "2026-11-01"}, "since", "Say from which day on"),
        ({"noCache": True, "key": "nobody's"}, "key", "with the key “nobody's”"),
        ({"noCache": True, "user": "x\x00y"}, "user", "control character"),
        ({"priceTable": {"nobody": {"m": {"input": 1, "output": 1}}}}, "priceTable", "There is no provider “nobody”"),
        ({"priceTable": {"large": {"m": {"input": -1, "output": 1}}}}, "priceTable", "“-1” is no price of input"),
        ({"priceTable": 7}, "priceTable", "should be an object"),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused_with_its_part(
    api: Client, question: dict[str, Any], param: str, said: str
) -> None:
    refused = refusal(api, **question)
    assert refused[0] == param, refused
    assert said in refused[1]


def test_a_member_replays_what_their_own_keys_used(client: Client) -> None:
    member = make_user(Role.MEMBER)
    record(1, "large", key=make_key(member))
    record(2, "large", key=make_key(make_user(Role.OPERATOR), "theirs"))
    mine = client_of(member)
    assert ask(mine, withModel="small/m")["requests"] == 1
    assert refusal(mine, withModel="small/m", key="theirs")[0] == "key"


# Samples.


def test_a_sample_is_spread_evenly_whatever_the_rhythm_and_scaled_to_all() -> None:
    UsageRecord.objects.bulk_create(
        UsageRecord(
            request_id=f"r{number}",
            started_at=timezone.now(),
            dialect="openai",
            model_asked="m",
            provider=("large", "small")[number % 2],
            status=200,
            total_ms=1,
        )
        for number in range(4000)
    )
    rows = recorded.sample(UsageRecord.objects.all(), 4000, 400)
    taken = list(rows.values_list("provider", flat=True))
    assert 390 <= len(taken) <= 410
    assert 180 <= taken.count("large") <= 220
    said = json.loads(simulate("--no-cache", "--sample", "400", "--json"))
    assert (said["isSample"], said["total"]["before"]["requests"]) == (True, 4000)
    assert "spread evenly over the period" in said["assumptions"][0]


def test_a_sample_says_how_far_it_may_be_off_and_is_not(api: Client) -> None:
    for number in range(300):
        record(number, ("large", "small")[number % 3 > 1], days_ago=number / 100)
    whole = json.loads(simulate("--with-model", "small/m", "--json"))
    part = json.loads(simulate("--with-model", "small/m", "--json", "--sample", "60"))
    assert (whole["margin"], whole["isSample"], part["isSample"]) == (0, False, True)
    assert 0 < part["margin"] < whole["total"]["saved"] / 2
    assert abs(part["total"]["saved"] - whole["total"]["saved"]) < 2 * part["margin"]


# The page.


def test_the_page_asks_by_its_url_and_shows_before_and_after(page: Client) -> None:
    record(1, "large")
    shown = text_of(page.get(PAGE, {"to": "small/m", "last": "7d"}))
    for words in (
        "Everything to small/m",
        "$4.50",
        "$0.70",
        "-84.4 %",
        "large/m",
        "What this assumes",
        "omni-would-be",
    ):
        assert words in shown, words


def test_an_unasked_page_says_what_it_is_for(page: Client) -> None:
    shown = text_of(page.get(PAGE))
    assert "What you can ask" in shown
    assert "errorlist" not in shown


def test_a_period_without_requests_says_what_to_do(page: Client) -> None:
    assert "No such request in this period" in text_of(page.get(PAGE, {"to": "small/m"}))


@pytest.mark.parametrize(
    "question",
    [
        {"to": "no/such"},
        {"to": "small/m", "last": "1000y"},
        {"to": "small/m", "since": "yesterday", "last": ""},
        {"strategy": "cheapest", "for_combo": "both"},
        {"to": "small/m", "user": "nobody"},
        {"to": "x" * 301},
        {"to": "small/\x00m"},
        {"prices": "of tomorrow"},
    ],
)
def test_what_is_wrong_stands_at_its_field(page: Client, question: dict[str, str]) -> None:
    answer = page.get(PAGE, question)
    assert answer.status_code == 200
    assert 'class="errorlist"' in text_of(answer)


def test_pasted_prices_stay_out_of_the_url(page: Client) -> None:
    record(1, "large")
    sheet = "provider,model,input,output\nlarge,m,1,1"
    answer = page.post(PAGE, {"last": "7d", "prices": "recorded", "sheet": sheet})
    assert answer.status_code == 200
    assert "1 price of your own" in text_of(answer)
    assert "$1.10" in text_of(answer)
    wrong = text_of(page.post(PAGE, {"sheet": sheet + "\nlarge,n,-1,1"}))
    assert "line 3: “-1” is no price of input" in wrong


def test_a_name_is_never_taken_for_html_or_for_a_formula(page: Client) -> None:
    record(1, "large", model_asked="<script>alert(1)</script>")
    record(2, "large", model_asked="=1+1")
    question = {"to": "small/m"}
    assert "<script>alert(1)" not in text_of(page.get(PAGE, question))
    rows = list(csv.reader(io.StringIO(text_of(page.get(PAGE, question | {"format": "csv"})))))
    assert "'=1+1" in [row[1] for row in rows]
    assert rows[1][6:8] == ["9.0000000000", "1.4000000000"]


def test_the_page_asks_few_queries_however_many_requests_there_are(page: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            page.get(PAGE, {"for_combo": "both", "strategy": "fastest"})
        return len(captured)

    record(1, "large", "small", combo="both")
    first = queries()
    for number in range(2, 40):
        record(number, "large", "small", combo="both")
    assert queries() == first
    with CaptureQueriesContext(database) as captured:
        snapshot.load()
    assert first - len(captured) <= QUERIES, "a process that serves requests has the snapshot in memory"


# The command.


def test_the_command_prints_a_table(capsys: Any) -> None:
    record(1, "large")
    said = simulate("--with-model", "small/m", "--last", "7d")
    for words in ("What if: Everything to small/m", "$4.50", "$0.70", "-84.4 %", "BY MODEL", "BY DAY", "ASSUMED"):
        assert words in said, words


def test_the_command_reads_prices_from_a_file(tmp_path: Path) -> None:
    record(1, "large")
    file = tmp_path / "prices.csv"
    file.write_text("provider,model,input,output\nlarge,m,1,1\n")
    found = json.loads(simulate("--prices", str(file), "--json"))
    assert found["total"]["after"]["cost"] == 1.1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--with-combo/--with-model: Say what"),
        (["--with-model", "no/such"], "--with-combo/--with-model: "),
        (["--with-strategy", "x", "--for-combo", "both"], "--with-strategy: There is no strategy “x”"),
        (["--no-cache", "--from", "x"], "--from: “x” is no day"),
        (["--no-cache", "--from", "2026-01-02", "--to", "2026-01-01"], "--to: The period ends"),
        (["--no-cache", "--last", "0d"], "--last: “0d” is no length"),
        (["--no-cache", "--sample", "0"], "--sample: 0 is too few"),
        (["--prices", "/no/such/file"], "--prices: “/no/such/file” cannot be read"),
        (["--no-cache", "--key", "x"], "--key: No request"),
        (["--no-cache", "--user", "\udcff"], "An argument is not UTF-8"),
    ],
)
def test_a_wrong_argument_ends_with_2_and_says_which(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        simulate(*arguments)
    assert said in str(refused.value)
    assert refused.value.returncode == 2


def test_nothing_is_written_by_any_of_them(api: Client, page: Client) -> None:
    record(1, "large", "small", combo="both", model_asked="both")
    before = contents()
    ask(api, withCombo="both", prices="default")
    page.get(PAGE, {"to": "small/m"})
    simulate("--with-strategy", "round-robin", "--for-combo", "both")
    assert contents() == before


def contents() -> dict[str, Any]:
    models = [
        model for model in apps.get_models() if model._meta.app_label in ("billing", "combos", "providers", "health")
    ]
    counts: dict[str, Any] = {model.__name__: model.objects.count() for model in models}
    return counts | UsageRecord.objects.aggregate(Sum("cost_usd"), Sum("list_cost_usd"))
