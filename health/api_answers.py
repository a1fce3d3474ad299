"""Job: what the management API says of breakers, cooldowns and lockouts, the same wherever it says it.

Law: beside each time stand the whole seconds that are left, rounded up, so that no client needs our clock.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from pydantic import AwareDatetime

from health import present
from health.breaker import BreakerState
from health.models import Lockout, PolicyName
from providers.api_access import ApiRefusal
from providers.api_bodies import Answer, wire_name

STATES: Mapping[BreakerState, Literal["CLOSED", "OPEN", "HALF_OPEN"]] = {
    BreakerState.CLOSED: "CLOSED",
    BreakerState.OPEN: "OPEN",
    BreakerState.HALF_OPEN: "HALF_OPEN",
}


class ShownBreaker(Answer):
    name: str
    """The provider's id."""
    state: Literal["CLOSED", "OPEN", "HALF_OPEN"]
    failure_count: int
    last_failure_time: AwareDatetime | None
    until: AwareDatetime | None
    """When a probe may pass; null while it is closed."""
    seconds: int
    reason: str


class ShownCooldown(Answer):
    connection_id: UUID
    connection: str
    provider: str
    model: str | None
    """Null: the whole connection."""
    until: AwareDatetime
    seconds: int
    reason: str
    status: int | None
    level: int


class ShownLockout(Answer):
    identifier: str
    policy: PolicyName
    failures: int
    until: AwareDatetime
    seconds: int


def breakers() -> list[ShownBreaker]:
    return [
        ShownBreaker(
            name=each.provider.pk,
            state=STATES[each.state],
            failure_count=each.failures,
            last_failure_time=each.changed_at,
            until=each.until,
            seconds=math.ceil(each.seconds),
            reason=each.why,
        )
        for each in present.breakers()
    ]


def cooldowns() -> list[ShownCooldown]:
    return [
        ShownCooldown(
            connection_id=each.row.connection_id,
            connection=each.row.connection.name,
            provider=each.row.connection.provider_id,
            model=each.row.model_id or None,
            until=each.row.until,
            seconds=math.ceil(each.seconds),
            reason=each.row.reason,
            status=each.row.status,
            level=each.row.level,
        )
        for each in present.cooldowns()
    ]


def lockouts() -> list[ShownLockout]:
    return [_lockout(each.row, each.seconds) for each in present.lockouts()]


def _lockout(row: Lockout, seconds: float) -> ShownLockout:
    assert row.locked_until is not None
    return ShownLockout(
        identifier=row.identifier,
        policy=PolicyName(row.policy),
        failures=row.failures,
        until=row.locked_until,
        seconds=math.ceil(seconds),
    )


def who(request: HttpRequest) -> str:
    """For the record of an order."""
    return request.user.get_username() or "an admin key"


def refusal_of(invalid: ValidationError, columns: Mapping[str, str], place: Iterable[str] = ()) -> ApiRefusal:
    """What a row refuses, with the field named as it is spelled on the wire and where it stood in the body."""
    names = {column: wire_name(name) for name, column in columns.items()}
    column, texts = next(iter(invalid.message_dict.items()))
    param = ".".join([*place, names.get(column, wire_name(column))])
    return ApiRefusal(f"{param}: {' '.join(texts)}", param)
