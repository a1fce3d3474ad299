"""The books of a gateway, read by a process of its own, and a crowd of clients who do as clients do."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.gateway import ROOT, GatewayProcess, wait_until

PRICES = {"input": Decimal(3), "output": Decimal(15)}
"""US dollars for a million tokens, of every model of the fleet."""

READ = """
import json
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, Sum
from billing.models import *
SUMS = dict(cost=Sum("cost_usd"), input=Sum("uncached_input_tokens"), output=Sum("output_tokens"))
def sums(model, **more):
    return model.objects.aggregate(**SUMS, **more)
print(json.dumps({
    "requests": sums(UsageRecord, rows=Count("pk")),
    "attempts": sums(UsageAttempt, rows=Count("pk")),
    "days": sums(DailyUsage, rows=Sum("requests"), calls=Sum("attempts")),
    "by_status": list(UsageRecord.objects.order_by().values_list("status").annotate(Count("pk"))),
    "by_model": list(UsageAttempt.objects.order_by().values_list("provider", "model").annotate(Count("pk"))),
    "by_key": list(UsageRecord.objects.order_by().values_list("api_key_name").annotate(Sum("cost_usd"))),
    "good": list(UsageAttempt.objects.filter(status=200, is_estimated=False).order_by().values_list("model").annotate(
        Count("pk"), Sum("uncached_input_tokens"), Sum("output_tokens"))),
    "interrupted": UsageRecord.objects.filter(status=500, error__contains="killed").count(),
}, cls=DjangoJSONEncoder))
"""


def set_up(gateway: GatewayProcess, code: str) -> str:
    """Run this with the models of the product at hand; what it printed."""
    return gateway.manage("shell", "-v0", "-c", code).stdout


def set_prices(gateway: GatewayProcess, *places: tuple[str, str]) -> None:
    """The price of `PRICES` for each provider and model."""
    price = f"input_per_million='{PRICES['input']}', output_per_million='{PRICES['output']}'"
    rows = [
        f"Pricing.objects.create(provider_id={provider!r}, model_id={model!r}, {price})" for provider, model in places
    ]
    set_up(gateway, "from billing.models import *\n" + "\n".join(rows))


def set_budget(gateway: GatewayProcess, limit: Decimal | int | str, period: str = "daily", key: str = "") -> None:
    """Of a key by its name, or of everybody together."""
    whose = f"level='key', api_key=ApiKey.objects.get(name={key!r})" if key else "level='global'"
    set_up(
        gateway,
        f"from billing.models import *; Budget.objects.create({whose}, period={period!r}, limit_usd='{limit}')",
    )
    gateway.settle()


@dataclass
class Books:
    requests: dict[str, Any]
    attempts: dict[str, Any]
    days: dict[str, Any]
    by_status: dict[int, int]
    by_model: dict[tuple[str, str], int]
    by_key: dict[str, Decimal]
    good: dict[str, tuple[int, int, int]]
    """By model: whole answers whose vendor counted them, and what it counted."""
    interrupted: int

    @classmethod
    def read(cls, gateway: GatewayProcess) -> "Books":
        said = json.loads(set_up(gateway, READ))
        return cls(
            requests=_exact(said["requests"]),
            attempts=_exact(said["attempts"]),
            days=_exact(said["days"]),
            by_status=dict(said["by_status"]),
            by_model={(provider, model): count for provider, model, count in said["by_model"]},
            by_key={name: Decimal(cost) for name, cost in said["by_key"]},
            good={model: (count, prompt, answer) for model, count, prompt, answer in said["good"]},
            interrupted=said["interrupted"],
        )


def _exact(sums: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Decimal(value) if name == "cost" else value for name, value in sums.items()}


@dataclass(frozen=True, slots=True)
class Errand:
    """One request of a client: what it asks, as whom, and after how many bytes of the answer it hangs up."""

    model: str
    key: str = ""
    is_streaming: bool = False
    hangs_up_after: int | None = None
    most: int = 100
    patience: float = 120.0
    """Seconds after which the client hangs up."""

    def written(self) -> bytes:
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": "hello"}],
            "stream": self.is_streaming,
            "max_tokens": self.most,
        }
        content = json.dumps(body).encode()
        lines = ["POST /v1/chat/completions HTTP/1.1", "host: gateway", "connection: close"]
        lines += [f"authorization: Bearer {self.key}"] if self.key else []
        lines += ["content-type: application/json", f"content-length: {len(content)}", "", ""]
        return "\r\n".join(lines).encode() + content


@dataclass
class Outcome:
    """What the clients saw. A status of 0: the gateway hung up without an answer; 499: the client did."""

    statuses: Counter[int] = field(default_factory=Counter)
    by_key: dict[str, Counter[int]] = field(default_factory=dict)

    def note(self, errand: Errand, status: int) -> None:
        self.statuses[status] += 1
        self.by_key.setdefault(errand.key, Counter())[status] += 1


def run(gateway: GatewayProcess, errands: Sequence[Errand], together: int = 64) -> Outcome:
    """All of them, so many at a time."""
    outcome = Outcome()

    async def go(errand: Errand, room: asyncio.Semaphore) -> None:
        async with room:
            outcome.note(errand, await _answered(gateway.port, errand))

    async def work() -> None:
        room = asyncio.Semaphore(together)
        await asyncio.gather(*(go(errand, room) for errand in errands))

    asyncio.run(work())
    return outcome


async def _answered(port: int, errand: Errand) -> int:
    try:
        async with asyncio.timeout(errand.patience):
            return await _asked(port, errand)
    except TimeoutError:
        return 499


def _status_of(said: bytes) -> int:
    head, _, body = said.partition(b"\r\n\r\n")
    is_whole = b"chunked" not in head.lower() or body.endswith(b"0\r\n\r\n")
    return int(head.split(b" ", 2)[1]) if head and is_whole else 0


async def _asked(port: int, errand: Errand) -> int:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return 0
    try:
        writer.write(errand.written())
        if errand.hangs_up_after is not None:
            await reader.read(errand.hangs_up_after)
            return 499
        return _status_of(await reader.read())
    except ConnectionError:
        return 0
    finally:
        writer.close()


def settled(gateway: GatewayProcess, key: str, cost: Decimal) -> Decimal:
    """What the key has spent, once it is at least that much."""

    def spent() -> Decimal | None:
        found = Books.read(gateway).by_key.get(key, Decimal(0))
        return found if found >= cost else None

    found: Decimal = wait_until(spent, 20, f"{key} to have spent {cost}")
    return found


def attempts(gateway: GatewayProcess, request_id: str) -> list[dict[str, Any]]:
    """Those of one request, in order."""
    code = (
        "import json; from django.core.serializers.json import DjangoJSONEncoder as E; from billing.models import *;"
        f"print(json.dumps(list(UsageAttempt.objects.filter(request_id={request_id!r}).values()), cls=E))"
    )
    found: list[dict[str, Any]] = json.loads(set_up(gateway, code))
    return found


def windows_in_redis(gateway: GatewayProcess) -> str:
    """What the names of this installation's windows begin with: several share a Redis."""
    code = (
        "from django.conf import settings; from health.shared import prefix_of; print(prefix_of(settings.SECRET_KEY))"
    )
    return f"{set_up(gateway, code).strip()}:spent:"


def budgets(gateway: GatewayProcess) -> list[Decimal]:
    """What is spent of each, as the database knows it."""
    code = (
        "from datetime import UTC, datetime; from billing.budgets import allowances, spending;"
        "print([*spending.totals(allowances.load(), datetime.now(UTC)).values()])"
    )
    return [Decimal(number).scaleb(-10) for number in json.loads(set_up(gateway, code))]


@contextmanager
def locked_database(gateway: GatewayProcess) -> Iterator[None]:
    """Nobody else can write to the usage table meanwhile."""
    code = (
        "import sys; from django.db import connection, transaction\n"
        "with transaction.atomic(), connection.cursor() as c:\n"
        "    connection.vendor == 'postgresql' and c.execute('LOCK TABLE usage_records IN ACCESS EXCLUSIVE MODE')\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-v0", "-c", code]
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=gateway.env(), cwd=gateway.data_dir, **options) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline().strip() == "locked"
        yield
        holder.stdin.close()
