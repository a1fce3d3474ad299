"""A deterministic past for the dashboard: requests of 20 keys, 8 users and 3 teams over 60 days.

Job: rows as the journal would have told them, stored by the ledger itself, so that attempts and the sums of each day
agree with them; then the database makes ten of each, which is quicker, and the sums ten times as much.
Law: the same number of rows is the same past, apart from when it ends.
"""

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Model

from billing.api_keys import keys
from billing.models import ApiKey, Budget, CostSource, DailyUsage, Level, Period, Team, UsageAttempt, UsageRecord
from billing.usage import days, ledger
from billing.usage.rows import Attempt, UsageRow
from combos.models import Combo, ComboTarget
from omniroute_site.roles import Role
from omniroute_site.users import give_role
from providers.models import Provider, ProviderConnection

DAYS = 60
USERS, TEAMS, KEYS = 8, 3, 20
ROWS_AT_ONCE = 5_000
COPIES = 10
DIALECTS = ("openai", "claude", "responses", "gemini")
COMBOS = ("coding", "cheap", "writing")
MODELS = (
    ("openai", "gpt-5", "1.25", "10"), ("openai", "gpt-5-mini", "0.25", "2"), ("openai", "gpt-4.1", "2", "8"),
    ("anthropic", "claude-opus-4", "15", "75"), ("anthropic", "claude-sonnet-4", "3", "15"),
    ("anthropic", "claude-haiku-3-5", "0.8", "4"), ("gemini", "gemini-2.5-pro", "1.25", "10"),
    ("gemini", "gemini-2.5-flash", "0.3", "2.5"), ("deepseek", "deepseek-chat", "0.27", "1.1"),
    ("deepseek", "deepseek-reasoner", "0.55", "2.19"), ("groq", "llama-3.3-70b", "0.59", "0.79"),
    ("groq", "llama-3.1-8b", "0.05", "0.08"), ("groq", "qwen3-32b", "0.29", "0.59"),
    ("mistral", "mistral-large", "2", "6"), ("mistral", "codestral", "0.3", "0.9"),
)  # fmt: skip
MILLION = 1_000_000
FAILURES = ((502, "transient"), (429, "rate limit"), (400, "caller's fault"))


@dataclass(frozen=True, slots=True)
class Past:
    keys: tuple[ApiKey, ...]
    owner: User
    member: User
    """The owner of the first key and of two others."""


def make_people() -> Past:
    users = [User.objects.create_user(f"user-{place}") for place in range(USERS)]
    for user in users:
        give_role(user, Role.MEMBER)
    owner = User.objects.create_superuser("bench-owner")
    give_role(owner, Role.OWNER)
    teams = [Team.objects.create(name=f"team-{place}") for place in range(TEAMS)]
    made = tuple(_key(place, users[place % USERS], teams[place % TEAMS]) for place in range(KEYS))
    for slug in dict.fromkeys(provider for provider, *_ in MODELS):
        _connect(slug)
    for name in COMBOS:
        combo = Combo.objects.create(name=name)
        ComboTarget.objects.create(combo=combo, model="groq/llama-3.3-70b")
    _limit(made, users, teams)
    return Past(made, owner, users[0])


def _key(place: int, owner: User, team: Team) -> ApiKey:
    key = keys.create(f"key-{place}", owner=owner)[0]
    ApiKey.objects.filter(pk=key.pk).update(team=team)
    key.team = team
    return key


def _connect(slug: str) -> None:
    provider = Provider.objects.get_or_create(slug=slug, defaults={"name": slug, "prefix": slug})[0]
    for name in ("work", "plan"):
        ProviderConnection.objects.create(provider=provider, name=name, is_active=False)


def _limit(made: tuple[ApiKey, ...], users: list[User], teams: list[Team]) -> None:
    facts = [
        *({"level": Level.KEY, "api_key": key} for key in made),
        *({"level": Level.USER, "user": user} for user in users),
        *({"level": Level.TEAM, "team": team} for team in teams),
        {"level": Level.GLOBAL},
    ]
    Budget.objects.bulk_create(
        Budget(period=period, limit_usd=Decimal(500), **each) for each in facts for period in Period
    )


def seed(past: Past, rows: int, now: datetime) -> None:
    """`rows` requests, in whole tens; the newest of them a minute ago."""
    told = past_rows(past, rows // COPIES, now)
    gc.disable()  # Nothing here is a circle, and looking for some takes a quarter of the time.
    try:
        while batch := list(islice(told, ROWS_AT_ONCE)):
            ledger.store(batch)
    finally:
        gc.enable()
    with transaction.atomic(), connection.cursor() as cursor:
        _multiply(cursor, UsageRecord)
        _multiply(cursor, UsageAttempt)
        sums = (name for name in days.COLUMNS if name not in (*days.PLACE, *days.NAMES))
        DailyUsage.objects.update(**{name: F(name) * COPIES for name in sums})


def _multiply(cursor: Any, model: type[Model]) -> None:
    """In order of time, as rows come in real life, since databases read the faster for it."""
    table = model._meta.db_table
    names = ", ".join(field.column for field in model._meta.fields if field.column not in ("id", "request_id"))
    copies = " UNION ALL ".join(f"SELECT '{number}' AS copy" for number in range(COPIES))
    cursor.execute(f"CREATE TEMPORARY TABLE once AS SELECT * FROM {table}")
    cursor.execute(f"DELETE FROM {table}")
    cursor.execute(
        f"INSERT INTO {table} (request_id, {names}) "
        f"SELECT request_id || copy, {names} FROM once CROSS JOIN ({copies}) AS copies ORDER BY id"
    )
    cursor.execute("DROP TABLE once")


def past_rows(past: Past, rows: int, now: datetime) -> Iterator[UsageRow]:
    """Oldest first, evenly spread."""
    length = timedelta(days=DAYS)
    for number in range(rows):
        moment = now - timedelta(minutes=1) - length + length * (number + 1) / rows
        yield _row(past.keys, number, _mixed(number), moment)


def _mixed(number: int) -> int:
    """A number that looks drawn by lot, the same for the same one."""
    number = (number ^ 61) ^ (number >> 16)
    number = number * 9 & 0xFFFFFFFF
    number = ((number ^ (number >> 4)) * 0x27D4EB2D) & 0xFFFFFFFF
    return number ^ (number >> 15)


def _row(made: tuple[ApiKey, ...], number: int, lot: int, moment: datetime) -> UsageRow:
    place = lot % KEYS
    key = made[place]
    combo = COMBOS[place % 3] if lot // 50 % 4 == 0 else ""
    status, kind = FAILURES[lot // 100 % 3] if lot // 1000 % 100 < 3 else (200, "")
    streams = lot // 300 % 2 == 0
    calls = [_attempt(place, lot, status, kind, streams)]
    if lot // 700 % 100 < 5:
        calls.insert(0, _failed(place, lot))
    last = calls[-1]
    return UsageRow(
        request_id=f"req_5eed{number:012x}",
        started_at=moment,
        dialect=DIALECTS[place % 4],
        model_asked=combo or f"{last.provider}/{last.model}",
        status=status,
        total_ms=sum(each.total_ms for each in calls),
        api_key_id=key.pk,
        api_key_name=key.name,
        user_id=key.owner_id,
        user_name=f"user-{place % USERS}",
        team_id=key.team_id,
        team_name=f"team-{place % TEAMS}",
        combo=combo,
        is_streaming=streams,
        error="it said no" if kind else "",
        header_ms=last.header_ms,
        first_event_ms=last.first_event_ms,
        gap_ms=last.gap_ms,
        made=calls,
    )


def _attempt(place: int, lot: int, status: int, kind: str, streams: bool) -> Attempt:
    provider, model, price_in, price_out = MODELS[(place + lot // 20 % 5) % len(MODELS)]
    is_flat = lot // 13 % 4 == 0
    attempt = Attempt(
        provider=provider,
        connection="plan" if is_flat else "work",
        model=model,
        status=status,
        kind=kind,
        header_ms=50 + lot % 400,
        first_event_ms=120 + lot % 900 if streams and not kind else None,
        gap_ms=5 + lot % 60 if streams and not kind else None,
        total_ms=400 + lot % 9000,
    )
    if not kind:
        _count(attempt, lot, int(Decimal(price_in) * MILLION), int(Decimal(price_out) * MILLION), is_flat)
    return attempt


def _failed(place: int, lot: int) -> Attempt:
    provider, model, *_ = MODELS[(place + 7) % len(MODELS)]
    return Attempt(
        provider=provider, connection="work", model=model, status=503, kind="overloaded", total_ms=90 + lot % 200
    )


def _count(attempt: Attempt, lot: int, price_in: int, price_out: int, is_flat: bool) -> None:
    """Prices are in millionths of a dollar for a million tokens."""
    prompt, answer = 200 + lot % 20_000, 20 + lot // 7 % 2_000
    attempt.cache_read_tokens = prompt // 2 if lot // 11 % 3 == 0 else 0
    attempt.uncached_input_tokens = prompt - attempt.cache_read_tokens
    attempt.output_tokens = answer
    attempt.reasoning_tokens = answer // 3 if lot % 5 == 0 else 0
    cost = attempt.uncached_input_tokens * price_in + attempt.cache_read_tokens * price_in // 10 + answer * price_out
    attempt.list_cost_usd = Decimal(cost).scaleb(-12).quantize(Decimal("1e-10"))
    attempt.cost_usd = Decimal(0) if is_flat else attempt.list_cost_usd
    attempt.cache_saved_usd = (
        Decimal(attempt.cache_read_tokens * price_in * 9 // 10).scaleb(-12).quantize(Decimal("1e-10"))
    )
    attempt.cost_source = CostSource.GENAI_PRICES.value
