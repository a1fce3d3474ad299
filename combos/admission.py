"""Who is asking, and whether their key opens this door. The only place where a request to /v1 gets in without a key,
and the only rule for it.

Who sends wrong keys again and again is refused for a while. A valid key is never refused for what its neighbours do,
and a request without any key guesses at nothing.
"""

import ipaddress
import logging
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs

from django.conf import settings

from billing.api_keys import keys
from billing.api_keys.facts import KeyFacts
from combos.gateway import Gateway
from combos.permissions import check_way_in
from combos.refusals import LockedOut, WrongKey
from combos.snapshot import Snapshot
from health.models import PolicyName
from providers.guard import embedded

log = logging.getLogger(__name__)

FORWARDING_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_CF_RAY",
    "HTTP_FLY_CLIENT_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_VIA",
)
"""A request that carries one of these came through a proxy: its loopback socket says nothing about who sent it."""


def admit(meta: Mapping[str, str], gateway: Gateway, now: datetime) -> KeyFacts | None:
    """`identify` on the event loop, with wrong keys counted. Raises as that does, or LockedOut for one too many."""
    try:
        return identify(meta, gateway.keeper.current, now)
    except WrongKey as wrong:
        if credential(meta) or key_in_query(meta):
            _count_against(peer(meta), gateway)
            log.info("a key from %s was refused: %s", peer(meta), wrong.why)
        raise


def _count_against(address: str, gateway: Gateway) -> None:
    """Raises LockedOut where enough are counted already."""
    lockouts, identifier = gateway.health.lockouts, f"address {address}"
    seconds = lockouts.check(identifier)
    if seconds is not None:
        raise LockedOut(address, seconds)
    lockouts.failed(PolicyName.API_KEY, identifier)


def identify(meta: Mapping[str, str], snapshot: Snapshot, now: datetime) -> KeyFacts | None:
    """The key of a request, None for one that needs none. `meta` is Django's `request.META`.

    A key that is given must be a good one, wherever it comes from. Unknown, disabled and expired keys take the same
    steps and get the same answer; only the log tells them apart. Raises WrongKey, WrongAddress or ScopeMissing.
    """
    key = credential(meta)
    if key is None:
        key = key_in_query(meta)
    if key is None:
        if settings.REQUIRE_API_KEY or not is_local(meta):
            raise WrongKey
        return None
    facts = snapshot.books.keys.get(keys.digest(key))
    if facts is None or not facts.is_valid(now):
        raise WrongKey(_why_not(facts, now))
    check_way_in(facts, meta)
    return facts


def _why_not(facts: KeyFacts | None, now: datetime) -> str:
    """For the log. The key itself is told nowhere, not even its beginning: a wrong one may be a password."""
    if facts is None:
        return "it is unknown"
    if facts.expires_at is not None and facts.expires_at <= now:
        return f"{facts.name!r} expired at {facts.expires_at.isoformat()}"
    return f"{facts.name!r} or its owner is switched off"


def credential(meta: Mapping[str, str]) -> str | None:
    """What the client sent as its key: `Authorization: Bearer`, or the header of Anthropic's or Google's SDKs."""
    authorization = meta.get("HTTP_AUTHORIZATION", "")
    scheme, _, token = authorization.partition(" ")
    if authorization:
        return token.strip() if scheme.lower() == "bearer" else authorization
    return meta.get("HTTP_X_API_KEY", meta.get("HTTP_X_GOOG_API_KEY"))


def key_in_query(meta: Mapping[str, str]) -> str | None:
    """Google's other way to send a key, `?key=`."""
    query = meta.get("QUERY_STRING", "")
    return parse_qs(query, keep_blank_values=True).get("key", [None])[0] if "key=" in query else None


def peer(meta: Mapping[str, str]) -> str:
    """The address at the socket's other end. What headers say of another one, anybody can write."""
    address = meta.get("REMOTE_ADDR", "")
    try:
        return str(embedded(ipaddress.ip_address(address)))
    except ValueError:
        return address or "unknown"


def is_local(meta: Mapping[str, str]) -> bool:
    """Whether the socket's other end is this machine, and no proxy stands in between that says so."""
    if any(name in meta for name in FORWARDING_HEADERS):
        return False
    try:
        return embedded(ipaddress.ip_address(meta.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False
