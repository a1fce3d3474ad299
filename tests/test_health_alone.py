"""What health promises with one worker and without Redis."""

import pytest

from tests.health import Workers
from tests.health_contract import HealthContract
from tests.health_limits import LimitsContract


class TestOneWorker(HealthContract, LimitsContract):
    @pytest.fixture
    def workers(self) -> Workers:
        return Workers("", 1)
