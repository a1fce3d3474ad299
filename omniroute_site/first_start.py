"""What every start makes sure of before a worker runs: the schema, the catalogue, the secrets, somebody to log in."""

import secrets
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django_q.models import Schedule

from billing import keys
from billing.price_list import sync_prices
from omniroute_site.roles import Role
from providers import keyring
from providers.sync import sync_catalogue

FIRST_ADMIN = "admin"


def prepare() -> None:
    """Raises VaultError or WrongKeySecret, and then has changed no secret."""
    call_command("migrate", verbosity=0, interactive=False)
    keyring.open_vault(settings.DATA_DIR)
    keys.check_secret()
    sync_catalogue()
    sync_prices(datetime.now(UTC).date())
    schedule_housekeeping()


def schedule_housekeeping() -> None:
    """What the cluster of scheduled work does by itself. An operator's change of a schedule stays."""
    Schedule.objects.get_or_create(
        name="Forget expired sessions",
        defaults={
            "func": "django.core.management.call_command",
            "args": "'clearsessions'",
            "schedule_type": Schedule.DAILY,
        },
    )
    Schedule.objects.get_or_create(
        name="Forget conversations that have ended",
        defaults={"func": "combos.memory.forget_expired", "schedule_type": Schedule.DAILY},
    )
    Schedule.objects.get_or_create(
        name="Read the list prices of the day",
        defaults={"func": "billing.price_list.sync_today", "schedule_type": Schedule.DAILY},
    )
    Schedule.objects.get_or_create(
        name="Forget former API keys",
        defaults={"func": "billing.keys.forget_former", "schedule_type": Schedule.DAILY},
    )


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
