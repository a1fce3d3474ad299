"""A request's page and the list of requests, as far as they tell of combos and of what was tried."""

from typing import Any

import pytest
from django.test import Client

from tests.dashboard import make_record, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_dashboard")]

LIST = "/admin/billing/usagerecord/"
FAILED = {
    "target": "one/m",
    "connection": "main",
    "status": 429,
    "ms": 1200,
    "kind": "rate limit",
    "reason": "slow down",
}
SKIPPED = {
    "target": "two/m",
    "connection": "spare",
    "skipped": "cooling",
    "reason": "cooling for 0:42 after rate limit (429)",
    "retry_after_seconds": 42,
}


def story_of(page: Client, **facts: Any) -> str:
    record = make_record(**facts)
    text = text_of(page.get(f"{LIST}{record.pk}/change/"))
    return " ".join(text.partition('<ol class="omni-story">')[2].partition("</ol>")[0].split())


def test_the_story_tells_every_attempt_and_who_was_passed_over(page: Client) -> None:
    story = story_of(page, attempts=2, tried=[FAILED, SKIPPED], combo="coding", model_asked="coding")
    said = ["coding", "one/m", "failed 429", "after 1.2 s", "rate limit: slow down", "two/m", "through spare"]
    said += ["passed over", "cooling for 0:42", "2 attempts", "and the answer came from", "groq/llama"]
    places = [story.find(words) for words in said]
    assert -1 not in places
    assert places == sorted(places)


def test_what_an_upstream_said_is_never_taken_for_html(page: Client) -> None:
    assert "<script>" not in story_of(page, attempts=2, tried=[FAILED | {"reason": "<script>alert(1)</script>"}])


def test_a_row_that_knows_less_is_shown_all_the_same(page: Client) -> None:
    assert "nobody answered" in story_of(page, provider="", tried=[{"target": "one/m"}, {"skipped": "cooling"}])


def test_the_page_leads_to_an_explanation_of_its_model(page: Client) -> None:
    record = make_record(model_asked="a&b/c d")
    text = text_of(page.get(f"{LIST}{record.pk}/change/"))
    assert 'href="/admin/combos/combo/explain/?model=a%26b%2Fc%20d"' in text


def test_the_list_marks_what_fell_back_and_filters_by_it(page: Client) -> None:
    make_record(model_asked="straight/on")
    make_record(model_asked="round/about", attempts=3)
    assert text_of(page.get(LIST)).count(">fell back</span>") == 1
    found = page.get(f"{LIST}?outcome=fell-back").context["cl"].result_list
    assert [record.model_asked for record in found] == ["round/about"]


def test_the_list_is_filtered_by_combo(page: Client) -> None:
    make_record(combo="coding", model_asked="coding")
    make_record(model_asked="groq/llama")
    assert [row.combo for row in page.get(f"{LIST}?combo=coding").context["cl"].result_list] == ["coding"]
    assert not page.get(f"{LIST}?combo=forgotten").context["cl"].result_list
    assert "?combo=coding" in text_of(page.get(LIST))
