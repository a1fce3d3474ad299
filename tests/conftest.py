"""Fixtures of the whole suite: a private DATA_DIR, the scripted upstream, a really started server."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest

from tests.fleet import Fleet
from tests.gateway import GatewayProcess
from tests.upstream import ScriptedUpstream

pytest_plugins = ["tests.management"]

# A gate says the same of the same code. New examples are looked for with HYPOTHESIS_PROFILE=thorough.
hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # A busy machine is no reason to fail.
)
if not os.environ.get("HYPOTHESIS_PROFILE"):
    hypothesis.settings.load_profile("repeatable")

MakeGateway = Callable[..., GatewayProcess]


_shared: list[GatewayProcess] = []
"""The gateway of the session, once it is started."""


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_server: ScriptedUpstream) -> Iterator[ScriptedUpstream]:
    """The scripted upstream, with an empty script and log. What it did to health is forgotten after the test."""
    upstream_server.reset()
    yield upstream_server
    for shared in _shared if upstream_server.was_told else ():
        shared.forget_failures()
    upstream_server.reset()


@pytest.fixture(scope="session")
def make_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeGateway]:
    """Makes gateways that are not started yet; stops them all at the end."""
    made: list[GatewayProcess] = []

    def make(workers: int = 1, **environment: str) -> GatewayProcess:
        data_dir = tmp_path_factory.mktemp("gateway")
        if "DATABASE_URL" in os.environ:
            environment = {"DATABASE_URL": new_database(data_dir.name)} | environment
        made.append(GatewayProcess(data_dir, environment, workers))
        return made[-1]

    yield make
    for gateway in made:
        gateway.stop()


def new_database(name: str) -> str:
    """The URL of an empty database beside the one that DATABASE_URL names."""
    import psycopg

    url = urlsplit(os.environ["DATABASE_URL"])
    database = f"omniroute_{os.getpid()}_{name}".replace("-", "_")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"')
    return url._replace(path=f"/{database}").geturl()


@pytest.fixture(scope="session")
def shared_gateway(make_gateway: MakeGateway, upstream_server: ScriptedUpstream) -> GatewayProcess:
    """One gateway for all tests that change nothing of it; `up/...` is the scripted upstream.

    Wrong keys lock nobody out, since many tests send some.
    """
    gateway = make_gateway().start()
    gateway.api("POST", "/policies", {"action": "configure", "policy": "api_key", "enabled": False})
    gateway.add_node("up", upstream_server.base_url)
    _shared.append(gateway)
    return gateway


@pytest.fixture(scope="session")
def built_fleet(shared_gateway: GatewayProcess, upstream_server: ScriptedUpstream) -> Fleet:
    return Fleet(shared_gateway, upstream_server).build()


@pytest.fixture
def gateway(shared_gateway: GatewayProcess, upstream: ScriptedUpstream) -> GatewayProcess:
    return shared_gateway


@pytest.fixture
def data_dir(tmp_path: Path, settings: object) -> Path:
    """A DATA_DIR of this test alone."""
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


# Django's models can only be imported once Django is set up, hence inside these.


@pytest.fixture
def quiet_dashboard(data_dir: Path, settings: Any) -> None:
    """A DATA_DIR of this test alone with a key in it, no rate limits of another test, passwords that cost nothing."""
    from django.core.cache import cache

    from providers import vault

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    vault.make_first(data_dir)
    cache.clear()


@pytest.fixture
def owner(db: None) -> Any:
    from omniroute_site.roles import Role
    from tests.dashboard import make_user

    return make_user(Role.OWNER)


@pytest.fixture
def page(client: Any, owner: Any) -> Any:
    """A client that is logged in as the Owner."""
    client.force_login(owner)
    return client
