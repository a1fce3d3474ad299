"""`manage.py sync_catalogue`: bring providers, models and list prices in step with the catalogue."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from billing.prices.price_list import sync_prices
from providers.sync import sync_catalogue


class Command(BaseCommand):
    help = "Bring providers, models and list prices in step with the catalogue. Rows of operators are never touched."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = sync_catalogue() | sync_prices(datetime.now(UTC).date())
        changed = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        self.stdout.write(changed or "Nothing to do: everything is in step.")
