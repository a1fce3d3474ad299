"""`manage.py forget_usage [--days N] [--dry-run] [--vacuum]`: forget requests and bodies that are old enough."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from billing.usage import retention
from billing.usage.retention import Task

MOST_DAYS = 36500
REPORT_EVERY = 20_000
"""Rows."""


def days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:6]) <= MOST_DAYS:
        raise ArgumentTypeError(f"“{text}” is no number of days from 1 to {MOST_DAYS}.")
    return int(text)


class Command(BaseCommand):
    help = "Forget requests, attempts and bodies that are older than the money settings say. The sums of each day stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=days, metavar="N", help="Keep N days, whatever the settings say.")
        parser.add_argument("--dry-run", action="store_true", help="Only say how many rows would go.")
        parser.add_argument(
            "--vacuum",
            action="store_true",
            help="Then give the space back. On SQLite all who write wait for it, and it needs as much room again.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        due = retention.tasks(timezone.now(), options["days"])
        if not due:
            self.stdout.write("The settings keep everything for ever; name --days to forget something.")
        for task in due:
            self._count(task) if options["dry_run"] else self._forget(task)
        if options["vacuum"] and not options["dry_run"]:
            retention.give_back_space()
            self.stdout.write("The space was given back.")

    def _count(self, task: Task) -> None:
        self.stdout.write(f"{task.count():,} {task.kind.name} from before {task.before:%Y-%m-%d %H:%M} UTC would go.")

    def _forget(self, task: Task) -> None:
        removed = 0
        for number in retention.forget(task):
            if removed // REPORT_EVERY != (removed + number) // REPORT_EVERY:
                self.stdout.write(f"... {removed + number:,} {task.kind.name}")
            removed += number
        self.stdout.write(f"{removed:,} {task.kind.name} from before {task.before:%Y-%m-%d %H:%M} UTC are forgotten.")
