"""`manage.py web`: one web worker. `manage.py up` starts as many as are wanted."""

import asyncio
import logging
import socket
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from health import readiness
from omniroute_site import heartbeat
from omniroute_site.environment import env, listen_host

READINESS_SECONDS = 0.5
"""How long a stopping worker says it is not ready while it still takes requests, so that a balancer may notice."""
KEEP_ALIVE_SECONDS = 75
WAITING_CONNECTIONS = 2048


class Worker(uvicorn.Server):
    """uvicorn's server, except that it says it is leaving before it leaves, and that it lives while it does."""

    def __init__(self, config: uvicorn.Config, speaking: int | None) -> None:
        super().__init__(config)
        self._speaking = speaking

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        readiness.drain()
        if self.should_exit:
            self.force_exit = True
            return
        asyncio.get_running_loop().call_later(READINESS_SECONDS, setattr, self, "should_exit", True)

    async def on_tick(self, counter: int) -> bool:
        """uvicorn calls it ten times a second, on the loop that requests run on."""
        if self._speaking is not None and counter % 10 == 0:
            heartbeat.beat(self._speaking)
        return await super().on_tick(counter)


class Command(BaseCommand):
    help = "Run one web worker in this process."
    requires_system_checks = ()  # `up` has made them, and they load much that no request needs.

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=listen_host())
        parser.add_argument("--port", type=int, default=env("PORT"))
        parser.add_argument("--heartbeat", type=int, help="The pipe on which `up` listens for signs of life.")

    def handle(self, *args: Any, **options: Any) -> None:
        config = uvicorn.Config(
            "omniroute_site.asgi:application",
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.GRACE_SECONDS,
        )
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        worker = Worker(config, options["heartbeat"])
        worker.run(sockets=[listening_socket(options["host"], options["port"])])
        if not worker.started:
            raise SystemExit(3)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket of this worker's own on the common port."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    listener.listen(WAITING_CONNECTIONS)
    listener.set_inheritable(True)
    return listener
