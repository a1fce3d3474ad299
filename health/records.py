"""What health knows, as values that workers share and the database keeps.

`since` and `until` are seconds since 1970 on the clock that all workers share (`health.clock`); `seconds` is how long
it was meant to last from the start, which bounds what is left whenever a clock has jumped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from health.breaker import BreakerRecord
from health.cooldowns import Rest


class Kind(StrEnum):
    BREAKER = "breaker"
    """By the provider's slug."""
    REST = "rest"
    """By `place_key`."""
    RESERVOIR = "reservoir"
    """By `place_key`."""
    LOCKOUT = "lockout"
    """By the identifier."""


@dataclass(frozen=True, slots=True)
class Reservoir:
    """What a vendor said is left of its allowance until it begins anew."""

    since: float
    until: float
    seconds: float
    remaining: int
    limit: int


@dataclass(frozen=True, slots=True)
class LockoutRecord:
    """Failures of one identifier since `since`, the first of the window. Refused until `until`."""

    since: float
    until: float
    seconds: float
    failures: int
    policy: str
    last_seen: float


Record: TypeAlias = BreakerRecord | Rest | Reservoir | LockoutRecord

_DECODERS: Mapping[Kind, msgspec.json.Decoder[Any]] = {
    Kind.BREAKER: msgspec.json.Decoder(BreakerRecord),
    Kind.REST: msgspec.json.Decoder(Rest),
    Kind.RESERVOIR: msgspec.json.Decoder(Reservoir),
    Kind.LOCKOUT: msgspec.json.Decoder(LockoutRecord),
}


def written(record: Record | None) -> str:
    """As it is shared. Nothing known is an empty text."""
    return msgspec.json.encode(record).decode() if record else ""


def read(kind: Kind, text: str) -> Any:
    """The record, or None. Raises msgspec.DecodeError: another version's, or not ours."""
    return _DECODERS[kind].decode(text) if text else None


def place_key(connection: UUID, model: str) -> str:
    """A model of a connection; an empty model is all of the connection."""
    return f"{connection}|{model}"


def place_of(key: str) -> tuple[UUID, str]:
    connection, _, model = key.partition("|")
    return UUID(connection), model
