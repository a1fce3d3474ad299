"""Why a slot is passed over, in one plain sentence."""

from health.breaker import BreakerRecord
from health.cooldowns import Rest
from health.permits import Denial
from health.slots import Skip, SkipReason

_DENIALS = {
    SkipReason.PROBING: "its provider is being probed after failures",
    SkipReason.RATE_LIMITED: "its rate limit has room again in",
    SkipReason.FULL: "it has as many requests as it takes at once",
}


def span(seconds: float) -> str:
    """As a clock would show it: 0:42, 2:07:23."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def resting(rest: Rest, left: float) -> Skip:
    status = f" ({rest.status})" if rest.status else ""
    said = f"cooling for {span(left)} after {rest.reason}{status}"
    return Skip(SkipReason.COOLING, left, said, _told(rest.status), rest.is_soft)


def open_breaker(record: BreakerRecord, left: float) -> Skip:
    said = f"its provider's breaker is open for {span(left)} after {record.failures} failures, the last: {record.why}"
    return Skip(SkipReason.BREAKER_OPEN, left, said)


def denied(denial: Denial) -> Skip:
    said = _DENIALS[denial.reason]
    if denial.reason is SkipReason.RATE_LIMITED and denial.seconds is not None:
        said = f"{said} {span(denial.seconds)}"
    return Skip(denial.reason, denial.seconds, said, 503 if denial.reason is SkipReason.PROBING else 429)


def _told(status: int | None) -> int:
    """A client understands a limit; a login that was refused is none of its business."""
    return 429 if status in (None, 429) else 503


OTHERS_WAIT = Skip(SkipReason.FULL, None, "others wait for it already", 429)
UNSETTLED = Skip(SkipReason.PROBING, 1.0, "its provider's breaker is changing just now")
