"""Users of every role and rows of every kind, for the tests of the dashboard."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from billing.api_keys import keys
from billing.models import ApiKey, Budget, CostSource, Pricing, Team, UsageRecord
from billing.usage import days, ledger
from billing.usage.rows import Attempt, UsageRow
from combos.models import Combo, ComboTarget, FallbackChain, FallbackStep, ModelAlias
from health.breaker import BreakerState
from health.models import Breaker, ConnectionLimit, Cooldown, Lockout, PolicyName, ProviderProfile
from omniroute_site.roles import Role
from omniroute_site.users import give_role
from providers import vault
from providers.models import Model, Provider, ProviderConnection, ProviderNode, Source, Tier

PASSWORD = "a long enough password 7"


def make_user(role: Role, name: str | None = None) -> User:
    user = User.objects.create_user(name or role.value.lower(), password=PASSWORD)
    give_role(user, role)
    return user


def make_provider(slug: str = "groq", name: str = "Groq") -> Provider:
    return Provider.objects.get_or_create(slug=slug, defaults={"name": name, "prefix": slug, "tier": Tier.API_KEY})[0]


def make_connection(provider: Provider | None = None, name: str = "work") -> ProviderConnection:
    vault.make_first(settings.DATA_DIR)
    connection = ProviderConnection(provider=provider or make_provider(), name=name)
    connection.seal_api_key("gsk_a_secret_nobody_sees")
    connection.save()
    return connection


def make_key(owner: User | None = None, name: str = "laptop", is_admin: bool = False) -> ApiKey:
    return keys.create(name, owner=owner, is_admin=is_admin)[0]


def make_record(key: ApiKey | None = None, **facts: object) -> UsageRecord:
    values: dict[str, object] = {
        "request_id": f"req_{uuid.uuid4().hex[:24]}",
        "started_at": timezone.now() - timedelta(minutes=5),
        "api_key_id": key.pk if key else None,
        "api_key_name": key.name if key else "",
        "user_id": key.owner_id if key else None,
        "user_name": key.owner.username if key and key.owner else "",
        "dialect": "openai",
        "model_asked": "groq/llama",
        "provider": "groq",
        "connection": "work",
        "model": "llama",
        "attempts": 1,
        "status": 200,
        "uncached_input_tokens": 12_400,
        "output_tokens": 300,
        "cost_usd": Decimal("0.0012345"),
        "cost_source": CostSource.OPERATOR,
        "header_ms": 80,
        "first_event_ms": 120,
        "total_ms": 2400,
    }
    record = UsageRecord.objects.create(**values | facts)
    days.add([row_of(record)])
    return record


def row_of(record: UsageRecord) -> UsageRow:
    """What the journal would have said of it."""
    names = {*ledger.RECORD_COLUMNS} - {"tried"}
    attempt = {name: getattr(record, name) for name in set(Attempt.__struct_fields__) & names}
    row = {name: getattr(record, name) for name in names}
    return UsageRow(**row, made=[Attempt(**attempt)] * record.attempts)


def make_trouble(connection: ProviderConnection, model: str = "llama") -> None:
    """The connection's provider is open, it rests itself and has a limit and a profile; one address is refused."""
    now = timezone.now()
    soon = now + timedelta(seconds=42)
    provider = connection.provider
    Breaker.objects.get_or_create(
        provider=provider,
        defaults={
            "state": BreakerState.OPEN,
            "failures": 5,
            "until": soon,
            "seconds": 60,
            "changed_at": now,
            "last_failure": "transient (503)",
        },
    )
    Cooldown.objects.create(
        connection=connection, model_id=model, until=soon, seconds=60, reason="rate limit", status=429, since=now
    )
    Lockout.objects.create(
        identifier=f"address 10.0.0.9 of {connection.pk}",
        policy=PolicyName.API_KEY,
        failures=5,
        locked_until=soon,
        since=now,
        last_seen=now,
    )
    ConnectionLimit.objects.create(connection=connection, requests_per_minute=77)
    ProviderProfile.objects.create(provider=provider, failure_threshold=9)


def make_rows(number: int, owner: User) -> None:
    """`number` rows of every kind."""
    for place in range(number):
        provider = make_provider(f"vendor-{place}", f"Vendor {place}")
        Model.objects.create(provider=provider, model_id="llama", source=Source.OPERATOR)
        make_trouble(ProviderConnection.objects.create(provider=provider, name="work"))
        ProviderNode.objects.create(
            slug=f"node-{place}", prefix=f"node-{place}", name="Node", tier=Tier.OWN, base_url="http://127.0.0.1:9/v1"
        )
        key = make_key(owner, f"key {place}")
        Team.objects.create(name=f"team {place}")
        Budget.objects.create(api_key=key, period="daily", limit_usd=5)
        Pricing.objects.create(provider=provider, model_id="llama", input_per_million=1, output_per_million=2)
        make_record(key)
        combo = Combo.objects.create(name=f"combo-{place}")
        ComboTarget.objects.create(combo=combo, model=f"vendor-{place}/llama")
        ModelAlias.objects.create(pattern=f"model-{place}-*", target=combo.name)
        chain = FallbackChain.objects.create(name=f"chain-{place}", position=place)
        FallbackStep.objects.create(chain=chain, model=f"vendor-{place}/llama")
        make_user(Role.VIEWER, f"viewer-{place}")


def text_of(response: Any) -> str:
    return str(response.content.decode())
