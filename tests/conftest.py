"""Fixtures of the whole suite: a private DATA_DIR, a catalogue in the database, the scripted upstream, a real server."""

import os
import tempfile

os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="omniroute-tests-")
for name in ("PORT", "HOSTNAME", "BASE_URL", "REQUIRE_API_KEY", "INITIAL_PASSWORD", "JWT_SECRET", "API_KEY_SECRET"):
    os.environ.pop(name, None)
