"""Nodes and connections at one scripted upstream, told apart by their keys: who was asked, in which order."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.gateway import TRUST, GatewayProcess
from tests.upstream import ScriptedUpstream, Told

NODES = ("one", "two", "three")
ACCOUNTS = ("a", "b", "c")


@dataclass
class Fleet:
    """Nodes `one`, `two`, `three` with a connection each, and the node `many` with the connections a, b, c."""

    gateway: GatewayProcess
    upstream: ScriptedUpstream
    connections: dict[str, str] = field(default_factory=dict)
    """Ids of connections, by node or by account."""

    def build(self) -> "Fleet":
        for node in NODES:
            self.gateway.add_node(node, self.upstream.base_url, api_key=None)
            self.connections[node] = self.gateway.connect(node, f"sk-{node}")["id"]
        self.gateway.add_node("many", self.upstream.base_url, api_key=None)
        for priority, account in enumerate(ACCOUNTS, start=1):
            made = self.gateway.connect("many", f"sk-{account}", account, priority=priority)
            self.connections[account] = made["id"]
        return self

    def tell(self, who: str, *behaviours: Told) -> None:
        """For good if it is one, else one after the other."""
        if len(behaviours) == 1:
            self.upstream.always(behaviours[0], key=f"sk-{who}")
        else:
            self.upstream.script(*behaviours, key=f"sk-{who}")

    def asked(self) -> list[str]:
        """Nodes or accounts, in the order in which they were asked since the last look."""
        calls, self.upstream.calls[:] = list(self.upstream.calls), []
        return [call.key.removeprefix("sk-") for call in calls if call.method == "POST"]

    def combo(self, name: str, *models: Any, **facts: Any) -> str:
        """One that was not there, or another in its place."""
        for row in self.gateway.api("GET", "/combos")["combos"]:
            if row["name"] == name:
                self.gateway.api("DELETE", f"/combos/{row['id']}")
        self.gateway.api("POST", "/combos", {"name": name, "models": list(models)} | facts, 201)
        self.gateway.settle_workers()
        return name

    def ask(self, model: str, text: str = "hello", **members: Any) -> str:
        """Who answered."""
        answer = self.gateway.chat(model, text, **members)
        assert answer.status_code == 200, answer.text
        return self.asked()[-1]

    def routing(self, **settings: Any) -> None:
        self.gateway.api("PATCH", "/settings", settings)
        self.gateway.settle_workers()

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return httpx.post(f"{self.gateway.root}{path}", json=body, headers=headers, timeout=30, verify=TRUST)
