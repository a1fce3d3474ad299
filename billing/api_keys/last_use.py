"""When a key was used last. Not through the key's own manager: that it was used is no change of the configuration."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.models import ApiKey

EXACT_ENOUGH = timedelta(minutes=1)
"""For who calls the management API again and again: each call would be a write."""


def note(key_id: UUID, moment: datetime) -> None:
    """Unless it was used later already."""
    unused = Q(last_used_at=None) | Q(last_used_at__lt=moment)
    QuerySet(ApiKey).filter(unused, pk=key_id).update(last_used_at=moment)


def note_call(row: ApiKey, moment: datetime) -> None:
    """Of the management API."""
    if row.last_used_at is None or row.last_used_at < moment - EXACT_ENOUGH:
        note(row.pk, moment)
