"""Checks of what this app needs from the machine."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


def register_all() -> None:
    register(journal_can_be_written)


def journal_can_be_written(**_: Any) -> list[CheckMessage]:
    if os.access(settings.DATA_DIR, os.W_OK | os.X_OK):
        return []
    hint = "Give this user write access to DATA_DIR, or choose another directory."
    return [Error(f"Usage cannot be written to {settings.DATA_DIR}.", hint=hint, id="billing.E001")]
