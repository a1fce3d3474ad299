"""`manage.py rotate_encryption_key`: seal every credential with a new key, while requests go on."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from providers import keyring, vault
from providers.vault import VaultError


class Command(BaseCommand):
    help = "Seal every credential with a new encryption key. The old key is kept until --retire."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--retire", action="store_true", help="Forget the old keys, once no credential needs them.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(self._retire() if options["retire"] else self._rotate())
        except VaultError as error:
            raise CommandError(str(error)) from error

    def _rotate(self) -> str:
        count = keyring.rotate(settings.DATA_DIR)
        path = settings.DATA_DIR / vault.KEY_FILE
        return f"{count} credentials are sealed with a new key. Back up {path}, then run this again with --retire."

    def _retire(self) -> str:
        return f"{keyring.retire(settings.DATA_DIR)} old keys are forgotten."
