"""The Explain page and a combo's Test button at a really started gateway. Looking sends nothing."""

import html
import json
import re
from collections.abc import Iterator

import httpx
import pytest
from django.test import Client

from tests import upstream as play
from tests.fleet import Fleet
from tests.upstream import ScriptedUpstream
from tests.visitors import Visitor, visitors

EXPLAIN = "combos/combo/explain/"
ONCE = {"maxRetries": 0}
TRIO = ("one/m", "two/m", "three/m")


@pytest.fixture(scope="module")
def roles(built_fleet: Fleet) -> dict[str, Visitor]:
    return visitors(built_fleet.gateway)


@pytest.fixture
def owner(roles: dict[str, Visitor]) -> Visitor:
    return roles["Owner"]


@pytest.fixture
def fleet(built_fleet: Fleet, upstream: ScriptedUpstream) -> Iterator[Fleet]:
    return built_fleet


@pytest.fixture
def names(fleet: Fleet) -> Iterator[None]:
    """An alias for a combo, and a chain behind it."""
    api = fleet.gateway.api
    api("PUT", "/models/alias", {"alias": "explained-*", "model": fleet.combo("t", *TRIO, config=ONCE)})
    api("POST", "/fallback/chains", {"name": "in the end", "models": ["many/m"], "pattern": "explained-*"})
    yield
    api("DELETE", "/models/alias?alias=explained-*")
    api("DELETE", "/fallback/chains?name=in the end")


def words(answer: httpx.Response) -> str:
    """What somebody reads on the page."""
    assert answer.status_code == 200, answer.text
    content = answer.text.partition('<div class="omni-stack">')[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


def test_it_shows_the_way_of_a_name_and_the_order_and_who_is_passed_over(
    fleet: Fleet, owner: Visitor, names: None
) -> None:
    fleet.tell("one", play.json(429, {"error": {"message": "slow down"}}, {"retry-after": "90"}))
    fleet.ask("explained-5")
    page = owner.get(EXPLAIN, model="explained-5")
    said = words(page)
    assert "explained-5 By the alias explained-* → t" in said
    assert "Priority As listed: the first always, the next only when it fails." in said
    assert "Fallback chains in the end" in said
    order, _, skipped = said.partition("Passed over 1")
    assert re.search(r"1 two/m through main ready .*2 three/m .*3 many/m through a ready", order)
    assert re.search(r"one/m through main cooling 1:\d\d cooling for .* after rate limit \(429\)", skipped)
    assert re.search(r'data-countdown="\d+"', page.text)


def test_looking_sends_nothing_and_takes_no_turn(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", "one/m", "two/m", "three/m", strategy="round-robin")
    for _ in range(4):
        first = re.search(r"1 (\w+)/m through", words(owner.get(EXPLAIN, model="t")))
        assert fleet.asked() == []
        assert first is not None
        assert fleet.ask("t") == first[1]


def test_the_parts_of_a_score_are_shown_as_bars(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", "one/m", "two/m", strategy="auto")
    page = owner.get(EXPLAIN, model="t")
    assert re.search(r"score (0\.\d\d|1\.00) success \d+ / 40 speed \d+ / 25 price \d+ / 20 load \d+ / 15", words(page))
    assert page.text.count('<svg class="omni-bar"') == 8


def test_a_name_that_nobody_serves_is_told_as_a_client_would_be(owner: Visitor) -> None:
    said = words(owner.get(EXPLAIN, model="no-such-model"))
    assert "no-such-model refused with 404" in said


def test_a_combo_whose_targets_lead_nowhere_is_said_to_fail(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", "groq/m")
    said = words(owner.get(EXPLAIN, model="t"))
    assert "Nobody: a request would fail now." in said
    assert "groq/m cannot be asked it has no usable connection" in said


def test_a_name_is_never_taken_for_html(owner: Visitor) -> None:
    page = owner.get(EXPLAIN, model="<script>alert(1)</script>")
    assert page.status_code == 200
    assert "<script>alert(1)" not in page.text


def test_a_pasted_request_names_its_own_model_and_stays_out_of_the_url(fleet: Fleet, owner: Visitor) -> None:
    pasted = json.dumps({"model": "two/m", "messages": [{"role": "user", "content": "a secret plan"}]})
    page = owner.post(EXPLAIN, model="one/m", body=pasted)
    assert "1 two/m through main" in words(page)
    assert "secret" not in str(page.url)
    assert fleet.asked() == []


@pytest.mark.parametrize("pasted", ["{", "[1]", '{"model": 5}', "[" * 100_000], ids=["cut", "list", "number", "deep"])
def test_a_pasted_request_that_cannot_be_one_is_refused_at_its_field(owner: Visitor, pasted: str) -> None:
    page = owner.post(EXPLAIN, body=pasted)
    assert page.status_code == 200
    assert 'class="errorlist"' in page.text


def test_a_conversation_is_found_again(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", "many/m")
    fleet.routing(fallbackStrategy="round-robin", stickyRoundRobinLimit=1)
    turns = [{"role": "user", "content": "where was this conversation?"}]
    for _ in range(2):
        answer = fleet.post("/v1/chat/completions", {"model": "t", "messages": turns})
        turns = [*turns, answer.json()["choices"][0]["message"], {"role": "user", "content": "and now?"}]
    who = fleet.asked()[-1]
    pasted = json.dumps({"model": "t", "messages": turns})
    said = words(owner.post(EXPLAIN, body=pasted))
    fleet.routing(fallbackStrategy="fill-first", stickyRoundRobinLimit=3)
    assert f"1 many/m through {who} ready the conversation was here" in said


@pytest.mark.django_db
@pytest.mark.usefixtures("quiet_dashboard")
def test_a_process_that_serves_nothing_says_so(client: Client) -> None:
    from omniroute_site.roles import Role
    from tests.dashboard import make_user

    client.force_login(make_user(Role.VIEWER))
    assert "This process serves no requests yet" in client.get(f"/admin/{EXPLAIN}?model=groq/llama").content.decode()


# The Test button.


def page_of_test(fleet: Fleet, name: str) -> str:
    rows = fleet.gateway.api("GET", "/combos")["combos"]
    return f"combos/combo/{next(row['id'] for row in rows if row['name'] == name)}/test/"


def test_the_test_button_says_what_it_will_do_before_it_does_it(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", "one/m", "two/m")
    said = words(owner.get(page_of_test(fleet, "t")))
    assert "These are real requests" in said
    assert fleet.asked() == []


def test_the_test_button_shows_what_each_target_said(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", "one/m", "two/m", config=ONCE)
    fleet.tell("one", play.json(500, {"error": {"message": "the disk is full"}}))
    said = words(owner.post(page_of_test(fleet, "t")))
    assert "two/m would answer" in said
    assert re.search(r"1 one/m failed 500 .*the disk is full .*2 two/m ok \d+ ms", said)
    assert sorted(set(fleet.asked())) == ["one", "two"]


def test_a_disabled_combo_is_not_tested_and_why_is_said(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", "one/m", isActive=False)
    assert "Nobody was asked" in words(owner.post(page_of_test(fleet, "t")))
    assert fleet.asked() == []


@pytest.mark.parametrize("role", ["Viewer", "Member"])
def test_who_only_reads_tests_nothing(fleet: Fleet, roles: dict[str, Visitor], role: str) -> None:
    fleet.combo("t", "one/m")
    path = page_of_test(fleet, "t")
    roles[role].get("")
    assert roles[role].client.post(f"/admin/{path}").status_code == 403
    assert roles[role].get(path).status_code == 403
    assert fleet.asked() == []


def test_it_shows_what_a_restricted_key_would_get(fleet: Fleet, owner: Visitor) -> None:
    fleet.combo("t", *TRIO, config=ONCE)
    made = fleet.gateway.api("POST", "/keys", {"name": "kept to two", "allowedModels": ["two/*"]}, 201)
    assert "kept to two" in words(owner.get(EXPLAIN))
    said = words(owner.get(EXPLAIN, model="t", key=made["id"]))
    assert "1 two/m through main" in said
    assert "three/m" in said.partition("Passed over")[2]
    assert "the key may not use it" in said
    assert "This key may not use `one/m`" in words(owner.get(EXPLAIN, model="one/m", key=made["id"]))
    assert "not one of the available choices" in words(owner.get(EXPLAIN, model="t", key="nonsense"))
