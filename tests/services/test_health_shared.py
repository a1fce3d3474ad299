"""What health promises with four workers that share Redis."""

import os

import pytest

from tests.health import Workers
from tests.health_contract import HealthContract


class TestFourWorkers(HealthContract):
    @pytest.fixture
    def workers(self) -> Workers:
        return Workers(os.environ["REDIS_URL"], 4)
