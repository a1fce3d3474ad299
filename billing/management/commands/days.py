"""The sums of days: which can be summed anew, and doing it."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from billing.usage import rebuilding


class Command(BaseCommand):
    help = "Show which days have all of their requests; with --rebuild, sum these anew in the time zone of now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="sum them anew; safe while requests come in")

    def handle(self, *args: Any, **options: Any) -> None:
        span = rebuilding.kept(datetime.now(UTC))
        if span is None:
            self.stdout.write("No request is kept, so there is nothing to sum.")
            return
        if options["rebuild"]:
            self.stdout.write(f"{rebuilding.rebuild()} days summed anew in {span.zone.key}. Older days stay.")
        else:
            self.stdout.write(f"All requests from {span.first} to {span.last}, in {span.zone.key}, are there.")
