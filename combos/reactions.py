"""What a kind of failure means for the request at hand: ask the next candidate, or give the answer to the client."""

from enum import StrEnum

from providers.failures import FailureKind


class Reaction(StrEnum):
    NEXT = "next"
    STOP = "stop"
    WITHOUT_REASONING = "without reasoning"
    """Ask the same candidate once more, without what models thought before; a second time it means NEXT."""


REACTIONS = {
    FailureKind.CREDENTIAL: Reaction.NEXT,
    FailureKind.MODEL_ACCESS: Reaction.NEXT,
    FailureKind.QUOTA: Reaction.NEXT,
    FailureKind.MODEL_GONE: Reaction.NEXT,
    FailureKind.RATE_LIMIT: Reaction.NEXT,
    FailureKind.CALLERS_FAULT: Reaction.STOP,
    FailureKind.CONTEXT_TOO_LONG: Reaction.NEXT,
    FailureKind.UNSUPPORTED_FEATURE: Reaction.NEXT,
    FailureKind.FOREIGN_REASONING: Reaction.WITHOUT_REASONING,
    FailureKind.OVERLOADED: Reaction.NEXT,
    FailureKind.TRANSIENT: Reaction.NEXT,
    FailureKind.NETWORK: Reaction.NEXT,
}
