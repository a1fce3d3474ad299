"""Checks of what this app needs from the machine."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from providers import vault
from providers.catalogue import CatalogueError, catalogue
from providers.vault import VaultError


def register_all() -> None:
    register(catalogue_is_readable)
    register(data_directory_is_private)
    register(keys_are_readable)


def catalogue_is_readable(**_: Any) -> list[CheckMessage]:
    try:
        catalogue()
    except CatalogueError as error:
        return [Error(str(error), hint="Mend the file named above.", id="providers.E001")]
    return []


def keys_are_readable(**_: Any) -> list[CheckMessage]:
    try:
        vault.load(settings.DATA_DIR)
    except VaultError as error:
        return [Error(str(error), hint="Nothing is sent before it is mended.", id="providers.E002")]
    return []


def data_directory_is_private(**_: Any) -> list[CheckMessage]:
    if settings.DATA_DIR.stat().st_mode & 0o007:
        hint = f"chmod 700 {settings.DATA_DIR}"
        return [
            Warning(f"Every user of this machine can look into {settings.DATA_DIR}.", hint=hint, id="providers.W001")
        ]
    return []
