"""What the pages and endpoints of usage cost over a long past: `python -m tests.bench.usage_pages [--rows N]`.

Job: seed a database of its own, SQLite or one beside that of DATABASE_URL; ask each page many times through Django, as
an Owner and as a Member; print p50 and p95. Law: exits 1 where a p95 is 300 ms or more, or an answer is not the one
that was to be expected. A page that does not exist is an error, not left out.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.bench.usage_seed import Past

MOST_MS = 300.0
ROUNDS = 20
ADMIN = "/admin/billing"


@dataclass(frozen=True, slots=True)
class Asked:
    """One page, what stands in braces filled in. `member`: the status a Member gets."""

    name: str
    path: str
    member: int = 200


PAGES = (
    Asked("Home", "/admin/"),
    Asked("Requests", f"{ADMIN}/usagerecord/"),
    Asked("Requests, page 20", f"{ADMIN}/usagerecord/?p=20"),
    Asked("Requests of a key", f"{ADMIN}/usagerecord/?key={{key_prefix}}"),
    Asked("Requests of a provider", f"{ADMIN}/usagerecord/?provider=groq"),
    Asked("Requests of a combo", f"{ADMIN}/usagerecord/?combo=coding"),
    Asked("Requests that failed", f"{ADMIN}/usagerecord/?outcome=failed"),
    Asked("Requests that were refused", f"{ADMIN}/usagerecord/?outcome=refused"),
    Asked("Requests that fell back", f"{ADMIN}/usagerecord/?outcome=fell-back"),
    Asked("Requests with no such outcome", f"{ADMIN}/usagerecord/?outcome=hung-up"),
    Asked("Requests of a model", f"{ADMIN}/usagerecord/?model={{model}}"),
    Asked("Requests of a model that nobody asked", f"{ADMIN}/usagerecord/?model=never-heard-of"),
    Asked("Requests of a user", f"{ADMIN}/usagerecord/?user={{user}}"),
    Asked("Requests, 24 h", f"{ADMIN}/usagerecord/?window=24h"),
    Asked("Requests, 30 days, failed, of a provider", f"{ADMIN}/usagerecord/?window=30d&outcome=failed&provider=groq"),
    Asked("Requests, the dearest of 7 days", f"{ADMIN}/usagerecord/?window=7d&o=-6"),
    Asked("Requests, the dearest of all", f"{ADMIN}/usagerecord/?o=-6"),
    Asked("Requests by id", f"{ADMIN}/usagerecord/?q={{request}}"),
    Asked("Requests by model", f"{ADMIN}/usagerecord/?q=claude-opus"),
    Asked("Requests by a model that nobody asked", f"{ADMIN}/usagerecord/?q=never-heard-of"),
    Asked("A request", f"{ADMIN}/usagerecord/{{pk}}/change/"),
    Asked("Usage", f"{ADMIN}/dailyusage/"),
    Asked("Usage, all, of an account", f"{ADMIN}/dailyusage/?range=all&provider=groq&account=plan"),
    Asked("Costs", f"{ADMIN}/dailyusage/costs/"),
    Asked("Budgets", f"{ADMIN}/budget/", 403),
    Asked("API keys", f"{ADMIN}/apikey/"),
    Asked("Prices", f"{ADMIN}/pricing/"),
    Asked("Combos", "/admin/combos/combo/"),
    Asked("Health", "/admin/health/breaker/", 403),
    Asked("/api/usage/analytics, 30 days", "/api/usage/analytics?range=30d"),
    Asked("/api/usage/analytics, all", "/api/usage/analytics?range=all"),
    Asked("/api/usage/speed, 30 days", "/api/usage/speed"),
    Asked("/api/usage/speed, all, of a dialect", "/api/usage/speed?range=all&dialect=gemini"),
    Asked("/api/usage/speed, all, of nobody", "/api/usage/speed?range=all&account=nobody"),
    Asked("/api/usage/history", "/api/usage/history"),
    Asked("/api/usage/call-logs", "/api/usage/call-logs"),
    Asked("/api/usage/call-logs, errors of a provider", "/api/usage/call-logs?status=error&provider=groq"),
    Asked("/api/usage/call-logs of a key", "/api/usage/call-logs?apiKey={key}"),
    Asked("/api/usage/call-logs/{id}", "/api/usage/call-logs/{request}"),
    Asked("/api/usage/budget", "/api/usage/budget"),
    Asked("/api/usage/budget of a key", "/api/usage/budget?apiKeyId={key}"),
    Asked("/api/combos/metrics", "/api/combos/metrics"),
    Asked("/api/keys", "/api/keys"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    asked: Asked
    who: str
    status: int
    wanted: int
    milliseconds: tuple[float, ...]
    """Sorted."""
    cpu_ms: float
    """Of a round, in this process: what a busy machine does not lengthen."""

    @property
    def p50(self) -> float:
        return self.milliseconds[len(self.milliseconds) // 2]

    @property
    def p95(self) -> float:
        return self.milliseconds[int(len(self.milliseconds) * 0.95)]

    @property
    def trouble(self) -> str:
        if self.status != self.wanted:
            return f"answered {self.status}, not {self.wanted}"
        return f"p95 is over {MOST_MS:.0f} ms" if self.p95 >= MOST_MS else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=int(os.environ.get("ROWS", "1000000")))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="Only what has this in its name.")
    parser.add_argument("--keep", type=Path, help="A directory for the SQLite database, used again if it is there.")
    options = parser.parse_args()
    with database(options.keep) as is_new:
        past = prepared(options.rows, is_new)
        say(f"{'page':45} {'who':7} {'p50 ms':>7} {'p95 ms':>7} {'CPU ms':>7}")
        pages = [page for page in PAGES if options.only in page.name]
        results = [told(each) for page in pages for each in measure(page, past, options.rounds)]
    failed = sum(bool(each.trouble) for each in results)
    say(f"{len(results)} measured, {failed} not as they should be")
    return 1 if failed else 0


@contextmanager
def database(keep: Path | None) -> Iterator[bool]:
    """Django, set up on an empty database that is removed afterwards; whether it is new."""
    with tempfile.TemporaryDirectory(prefix="omniroute-bench-") as directory:
        data_dir = keep or Path(directory)
        is_new = not (data_dir / "seeded").exists()
        os.environ |= {"DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "omniroute_site.settings"}
        os.environ |= {"LOG_LEVEL": "error", "REDIS_URL": ""}
        with own_postgres(os.environ.get("DATABASE_URL", "")):
            import django

            django.setup()
            yield is_new
            django.db.connections.close_all()


@contextmanager
def own_postgres(url: str) -> Iterator[None]:
    """DATABASE_URL names an empty database beside the given one meanwhile."""
    if not url.startswith("postgres"):
        yield
        return
    import psycopg

    name = f"omniroute_bench_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        os.environ["DATABASE_URL"] = urlsplit(url)._replace(path=f"/{name}").geturl()
        try:
            yield
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def prepared(rows: int, is_new: bool) -> "Past":
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from billing.models import ApiKey
    from omniroute_site.first_start import prepare
    from tests.bench import usage_seed

    settings.ALLOWED_HOSTS.append("testserver")
    prepare()
    if not is_new:
        made = tuple(ApiKey.objects.order_by("created_at"))
        return usage_seed.Past(made, User.objects.get(username="bench-owner"), User.objects.get(username="user-0"))
    past = usage_seed.make_people()
    begun = time.monotonic()
    usage_seed.seed(past, rows, timezone.now())
    if connection.vendor == "postgresql":  # As its autovacuum does by itself, a minute later.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    say(f"{rows:,} requests seeded in {time.monotonic() - begun:.0f} s on {connection.vendor}")
    (settings.DATA_DIR / "seeded").touch()
    return past


def measure(page: Asked, past: "Past", rounds: int) -> Iterator[Measured]:
    from billing.models import UsageRecord

    for who, user, wanted in (("Owner", past.owner, 200), ("Member", past.member, page.member)):
        own = UsageRecord.objects.visible_to(user).order_by("-started_at")[500]
        facts = {"key": past.keys[0].pk, "key_prefix": past.keys[0].shown_prefix, "user": past.member.pk}
        path = page.path.format(**facts, pk=own.pk, request=own.request_id, model=own.model)
        yield Measured(page, who, *timed(user, path, rounds, wanted))


def timed(user: "User", path: str, rounds: int, wanted: int) -> tuple[int, int, tuple[float, ...], float]:
    """The status, the one that was wanted, how long the rounds took, and their CPU. One before is not counted."""
    from django.test import Client

    client = Client(raise_request_exception=False)
    client.force_login(user)
    status = client.get(path).status_code
    begun = time.process_time()
    times = [_time(lambda: client.get(path)) for _ in range(rounds if status == wanted == 200 else 1)]
    cpu_ms = (time.process_time() - begun) * 1000 / len(times)
    return status, wanted, tuple(sorted(times)), cpu_ms


def _time(deed: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    deed()
    return (time.perf_counter() - begun) * 1000


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def told(each: Measured) -> Measured:
    say(f"{each.asked.name:45} {each.who:7} {each.p50:7.0f} {each.p95:7.0f} {each.cpu_ms:7.0f}  {each.trouble}")
    return each


if __name__ == "__main__":
    sys.exit(main())
