"""How long a piece of work keeps the processor busy, whatever else the machine does meanwhile."""

import gc
import time
from collections.abc import Callable


def least_seconds(work: Callable[..., object], *arguments: object, rounds: int = 3) -> float:
    """Of this thread's time, the least of some rounds, with no collection of what other tests left behind."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        return min(_seconds(work, *arguments) for _round in range(rounds))
    finally:
        if was_collecting:
            gc.enable()


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    began = time.thread_time()
    work(*arguments)
    return time.thread_time() - began
