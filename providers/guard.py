"""Which addresses requests may go to. One place, for every outbound request to a host an operator named.

Every address a name resolves to is judged, and the connection is made to the address that was judged, so that a name
which answers differently the second time gains nothing. Metadata services and link-local addresses are refused
always; private and loopback ones unless the node says otherwise.
"""

import ipaddress
import socket
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from aiohttp.abc import ResolveResult

from providers.names import Resolver

Address = IPv4Address | IPv6Address

METADATA = [
    ipaddress.ip_network(network) for network in ("169.254.0.0/16", "100.100.100.200/32", "fe80::/10", "fd00:ec2::/32")
]
NAT64 = [ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48")]
SHARED = ipaddress.ip_network("100.64.0.0/10")


class AddressRefused(ValueError):
    """The host may not be called. The message says why, and what would allow it."""


def embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one (mapped, 6to4, NAT64), which is where the packets would go."""
    if isinstance(address, IPv6Address):
        if any(address in network for network in NAT64):
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def judge(host: str, addresses: Sequence[str], allows_private: bool) -> str:
    """The first address, when every one of them may be called. Raises AddressRefused."""
    for text in addresses:
        address = embedded(ipaddress.ip_address(text.partition("%")[0]))
        if any(address in network for network in METADATA if network.version == address.version):
            raise AddressRefused(f"{host} is a link-local or metadata address, which is never called.")
        if address.is_multicast or address.is_unspecified or (address.is_reserved and not address.is_loopback):
            raise AddressRefused(f"{host} is not the address of a server.")
        if not allows_private and (not address.is_global or address in SHARED):
            raise AddressRefused(
                f"{host} is on a private network. Allow it for this node (`allowPrivateNetwork`) if that is meant."
            )
    if not addresses:
        raise AddressRefused(f"{host} has no address.")
    return addresses[0]


def judge_now(host: str, allows_private: bool) -> str:
    """Resolve and judge; for forms and the management API, which may block. Raises AddressRefused."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(f"{host} cannot be resolved.") from None
    return judge(host, [str(entry[4][0]) for entry in found], allows_private)


@lru_cache(maxsize=1024)
def judge_literal(host: str, allows_private: bool) -> None:
    """Judge a host that is an address already; names are judged when they are resolved. Raises AddressRefused."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    judge(host, [host], allows_private)


class GuardedResolver(Resolver):
    """Resolves names for aiohttp, which then connects to exactly the addresses that were judged here."""

    def __init__(self, allows_private: bool) -> None:
        super().__init__()
        self._allows_private = allows_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises AddressRefused."""
        try:
            found = await super().resolve(host, port, family)
        except (OSError, UnicodeError):
            raise AddressRefused(f"{host} cannot be resolved.") from None
        judge(host, [entry["host"] for entry in found], self._allows_private)
        return found
