"""Starting, stopping, being killed, and starting with the wrong things."""

import json
import os
import re
import signal
import socket
import stat
import threading
import time
from pathlib import Path

import httpx
import pytest

from omniroute_site.environment import listen_host
from tests import upstream as play
from tests.conftest import MakeGateway
from tests.gateway import GatewayProcess, wait_until
from tests.upstream import ScriptedUpstream
from tests.wire import openai_chunks

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def fresh(make_gateway: MakeGateway) -> GatewayProcess:
    return make_gateway()


class TestFirstStart:
    def test_it_makes_what_is_missing_and_says_where_to_go(self, fresh: GatewayProcess) -> None:
        fresh.start()
        said = fresh.log
        assert f"http://localhost:{fresh.port}/v1" in said
        (password,) = re.findall(r"password\s+(\S{16,})\s", said)
        assert fresh.chat("demo/echo").json()["choices"][0]["message"]["content"] == "hello"
        assert_login_works(fresh, password)
        for path in fresh.data_dir.rglob("*"):
            private = path.parent.name == "secrets" or path.name == "encryption.keys"
            assert not private or stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert fresh.stop() == 0

        fresh.start()
        assert fresh.log.count("password  ") == 1
        assert_login_works(fresh, password)

    def test_the_given_password_is_used_and_not_shown(self, make_gateway: MakeGateway) -> None:
        gateway = make_gateway(INITIAL_PASSWORD="correct horse battery").start()
        assert "horse" not in gateway.log
        assert_login_works(gateway, "correct horse battery")


class TestTheAddressToListenOn:
    @pytest.mark.parametrize(
        ("hostname", "host"),
        [
            ("", "127.0.0.1"),
            ("localhost", "127.0.0.1"),
            ("0.0.0.0", "0.0.0.0"),
            ("::1", "::1"),
            ("[::]", "::"),
            ("my-laptop", "127.0.0.1"),
            ("3f2a9c0d1e2b", "127.0.0.1"),
        ],
    )
    def test_hostname_counts_only_where_it_is_an_address(
        self, monkeypatch: pytest.MonkeyPatch, hostname: str, host: str
    ) -> None:
        monkeypatch.setenv("HOSTNAME", hostname)
        assert listen_host() == host


class TestCommands:
    def test_apikey_prints_the_key_and_nothing_else(self, fresh: GatewayProcess) -> None:
        done = fresh.manage("apikey", "create", "early", check=False)
        assert done.returncode == 1
        assert "`manage.py up` or `migrate` sets it up" in done.stderr
        fresh.manage("migrate", "-v0")
        done = fresh.manage("apikey", "create", "laptop")
        assert re.fullmatch(r"sk-or-[\w-]{43}\n", done.stdout)
        for name in ("", " ", "x" * 101):
            assert fresh.manage("apikey", "create", name, check=False).returncode == 1

    def test_createsuperuser_makes_somebody_who_can_log_in(self, fresh: GatewayProcess) -> None:
        fresh.manage("migrate", "-v0")
        fresh.environment |= {"DJANGO_SUPERUSER_PASSWORD": "correct horse battery"}
        fresh.manage("createsuperuser", "--noinput", "--username", "admin", "--email", "a@example.com")
        fresh.start()
        assert "password" not in fresh.log
        assert_login_works(fresh, "correct horse battery")


def assert_login_works(gateway: GatewayProcess, password: str) -> None:
    with httpx.Client(base_url=gateway.root, follow_redirects=True) as browser:
        page = browser.get("/admin/")
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text))
        form = {"csrfmiddlewaretoken": token, "login": "admin", "password": password}
        answer = browser.post(page.url, data=form, headers={"referer": str(page.url)})
        assert answer.url.path == "/admin/", answer.text[:2000]
        assert answer.status_code == 200


class TestWhatMustNotStart:
    @pytest.mark.parametrize(
        ("environment", "said"),
        [
            ({"JWT_SECRET": "omniroute-default-secret-change-me"}, "JWT_SECRET is a published default"),
            ({"API_KEY_SECRET": "endpoint-proxy-api-key-secret"}, "API_KEY_SECRET is a published default"),
            ({"JWT_SECRET": "short"}, "JWT_SECRET has 5 characters"),
            ({"INITIAL_PASSWORD": "123456"}, "INITIAL_PASSWORD is a published default"),
            ({"BASE_URL": "llm.example.com"}, "BASE_URL is not an http or https URL"),
            ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY must be at least 1"),
            ({"WEB_CONCURRENCY": "4", "REDIS_URL": ""}, "4 workers need Redis"),
            ({"PORT": "70000"}, "70000 is not a port"),
            ({"PORT": "abc"}, "PORT must be a whole number, not abc"),
            ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
            ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL"),
            ({"REQUIRE_API_KEY": "maybe"}, "REQUIRE_API_KEY is neither true nor false"),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_a_bad_setting_is_named_with_what_to_do(
        self, make_gateway: MakeGateway, environment: dict[str, str], said: str
    ) -> None:
        gateway = make_gateway(**environment)
        done = gateway.manage("up", check=False, timeout=60)
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_taken_port_is_said_and_left_alone(self, fresh: GatewayProcess) -> None:
        with socket.create_server(("127.0.0.1", fresh.port)):
            done = fresh.manage("up", check=False, timeout=60)
        assert done.returncode != 0
        assert f"Cannot listen on 127.0.0.1:{fresh.port}" in done.stderr


class TestSecretsThatDoNotFit:
    @pytest.fixture
    def installed(self, fresh: GatewayProcess, upstream: ScriptedUpstream) -> GatewayProcess:
        fresh.start()
        fresh.add_node("up", upstream.base_url)
        fresh.stop()
        return fresh

    def refuses(self, gateway: GatewayProcess, said: str, upstream: ScriptedUpstream) -> None:
        done = gateway.manage("up", check=False, timeout=60)
        assert done.returncode == 3
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert upstream.calls == []

    def test_a_missing_encryption_key_stops_the_start_and_is_not_made_anew(
        self, installed: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        kept = installed.data_dir / "encryption.keys"
        text = kept.read_text()
        kept.unlink()
        self.refuses(installed, "Restore that file", upstream)
        assert not kept.exists()

        kept.write_text("deadbeef:" + "A" * 43 + "=\n")
        self.refuses(installed, "Restore that file", upstream)
        assert "deadbeef" in kept.read_text()

        kept.write_text(text)
        installed.start()
        assert installed.chat("up/m").status_code == 200

    def test_another_key_secret_stops_the_start(self, installed: GatewayProcess, upstream: ScriptedUpstream) -> None:
        (installed.data_dir / "secrets" / "api_key_secret").unlink()
        self.refuses(installed, "API_KEY_SECRET is not the one", upstream)

    def test_rotation_while_serving_costs_no_request(
        self, installed: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        installed.start()
        assert "1 credentials" in installed.manage("rotate_encryption_key").stdout
        assert "1 old keys" in installed.manage("rotate_encryption_key", "--retire").stdout
        installed.settle()
        assert installed.chat("up/m").status_code == 200
        assert upstream.calls[-1].key == "sk-upstream"


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_running_streams_finish_and_readiness_goes_first(
        self, fresh: GatewayProcess, upstream: ScriptedUpstream, number: int
    ) -> None:
        fresh.start()
        fresh.add_node("up", upstream.base_url)
        upstream.script(play.sse(openai_chunks(*"abcdefghijklmnopqrst", include_usage=True), gap=0.1))
        answers: list[bytes] = []
        reader = threading.Thread(target=lambda: answers.append(fresh.chat("up/long", stream=True).content))
        reader.start()
        upstream.wait_for_calls(1)
        assert fresh.process is not None
        fresh.process.send_signal(number)
        wait_until(lambda: fresh.get("/readyz")[0] == 503, 3, "readiness turning to 503")
        reader.join(10)
        assert answers[0].rstrip().endswith(b"[DONE]")
        assert fresh.process.wait(15) == 0
        assert fresh.pids() == []
        assert [row["status"] for row in fresh.usage(model="long")] == [200]

    def test_a_stream_that_outlives_the_grace_is_cut_and_still_recorded(
        self, make_gateway: MakeGateway, upstream: ScriptedUpstream
    ) -> None:
        gateway = make_gateway(GRACE_SECONDS="1").start()
        gateway.add_node("up", upstream.base_url)
        upstream.script(play.hang_after(3))
        with httpx.stream(
            "POST", f"{gateway.url}/chat/completions", json={"model": "up/m", "messages": HELLO, "stream": True}
        ) as answer:
            next(answer.iter_raw())
            began = time.monotonic()
            gateway.stop()
            assert time.monotonic() - began < 8
        assert len(gateway.usage(model="m")) == 1

    def test_a_worker_that_stands_still_is_killed_and_started_again(self, make_gateway: MakeGateway) -> None:
        gateway = make_gateway(STUCK_SECONDS="3").start()
        (stuck,) = gateway.pids("web")
        os.kill(stuck, signal.SIGSTOP)
        wait_until(lambda: gateway.pids("web") not in ([], [stuck]) and gateway.is_ready(), 30, "another worker")
        assert "has stood still" in gateway.log
        assert gateway.chat("demo/echo").status_code == 200

    def test_kill_9_loses_no_usage_row_and_leaves_no_process(
        self, fresh: GatewayProcess, upstream: ScriptedUpstream
    ) -> None:
        fresh.start()
        fresh.add_node("up", upstream.base_url)
        with httpx.Client() as client:
            body = {"model": "up/killed", "messages": HELLO}
            done = [client.post(f"{fresh.url}/chat/completions", json=body).status_code for _ in range(200)]
        fresh.stop(signal.SIGKILL)
        assert done == [200] * 200
        assert fresh.pids() == []
        fresh.start()
        assert len(fresh.wait_for_usage(200, model="killed")) == 200

    def test_a_killed_supervisor_takes_its_workers_along(self, fresh: GatewayProcess) -> None:
        fresh.start()
        assert fresh.process is not None
        fresh.process.kill()
        fresh.process.wait()
        wait_until(lambda: fresh.pids() == [], 15, "the end of the workers")
        fresh.process = None

    def test_a_worker_that_dies_is_started_again(self, fresh: GatewayProcess) -> None:
        fresh.start()
        (worker,) = fresh.pids("web")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: fresh.pids("web") not in ([], [worker]), 15, "another worker")
        wait_until(fresh.is_ready, 15)
        assert fresh.chat("demo/echo").status_code == 200


class TestChangesAreObeyed:
    def test_every_change_is_obeyed_within_a_second(self, fresh: GatewayProcess, upstream: ScriptedUpstream) -> None:
        fresh.start()
        node = fresh.add_node("up", upstream.base_url)
        (connection,) = [row for row in fresh.api("GET", "/providers")["connections"] if row["provider"] == "up"]
        assert fresh.chat("up/m").status_code == 200

        fresh.api("PUT", f"/providers/{connection['id']}", {"isActive": False})
        within_a_second(lambda: fresh.chat("up/m").status_code == 400)
        fresh.api("PUT", f"/providers/{connection['id']}", {"isActive": True, "apiKey": "sk-other"})
        within_a_second(lambda: fresh.chat("up/m").status_code == 200)
        assert upstream.calls[-1].key == "sk-other"

        key = fresh.api("POST", "/keys", {"name": "k"}, 201)
        headers = {"authorization": f"Bearer {key['key']}"}
        within_a_second(lambda: httpx.get(f"{fresh.url}/models", headers=headers).status_code == 200)
        fresh.api("DELETE", f"/keys/{key['id']}")
        within_a_second(lambda: httpx.get(f"{fresh.url}/models", headers=headers).status_code == 401)

        fresh.api("DELETE", f"/provider-nodes/{node['id']}")
        within_a_second(lambda: fresh.chat("up/m").status_code == 404)

    def test_settings_are_obeyed(self, fresh: GatewayProcess, upstream: ScriptedUpstream) -> None:
        fresh.start()
        fresh.add_node("up", upstream.base_url)
        set_one(fresh, "combos.models.GatewaySettings", "largest_body_mebibytes=1")
        within_a_second(lambda: fresh.chat("up/m", "x" * (2 << 20)).status_code == 413)
        set_one(fresh, "combos.models.GatewaySettings", "models_need_key=True")
        within_a_second(lambda: httpx.get(f"{fresh.url}/models").status_code == 401)
        assert httpx.get(f"{fresh.url}/models/demo/echo").status_code == 401
        set_one(fresh, "providers.models.UpstreamSettings", "first_event_timeout_seconds=1")
        fresh.settle()
        upstream.always(play.hang_after_headers())
        answer = fresh.chat("up/m", stream=True)
        assert answer.status_code == 504
        set_one(fresh, "providers.models.UpstreamSettings", "gap_timeout_seconds=1")
        fresh.settle()
        upstream.script(play.json(200, None, delay=2))
        assert fresh.chat("up/m", stream=False).status_code == 200
        upstream.always(play.hang_after(3))
        answer = fresh.chat("up/m", stream=True)
        assert b"in time" in answer.content
        assert b"[DONE]" not in answer.content

    def test_a_used_up_budget_refuses_with_the_moment_it_begins_anew(self, fresh: GatewayProcess) -> None:
        fresh.start()
        key = fresh.make_key("poor")
        code = (
            "from billing.models import *; Budget.objects.create(api_key=ApiKey.objects.get(name='poor'),"
            " period='daily', limit_usd='0.000002')"
        )
        change(fresh, code)
        fresh.settle()

        def ask() -> httpx.Response:
            body = {"model": "demo/echo", "messages": HELLO}
            headers = {"authorization": f"Bearer {key}"}
            return httpx.post(f"{fresh.url}/chat/completions", json=body, headers=headers)

        assert [ask().status_code, ask().status_code] == [200, 200]
        refused = ask()
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
        assert 0 < int(refused.headers["retry-after"]) <= 86400
        assert fresh.chat("demo/echo").status_code == 200
        fresh.stop()
        fresh.start()
        assert ask().status_code == 429


def set_one(gateway: GatewayProcess, model: str, setting: str) -> None:
    """Set one of the product's settings, and the others of its group to their defaults."""
    module, _, name = model.rpartition(".")
    change(gateway, f"from {module} import {name} as S; S.objects.all().delete(); S.objects.create(pk=1, {setting})")


def change(gateway: GatewayProcess, code: str) -> None:
    gateway.manage("shell", "-v0", "-c", code)


def within_a_second(claim: object) -> None:
    """A second is the promise; the other one is for a busy machine to ask."""
    wait_until(claim, 2.0, "the change")


class TestDump:
    def test_dumpdata_and_loaddata_move_an_installation(
        self, fresh: GatewayProcess, make_gateway: MakeGateway, upstream: ScriptedUpstream
    ) -> None:
        fresh.start()
        fresh.add_node("up", upstream.base_url, "sk-canary-secret")
        key = fresh.make_key("moved")
        fresh.settle()
        fresh.chat("demo/echo")
        fresh.wait_for_usage()
        fresh.stop()
        dump = fresh.data_dir / "dump.json"
        fresh.manage("dumpdata", "--natural-foreign", "-e", "contenttypes", "-e", "auth.permission", "-o", str(dump))
        text = dump.read_text()
        assert "sk-canary-secret" not in text
        assert key not in text
        counts = sorted(row["model"] for row in json.loads(text))

        other = make_gateway()
        for name in ("encryption.keys", "secrets/api_key_secret"):
            copy_private(fresh.data_dir / name, other.data_dir / name)
        other.manage("migrate", "-v0")
        other.manage("loaddata", str(dump))
        again = other.data_dir / "again.json"
        other.manage("dumpdata", "--natural-foreign", "-e", "contenttypes", "-e", "auth.permission", "-o", str(again))
        assert sorted(row["model"] for row in json.loads(again.read_text())) == counts
        other.start()
        body = {"model": "up/m", "messages": HELLO}
        answer = httpx.post(
            f"{other.url}/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}, timeout=20
        )
        assert answer.status_code == 200, answer.text
        assert upstream.calls[-1].key == "sk-canary-secret"


def copy_private(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    target.write_bytes(source.read_bytes())
    target.chmod(0o600)
