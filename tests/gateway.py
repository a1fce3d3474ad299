"""A really started OmniRoute: `manage.py up` in processes of its own, with a private data directory and database."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
NODE_TYPES = {
    "openai": {"type": "openai-compatible", "apiType": "chat"},
    "responses": {"type": "openai-compatible", "apiType": "responses"},
    "claude": {"type": "anthropic-compatible"},
    "gemini": {"type": "gemini-compatible"},
}
TRUST = httpx.create_ssl_context()
"""Made once. httpx makes one for each call that is not told otherwise, which costs more than the call."""
VERSIONS = {"openai": "/v1", "responses": "/v1", "claude": "/v1", "gemini": "/v1beta"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Any, seconds: float = 10.0, what: str = "it") -> Any:
    """The first truthy value of `true()`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


@dataclass
class GatewayProcess:
    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    workers: int = 1
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[str] | None" = None
    _admin_key: str = ""

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    @property
    def log(self) -> str:
        return (self.data_dir / "up.log").read_text()

    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "REDIS_URL")}
        return kept | {"DATA_DIR": str(self.data_dir), "PORT": str(self.port), "GRACE_SECONDS": "5"} | self.environment

    def manage(self, *arguments: str, check: bool = True, **options: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, env=self.env(), capture_output=True, text=True, cwd=self.data_dir, **options)
        assert not check or done.returncode == 0, done.stderr[-2000:]
        return done

    def start(self) -> "GatewayProcess":
        self.launch()
        try:
            wait_until(self.is_ready_or_dead, START_SECONDS, "the start")
            assert self.is_ready(), self.log
        except AssertionError:
            self.stop(signal.SIGKILL)
            raise
        return self

    def launch(self) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), "up", f"--workers={self.workers}"]
        log = (self.data_dir / "up.log").open("a")
        self.process = subprocess.Popen(
            command, env=self.env(), stdout=log, stderr=log, text=True, cwd=self.data_dir, start_new_session=True
        )
        log.close()

    def is_ready_or_dead(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None or self.is_ready()

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(self.root + path, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, None

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20.0) -> int:
        """The exit status. With SIGKILL, nothing of it gets to clean up."""
        if self.process is None:
            return 0
        if number == signal.SIGKILL:
            wait_until(self.kill_everything, what="the end of every process")
        else:
            self.process.send_signal(number)
        status = self.process.wait(seconds)
        self.process = None
        return status

    def kill_everything(self) -> bool:
        """Once over all processes; whether none was left. A dying cluster of workers still makes new ones."""
        found = self.pids()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.poll()
        return not found

    def pids(self, role: str = "") -> list[int]:
        """Of all processes of this gateway, or of those whose command line says `role` (`web`, `qcluster`)."""
        numbered = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry))
        return [int(entry.name) for entry in numbered if role in ("", *(entry / "cmdline").read_text().split("\0"))]

    def _is_ours(self, entry: Path) -> bool:
        try:
            return f"DATA_DIR={self.data_dir}\0" in (entry / "environ").read_text(errors="replace")
        except OSError:
            return False

    @property
    def admin_key(self) -> str:
        self._admin_key = self._admin_key or self.make_key("admin", "--admin")
        return self._admin_key

    def make_key(self, name: str, *arguments: str) -> str:
        key = self.manage("apikey", "create", name, *arguments).stdout.strip()
        assert re.fullmatch(r"sk-or-[\w-]{43}", key)
        return key

    def api(self, method: str, path: str, payload: Any = None, status: int | None = None) -> Any:
        """A call of the management API as an admin; the answer's JSON."""
        headers = {"authorization": f"Bearer {self.admin_key}"}
        answer = httpx.request(
            method, f"{self.root}/api{path}", json=payload, headers=headers, timeout=20, verify=TRUST
        )
        assert answer.is_success if status is None else answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def add_node(
        self,
        prefix: str,
        base_url: str,
        api_key: str | None = "sk-upstream",
        dialect: str = "openai",
        **facts: Any,
    ) -> dict[str, Any]:
        """A node with one connection, which requests can use as soon as this returns. To a bare host goes a version."""
        node = {
            "name": prefix,
            "prefix": prefix,
            **NODE_TYPES[dialect],
            "baseUrl": base_url if urlsplit(base_url).path.strip("/") else base_url.rstrip("/") + VERSIONS[dialect],
            "allowPrivateNetwork": True,
        }
        made: dict[str, Any] = self.api("POST", "/provider-nodes", node | facts, 201)["node"]
        if api_key is not None:
            self.connect(prefix, api_key)
        return made

    def connect(self, provider: str, api_key: str = "sk-upstream", name: str = "main", **facts: Any) -> dict[str, Any]:
        """One connection more, which requests can use as soon as this returns."""
        body = {"provider": provider, "apiKey": api_key, "name": name} | facts
        made: dict[str, Any] = self.api("POST", "/providers", body, 201)["connection"]
        self.settle_workers()
        return made

    def forget_failures(self) -> None:
        """Close every breaker, end every rest: what one test's upstream did is nothing to the next."""
        self.api("POST", "/resilience/reset", {})
        self.settle_workers()

    def settle_workers(self) -> None:
        """After a change by the API: the worker that answered obeys already, the others soon."""
        if self.workers > 1:
            self.settle()

    def settle(self) -> None:
        """Wait until every worker has read the configuration as it is now."""
        time.sleep(0.6)

    def chat(self, model: str, text: str = "hello", **members: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": text}]} | members
        return httpx.post(f"{self.url}/chat/completions", json=body, timeout=30, verify=TRUST)

    def usage(self, **equal: Any) -> list[dict[str, Any]]:
        """The usage rows, oldest first, read by a process of its own as anybody would."""
        names = json.dumps(equal)
        code = (
            "import json,sys; from billing.models import UsageRecord as U; from django.core.serializers.json import"
            " DjangoJSONEncoder as E; print(json.dumps(list(U.objects.filter(**json.loads(sys.argv[-1])).order_by("
            "'started_at').values()), cls=E))"
        )
        wrapped = f"import sys; sys.argv.append({names!r}); exec({code!r})"
        rows: list[dict[str, Any]] = json.loads(self.manage("shell", "-v0", "-c", wrapped).stdout)
        return rows

    def wait_for_usage(self, count: int = 1, **equal: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = wait_until(
            lambda: rows if len(rows := self.usage(**equal)) >= count else None, 15, f"{count} usage rows for {equal}"
        )
        return rows
