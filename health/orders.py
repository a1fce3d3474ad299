"""What a person wants forgotten. Each deed deletes the rows and writes an order.

Every worker carries the order out within a second, and forgets what it knew before it was given; so does the shared
state, however many workers tell it. What happened afterwards stays.
"""

from collections.abc import Callable, Mapping

from django.db import transaction
from django.utils import timezone

from health import present
from health.lockouts import LONGEST_IDENTIFIER
from health.models import Breaker, Cooldown, Deed, HealthOrder, Lockout
from health.records import Kind, place_of
from health.snapshot import ORDER_LIFE, Order
from providers.models import Provider, ProviderConnection


def reset_all(by: str) -> int:
    """Close every breaker, end every cooldown, unlock everybody. How many of each there were, as in the other deeds."""
    with transaction.atomic():
        count = present.not_closed().count() + present.resting().count() + present.refused().count()
        for model in (Breaker, Cooldown, Lockout):
            model._default_manager.all().delete()
        _order(Deed.RESET_ALL, "", "", by)
    return count


def close_breaker(provider: Provider, by: str) -> int:
    with transaction.atomic():
        count, _ = Breaker.objects.filter(provider=provider).delete()
        _order(Deed.CLOSE_BREAKER, provider.pk, "", by)
    return count


def end_cooldowns(connection: ProviderConnection, model: str, by: str) -> int:
    """Of one model, or all of the connection's where the model is empty."""
    of_what = {"connection": connection, "model_id": model} if model else {"connection": connection}
    with transaction.atomic():
        count = present.resting().filter(**of_what).count()
        Cooldown.objects.filter(**of_what).delete()
        _order(Deed.END_COOLDOWN, str(connection.pk), model, by)
    return count


def unlock(identifier: str, by: str) -> None:
    with transaction.atomic():
        Lockout.objects.filter(identifier=identifier).delete()
        _order(Deed.UNLOCK, identifier[:LONGEST_IDENTIFIER], "", by)


def _order(deed: Deed, subject: str, model: str, by: str) -> None:
    now = timezone.now()
    HealthOrder.objects.filter(ordered_at__lt=now - ORDER_LIFE).delete()
    HealthOrder.objects.create(deed=deed, subject=subject, model_id=model, ordered_at=now, ordered_by=by[:150])


def concerns(order: Order, kind: Kind, key: str) -> bool:
    """Whether a record is one of those the order is about."""
    return _CONCERNS[order.deed](order, kind, key)


def _all(order: Order, kind: Kind, key: str) -> bool:
    return True


def _breaker(order: Order, kind: Kind, key: str) -> bool:
    return kind is Kind.BREAKER and key == order.subject


def _rest(order: Order, kind: Kind, key: str) -> bool:
    if kind not in (Kind.REST, Kind.RESERVOIR):
        return False
    connection, model = place_of(key)
    return str(connection) == order.subject and order.model in ("", model)


def _lockout(order: Order, kind: Kind, key: str) -> bool:
    return kind is Kind.LOCKOUT and key == order.subject


_CONCERNS: Mapping[Deed, Callable[[Order, Kind, str], bool]] = {
    Deed.RESET_ALL: _all,
    Deed.CLOSE_BREAKER: _breaker,
    Deed.END_COOLDOWN: _rest,
    Deed.UNLOCK: _lockout,
}
