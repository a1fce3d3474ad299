"""Time, twice: a clock that only ever goes forward for durations here, and one that all workers agree on.

The second is the first plus an offset: from this machine's wall clock at the start, later from the shared state's. So a
jump of the wall clock moves nothing that is running.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Clock:
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    offset: float = field(init=False)

    def __post_init__(self) -> None:
        self.offset = self.wall() - self.monotonic()

    def shared(self) -> float:
        return self.monotonic() + self.offset

    def agree(self, shared: float) -> None:
        """The shared clock says so, just now."""
        self.offset = shared - self.monotonic()

    def age(self, wall: float) -> float:
        """Seconds since a moment on the wall clock; never negative."""
        return max(0.0, self.wall() - wall)
