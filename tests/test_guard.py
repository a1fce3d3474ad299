"""Which addresses may be called, however they are spelled."""

import pytest

from providers import guard
from providers.guard import AddressRefused

ALWAYS_REFUSED = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "100.100.100.200",
    "fe80::1",
    "fd00:ec2::254",
    "0.0.0.0",
    "224.0.0.1",
]
PRIVATE = ["127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", ALWAYS_REFUSED)
@pytest.mark.parametrize("allows_private", [True, False])
def test_metadata_and_link_local_addresses_are_never_called(address: str, allows_private: bool) -> None:
    with pytest.raises(AddressRefused):
        guard.judge("host", [address], allows_private)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_the_operators_word(address: str) -> None:
    with pytest.raises(AddressRefused, match="private network"):
        guard.judge("host", [address], allows_private=False)
    assert guard.judge("host", [address], allows_private=True) == address


def test_one_bad_address_among_good_ones_is_enough() -> None:
    assert guard.judge("host", ["93.184.216.34"], allows_private=False) == "93.184.216.34"
    with pytest.raises(AddressRefused):
        guard.judge("host", ["93.184.216.34", "127.0.0.1"], allows_private=False)


@pytest.mark.parametrize("spelling", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost"])
def test_every_spelling_of_loopback_is_loopback(spelling: str) -> None:
    with pytest.raises(AddressRefused):
        guard.judge_now(spelling, allows_private=False)


def test_a_name_that_does_not_resolve_is_refused() -> None:
    with pytest.raises(AddressRefused, match="resolved"):
        guard.judge_now("no-such-host.invalid", allows_private=True)
