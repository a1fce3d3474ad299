"""A table that grew for long is forgotten without anybody noticing: not the memory, not the requests meanwhile."""

import json
import statistics
import threading
import time

import pytest

from tests.conftest import MakeGateway
from tests.gateway import GatewayProcess
from tests.upstream import ScriptedUpstream

ROWS = 100_000
MOST_MEMORY_MB = 50
MOST_LATER = 0.2

FILL = f"""
from django.utils import timezone
from billing.models import Budget, UsageRecord
from tests.bench import usage_seed
usage_seed.seed(usage_seed.make_people(), {ROWS}, timezone.now())
Budget.objects.all().delete()
print(UsageRecord.objects.count())
"""
SUMS = """
import json
from datetime import timedelta
from django.db.models import Count, Sum
from django.utils import timezone
from billing.models import DailyUsage, UsageRecord
names = ("requests", "attempts", "cost_usd", "list_cost_usd", "output_tokens")
days = DailyUsage.objects.filter(day__lt=timezone.now().date())
sums = days.aggregate(rows=Count("pk"), **{name: Sum(name) for name in names})
old = UsageRecord.objects.filter(started_at__lt=timezone.now() - timedelta(days=1, minutes=10))
print(json.dumps([old.count(), sums], default=str))
"""
FORGET = """
import json, resource
from io import StringIO
from django.core.management import call_command
from billing.models import BillingSettings
BillingSettings.load()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said = StringIO()
call_command("forget_usage", "--days=1", stdout=said)
print(json.dumps([(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, said.getvalue()]))
"""


@pytest.fixture
def long_past(make_gateway: MakeGateway, upstream: ScriptedUpstream) -> GatewayProcess:
    gateway = make_gateway().start()
    gateway.add_node("up", upstream.base_url)
    assert run(gateway, FILL) == ROWS
    return gateway


def run(gateway: GatewayProcess, code: str) -> object:
    return json.loads(gateway.manage("shell", "-v0", "-c", code).stdout)


def seconds_of_a_request(gateway: GatewayProcess) -> float:
    begun = time.monotonic()
    assert gateway.chat("up/m").status_code == 200
    return time.monotonic() - begun


def test_a_long_past_is_forgotten_in_little_memory_while_requests_are_answered(long_past: GatewayProcess) -> None:
    before = [seconds_of_a_request(long_past) for _ in range(50)]
    old, sums = run(long_past, SUMS)  # type: ignore[misc]
    told: list[object] = []
    forgetting = threading.Thread(target=lambda: told.append(run(long_past, FORGET)))
    forgetting.start()
    meanwhile: list[float] = []
    while forgetting.is_alive():
        meanwhile.append(seconds_of_a_request(long_past))
        time.sleep(0.05)  # A client that thinks; one that never does would measure the machine.
    ((megabytes, said),) = told  # type: ignore[misc]

    assert "requests from before" in said
    assert megabytes < MOST_MEMORY_MB
    assert statistics.quantiles(meanwhile, n=100)[-1] < statistics.median(before) + MOST_LATER
    assert old > ROWS * 0.9
    assert run(long_past, SUMS) == [0, sums]
    assert long_past.stop() == 0
