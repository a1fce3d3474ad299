"""Job: the management API of lockouts: who is refused, under which policy, and how to let them in again."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from ninja import Router
from pydantic import Strict, StringConstraints

from health import api_answers, configuring, orders
from health.api_answers import ShownBreaker, ShownLockout, refusal_of, who
from health.lockouts import LONGEST_IDENTIFIER
from health.models import Lockout, LockoutPolicy, PolicyName
from providers.api_access import ApiRefusal, Missing, NotPermitted, needs
from providers.api_bodies import UNCHANGED, Answer, Body, wire_name

router = Router(by_alias=True)

COLUMNS = {
    "enabled": "is_enabled",
    "failures": "failures",
    "window_seconds": "window_seconds",
    "lock_seconds": "lock_seconds",
}
"""The API's names, and the columns."""


class PolicyDeed(Body):
    """`unlock` takes an identifier, `configure` a policy and its numbers."""

    action: Literal["unlock", "configure"]
    identifier: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_IDENTIFIER)] = UNCHANGED
    policy: Annotated[PolicyName, Strict(False)] = UNCHANGED
    enabled: bool = UNCHANGED
    failures: int = UNCHANGED
    window_seconds: int = UNCHANGED
    lock_seconds: int = UNCHANGED


class ShownPolicy(Answer):
    policy: PolicyName
    enabled: bool
    failures: int
    window_seconds: int
    lock_seconds: int


class Policies(Answer):
    policies: list[ShownPolicy]
    circuit_breakers: list[ShownBreaker]
    locked_identifiers: list[ShownLockout]


@router.get("/policies", auth=needs("health.view_lockoutpolicy"), response=Policies)
def show_policies(request: HttpRequest) -> Policies:
    """The breakers, who is locked out and for how long, and the policies that lock."""
    rows = LockoutPolicy.objects.in_bulk()
    return Policies(
        policies=[_policy(rows.get(name.value) or LockoutPolicy(name=name)) for name in PolicyName],
        circuit_breakers=api_answers.breakers(),
        locked_identifiers=api_answers.lockouts(),
    )


def _policy(row: LockoutPolicy) -> ShownPolicy:
    return ShownPolicy(
        policy=PolicyName(row.name),
        enabled=row.is_enabled,
        failures=row.failures,
        window_seconds=row.window_seconds,
        lock_seconds=row.lock_seconds,
    )


@router.post("/policies", auth=needs("health.view_lockoutpolicy"), response=Policies)
def change_policies(request: HttpRequest, body: PolicyDeed) -> Policies:
    """Unlock an identifier, or set the numbers of a policy."""
    permission, taken, deed = DEEDS[body.action]
    if not request.user.has_perm(permission):
        raise NotPermitted(f"This needs the permission {permission}, which an Owner can give in the dashboard.")
    sent = body.sent("action")
    for field in sent:
        if field not in taken:
            raise ApiRefusal(f"{body.action} takes no {wire_name(field)}.", wire_name(field))
    if taken[0] not in sent:
        raise ApiRefusal(f"{body.action} needs {taken[0]}.", taken[0])
    deed(request, sent)
    return show_policies(request)


def _unlock(request: HttpRequest, sent: Mapping[str, Any]) -> None:
    identifier = sent["identifier"]
    if not Lockout.objects.filter(identifier=identifier).exists():
        raise Missing(f"“{identifier}” is not locked out. GET /api/policies lists who is.")
    orders.unlock(identifier, who(request))


def _configure(request: HttpRequest, sent: Mapping[str, Any]) -> None:
    changes = {COLUMNS[name]: value for name, value in sent.items() if name in COLUMNS}
    try:
        configuring.change_policy(sent["policy"], changes)
    except ValidationError as invalid:
        raise refusal_of(invalid, COLUMNS) from None


Deed = Callable[[HttpRequest, Mapping[str, Any]], None]
DEEDS: Mapping[str, tuple[str, tuple[str, ...], Deed]] = {
    "unlock": ("health.add_healthorder", ("identifier",), _unlock),
    "configure": ("health.change_lockoutpolicy", ("policy", *COLUMNS), _configure),
}
"""The permission, what it takes (the first is needed), and how it is done."""
