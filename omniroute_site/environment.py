"""Every environment variable OmniRoute reads, with its type, default and meaning.

This is the only module that looks at the environment. `.env` in the working directory is read first; real
variables win over it. `.env.example` lists the same names and a test keeps the two in step.
"""

import ipaddress
from pathlib import Path

import environ

ENVIRONMENT: dict[str, tuple[type, object]] = {
    "JWT_SECRET": (str, ""),
    "API_KEY_SECRET": (str, ""),
    "INITIAL_PASSWORD": (str, ""),
    "DATA_DIR": (str, "~/.omniroute"),
    "DATABASE_URL": (str, ""),
    "REDIS_URL": (str, ""),
    "PORT": (int, 20128),
    "HOSTNAME": (str, ""),
    "WEB_CONCURRENCY": (int, 1),
    "GRACE_SECONDS": (int, 30),
    "STUCK_SECONDS": (int, 30),
    "NODE_ENV": (str, "production"),
    "BASE_URL": (str, ""),
    "CLOUD_URL": (str, ""),
    "ALLOWED_HOSTS": (list, []),
    "REQUIRE_API_KEY": (bool, False),
    "ENABLE_REQUEST_LOGS": (bool, False),
    "LOGGED_BODY_KIB": (int, 64),
    "AUTH_COOKIE_SECURE": (bool, False),
    "LOG_LEVEL": (str, "info"),
}

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SWITCHES = frozenset({"true", "on", "ok", "y", "yes", "1", "false", "off", "n", "no", "0"})
"""How a boolean may be written."""

environ.Env.read_env(Path.cwd() / ".env")
env = environ.Env(**ENVIRONMENT)


def raw(name: str) -> str:
    """A variable as it was written; empty where it is not set."""
    return str(env.str(name, default="")).strip()


def check_numbers() -> None:
    """Raises ValueError naming the variable that should be a number and is not."""
    for name, (kind, _default) in ENVIRONMENT.items():
        if kind is int and raw(name) and not raw(name).isdecimal():
            raise ValueError(f"{name} must be a whole number, not {raw(name)}.")


def log_level() -> str:
    """Raises ValueError: not one of Python's levels."""
    level = env("LOG_LEVEL").upper()
    if level not in LEVELS:
        raise ValueError(f"LOG_LEVEL is {level.lower()}; it can be {', '.join(LEVELS).lower()}.")
    return str(level)


def database(data_dir: Path) -> dict[str, object]:
    """Django's settings of the database that DATABASE_URL names. Raises ValueError: neither SQLite nor PostgreSQL."""
    url = env("DATABASE_URL") or f"sqlite:///{data_dir / 'storage.sqlite'}"
    if not url.startswith(("sqlite:", "postgres:", "postgresql:")):
        raise ValueError("DATABASE_URL must begin with sqlite: or postgres:, as in postgres://user@host/name.")
    return dict(env.db_url_config(url))


def data_dir() -> Path:
    """Where the database, the secrets and the journal live. Made on first use, for this user only."""
    path = Path(env("DATA_DIR")).expanduser().resolve()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def listen_host(default: str = "127.0.0.1") -> str:
    """The address to listen on: HOSTNAME where it is an address or `localhost`, else `default`.

    Shells and containers set HOSTNAME to the machine's own name, which is not a wish of the operator.
    """
    hostname = env("HOSTNAME").strip()
    if hostname == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(hostname.strip("[]")))
    except ValueError:
        return default
