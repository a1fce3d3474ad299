"""How large the database is, as Health tells it."""

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from health import storage
from health.storage import Storage
from tests.dashboard import text_of
from tests.test_admin import number_of_queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

HEALTH = "/admin/health/breaker/"


def facts(page: Client) -> str:
    text = " ".join(text_of(page.get(HEALTH)).split())
    return text.partition("<h2>Room")[2].partition("</section>")[0]


def test_it_tells_what_is_used_what_waits_and_what_is_left(page: Client, data_dir: Path) -> None:
    waiting = data_dir / "journal" / "worker" / "000000000001.jsonl"
    waiting.parent.mkdir(parents=True)
    waiting.write_bytes(b"x" * 5000)
    found = storage.measure()
    assert found.database > 100_000
    assert found.waiting == 5000
    assert found.disk_left > 0
    assert "<dt>Waiting for the database</dt><dd>4.9 KB</dd>" in facts(page)


@pytest.mark.parametrize(("left", "is_said"), [(storage.LITTLE_ROOM - 1, True), (storage.LITTLE_ROOM, False)])
def test_a_disk_that_is_nearly_full_is_pointed_out(page: Client, left: int, is_said: bool) -> None:
    cache.set(storage.CACHE_KEY, Storage(database=1, reusable=0, waiting=0, disk_left=left))
    assert ("the disk is nearly full" in facts(page)) is is_said


def test_it_is_measured_once_a_minute_at_most(page: Client, settings: Any) -> None:
    cache.clear()
    first, second = (number_of_queries(page, HEALTH) for _ in range(2))
    assert second < first <= 15
