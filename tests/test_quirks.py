"""What an endpoint refuses is left out, what it calls otherwise is renamed, and every loss is named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.catalogue import CATALOGUE, CatalogueError, QuirkRow, read_catalogue
from tests.test_catalogue import VALID
from tests.test_json_body import VALUES
from translator import quirks
from translator.json_body import JsonBody, MalformedJson
from translator.quirks import NONE, Quirks, Streaming

MISTRAL = Quirks(frozenset({"logit_bias", "user"}), {"seed": "random_seed", "max_completion_tokens": "max_tokens"})
NESTED = Quirks(frozenset({"generationConfig.seed", "generationConfig.topK", "labels"}))
CODEX = Quirks(frozenset({"temperature"}), forced={"store": False})

CASES: list[tuple[Quirks, dict[str, Any], dict[str, Any], list[str]]] = [
    (MISTRAL, {"model": "m", "n": 1}, {"model": "m", "n": 1}, []),
    (MISTRAL, {"user": "u", "model": "m", "logit_bias": {}}, {"model": "m"}, ["user", "logit_bias"]),
    (MISTRAL, {"user": None, "model": "m"}, {"model": "m"}, []),
    (MISTRAL, {"seed": 7}, {"random_seed": 7}, []),
    (MISTRAL, {"seed": 0}, {"random_seed": 0}, []),
    (MISTRAL, {"seed": None}, {}, []),
    (MISTRAL, {"seed": 7, "random_seed": None}, {"random_seed": 7}, []),
    (MISTRAL, {"random_seed": None, "seed": 7}, {"random_seed": 7}, []),
    (MISTRAL, {"seed": 7, "random_seed": 7}, {"random_seed": 7}, []),
    (MISTRAL, {"seed": 7, "random_seed": 8}, {"random_seed": 8}, ["seed"]),
    (
        NESTED,
        {"generationConfig": {"seed": 1, "topP": 1}},
        {"generationConfig": {"topP": 1}},
        ["generationConfig.seed"],
    ),
    (NESTED, {"generationConfig": {"topK": 1}}, {"generationConfig": {}}, ["generationConfig.topK"]),
    (NESTED, {"generationConfig": {"seed": None}}, {"generationConfig": {}}, []),
    (NESTED, {"generationConfig": [{"seed": 1}], "seed": 1}, {"generationConfig": [{"seed": 1}], "seed": 1}, []),
    (CODEX, {"model": "m"}, {"model": "m", "store": False}, []),
    (CODEX, {"store": False}, {"store": False}, []),
    (CODEX, {"store": None}, {"store": False}, []),
    (CODEX, {"store": True, "temperature": 1}, {"store": False}, ["temperature", "store"]),
]


@pytest.mark.parametrize(("found", "body", "sent", "dropped"), CASES)
def test_a_body_is_made_fit_and_the_losses_are_named(
    found: Quirks, body: dict[str, Any], sent: dict[str, Any], dropped: list[str]
) -> None:
    before = json.dumps(body)
    assert quirks.applied(body, found) == (sent, dropped)
    assert json.dumps(body) == before
    kept = JsonBody.parse(before.encode())
    changes, removals, named = quirks.edits(kept, found)
    assert (json.loads(kept.with_members(changes, removals)), named) == (sent, dropped)


NAMES = st.sampled_from("abcdefg")
OBJECTS = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=4), max_size=7)
SOME = st.builds(
    lambda unsupported, renamed, forced: Quirks(frozenset(unsupported), renamed, forced),
    st.sets(st.sampled_from(["a", "b", "c.a", "c.b", "g.a"])),
    st.dictionaries(st.just("d"), st.just("e")),
    st.dictionaries(st.just("f"), st.integers(0, 3) | st.booleans()),
)


@given(OBJECTS, SOME)
def test_bytes_and_values_are_made_fit_alike(body: dict[str, Any], found: Quirks) -> None:
    kept = JsonBody.parse(json.dumps(body).encode())
    changes, removals, named = quirks.edits(kept, found)
    sent, dropped = quirks.applied(body, found)
    assert json.loads(kept.with_members(changes, removals)) == sent
    assert named == dropped


@given(OBJECTS, SOME)
def test_nothing_is_lost_without_being_named(body: dict[str, Any], found: Quirks) -> None:
    sent, dropped = quirks.applied(body, found)
    named = {name.partition(".")[0] for name in dropped}
    for name, value in body.items():
        if name not in named and value is not None and name not in {key.partition(".")[0] for key in found.unsupported}:
            assert sent[found.renamed.get(name, name)] == value
    assert not found.unsupported & sent.keys()
    assert not found.renamed.keys() & sent.keys()
    assert quirks.applied(sent, found) == (sent, [])


def test_a_body_nobody_objects_to_keeps_every_byte() -> None:
    body = JsonBody.parse(b' { "model" : "m",\n"user":"u" } ')
    changes, removals, dropped = quirks.edits(body, NONE)
    assert (body.with_members(changes, removals), dropped) == (body.raw, [])


def test_inside_a_member_all_but_the_refused_keeps_its_bytes() -> None:
    body = JsonBody.parse(b'{"generationConfig":{ "topP":1.0, "seed":5 ,"stopSequences":["\\u00e9"]},"x":1}')
    changes, removals, _ = quirks.edits(body, NESTED)
    expected = b'{"generationConfig":{ "topP":1.0,"stopSequences":["\\u00e9"]},"x":1}'
    assert body.with_members(changes, removals) == expected


def test_a_nested_name_that_appears_twice_is_refused_where_it_would_be_taken_out() -> None:
    with pytest.raises(MalformedJson, match="twice"):
        quirks.edits(JsonBody.parse(b'{"generationConfig":{"seed":1,"seed":2}}'), NESTED)


def test_codex_answers_with_streams_alone_and_keeps_nothing() -> None:
    assert {vendor.id for vendor in CATALOGUE.values() if vendor.streaming is not Streaming.BOTH} == {"codex"}
    assert CATALOGUE["codex"].streaming is Streaming.ONLY
    found = CATALOGUE["codex"].quirks_of("gpt-5.2-codex")
    assert found.forced == {"store": False}
    assert {"max_output_tokens", "temperature"} <= found.unsupported


def test_a_limit_goes_by_the_name_the_vendor_knows_it_by() -> None:
    assert CATALOGUE["mistral"].quirks_of("any").renamed == {
        "max_completion_tokens": "max_tokens",
        "seed": "random_seed",
    }
    assert CATALOGUE["openai"].quirks_of("gpt-5.2").renamed == {"max_tokens": "max_completion_tokens"}
    assert CATALOGUE["github"].quirks_of("o3-mini").renamed == {"max_tokens": "max_completion_tokens"}
    assert CATALOGUE["openai"].quirks_of("gpt-4o") is NONE


def test_what_reasons_is_not_asked_for_what_only_others_take() -> None:
    openai, xai = CATALOGUE["openai"], CATALOGUE["xai"]
    for model_id in ("o1", "o3-mini", "gpt-5", "gpt-5-mini", "gpt-5-2025-08-07"):
        assert {"temperature", "top_p", "logprobs"} <= openai.quirks_of(model_id).unsupported
    for model_id in ("gpt-5-chat-latest", "gpt-5.1", "gpt-5.2"):
        assert not openai.quirks_of(model_id).unsupported
    assert xai.quirks_of("grok-4").unsupported == {"frequency_penalty", "presence_penalty", "stop", "reasoning_effort"}
    assert xai.quirks_of("grok-4-1-fast-non-reasoning") is NONE


def test_a_later_row_of_quirks_adds_to_an_earlier_one() -> None:
    rows = (
        QuirkRow(unsupported=("a",), renamed={"old": "new"}),
        QuirkRow(models=("big*",), unsupported=("b",), renamed={"old": "newest"}, forced={"c": 1}),
        QuirkRow(models=("small",), unsupported=("d",)),
    )
    vendor = replace(CATALOGUE["groq"], quirks=rows)
    assert vendor.quirks_of("tiny") == Quirks(frozenset("a"), {"old": "new"})
    assert vendor.quirks_of("big-1") == Quirks(frozenset("ab"), {"old": "newest"}, {"c": 1})


# The key that is named, and what stands in the file.
WRONG = [
    ("streaming", 'streaming = "sometimes"'),
    ("quirks", 'quirks = "none"'),
    ("quirks[0]", 'quirks = [{ models = ["a"] }]'),
    ("quirks[0].models", 'quirks = [{ models = [], unsupported = ["a"] }]'),
    ("quirks[0].models", 'quirks = [{ models = [""], unsupported = ["a"] }]'),
    ("quirks[0].models", 'quirks = [{ models = ["!a"], unsupported = ["a"] }]'),
    ("quirks[0].dropped", 'quirks = [{ dropped = ["a"] }]'),
    ("quirks[0].unsupported", 'quirks = [{ unsupported = "a" }]'),
    ("quirks[0].unsupported[1]", 'quirks = [{ unsupported = ["a", 1] }]'),
    ("quirks[0].unsupported", 'quirks = [{ unsupported = ["a.b.c"] }]'),
    ("quirks[0].renamed", 'quirks = [{ renamed = { "a.b" = "c" } }]'),
    ("quirks[0].renamed.a", "quirks = [{ renamed = { a = 1 } }]"),
    ("quirks[0].renamed", 'quirks = [{ renamed = { a = "b" }, unsupported = ["b"] }]'),
    ("quirks[0].renamed", 'quirks = [{ renamed = { a = "b", b = "c" } }]'),
    ("quirks[0].forced", 'quirks = [{ forced = { a = 1 }, unsupported = ["a"] }]'),
    ("quirks[0].forced.a", "quirks = [{ forced = { a = [1] } }]"),
    ("quirks[1].forced.a", 'quirks = [{ unsupported = ["a"] }, { forced = { a = 1.5 } }]'),
]


@pytest.mark.parametrize(("key", "line"), WRONG)
def test_a_mistaken_row_is_reported_with_file_and_key(tmp_path: Path, key: str, line: str) -> None:
    (tmp_path / "acme.toml").write_text(VALID.replace("logins = ", f"{line}\nlogins = ", 1))
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(tmp_path)
    assert (caught.value.file, caught.value.key) == ("acme.toml", key)
