"""Job: the management API of what each connection may be asked.

Law: a connection's own number is null where it takes the one for all; `effective` is what it comes to.
"""

from typing import Annotated
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Strict

from health import api_answers, configuring, snapshot
from health.api_answers import ShownCooldown, refusal_of
from health.models import ConnectionLimit, RateLimitDefaults
from providers.api_access import ApiRefusal, needs
from providers.api_bodies import UNCHANGED, Answer, Body
from providers.models import ProviderConnection

router = Router(by_alias=True)

COLUMNS = {
    "enabled": "is_enabled",
    "requests_per_minute": "requests_per_minute",
    "min_time_between_requests": "min_gap_ms",
    "concurrent_requests": "max_concurrent",
}
"""The API's names, and the columns."""


class LimitChanges(Body):
    connection_id: Annotated[UUID, Strict(False)]
    enabled: bool = UNCHANGED
    requests_per_minute: int | None = None
    min_time_between_requests: int | None = None
    concurrent_requests: int | None = None


class ShownLimits(Answer):
    requests_per_minute: int | None
    min_time_between_requests: int | None
    concurrent_requests: int | None


class ShownConnectionLimit(ShownLimits):
    connection_id: UUID
    name: str
    provider: str
    enabled: bool
    effective: ShownLimits
    cooldowns: list[ShownCooldown]


class ConnectionLimits(Answer):
    connections: list[ShownConnectionLimit]


def effective(row: ConnectionLimit | None, defaults: RateLimitDefaults) -> ShownLimits:
    limits = snapshot.limits_of(row, defaults) if row else snapshot.limits_for_all(defaults)
    return ShownLimits(
        requests_per_minute=limits.requests_per_minute,
        min_time_between_requests=limits.gap_ms,
        concurrent_requests=limits.concurrent,
    )


def _shown(
    connection: ProviderConnection, row: ConnectionLimit, effectively: ShownLimits, cooldowns: list[ShownCooldown]
) -> ShownConnectionLimit:
    return ShownConnectionLimit(
        connection_id=connection.pk,
        name=connection.name,
        provider=connection.provider_id,
        enabled=row.is_enabled,
        requests_per_minute=row.requests_per_minute,
        min_time_between_requests=row.min_gap_ms,
        concurrent_requests=row.max_concurrent,
        effective=effectively,
        cooldowns=cooldowns,
    )


@router.get("/rate-limits", auth=needs("health.view_connectionlimit"), response=ConnectionLimits)
def list_limits(request: HttpRequest) -> ConnectionLimits:
    """Every connection, with limits of its own or without."""
    defaults: RateLimitDefaults = RateLimitDefaults.load()
    own = {row.connection_id: row for row in ConnectionLimit.objects.all()}
    cooling: dict[UUID, list[ShownCooldown]] = {}
    for each in api_answers.cooldowns():
        cooling.setdefault(each.connection_id, []).append(each)
    return ConnectionLimits(
        connections=[
            _shown(
                connection,
                own.get(connection.pk) or ConnectionLimit(),
                effective(own.get(connection.pk), defaults),
                cooling.get(connection.pk, []),
            )
            for connection in ProviderConnection.objects.all()
        ]
    )


@router.post("/rate-limits", auth=needs("health.change_connectionlimit"), response=ConnectionLimits)
def change_limit(request: HttpRequest, body: LimitChanges) -> ConnectionLimits:
    """Set what is sent, of one connection; null: as for all."""
    connection = ProviderConnection.objects.filter(pk=body.connection_id).first()
    if connection is None:
        raise ApiRefusal(
            f"There is no connection {body.connection_id}. GET /api/rate-limits lists them.", "connectionId"
        )
    try:
        configuring.change_limit(
            connection, {COLUMNS[name]: value for name, value in body.sent("connection_id").items()}
        )
    except ValidationError as invalid:
        raise refusal_of(invalid, COLUMNS) from None
    return list_limits(request)


@router.api_operation(
    ["GET", "POST"], "/rate-limit", auth=needs("health.view_connectionlimit"), include_in_schema=False
)
def moved(request: HttpRequest) -> HttpResponse:
    """Another spelling; 308 keeps the method and the body."""
    return HttpResponse(status=308, headers={"Location": "/api/rate-limits"})
