"""Claude Code, Codex and Gemini CLI do tasks with tools through the gateway, on an upstream of every dialect.

Job: the clients people use, as they are published, against the scripted agent. Law: what is looked at is what the user
sees (exit status, files, last words) and what the model sees (its own calls, each with its result, its signatures).
Not collected by `make test`: `make e2e-clients` installs the clients and runs this.
"""

from pathlib import Path

import pytest

from tests.clients.agent import Exchange, ScriptedAgent
from tests.clients.conftest import DIALECTS, Cell, Installation, prefix_of
from tests.clients.pictures import pictures_in
from tests.clients.reading import ToolUse
from tests.clients.task import LOOK, ONCE_MORE, PROMPT, Task, Viewing
from tests.clients.terminal import CLIENTS, Client, Desk, Run, run
from tests.upstream import ScriptedUpstream

TURNS = 4
UPSTREAM_KEY = "sk-upstream"
each_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def assign(upstream: ScriptedUpstream, task: Task | Viewing) -> ScriptedAgent:
    task.lay_out()
    agent = ScriptedAgent(task)
    upstream.always(agent)
    return agent


@pytest.fixture
def task(directory: Path) -> Task:
    return Task(directory)


@pytest.fixture
def desk(client: Client, dialect: str, home: Path, directory: Path, installation: Installation) -> Desk:
    """At the gateway, on the node that speaks this dialect."""
    model = f"{prefix_of(dialect)}/{client.model}"
    return Desk(home, directory, installation.gateway.root, installation.key, model)


def assert_done(task: Task | Viewing, ran: Run, agent: ScriptedAgent) -> None:
    story = f"{agent.complaints}\n{ran.said[-2000:]}\n{ran.complained[-4000:]}"
    assert not agent.complaints, story
    assert ran.status == 0, story
    assert task.last_words in ran.said, story


def assert_served(upstream: ScriptedUpstream, agent: ScriptedAgent, client: Client, dialect: str) -> None:
    """Every turn came in this dialect, for the client's model, with the node's own key, and nothing was refused."""
    assert {exchange.turn.dialect for exchange in agent.exchanges} == {dialect}
    assert {(call.model, call.key) for call in upstream.calls} == {(client.model, UPSTREAM_KEY)}
    assert not [call.refused for call in upstream.calls if call.refused]


def wished(exchanges: list[Exchange]) -> list[ToolUse]:
    return [ToolUse(wish.id, wish.tool.name, wish.arguments) for one in exchanges for wish in one.wishes]


def assert_remembered(exchanges: list[Exchange]) -> None:
    """At each turn the model sees all its calls as it made them, a result for each, and its signatures."""
    for number, exchange in enumerate(exchanges):
        before = wished(exchanges[:number])
        assert list(exchange.turn.uses) == before
        assert sorted(result.of for result in exchange.turn.results) == sorted(use.id or use.name for use in before)
        signatures = {one.signature for one in exchanges[:number] if one.signature}
        assert signatures <= set(exchange.turn.signatures)


@each_client
def test_a_client_does_the_task_without_a_gateway(
    client: Client, home: Path, task: Task, talkative: ScriptedUpstream, cells: list[Cell]
) -> None:
    agent = assign(talkative, task)
    ran = run(client, Desk(home, task.directory, talkative.url, UPSTREAM_KEY, client.model), PROMPT)
    assert_done(task, ran, agent)
    assert_remembered(agent.exchanges)
    cells.append(Cell(client, "(alone)", ran.seconds, len(talkative.calls)))


@each_dialect
@each_client
def test_a_client_does_the_task_on_an_upstream_of_any_dialect(
    client: Client, dialect: str, desk: Desk, task: Task, talkative: ScriptedUpstream, cells: list[Cell]
) -> None:
    agent = assign(talkative, task)
    ran = run(client, desk, PROMPT)
    assert_done(task, ran, agent)
    assert task.answer.read_text() == task.content
    assert_served(talkative, agent, client, dialect)
    assert len(agent.exchanges) == TURNS
    assert_remembered(agent.exchanges)
    cells.append(Cell(client, dialect, ran.seconds, len(talkative.calls)))


@each_dialect
@each_client
def test_a_client_continues_its_session(
    client: Client, dialect: str, desk: Desk, task: Task, talkative: ScriptedUpstream
) -> None:
    agent = assign(talkative, task)
    assert_done(task, run(client, desk, PROMPT), agent)
    assert_done(task, run(client, desk, ONCE_MORE, *client.continuing), agent)
    assert_served(talkative, agent, client, dialect)
    assert len(agent.exchanges) == TURNS + 1
    last, made = agent.exchanges[-1].turn, wished(agent.exchanges)
    assert list(last.uses) == made
    answered = sorted(result.of for result in last.results)
    if client.dialect == dialect == "gemini":
        answered = answered[::2]  # Gemini CLI says each twice now, and what is passed on is passed on whole
    assert answered == sorted(use.id or use.name for use in made)


@each_dialect
@each_client
def test_a_client_shows_its_model_a_picture(
    client: Client, dialect: str, desk: Desk, talkative: ScriptedUpstream
) -> None:
    viewing = Viewing(desk.directory)
    agent = assign(talkative, viewing)
    assert_done(viewing, run(client, desk, LOOK), agent)
    assert_served(talkative, agent, client, dialect)
    assert_remembered(agent.exchanges)
    assert pictures_in(dialect, agent.exchanges[-1].call.fields) == [viewing.picture]
