"""What a client is told when nobody answered: one status, one sentence, and what became of each candidate. Pure."""

from collections.abc import Iterable

from combos.refusals import AllFailed
from combos.resolver import close_matches
from combos.snapshot import Snapshot
from combos.trail import Attempt, Trail
from providers.failures import FailureKind
from translator.losses import CannotSay

CONTEXT_TOO_LONG = "context_length_exceeded"
"""OpenAI's word, by which agents know that they must shorten the conversation."""
MOST_NAMED = 20
"""Candidates in one sentence."""


def on(trail: Trail, asked: str, snapshot: Snapshot) -> AllFailed:
    """`asked` is the model's name as the client wrote it."""
    verdict = _failed(trail, asked, snapshot) if trail.failed else _passed_over(trail)
    verdict.attempts, verdict.route = trail.told(), trail.of_failure()
    return verdict


def _passed_over(trail: Trail) -> AllFailed:
    """Nobody was asked, since health says that it would be in vain."""
    skips = [each.skip for each in trail.skipped]
    status = 429 if any(skip.status == 429 for skip in skips) else 503
    return AllFailed(f"No candidate can be asked now. {_listed(trail.skipped)}", status, _soonest(trail))


def _failed(trail: Trail, asked: str, snapshot: Snapshot) -> AllFailed:
    last = trail.failed[-1]
    if len(trail.failed) > 1 or trail.skipped:
        said = f"All {len(trail.failed)} attempts failed. {_listed([*trail.failed, *trail.skipped])}"
        verdict = AllFailed(said, last.failure.status, _soonest(trail))
    elif last.failure.kind is FailureKind.MODEL_GONE:
        verdict = _no_such_model(last, asked, snapshot)
    else:
        verdict = _one_failed(last)
    if last.failure.kind is FailureKind.CONTEXT_TOO_LONG:
        verdict.code = CONTEXT_TOO_LONG
    return verdict


def _one_failed(attempt: Attempt) -> AllFailed:
    failure = attempt.failure
    cause = failure.__cause__
    said = "" if isinstance(cause, CannotSay) else f" failed with {failure.status}"
    verdict = AllFailed(f"{attempt.candidate}{said}: {failure.message}", failure.status, failure.retry_after)
    verdict.param = getattr(cause, "param", None)
    return verdict


def _no_such_model(attempt: Attempt, asked: str, snapshot: Snapshot) -> AllFailed:
    """Ids that no catalogue lists are passed on; when the provider does not know one either, help is due."""
    close = close_matches(asked, snapshot)
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    failure = attempt.failure
    said = f"{attempt.candidate} failed with {failure.status}: {failure.message}{hint}"
    return AllFailed(said, failure.status, failure.retry_after)


def _listed(each: Iterable[object]) -> str:
    lines = [*map(str, each)]
    more = f"; and {len(lines) - MOST_NAMED} more" if len(lines) > MOST_NAMED else ""
    return "; ".join(lines[:MOST_NAMED]) + more


def _soonest(trail: Trail) -> float | None:
    """Seconds until the first of them may be asked again."""
    waits = [*(each.failure.retry_after for each in trail.failed), *(each.skip.seconds for each in trail.skipped)]
    return min((wait for wait in waits if wait is not None), default=None)
