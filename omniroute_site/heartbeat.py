"""A sign of life from a worker's event loop to the supervisor, through a pipe between the two.

A worker that stands still (stopped, or busy with what never ends) keeps its share of the port's new connections, which
then wait for nothing. Only its own loop can tell that it turns, and a pipe ends with the process that writes to it.
"""

import contextlib
import os

MOST_READ = 65_536


def make() -> tuple[int, int]:
    """The supervisor's end and the worker's; neither ever waits."""
    listening, speaking = os.pipe()
    os.set_blocking(listening, False)
    os.set_blocking(speaking, False)
    return listening, speaking


def beat(speaking: int) -> None:
    """For the worker."""
    with contextlib.suppress(OSError):  # The supervisor is gone or does not listen; both are its business.
        os.write(speaking, b".")


def was_heard(listening: int) -> bool:
    """For the supervisor: whether anything came since it last looked."""
    try:
        return bool(os.read(listening, MOST_READ))
    except BlockingIOError:
        return False
