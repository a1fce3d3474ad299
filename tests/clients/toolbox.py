"""The clients' own tools: which one reads a file, writes one, runs a command, and how it is called.

Job: `choose`, the tool on offer that does a deed, and its arguments. Law: a row for each tool; only tools that the
request declares are called. Not here: the dialects, which `reading.py` and `agent.py` know.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from json import dumps
from pathlib import Path
from shlex import quote

from tests.clients.reading import Arguments, Tool
from tests.wire import Json


class Kind(StrEnum):
    READ = "read"
    LOOK = "look"
    WRITE = "write"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Deed:
    """Read the text or look at the picture in `path`, write `text` to it, or run the command `text` there."""

    kind: Kind
    path: Path
    text: str = ""


def patch(deed: Deed) -> str:
    lines = "".join(f"+{line}\n" for line in deed.text.splitlines())
    return f"*** Begin Patch\n*** Add File: {deed.path.name}\n{lines}*** End Patch\n"


def cat(deed: Deed) -> str:
    return f"cat {quote(str(deed.path))}"


def script(tool: str, argument: object, show: str = "text") -> str:
    """JavaScript for Codex's `exec`, which calls the other tools itself."""
    return f"const given = await tools.{tool}({dumps(argument, ensure_ascii=False)});\n{show}(given);\n"


def file_path(deed: Deed) -> Json:
    return {"file_path": str(deed.path)}


TOOLBOX: dict[str, dict[Kind, Callable[[Deed], Arguments]]] = {
    "Read": {Kind.READ: file_path, Kind.LOOK: file_path},
    "Write": {Kind.WRITE: lambda deed: {**file_path(deed), "content": deed.text}},
    "Bash": {Kind.RUN: lambda deed: {"command": deed.text, "description": "Show the file"}},
    "read_file": {Kind.READ: file_path, Kind.LOOK: file_path},
    "write_file": {Kind.WRITE: lambda deed: {**file_path(deed), "content": deed.text}},
    "run_shell_command": {Kind.RUN: lambda deed: {"command": deed.text, "description": "Show the file"}},
    "view_image": {Kind.LOOK: lambda deed: {"path": str(deed.path)}},
    "apply_patch": {Kind.WRITE: patch},
    "exec_command": {
        Kind.READ: lambda deed: {"cmd": cat(deed)},
        Kind.WRITE: lambda deed: {"cmd": f"printf %s {quote(deed.text)} > {quote(str(deed.path))}"},
        Kind.RUN: lambda deed: {"cmd": deed.text},
    },
    "exec": {
        Kind.LOOK: lambda deed: script("view_image", {"path": str(deed.path)}, "image"),
        Kind.READ: lambda deed: script("exec_command", {"cmd": cat(deed)}),
        Kind.WRITE: lambda deed: script("apply_patch", patch(deed)),
        Kind.RUN: lambda deed: script("exec_command", {"cmd": deed.text}),
    },
}


def is_called(tool: Tool, name: str) -> bool:
    """By that name, or by it behind a namespace, however that is joined."""
    return re.fullmatch(rf"(.*[^A-Za-z0-9])?{name}", tool.name) is not None


def choose(tools: Sequence[Tool], deed: Deed) -> tuple[Tool, Arguments] | None:
    for name, skills in TOOLBOX.items():
        for tool in tools:
            if deed.kind in skills and is_called(tool, name):
                return tool, fitting(tool, skills[deed.kind](deed))
    return None


def fitting(tool: Tool, arguments: Arguments) -> Arguments:
    """A text for a tool that is declared as a function goes into its only argument."""
    if tool.is_freeform or not isinstance(arguments, str):
        return arguments
    (only,) = tool.schema["properties"]
    return {only: arguments}
