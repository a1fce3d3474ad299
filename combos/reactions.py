"""What a kind of failure means for the request at hand: whom to ask next, or that nobody else is to be asked."""

from enum import StrEnum

from providers.failures import FailureKind


class Reaction(StrEnum):
    NEXT = "next"
    """The next candidate, which may be another connection for the same model."""
    RETRY = "retry"
    """The next candidate; and this one again, should all others fail too."""
    OTHER_MODEL = "other model"
    """The next candidate for another model: no connection could help this one."""
    STOP = "stop"
    WITHOUT_REASONING = "without reasoning"
    """Ask the same candidate once more, without what models thought before; a second time it means NEXT."""


REACTIONS = {
    FailureKind.CREDENTIAL: Reaction.NEXT,
    FailureKind.MODEL_ACCESS: Reaction.NEXT,
    FailureKind.QUOTA: Reaction.NEXT,
    FailureKind.MODEL_GONE: Reaction.OTHER_MODEL,
    FailureKind.RATE_LIMIT: Reaction.NEXT,
    FailureKind.CALLERS_FAULT: Reaction.STOP,
    FailureKind.CONTEXT_TOO_LONG: Reaction.OTHER_MODEL,
    FailureKind.UNSUPPORTED_FEATURE: Reaction.OTHER_MODEL,
    FailureKind.FOREIGN_REASONING: Reaction.WITHOUT_REASONING,
    FailureKind.OVERLOADED: Reaction.RETRY,
    FailureKind.TRANSIENT: Reaction.RETRY,
    FailureKind.NETWORK: Reaction.RETRY,
}
