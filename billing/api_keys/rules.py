"""Job: what the fields of an API key may hold. Forms, the management API and `manage.py apikey` all ask here.

Law: pure, but for the one question which providers there are. Each raises Django's ValidationError, which names the
field, quotes the value and says what would do.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext as said
from django.utils.translation import gettext_lazy as _

from providers.catalogue import catalogue
from providers.models import Provider

MOST_ENTRIES = 200
"""Of each list."""
LONGEST_ENTRY = 300
SHOWN = 60

REQUESTS_A_MINUTE = [MinValueValidator(1), MaxValueValidator(1_000_000)]
TOKENS_A_MINUTE = [MinValueValidator(1), MaxValueValidator(2_000_000_000)]
CONCURRENT = [MinValueValidator(1), MaxValueValidator(100_000)]

Network = IPv4Network | IPv6Network

NOWHERE = ip_network("255.255.255.255/32")
"""Nobody calls from there: what a range that cannot be read stands for."""


class Scope(models.TextChoices):
    """What a key opens."""

    INFERENCE = "inference", _("Ask models")
    READ = "read", _("Read the management API")
    MANAGE = "manage", _("The whole management API")


def check_scopes(value: Any) -> None:
    names = _texts(value)
    for name in names:
        if name not in Scope.values:
            known = ", ".join(Scope.values)
            raise ValidationError(said("There is no scope “%(it)s”. There are %(known)s."), params=_it(name, known))
    if not names:
        raise ValidationError(said("A key needs a scope: %(known)s."), params=_it("", ", ".join(Scope.values)))


def check_models(value: Any) -> None:
    for name in _texts(value):
        if name.startswith("/") or name.endswith("/"):
            raise ValidationError(
                said("“%(it)s” names no model. Write prefix/model, or prefix/* for all of a provider."),
                params=_it(name),
            )


def check_providers(value: Any) -> None:
    named = set(_texts(value))
    if unknown := sorted(named - _providers(named)):
        raise ValidationError(
            said("There is no provider “%(it)s”. Name one by its id or its prefix, as the Providers page shows them."),
            params=_it(unknown[0]),
        )


def _providers(named: set[str]) -> set[str]:
    """Those of the names that a request could use as a prefix."""
    rows = Provider.objects.filter(models.Q(slug__in=named) | models.Q(prefix__in=named))
    found = {name for row in rows.values_list("slug", "prefix") for name in row}
    return found | {prefix for vendor in catalogue().values() for prefix in vendor.prefixes}


def check_addresses(value: Any) -> None:
    for text in _texts(value):
        try:
            network_of(text)
        except ValueError:
            raise ValidationError(_no_range(text), params=_it(text)) from None


def _no_range(text: str) -> str:
    """What is wrong with it; the commonest mistake is an address of the network in place of the network's."""
    try:
        meant = ip_interface(text).network
    except ValueError:
        return said("“%(it)s” is no address and no range. Write 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32.")
    return said("“%(it)s” is an address within a range. Write {network}, or the address alone.").format(network=meant)


def network_of(text: str) -> Network:
    """A range, or a single address as one. An IPv4 range that is spelled as IPv6 is the IPv4 one. Raises ValueError."""
    network = ip_network(text)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return IPv4Network((mapped, network.prefixlen - 96))


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """As requests ask. A range that came in past the checks and cannot be read opens nothing."""
    return tuple(map(_network_or_nowhere, texts))


def _network_or_nowhere(text: str) -> Network:
    try:
        return network_of(text)
    except ValueError:
        return NOWHERE


def _texts(value: Any) -> list[str]:
    """The entries of a list of texts. Raises ValidationError."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ValidationError(said("Give a list of texts."))
    if len(value) > MOST_ENTRIES:
        raise ValidationError(said("%(number)d entries are too many: at most %(most)d."), params=_too_many(value))
    for entry in value:
        if not 0 < len(entry) <= LONGEST_ENTRY or not entry.isprintable() or entry != entry.strip():
            raise ValidationError(
                said("“%(it)s” cannot be an entry: 1 to %(known)s characters, all of them printable."),
                params=_it(entry, str(LONGEST_ENTRY)),
            )
    return value


def _too_many(value: list[str]) -> dict[str, int]:
    return {"number": len(value), "most": MOST_ENTRIES}


def _it(text: str, known: str = "") -> dict[str, str]:
    return {"it": text[:SHOWN], "known": known}
