"""What the clients' tests share: the clients installed, a gateway with a node of each dialect, the table of figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from json import loads
from pathlib import Path
from statistics import median

import pytest

from tests.clients.terminal import PACKAGES, UNDOCUMENTED, Client
from tests.conftest import MakeGateway
from tests.gateway import GatewayProcess
from tests.upstream import ScriptedUpstream

DIALECTS = ("openai", "claude", "gemini", "responses")


@dataclass(frozen=True, slots=True)
class Cell:
    """One finished task: how long it took, and how many requests reached the upstream."""

    client: Client
    upstream: str
    seconds: float
    calls: int

    def __str__(self) -> str:
        return f"{self.seconds:4.1f} s {self.calls:2} calls"


CELLS = pytest.StashKey[list[Cell]]()


@pytest.fixture
def cells(request: pytest.FixtureRequest) -> list[Cell]:
    return request.config.stash.setdefault(CELLS, [])


@pytest.fixture(autouse=True)
def _installed_clients() -> None:
    assert PACKAGES.is_dir(), f"The clients are not in {PACKAGES}: run `make e2e-clients`."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The client's home directory."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the client works."""
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@dataclass(frozen=True, slots=True)
class Installation:
    gateway: GatewayProcess
    key: str


@pytest.fixture(scope="session")
def installation(make_gateway: MakeGateway, upstream_server: ScriptedUpstream) -> Installation:
    """A gateway that wants a key; its nodes are called `chat-up/...`, `claude-up/...` and so on by `prefix_of`."""
    gateway = make_gateway(REQUIRE_API_KEY="true").start()
    for dialect in DIALECTS:
        gateway.add_node(prefix_of(dialect), upstream_server.url, dialect=dialect)
    return Installation(gateway, gateway.make_key("clients"))


def prefix_of(dialect: str) -> str:
    return f"{dialect}-up"


@pytest.fixture
def talkative(upstream: ScriptedUpstream) -> ScriptedUpstream:
    """The upstream, which lets through what the clients send although it is documented nowhere."""
    upstream.allowed_fields = UNDOCUMENTED
    return upstream


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    cells = config.stash.get(CELLS, [])
    if cells:
        terminalreporter.section("a task with four tool calls, by client and upstream dialect")
        for line in table(cells):
            terminalreporter.write_line(line)


def table(cells: list[Cell]) -> Iterator[str]:
    columns = list(dict.fromkeys(cell.upstream for cell in cells))
    yield "  ".join(["client".ljust(26), *(column.ljust(16) for column in columns)])
    for client in dict.fromkeys(cell.client for cell in cells):
        row = {cell.upstream: str(cell) for cell in cells if cell.client is client}
        yield "  ".join([client.name.ljust(26), *(row.get(column, "-").ljust(16) for column in columns)])
    yield f"{len(cells)} done, median {median(cell.seconds for cell in cells):.1f} s; {', '.join(versions())}"


def versions() -> list[str]:
    wanted = loads(Path(__file__).with_name("package.json").read_text())["dependencies"]
    return [f"{name} {version}" for name, version in wanted.items()]
