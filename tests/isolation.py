"""The environment of the suite: nothing of the operator's own installation, nothing of another process of the suite.

Loaded with `-p` (pyproject.toml), because pytest-django reads Django's settings before any conftest.
"""

import os
import tempfile
from urllib.parse import urlsplit

for name in ("PORT", "HOSTNAME", "BASE_URL", "REQUIRE_API_KEY", "INITIAL_PASSWORD", "JWT_SECRET", "API_KEY_SECRET"):
    os.environ.pop(name, None)
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="omniroute-tests-")
if "REDIS_URL" in os.environ:
    # Clearing Django's cache flushes a whole database, so each process has one.
    process = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{process}").geturl()
