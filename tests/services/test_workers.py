"""Several workers, which need Redis: `make test-services` runs this, `make test` does not."""

import os
import time

import psycopg

from tests.conftest import MakeGateway
from tests.gateway import wait_until
from tests.upstream import ScriptedUpstream


class TestFourWorkers:
    def test_each_serves_and_all_obey(self, make_gateway: MakeGateway, upstream: ScriptedUpstream) -> None:
        gateway = make_gateway(workers=4).start()
        gateway.add_node("up", upstream.base_url)
        wait_until(lambda: len(gateway.pids("web")) == 4)
        time.sleep(1)
        assert {gateway.chat("up/m").status_code for _ in range(40)} == {200}
        (connection,) = [row for row in gateway.api("GET", "/providers")["connections"] if row["provider"] == "up"]
        gateway.api("PUT", f"/providers/{connection['id']}", {"isActive": False})
        time.sleep(1)
        upstream.calls.clear()
        assert {gateway.chat("up/m").status_code for _ in range(40)} == {400}
        assert upstream.calls == []
        assert len(gateway.wait_for_usage(40, status=200)) == 40


class TestALostDatabase:
    """Sessions are ended from outside, as a restart of PostgreSQL does."""

    def test_requests_go_on_and_everything_recovers(
        self, make_gateway: MakeGateway, upstream: ScriptedUpstream
    ) -> None:
        gateway = make_gateway().start()
        gateway.add_node("up", upstream.base_url)
        end_sessions(gateway.environment["DATABASE_URL"])
        assert [gateway.chat("up/lost").status_code for _ in range(5)] == [200] * 5
        assert len(gateway.wait_for_usage(5, model="lost")) == 5
        wait_until(gateway.is_ready, 10)
        gateway.add_node("later", upstream.base_url)
        wait_until(lambda: gateway.chat("later/m").status_code == 200, 2, "the change after the outage")


def end_sessions(database_url: str) -> None:
    name = database_url.rpartition("/")[2]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
