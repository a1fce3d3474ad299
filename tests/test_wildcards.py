"""Patterns of model names: what they match, which of several wins, and that no pattern takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from combos.wildcards import Alias, Aliases, Wildcard, specificity
from tests.stopwatch import least_seconds

MATCHES = [
    ("claude-sonnet-*", "claude-sonnet-4-5", True),
    ("claude-sonnet-*", "claude-sonnet-", True),
    ("claude-sonnet-*", "claude-sonnet", False),
    ("claude-sonnet-*", "my-claude-sonnet-4", False),
    ("*", "", True),
    ("*", "a/b/c", True),
    ("*/gpt-*", "openai/gpt-5", True),
    ("gpt-?", "gpt-5", True),
    ("gpt-?", "gpt-", False),
    ("gpt-?", "gpt-5x", False),
    ("a?c", "a/c", True),
    ("GPT-*", "gpt-5", True),
    ("gpt-*", "GPT-5", True),
    ("claude[1m]", "claude[1m]", True),
    ("claude[1m]", "claude1", False),
    ("claude[!1]*", "claude[!1]x", True),
    ("a.b", "axb", False),
    ("a.b*", "axbc", False),
    ("(a|b)*", "(a|b)c", True),
    ("a\\*", "a\\b", True),
    ("mødel ?", "MØDEL 5", True),
    ("m:*@*", "m:1@2", True),
    ("*a*b*", "xxaxxbxx", True),
    ("*a*b*", "xxbxxaxx", False),
]


@pytest.mark.parametrize(("pattern", "name", "matches"), MATCHES)
def test_star_and_question_mark_alone_are_special(pattern: str, name: str, matches: bool) -> None:
    assert Wildcard.of(pattern).matches(name) is matches


@given(st.text("ab*?[]./", max_size=8), st.text("ab[]./", max_size=12))
def test_a_pattern_matches_what_the_obvious_expression_matches(pattern: str, name: str) -> None:
    obvious = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    assert Wildcard.of(pattern).matches(name) == (re.fullmatch(obvious, name, re.DOTALL | re.IGNORECASE) is not None)


SLOW = [
    "a*a*a*a*a*a*a*a*b",
    "*a*a*a*a*a*a*ab",
    "*" + "a" * 190 + "b",
    "*" + "?" * 190 + "b",
    "*a?a?a?a?a?b*" + "a" * 90,
]


@pytest.mark.parametrize("pattern", SLOW, ids=lambda pattern: pattern[:20])
def test_no_pattern_takes_more_than_some_milliseconds(pattern: str) -> None:
    """Of the processor. Tried the naive way, most of these would take hours."""
    wildcard, name = Wildcard.of(pattern), "a" * 5000
    limit = 0.005 if len(pattern) < 20 else 0.02
    assert not wildcard.matches(name)
    assert least_seconds(wildcard.matches, name, rounds=5) < limit


def test_how_specific_a_pattern_is_follows_the_formula() -> None:
    assert specificity("gpt-*") == 4 * 10 - 50 + 5
    assert specificity("gpt-?") == 4 * 10 - 5 + 5
    assert specificity("gpt-5") == 5 * 10 + 5


def found(name: str, *patterns: str) -> str | None:
    alias = Aliases.of(Alias(pattern, "target") for pattern in patterns).find(name)
    return alias.pattern if alias else None


@pytest.mark.parametrize(
    ("name", "patterns", "winner"),
    [
        ("gpt-5", ("*", "gpt-*", "gpt-?", "gpt-5"), "gpt-5"),
        ("GPT-5", ("*", "gpt-5"), "gpt-5"),
        ("gpt-6", ("*", "gpt-*", "gpt-?", "gpt-5"), "gpt-?"),
        ("gpt-55", ("*", "gpt-*", "gpt-?", "gpt-5"), "gpt-*"),
        ("claude", ("*", "gpt-*"), "*"),
        ("claude", ("gpt-*",), None),
        ("ab", ("b*", "a*", "*b"), "*b"),
    ],
)
def test_one_name_wins_then_the_most_specific_pattern(name: str, patterns: tuple[str, ...], winner: str | None) -> None:
    assert found(name, *patterns) == winner
    assert found(name, *reversed(patterns)) == winner


@given(st.permutations(["a*", "*a", "a?", "?a", "*", "aa", "a*a"]), st.text("ab", min_size=1, max_size=3))
def test_which_alias_wins_does_not_depend_on_the_order_they_were_made_in(patterns: list[str], name: str) -> None:
    assert found(name, *patterns) == found(name, *sorted(patterns))
