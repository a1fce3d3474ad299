"""Several workers, which need Redis: `make test-services` runs this, `make test` does not."""

import time

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
