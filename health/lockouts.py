"""Identifiers that fail too often are refused for a while: `address 10.0.0.9`, `login alice from 10.0.0.9`.

Only failures are counted. Whether somebody who is right is let through while their neighbour is refused is the caller's
to say; here it is only known who is. The workers keep those of wrong API keys at /v1 in memory, and write their rows.
All others are in their rows alone, kept by the dashboard and the management API. No identifier is of both kinds.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from health.knowledge import Knowledge, Rule
from health.models import Lockout, LockoutPolicy, PolicyName
from health.records import Kind, LockoutRecord
from health.snapshot import DEFAULT_POLICY, HealthFacts, Policy

LONGEST_IDENTIFIER = 300
REMEMBERED = timedelta(days=2)
"""Longer than the longest window and the longest lock together."""


def counted(
    record: LockoutRecord | None, left: float, now: float, policy: Policy, name: PolicyName
) -> LockoutRecord | None:
    """One more failure. While somebody is refused nothing is counted, or knocking would never end it."""
    if left > 0:
        return record
    is_new = record is None or record.until > record.since or now - record.since > policy.window_seconds
    since, failures = (now, 1) if is_new or record is None else (record.since, record.failures + 1)
    if failures < policy.failures:
        return LockoutRecord(since, since, 0.0, failures, name.value, now)
    return LockoutRecord(since, now + policy.lock_seconds, policy.lock_seconds, failures, name.value, now)


class Lockouts:
    """The workers' side."""

    def __init__(self, knowledge: Knowledge, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self.facts = HealthFacts()
        self._knowledge = knowledge
        self._spawn = spawn

    def check(self, identifier: str) -> float | None:
        """Seconds for which it is refused."""
        if not self._knowledge.board.lockouts:
            return None
        view = self._knowledge.board.lockouts.get(identifier[:LONGEST_IDENTIFIER])
        if view is None or view.record.policy not in self.facts.policies:
            return None
        return self._knowledge.board.left(view) or None

    def failed(self, name: PolicyName, identifier: str) -> None:
        """It failed once more. Called on the event loop."""
        policy = self.facts.policies.get(name)
        if policy is not None:
            rule = _counting(policy, name)
            self._spawn(self._knowledge.change(Kind.LOCKOUT, identifier[:LONGEST_IDENTIFIER], rule))


def _counting(policy: Policy, name: PolicyName) -> Rule:
    return lambda record, left, now: counted(record, left, now, policy, name)


# The other side: logins and calls of the management API are rare, and come on threads without an event loop.


def check_stored(identifier: str) -> float | None:
    """Seconds for which it is refused, by the rows."""
    row = Lockout.objects.filter(identifier=identifier[:LONGEST_IDENTIFIER]).first()
    if row is None or row.locked_until is None:
        return None
    policy = _policy(PolicyName(row.policy))
    if policy is None:
        return None
    left = min((row.locked_until - timezone.now()).total_seconds(), policy.lock_seconds)
    return left if left > 0 else None


def failed_stored(name: PolicyName, identifier: str) -> float | None:
    """It failed once more; seconds for which it is refused from now on."""
    policy = _policy(name)
    if policy is None:
        return None
    identifier, now = identifier[:LONGEST_IDENTIFIER], timezone.now()
    with transaction.atomic():
        row = Lockout.objects.select_for_update().filter(identifier=identifier).first()
        known = record_of(row) if row else None
        left = max(0.0, known.until - now.timestamp()) if known else 0.0
        after = counted(known, left, now.timestamp(), policy, name)
        assert after is not None
        Lockout.objects.filter(last_seen__lt=now - REMEMBERED).exclude(policy=PolicyName.API_KEY).delete()
        Lockout.objects.update_or_create(identifier=identifier, defaults=columns(after))
    return check_stored(identifier)


def forgive_stored(identifier: str) -> None:
    """It was right: what failed before is not counted any more."""
    Lockout.objects.filter(identifier=identifier[:LONGEST_IDENTIFIER]).delete()


def _policy(name: PolicyName) -> Policy | None:
    row = LockoutPolicy.objects.filter(name=name).first()
    if row is None:
        return DEFAULT_POLICY
    return Policy(row.failures, float(row.window_seconds), float(row.lock_seconds)) if row.is_enabled else None


def record_of(row: Lockout) -> LockoutRecord:
    """The row, as the workers know it."""
    since = row.since.timestamp()
    until = row.locked_until.timestamp() if row.locked_until else since
    return LockoutRecord(since, until, max(0.0, until - since), row.failures, row.policy, row.last_seen.timestamp())


def columns(record: LockoutRecord) -> dict[str, Any]:
    """Of the row that keeps it."""
    since = _moment(record.since)
    return {
        "policy": record.policy,
        "failures": record.failures,
        "locked_until": _moment(record.until) if record.seconds else None,
        "since": since,
        "last_seen": _moment(record.last_seen),
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
