"""What a client is told when nobody answered: the status, the sentence, and when it may be worth asking again. Pure."""

from collections.abc import Callable, Iterable, Sequence

from combos.refusals import AllFailed
from combos.trail import Trail
from health.slots import Skip
from providers.failures import FailureKind, UpstreamError
from translator.losses import CannotSay

CONTEXT_TOO_LONG = "context_length_exceeded"
"""OpenAI's word, by which agents know that they must shorten the conversation."""

FOR_GOOD = frozenset({FailureKind.CREDENTIAL, FailureKind.MODEL_ACCESS, FailureKind.QUOTA, FailureKind.MODEL_GONE})
"""Failures after which asking the same again is in vain until a person has done something."""


def verdict_on(trail: Trail, close_names: Callable[[], Sequence[str]]) -> AllFailed:
    """`close_names`: like the one that was asked for, in case that it is unknown."""
    verdict = _of_failures(trail, close_names) if trail.failed else _of_skips(trail)
    verdict.attempts, verdict.route = trail.told(), trail.of_failure()
    return verdict


def _of_skips(trail: Trail) -> AllFailed:
    """Nobody was asked, since health says that it would be in vain."""
    said = f"No candidate can be asked now. {trail.in_words()}"
    return AllFailed(said, _status_of(each.skip for each in trail.skipped), _earliest(trail))


def _of_failures(trail: Trail, close_names: Callable[[], Sequence[str]]) -> AllFailed:
    last = trail.failed[-1].failure
    if len(trail.failed) == 1 and not trail.skipped:
        return _of_the_only(trail, last, close_names)
    said = f"All {len(trail.failed)} attempts failed. {trail.in_words()}"
    return _coded(AllFailed(said, _hopeful_status(trail), _earliest(trail)), last)


def _of_the_only(trail: Trail, failure: UpstreamError, close_names: Callable[[], Sequence[str]]) -> AllFailed:
    """Ids that no catalogue lists are passed on; when the provider does not know one either, help is due."""
    close = close_names() if failure.kind is FailureKind.MODEL_GONE else ()
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    status = "" if isinstance(failure.__cause__, CannotSay) else f" failed with {failure.status}"
    said = f"{trail.failed[0].candidate}{status}: {failure.message}{hint}"
    verdict = AllFailed(said, failure.status, failure.retry_after)
    verdict.param = getattr(failure.__cause__, "param", None)
    return _coded(verdict, failure)


def _coded(verdict: AllFailed, last: UpstreamError) -> AllFailed:
    if last.kind is FailureKind.CONTEXT_TOO_LONG:
        verdict.code = CONTEXT_TOO_LONG
    return verdict


def _hopeful_status(trail: Trail) -> int:
    """The last failure's; where that is for good, another's that may pass: on a 401 or 404 clients give up."""
    last = trail.failed[-1].failure
    if last.kind not in FOR_GOOD:
        return last.status
    passing = [each.failure.status for each in trail.failed if each.failure.kind not in FOR_GOOD]
    waiting = [each.skip for each in trail.skipped if each.skip.seconds is not None]
    if passing:
        return passing[-1]
    return _status_of(waiting) if waiting else last.status


def _status_of(skips: Iterable[Skip]) -> int:
    return 429 if any(skip.status == 429 for skip in skips) else 503


def _earliest(trail: Trail) -> float | None:
    waits = [each.failure.retry_after for each in trail.failed if each.failure.retry_after is not None]
    waits += [each.skip.seconds for each in trail.skipped if each.skip.seconds is not None]
    return min(waits, default=None)
