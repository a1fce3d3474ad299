"""Requests among many: by id, by a part of a model, by whose they are; and what combos did when they are forgotten."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import ApiKey, UsageRecord
from combos.models import Combo
from combos.watch import metrics
from omniroute_site.roles import Role
from tests.dashboard import make_key, make_record, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]


def found(client: Client, query: str) -> list[str]:
    answer: Any = client.get(f"/admin/billing/usagerecord/?{query}")
    return [record.request_id for record in answer.context["cl"].result_list]


def test_a_request_is_found_by_its_id_or_the_beginning_of_it(page: Client) -> None:
    old = timezone.now() - timedelta(days=300)
    for name in ("req_1a2b", "req_1a2c", "req_1a", "req_1b00", "req_%a2b"):
        make_record(request_id=name, started_at=old)
    assert found(page, "q=req_1a2b") == ["req_1a2b"]
    assert set(found(page, "q=req_1a")) == {"req_1a", "req_1a2b", "req_1a2c"}
    assert found(page, "q=req_%25") == ["req_%a2b"]
    assert found(page, "q=req_zzz") == []


def test_a_part_of_a_model_is_looked_for_in_the_last_week_or_the_time_that_is_chosen(page: Client) -> None:
    make_record(request_id="req_new", model="deepseek-chat")
    make_record(request_id="req_old", model="deepseek-chat", started_at=timezone.now() - timedelta(days=20))
    make_record(request_id="req_other", model="llama")
    assert found(page, "q=Seek") == ["req_new"]
    assert found(page, "q=seek&window=30d") == ["req_new", "req_old"]


def test_only_a_short_time_is_sorted_by_what_has_no_index(page: Client) -> None:
    make_record(request_id="req_dear", cost_usd=3, total_ms=9, started_at=timezone.now() - timedelta(hours=5))
    make_record(request_id="req_cheap", cost_usd=1, total_ms=90)
    assert found(page, "window=7d&o=-6") == ["req_dear", "req_cheap"]
    assert found(page, "window=24h&o=-8") == ["req_cheap", "req_dear"]
    for asked in ("o=-6", "window=30d&o=-6", "window=30d&o=6"):
        assert found(page, asked) == ["req_cheap", "req_dear"], asked
    assert found(page, "o=0") == ["req_dear", "req_cheap"]


def test_what_a_key_was_used_for_stays_its_former_owners(client: Client) -> None:
    former, later = make_user(Role.MEMBER, "former"), make_user(Role.MEMBER, "later")
    key = make_key(former)
    make_record(key, request_id="req_before")
    ApiKey.objects.filter(pk=key.pk).update(owner=later)
    make_record(ApiKey.objects.get(pk=key.pk), request_id="req_after")
    for user, seen in ((former, ["req_before"]), (later, ["req_after"])):
        client.force_login(user)
        assert found(client, "") == seen


def test_how_a_combo_did_is_known_when_its_requests_are_forgotten() -> None:
    combo = Combo.objects.create(name="coding")
    for facts in ({}, {"status": 502}, {"attempts": 2, "total_ms": 400}, {"status": 499}):
        make_record(combo="coding", **facts)
    make_record(combo="other")
    told = metrics.of(combo)
    assert (told.total.requests, told.total.successes, told.total.fallbacks) == (3, 2, 1)
    UsageRecord.objects.all().delete()
    assert metrics.of(combo) == told


def test_a_combo_that_began_anew_counts_from_that_moment_on() -> None:
    combo = Combo.objects.create(name="coding")
    now = timezone.now()
    combo.metrics_since = now - timedelta(days=3)
    for days in (5, 3.01, 2.99, 1, 0.01):
        make_record(combo="coding", started_at=now - timedelta(days=days))
    assert metrics.of(combo).total.requests == 3
