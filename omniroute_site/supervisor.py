"""Keeps the product's processes running: web workers and the cluster of scheduled work.

Each web worker listens on the same port with a socket of its own (SO_REUSEPORT), so that the kernel spreads the
connections evenly. A worker that dies is started again, a little later each time; one that stands still is killed, and
then started again. On the first SIGINT or SIGTERM everything is asked to stop, readiness turns to 503, running streams
finish within the grace period; on the second, or when the grace is over, what still runs is killed.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from omniroute_site import heartbeat

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
STEADY_SECONDS = 30.0
"""A process that lived so long may start again at once."""
LONGEST_PAUSE_SECONDS = 30.0
PR_SET_PDEATHSIG = 1
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
"""glibc keeps a heap for each thread otherwise, which costs a worker 10 MiB and gains one that computes nothing."""


@dataclass(slots=True)
class Child:
    """One process to keep running."""

    name: str
    command: list[str]
    stuck_seconds: float | None = None
    """Killed after so long without a heartbeat, once it gave one. None or 0: it gives none."""
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    failures: int = 0
    next_start: float = 0.0
    _listening: int | None = None
    _heard: float | None = None

    def start(self) -> None:
        self.started, self._heard = time.monotonic(), None
        if self._listening is not None:
            os.close(self._listening)
        self._listening, speaking = heartbeat.make()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [*self.command, f"--heartbeat={speaking}"] if self.stuck_seconds else self.command,
                env=os.environ | ENVIRONMENT,
                start_new_session=True,
                pass_fds=(speaking,) if self.stuck_seconds else (),
                preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes one system call, and no thread runs yet
            )
        finally:
            os.close(speaking)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def look_after(self, now: float) -> None:
        """Start it again when it died."""
        if self.is_running():
            self._kill_if_stuck(now)
            return
        if self.process is not None:
            self._note_death(self.process.returncode, now)
        if now >= self.next_start:
            self.start()

    def _kill_if_stuck(self, now: float) -> None:
        assert self._listening is not None
        if heartbeat.was_heard(self._listening):
            self._heard = now
        if self.stuck_seconds and self._heard is not None and now - self._heard > self.stuck_seconds:
            log.error("%s has stood still for %.0f s and is killed", self.name, now - self._heard)
            self._heard = None
            self.send(signal.SIGKILL)

    def _note_death(self, status: int, now: float) -> None:
        self.process = None
        self.failures = 0 if now - self.started > STEADY_SECONDS else self.failures + 1
        pause = min(LONGEST_PAUSE_SECONDS, 0.5 * 2**self.failures) if self.failures else 0.0
        self.next_start = now + pause
        log.error("%s ended with status %s; it starts again in %.0f s", self.name, status, pause)

    def send(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


@dataclass(slots=True)
class Supervisor:
    children: list[Child]
    grace_seconds: float
    _signals: int = field(default=0, init=False)

    def run(self, on_started: Callable[[], bool]) -> int:
        """Until a signal comes. `on_started` is called until it returns True. The exit status is for the shell."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._count)
        for child in self.children:
            child.start()
        announced = False
        while not self._signals:
            time.sleep(LOOK_SECONDS)
            announced = announced or on_started()
            if not announced and (failed := self._failed_at_start()):
                self._stop_all()
                return failed
            self._look_after_all()
        return self._stop_all()

    def _count(self, *_: object) -> None:
        self._signals += 1

    def _look_after_all(self) -> None:
        for child in self.children:
            if not self._signals:
                child.look_after(time.monotonic())

    def _failed_at_start(self) -> int | None:
        """A child that ends before the product was ready will not do better the second time."""
        ended = [child.process.returncode for child in self.children if child.process and child.process.poll()]
        return ended[0] if ended else None

    def _stop_all(self) -> int:
        before = self._signals
        deadline = time.monotonic() + self.grace_seconds
        for child in self.children:
            child.send(signal.SIGTERM)
        while any(child.is_running() for child in self.children):
            if time.monotonic() > deadline or self._signals > before:
                return self._kill_all()
            time.sleep(LOOK_SECONDS / 4)
        return 0

    def _kill_all(self) -> int:
        for child in self.children:
            if child.process is not None and child.is_running():
                log.warning("%s did not stop in time and is killed", child.name)
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
        return 1


def manage(*arguments: str) -> list[str]:
    """The command line of a management command in a process of its own."""
    return [sys.executable, sys.argv[0], *arguments]


def die_with_parent() -> None:
    """On Linux, a supervisor that is killed takes its children along; elsewhere they would be left behind."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
