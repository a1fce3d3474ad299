"""The command-line clients: how each is set up and run headless, away from the user's own settings.

Job: `CLIENTS`, a row for each client and way of using it, and `run`. Law: a client sees a home of its own, the
task's directory and one server; nothing of it reaches beyond. `make e2e-clients` installs them at the versions of
`package.json`.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from time import monotonic

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omniroute-clients"
PACKAGES = CACHE / "node_modules"
SECONDS = 90.0
UNDOCUMENTED = {"client_metadata"}  # Codex sends it to OpenAI, too


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a client works: its home, the task's directory, the server, the key, the model."""

    home: Path
    directory: Path
    server: str
    key: str
    model: str


@dataclass(frozen=True, slots=True)
class Invocation:
    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Client:
    """`model` is what it believes to talk to, behind the provider's prefix; clients behave by that name.

    `continuing` are the options that take up its last session. `invoke` takes the desk, the prompt and such options.
    """

    name: str
    dialect: str
    model: str
    continuing: tuple[str, ...]
    invoke: Callable[..., Invocation]


@dataclass(frozen=True, slots=True)
class Run:
    status: int
    said: str
    complained: str
    seconds: float


def node(package: str, script: str) -> tuple[str, ...]:
    return str(shutil.which("node")), str(PACKAGES / package / script)


def claude_code(desk: Desk, prompt: str, *options: str, **account: str) -> Invocation:
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "IS_SANDBOX": "1"}
    binary = node("@anthropic-ai/claude-code", "cli-wrapper.cjs")
    return Invocation(
        (*binary, *options, "-p", prompt, "--model", desk.model, "--dangerously-skip-permissions"),
        {**quiet, "ANTHROPIC_BASE_URL": desk.server, "ANTHROPIC_AUTH_TOKEN": desk.key} | account,
    )


def claude_code_with_api_key(desk: Desk, prompt: str, *options: str) -> Invocation:
    """With the key in `x-api-key`, and a base URL that already has the `/v1` which the client adds."""
    account = {"ANTHROPIC_BASE_URL": f"{desk.server}/v1", "ANTHROPIC_API_KEY": desk.key, "ANTHROPIC_AUTH_TOKEN": ""}
    return claude_code(desk, prompt, *options, **account)


CODEX_CONFIG = """\
model = {model}
model_provider = "omniroute"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.omniroute]
name = "OmniRoute"
base_url = {base_url}
wire_api = "responses"
env_key = "OMNIROUTE_API_KEY"
"""


def codex(desk: Desk, prompt: str, *options: str) -> Invocation:
    config = CODEX_CONFIG.format(model=dumps(desk.model), base_url=dumps(f"{desk.server}/v1"))
    flags = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
    return Invocation(
        (*node("@openai/codex", "bin/codex.js"), "exec", *options, *flags, prompt),
        {"CODEX_HOME": str(desk.home / ".codex"), "OMNIROUTE_API_KEY": desk.key},
        {".codex/config.toml": config},
    )


GEMINI_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "telemetry": {"enabled": False},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
}


def gemini_cli(desk: Desk, prompt: str, *options: str) -> Invocation:
    binary = node("@google/gemini-cli", "bundle/gemini.js")
    return Invocation(
        (*binary, *options, "-p", prompt, "--yolo", "--skip-trust", "-m", desk.model),
        {"GEMINI_API_KEY": desk.key, "GOOGLE_GEMINI_BASE_URL": desk.server},
        {".gemini/settings.json": dumps(GEMINI_SETTINGS)},
    )


RESUME = ("resume", "--last")
CLIENTS = (
    Client("claude-code", "claude", "claude-opus-4-6", ("--continue",), claude_code),
    Client("claude-code-unknown-model", "claude", "house-model", ("--continue",), claude_code_with_api_key),
    Client("codex", "responses", "gpt-5.5", RESUME, codex),
    Client("codex-code-mode", "responses", "gpt-5.6-sol", RESUME, codex),
    Client("gemini-cli", "gemini", "gemini-2.5-pro", ("--resume", "latest"), gemini_cli),
)


def run(client: Client, desk: Desk, prompt: str, *options: str) -> Run:
    """A client that does not come to an end in time is killed, with all its children; what it said is kept."""
    invocation: Invocation = client.invoke(desk, prompt, *options)
    for name, content in invocation.files.items():
        (desk.home / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.home / name).write_text(content)
    kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(desk.home), "NO_COLOR": "1"}
    started = monotonic()
    with subprocess.Popen(
        invocation.command,
        env={**kept, **invocation.environment},
        cwd=desk.directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, complained = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, complained = process.communicate()
    return Run(process.returncode, said, complained, monotonic() - started)
