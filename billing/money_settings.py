"""The deed on the money settings: saving them, and what follows from another time zone."""

from django.db import transaction

from billing.models import BillingSettings
from billing.usage import rebuilding


@transaction.atomic
def save(settings: BillingSettings) -> bool:
    """Whether the sums of days will be summed anew, since days begin at another time now."""
    before = BillingSettings.load().time_zone
    settings.save()
    if settings.time_zone == before:
        return False
    rebuilding.schedule()
    return True
