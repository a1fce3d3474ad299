"""Records what the clients really send, as small fixtures without anything of this machine.

Job: `python -m tests.clients.record` runs each client against the scripted agent in the client's own dialect, and
keeps five kinds of request of each in `recorded/`. Law: the structure stays to the last member; only long texts are
shortened, tools thinned out, and paths, ids and words replaced.
"""

import re
from collections.abc import Callable, Iterator
from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.calls import Call
from tests.clients.agent import ScriptedAgent
from tests.clients.reading import Tool
from tests.clients.task import LOOK, ONCE_MORE, PROMPT, Task, Viewing
from tests.clients.terminal import CLIENTS, UNDOCUMENTED, Client, Desk, run
from tests.clients.toolbox import TOOLBOX, is_called
from tests.upstream import ScriptedUpstream
from tests.wire import Json

RECORDED = Path(__file__).parent / "recorded"
LONGEST_TEXT = 160
WHOLE = ("{", "\nstart:", "start:", "***", "const ")
OF_EACH_KIND = 5
UNUSUAL = (
    "defer_loading",
    "enum",
    "propertyNames",
    "exclusiveMinimum",
    "const",
    "anyOf",
    "$ref",
    "oneOf",
    "not",
    "format",
)
RANDOM = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?<![0-9A-Za-z])[0-9a-f]{12,64}(?![0-9A-Za-z])")
OF_THE_CONNECTION = {"host", "connection", "content-length", "authorization", "x-api-key", "x-goog-api-key"}


def shorten(text: str) -> str:
    """The first line or so. JSON in a text, grammars, patches and scripts stay whole."""
    if len(text) <= LONGEST_TEXT or text.startswith(WHOLE):
        return text
    return text[:LONGEST_TEXT].rsplit(" ", 1)[0] + " …"


def kind_of(tool: Json) -> str:
    return str(tool.get("type", ""))


def rank(tool: Json) -> tuple[bool, int, int]:
    """What the task calls first, then the most unusual schemas, then the smallest."""
    called = any(is_called(Tool(str(tool.get("name"))), name) for name in TOOLBOX)
    text = dumps(tool)
    return not called, -sum(f'"{word}"' in text for word in UNUSUAL), len(text)


def thin(tools: list[Json]) -> list[Json]:
    """A few tools of each kind, in their order; namespaces and declarations thinned inside."""
    kept: list[Json] = []
    for kind in {kind_of(tool): None for tool in tools}:
        kept += sorted((tool for tool in tools if kind_of(tool) == kind), key=rank)[:OF_EACH_KIND]
    return [tool for tool in tools if tool in kept]


def trim(value: Any) -> Any:
    match value:
        case str():
            return shorten(value)
        case list():
            return [trim(one) for one in value]
        case dict():
            lists = {"tools", "functionDeclarations"}
            return {name: trim(thin(one) if name in lists else one) for name, one in value.items()}
        case _:
            return value


def renamer(directory: Path, home: Path, words: tuple[str, ...]) -> Callable[[str], str]:
    """Replaces this run's paths and whatever is random, the same thing always by the same."""
    known: dict[str, str] = {}
    fixed = {str(directory): "/srv/user/project", str(home): "/srv/user"}
    fixed |= {word: f"word-{name}" for word, name in zip(words, ("one", "two"), strict=True)}

    def numbered(found: re.Match[str]) -> str:
        blank = re.sub("[0-9a-f]", "1" if found[0].isdigit() else "0", found[0])
        number = f"{len(known) + 1:x}" if "0" in blank else str(len(known) + 1)
        return known.setdefault(found[0], blank[: -len(number)] + number)

    def rename(text: str) -> str:
        for own, neutral in fixed.items():
            text = text.replace(own, neutral)
        return RANDOM.sub(numbered, text)

    return rename


def renamed(value: Any, rename: Callable[[str], str]) -> Any:
    match value:
        case str():
            return rename(value)
        case list():
            return [renamed(one, rename) for one in value]
        case dict():
            return {name: renamed(one, rename) for name, one in value.items()}
        case _:
            return value


def fixture(client: Client, call: Call) -> Json:
    kept = {name.lower(): text for name, text in call.headers if name.lower() not in OF_THE_CONNECTION}
    return {
        "client": client.name,
        "dialect": client.dialect,
        "target": call.target,
        "headers": kept,
        "body": call.fields,
    }


def requests(client: Client, upstream: ScriptedUpstream, place: Path) -> Iterator[tuple[str, Json]]:
    """Named: the first two turns of the task, the session continued, the turn that shows a picture, what is counted."""
    desk = Desk(place / "home", place / "project", upstream.url, "sk-recorded", client.model)
    task, viewing = Task(desk.directory), Viewing(desk.directory)
    done = watch(client, upstream, desk, task, PROMPT)
    continued = watch(client, upstream, desk, task, ONCE_MORE, *client.continuing)
    seen = watch(client, upstream, desk, viewing, LOOK)
    named = {
        "1": done.exchanges[0],
        "2": done.exchanges[1],
        "continued": continued.exchanges[0],
        "picture": seen.exchanges[1],
    }
    calls = {name: exchange.call for name, exchange in named.items()} | dict(zip(["count"], seen.asides, strict=False))
    rename = renamer(desk.directory, desk.home, task.words)
    for name, call in calls.items():
        recorded = renamed(fixture(client, call), rename)
        yield name, {**recorded, "body": trim(recorded["body"])}


def watch(
    client: Client, upstream: ScriptedUpstream, desk: Desk, task: Task | Viewing, prompt: str, *options: str
) -> ScriptedAgent:
    """The agent, after the client has done the task with it."""
    task.lay_out()
    upstream.reset()
    upstream.allowed_fields = UNDOCUMENTED
    upstream.always(agent := ScriptedAgent(task))
    ran = run(client, desk, prompt, *options)
    assert task.last_words in ran.said, (agent.complaints, ran.complained)
    return agent


def main() -> None:
    RECORDED.mkdir(exist_ok=True)
    with ScriptedUpstream() as upstream:
        for client in CLIENTS:
            with TemporaryDirectory() as place:
                for directory in ("home", "project"):
                    (Path(place) / directory).mkdir()
                for name, recorded in requests(client, upstream, Path(place)):
                    text = dumps(recorded, ensure_ascii=False, indent=1)
                    (RECORDED / f"{client.name}-{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
