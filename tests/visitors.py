"""Visitors of a really started dashboard: a browser's session of each role, without the login."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from tests.gateway import GatewayProcess

LOG_IN = """
import json
from django.contrib.auth.models import User
from django.test import Client
from omniroute_site.roles import Role
from omniroute_site.users import give_role

def session(role):
    user, _ = User.objects.get_or_create(username=f"visitor-{role.value.lower()}")
    give_role(user, role)
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value

print(json.dumps({role.value: session(role) for role in Role}))
"""


@dataclass(frozen=True, slots=True)
class Visitor:
    client: httpx.Client

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(f"/admin/{path}", params=query or None)

    def post(self, path: str, **form: str) -> httpx.Response:
        """From a form of the page at that address."""
        self.get(path)
        return self.client.post(f"/admin/{path}", data=form, headers={"x-csrftoken": self.client.cookies["csrftoken"]})


def visitors(gateway: GatewayProcess) -> dict[str, Visitor]:
    """One for each role, by its name."""
    sessions = json.loads(gateway.manage("shell", "-v0", "-c", LOG_IN).stdout)
    return {
        role: Visitor(httpx.Client(base_url=gateway.root, cookies={"sessionid": session}, timeout=30))
        for role, session in sessions.items()
    }
