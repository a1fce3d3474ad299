"""Patterns of model names, and the aliases made of them. Pure.

`*` stands for any characters, also `/`; `?` for one character; nothing else is special, and case makes no difference.
Matching takes time in proportion to the name, whatever the pattern: the standard library turns each stretch between
two stars into a group that is never tried again once it has matched.
"""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

LITERAL, STAR, QUESTION = 10, -50, -5
"""What each character of a pattern adds to how specific it is; so does its length."""


def is_wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def specificity(pattern: str) -> int:
    stars, questions = pattern.count("*"), pattern.count("?")
    literals = len(pattern) - stars - questions
    return LITERAL * literals + STAR * stars + QUESTION * questions + len(pattern)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A pattern, ready to be matched."""

    pattern: str
    expression: re.Pattern[str] = field(repr=False, compare=False)

    @classmethod
    def of(cls, pattern: str) -> Self:
        return cls(pattern, re.compile(_translated(pattern), re.IGNORECASE))

    def matches(self, name: str) -> bool:
        return self.expression.match(name) is not None


@lru_cache(maxsize=1000)
def any_of(*patterns: str) -> re.Pattern[str] | None:
    """One expression that matches what any of the patterns does; None for none.

    Kept over many snapshots: to make one of twenty patterns takes milliseconds.
    """
    return re.compile("|".join(map(_translated, patterns)), re.IGNORECASE) if patterns else None


def _translated(pattern: str) -> str:
    """`[` is made literal: to `fnmatch` it would open a set of characters."""
    return fnmatch.translate(pattern.replace("[", "[[]"))


@dataclass(frozen=True, slots=True)
class Alias:
    pattern: str
    target: str


@dataclass(frozen=True, slots=True)
class Aliases:
    """`exact` by the folded name; `wild` with the most specific first."""

    exact: Mapping[str, Alias]
    wild: tuple[tuple[Wildcard, Alias], ...]

    @classmethod
    def of(cls, aliases: Iterable[Alias]) -> Self:
        """Equally specific patterns are tried in the order of the alphabet."""
        known = sorted(aliases, key=lambda alias: (-specificity(alias.pattern), alias.pattern))
        return cls(
            exact={alias.pattern.casefold(): alias for alias in known if not is_wild(alias.pattern)},
            wild=tuple((Wildcard.of(alias.pattern), alias) for alias in known if is_wild(alias.pattern)),
        )

    def find(self, name: str) -> Alias | None:
        """The alias that a name goes through: its own, else the most specific pattern that fits."""
        if self.exact and (exact := self.exact.get(name.casefold())):
            return exact
        return next((alias for wildcard, alias in self.wild if wildcard.matches(name)), None)


NO_ALIASES = Aliases({}, ())
