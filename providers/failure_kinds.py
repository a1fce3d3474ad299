"""The kinds of failure that routing and health tell apart, and whom a failure is about."""

from enum import StrEnum


class FailureKind(StrEnum):
    CREDENTIAL = "credential"
    """The connection is not let in, or not any more."""
    MODEL_ACCESS = "model access"
    """The connection may not use this model, or not so."""
    QUOTA = "quota"
    """An allowance or a balance is used up, which no slower pace helps."""
    MODEL_GONE = "model gone"
    RATE_LIMIT = "rate limit"
    CALLERS_FAULT = "caller's fault"
    CONTEXT_TOO_LONG = "context too long"
    """Also whatever else is too large for this target; another may take it."""
    UNSUPPORTED_FEATURE = "unsupported feature"
    FOREIGN_REASONING = "foreign reasoning"
    OVERLOADED = "overloaded"
    TRANSIENT = "transient"
    NETWORK = "network"
    """Nobody answers there, or somebody else than who should."""


class Scope(StrEnum):
    """Whom a failure is about, of what the upstream knows of us."""

    MODEL = "model"
    """The connection as far as it asks this model."""
    ACCOUNT = "account"
    """The connection, whatever it asks."""
