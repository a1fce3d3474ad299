#!/usr/bin/env python
"""Django's command line, for OmniRoute: `manage.py up` starts everything."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute_site.settings")
    os.umask(0o077)  # What is written here (database, journal, dumps) is for this user alone.
    try:
        from omniroute_site import settings
    except (OSError, ValueError, ImproperlyConfigured) as error:
        sys.exit(f"OmniRoute does not start: {error}")
    del settings
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
