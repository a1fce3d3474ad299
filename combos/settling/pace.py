"""The pace of a stream, as its client meets it: how far apart its pieces come."""

import statistics
import time
from array import array
from collections.abc import Callable
from itertools import pairwise

MOST = 1024
"""Pieces whose moments are kept: the pace of an answer does not change much after them, and memory has an end."""


class Pace:
    __slots__ = ("_clock", "_moments")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moments = array("d")

    def beat(self) -> None:
        """A piece came just now."""
        if len(self._moments) < MOST:
            self._moments.append(self._clock())

    @property
    def middle_ms(self) -> int | None:
        """Half of the gaps were shorter; None of a stream in one piece."""
        if len(self._moments) < 2:
            return None
        return round(1000 * statistics.median(later - earlier for earlier, later in pairwise(self._moments)))
