"""Job: looks at what is spent of the budgets, in a thread of each worker, and has told what somebody should know.

It stands here because budgets are billing's and events health's, and neither knows the other.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from django.db import connection

from billing.budgets import notices
from billing.budgets.allowances import Allowances
from billing.budgets.notices import Notice
from health import events
from health.events import BudgetReached

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0

Look = Callable[[], tuple[Allowances, Mapping[tuple[int, str], int]]]
"""The budgets, and what is spent of them."""


class BudgetWatch:
    def __init__(self, look: Look) -> None:
        self._look = look
        self._known: set[tuple[int, object, str]] = set()
        """What this worker need not ask the database about again."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="budget-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Once."""
        found = {_name(each): each for each in notices.reached(*self._look())}
        new = [each for name, each in found.items() if name not in self._known]
        if new:
            for told in notices.tell(new):
                events.publish(_event(told))
        self._known = set(found)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception as error:  # The outermost edge of the thread: what was not told is told next time.
                log.error("budgets cannot be watched: %s", error)
            finally:
                connection.close()


def _name(notice: Notice) -> tuple[int, object, str]:
    return notice.allowance.id, notice.window, notice.mark


def _event(told: Notice) -> BudgetReached:
    return BudgetReached(
        budget=told.allowance.id,
        level=told.allowance.level.value,
        subject=told.allowance.subject,
        period=told.allowance.period.value,
        mark=told.mark.value,
        percent=told.percent,
        resets_at=told.begins_anew,
    )
