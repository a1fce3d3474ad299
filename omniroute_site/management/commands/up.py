"""`manage.py up`: everything that OmniRoute is, in one command."""

import socket
import urllib.error
import urllib.request
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from billing.api_keys.keys import WrongKeySecret
from omniroute_site import first_start
from omniroute_site.environment import env, listen_host
from omniroute_site.supervisor import Child, Supervisor, manage
from providers.vault import VaultError

PROBE_SECONDS = 1.0


class Command(BaseCommand):
    help = "Migrate, make what is missing, and run the web workers and the scheduled work until Ctrl-C."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=listen_host(), help="Address to listen on (HOSTNAME, else 127.0.0.1).")
        parser.add_argument("--port", type=int, default=env("PORT"), help="Port to listen on (PORT, else 20128).")
        parser.add_argument("--workers", type=int, default=env("WEB_CONCURRENCY"), help="How many (WEB_CONCURRENCY).")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port, workers = options["host"], options["port"], options["workers"]
        check_workers(workers)
        check_port_is_free(host, port)
        try:
            first_start.prepare()
        except (VaultError, WrongKeySecret) as error:
            raise CommandError(f"OmniRoute does not start: {error}", returncode=3) from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}", returncode=3) from error
        password = first_start.make_first_admin(env("INITIAL_PASSWORD"))
        command, patience = manage("web", f"--host={host}", f"--port={port}"), env("STUCK_SECONDS")
        web = [Child(f"web worker {n + 1}", command, patience) for n in range(workers)]
        children = [*web, Child("scheduled work", manage("qcluster"))]
        status = Supervisor(children, settings.GRACE_SECONDS + 5).run(lambda: self._announce(host, port, password))
        if status:
            raise SystemExit(status)

    def _announce(self, host: str, port: int, password: str | None) -> bool:
        """Say where to go, once the first worker is ready."""
        shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host  # noqa: S104
        if not is_ready(f"http://{'[::1]' if ':' in host else '127.0.0.1' if shown == 'localhost' else host}:{port}"):
            return False
        self.stdout.write(f"\nOmniRoute is ready.\n  endpoint   http://{shown}:{port}/v1\n")
        self.stdout.write(f"  dashboard  http://{shown}:{port}/admin/\n")
        if password:
            self.stdout.write(f"  log in as  {first_start.FIRST_ADMIN}   password  {password}   (shown this once)\n")
        if not settings.REQUIRE_API_KEY:
            self.stdout.write("  requests from this machine need no API key; all others do\n")
        self.stdout.write("  Ctrl-C stops it.\n\n")
        self.stdout.flush()
        return True


def check_workers(workers: int) -> None:
    if workers < 1:
        raise CommandError("--workers must be at least 1.")
    if workers > 1 and not settings.REDIS_URL:
        raise CommandError(
            f"{workers} workers need Redis, to share limits and events. Set REDIS_URL, or use one worker."
        )


def check_port_is_free(host: str, port: int) -> None:
    """With SO_REUSEPORT a second OmniRoute would get every other request of the first; so ask without it."""
    if not 0 < port < 65536:
        raise CommandError(f"{port} is not a port.")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hint = "Is OmniRoute running already? Choose another with --port or PORT."
            raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}. {hint}") from error


def is_ready(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/readyz", timeout=PROBE_SECONDS) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
