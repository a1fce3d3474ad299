"""Prompts and answers on the page of their request: folded, escaped, and for nobody who may not see them."""

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import ApiKey, CallBody, UsageRecord
from omniroute_site.roles import Role
from tests.dashboard import make_key, make_record, make_user, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

ATTACK = "</pre><script>alert(1)</script>"


def make_call(key: ApiKey | None = None, asked: str = "a prompt", answered: str = "an answer") -> UsageRecord:
    record = make_record(key)
    CallBody.objects.create(
        request_id=record.request_id, created_at=timezone.now(), request_body=asked, response_body=answered
    )
    return record


def page_of(client: Client, record: UsageRecord, status: int = 200) -> str:
    answer = client.get(f"/admin/billing/usagerecord/{record.pk}/change/")
    assert answer.status_code == status
    return text_of(answer)


def test_json_is_shown_on_lines_of_its_own(page: Client) -> None:
    text = page_of(page, make_call(asked='{"model":"m","messages":[]}'))
    assert "{\n  &quot;model&quot;: &quot;m&quot;,\n  &quot;messages&quot;: []\n}" in text
    assert "an answer" in text


@pytest.mark.parametrize("body", [ATTACK, f'{{"content": "{ATTACK}"}}', "[" * 5000], ids=["text", "json", "deep"])
def test_what_strangers_wrote_is_never_taken_for_html(page: Client, body: str) -> None:
    text = page_of(page, make_call(asked=body, answered=body))
    assert "<script>alert" not in text
    assert "What was asked" in text


def test_a_member_sees_the_bodies_of_their_own_keys_and_no_others(client: Client) -> None:
    member = make_user(Role.MEMBER)
    client.force_login(member)
    assert "a prompt" in page_of(client, make_call(make_key(member)))
    page_of(client, make_call(make_key(make_user(Role.OPERATOR))), 302)


def test_a_viewer_sees_them_all(client: Client) -> None:
    client.force_login(make_user(Role.VIEWER))
    assert "a prompt" in page_of(client, make_call())


def test_without_the_right_to_see_them_there_is_no_trace_of_them(client: Client) -> None:
    viewer = make_user(Role.VIEWER)
    for group in viewer.groups.all():
        group.permissions.remove(*group.permissions.filter(codename="view_callbody"))
    client.force_login(viewer)
    text = page_of(client, make_call())
    assert "a prompt" not in text
    assert "Prompt and answer" not in text


def test_where_nothing_is_kept_the_page_says_how_to_change_that(page: Client) -> None:
    assert "ENABLE_REQUEST_LOGS=true" in page_of(page, make_record())
