"""What became of each candidate of a request, as the response's header, an error and the usage row tell it."""

import re
from dataclasses import dataclass, field

from combos.candidates import Candidate
from combos.line import Skipped
from combos.reactions import Reaction
from combos.refusals import shortened
from providers.failures import UpstreamError

Told = dict[str, str | int]

_UNPRINTABLE = re.compile(r"[^ -~]")
MOST_CHARACTERS_OF_ROUTE = 1000
CHARACTERS_OF_REASON = 200
MOST_SKIPPED_TOLD = 20
"""Of the passed over. A combo may have thousands of candidates, and an error is no list of them."""


@dataclass(slots=True)
class Attempt:
    candidate: Candidate
    milliseconds: int
    failure: UpstreamError
    reaction: Reaction

    def __str__(self) -> str:
        return f"{self.candidate}: {self.failure.status} after {self.milliseconds} ms, {self.failure.message}"

    def told(self) -> Told:
        return _named(self.candidate) | {
            "status": self.failure.status,
            "ms": self.milliseconds,
            "kind": self.failure.kind.value,
            "reason": storable(shortened(self.failure.message, CHARACTERS_OF_REASON)),
        }


@dataclass(slots=True)
class Trail:
    """The attempts that failed, in order, and who was passed over."""

    failed: list[Attempt] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.failed or self.skipped)

    def told(self) -> list[Told]:
        return [*(each.told() for each in self.failed), *map(_told_of_skip, self.skipped[:MOST_SKIPPED_TOLD])]

    def in_words(self) -> str:
        """One clause for each, for people."""
        clauses = [*map(str, self.failed), *map(str, self.skipped[:MOST_SKIPPED_TOLD])]
        if (more := len(self.skipped) - MOST_SKIPPED_TOLD) > 0:
            clauses.append(f"{more} more were passed over")
        return "; ".join(clauses)

    def of_answer(self, candidate: Candidate) -> str:
        """`X-OmniRoute-Route`: who answered, why it was asked, and what the others said before."""
        parts = [f"target={quoted(candidate.name)}", f"connection={quoted(candidate.connection.name)}"]
        if candidate.combo is not None:
            parts += [f"combo={quoted(candidate.combo.name)}", f"strategy={candidate.combo.strategy.value}"]
        parts += [f"attempt={len(self.failed) + 1}", f"why={quoted(candidate.why)}"]
        if self:
            parts.append(f"before={quoted(self._before())}")
        return printable("; ".join(parts))

    def _before(self) -> str:
        failures = [f"{each.candidate} {each.failure.status} {each.failure.kind.value}" for each in self.failed]
        skips = [f"{each.candidate} {each.skip.reason.value}" for each in self.skipped[:MOST_SKIPPED_TOLD]]
        return ", ".join([*failures, *skips])

    def of_failure(self) -> str:
        """The same of a request that nobody answered."""
        return printable(f"target=none; attempt={len(self.failed)}; before={quoted(self._before())}")


def quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'


def printable(text: str) -> str:
    """As a header can carry it."""
    return _UNPRINTABLE.sub("?", text)[:MOST_CHARACTERS_OF_ROUTE]


def storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses in any text."""
    return text.replace("\0", "")


def _named(candidate: Candidate) -> Told:
    return {"target": storable(shortened(candidate.name)), "connection": candidate.connection.name}


def _told_of_skip(skipped: Skipped) -> Told:
    told = _named(skipped.candidate) | {"skipped": skipped.skip.reason.value, "reason": skipped.skip.detail}
    seconds = skipped.skip.seconds
    return told if seconds is None else told | {"retry_after_seconds": max(1, round(seconds))}
