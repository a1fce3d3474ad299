"""The secrets an installation makes for itself: random, one file each in DATA_DIR/secrets, readable by its owner only.

A variable wins over the file. Secrets that have been published as somebody's default are refused, whoever sets them.
The encryption keys are not made here but by `providers.vault`, which knows whether sealed rows exist already.
"""

from pathlib import Path

from providers.private_files import read_or_make

DOCUMENTED_DEFAULTS = frozenset(
    {
        "omniroute-default-secret-change-me",
        "endpoint-proxy-api-key-secret",
        "9router-default-secret-change-me",
        "change-me",
        "changeme",
        "secret",
        "password",
        "admin",
        "123456",
    }
)
SHORTEST_SECRET = 32
"""Characters; a random one has 64."""
SHORTEST_PASSWORD = 8


def secret(directory: Path, name: str, given: str = "") -> str:
    """The secret called `name`: as `given` by the operator, else kept in `directory`, else made there now."""
    return given or read_or_make(directory / "secrets" / name.lower())


def weakness(value: str, shortest: int = SHORTEST_SECRET) -> str | None:
    """What is wrong with a secret, in words that follow its name; None when it is strong enough."""
    if value.lower() in DOCUMENTED_DEFAULTS:
        return "is a published default that everybody knows"
    if len(value) < shortest:
        return f"has {len(value)} characters where {shortest} are needed"
    return None
