"""`manage.py apikey create NAME [--admin]`: make an API key. Standard output is the key alone, for scripts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from billing import keys
from billing.models import ApiKey

LONGEST_NAME = ApiKey._meta.get_field("name").max_length or 100


class Command(BaseCommand):
    help = "Make an API key and print it. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        create = deeds.add_parser("create", help="Make a key and print it.")
        create.add_argument("name", help="What the key is for; shown in the dashboard.")
        create.add_argument("--admin", action="store_true", help="It opens the management API (/api).")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not 0 < len(name) <= LONGEST_NAME:
            raise CommandError(f"A name has 1 to {LONGEST_NAME} characters.")
        try:
            _, key = keys.create(name, is_admin=options["admin"])
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used ({error}). `manage.py up` or `migrate` sets it up."
            ) from error
        self.stdout.write(key)
