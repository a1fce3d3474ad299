"""What every start makes sure of before a worker runs: the schema, the catalogue, the secrets, somebody to log in."""

import secrets
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule

from billing.api_keys import keys
from billing.prices.price_list import sync_prices
from omniroute_site.roles import Role
from providers import keyring
from providers.sync import sync_catalogue

FIRST_ADMIN = "admin"
HOUSEKEEPING: dict[str, tuple[str, str | None]] = {
    "Forget expired sessions": ("django.core.management.call_command", "'clearsessions'"),
    "Forget conversations that have ended": ("combos.conversations.memory.forget_expired", None),
    "Forget former API keys": ("billing.api_keys.keys.forget_former", None),
    "Forget old notices of budgets": ("billing.budgets.notices.forget_old", None),
    "Forget requests and bodies that are old enough": ("billing.usage.retention.forget_what_is_due", None),
    "Read the list prices of the day": ("billing.prices.price_list.sync_today", None),
}
"""What is done once a day: its name, the function, and its arguments as django-q2 wants them."""


def prepare() -> None:
    """Raises VaultError or WrongKeySecret, and then has changed no secret."""
    call_command("migrate", verbosity=0, interactive=False)
    keyring.open_vault(settings.DATA_DIR)
    keys.check_secret()
    sync_catalogue()
    sync_prices(datetime.now(UTC).date())
    schedule_housekeeping()


def schedule_housekeeping() -> None:
    """What the cluster of scheduled work does by itself. When it does it stays as an operator changed it; what it calls
    is what this version calls it."""
    first = timezone.now() + timedelta(days=1)  # Not while somebody waits for the start: nothing is due yet.
    for name, (deed, arguments) in HOUSEKEEPING.items():
        called = {"func": deed, "args": arguments}
        begun = {**called, "schedule_type": Schedule.DAILY, "next_run": first}
        Schedule.objects.update_or_create(name=name, defaults=called, create_defaults=begun)


def make_first_admin(given_password: str) -> str | None:
    """Make the first user, unless there is one. The password, where it was made here and must be shown."""
    users = get_user_model().objects
    with transaction.atomic():
        if users.filter(is_superuser=True).exists():
            return None
        password = given_password or secrets.token_urlsafe(12)
        admin = users.create_superuser(FIRST_ADMIN, password=password)
        admin.groups.add(Group.objects.get(name=Role.OWNER))
    return None if given_password else password
