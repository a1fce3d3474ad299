"""Job: the table of vendors, one TOML file each: `CATALOGUE[provider id]` and `vendor_of(prefix)`.

Law: facts only, the same for every operator, and no secret among them. Files are read at first use and
never again; a wrong one raises `CatalogueError`. Reading needs neither Django nor the network.

Adding a vendor is adding a file. Its keys are the fields of `Vendor`, except that models stand in
`[models.TYPE]` tables under their ids and `[prices]` tells the source and date of the prices in them.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from providers.catalogue.reader import CatalogueError, read_vendor
from providers.catalogue.vendor import CatalogueModel, ListPrice, Login, PriceTier, QuirkRow, QuotaRule, Vendor
from providers.catalogue.vocabulary import (
    AuthStyle,
    BodyFormat,
    Capability,
    ClientAuthentication,
    LoginFlow,
    ModelType,
    QuotaKind,
    QuotaUnit,
    Tier,
    Wire,
)

__all__ = [
    "CATALOGUE",
    "AuthStyle",
    "BodyFormat",
    "Capability",
    "CatalogueError",
    "CatalogueModel",
    "ClientAuthentication",
    "ListPrice",
    "Login",
    "LoginFlow",
    "ModelType",
    "PriceTier",
    "QuirkRow",
    "QuotaKind",
    "QuotaRule",
    "QuotaUnit",
    "Tier",
    "Vendor",
    "Wire",
    "catalogue",
    "read_catalogue",
    "vendor_of",
]

CATALOGUE: Mapping[str, Vendor]


def __getattr__(name: str) -> Mapping[str, Vendor]:
    """`CATALOGUE` is read when it is first asked for, so that importing this package costs nothing."""
    if name == "CATALOGUE":
        return catalogue()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def catalogue() -> Mapping[str, Vendor]:
    """The shipped vendors by id, in the order of their ids."""
    return read_catalogue(Path(__file__).parent)


def vendor_of(prefix: str) -> Vendor | None:
    """The vendor a model's prefix names: its short prefix, its id, or another it accepts."""
    return vendors_by_prefix().get(prefix)


def read_catalogue(directory: Path) -> Mapping[str, Vendor]:
    """The vendors of every `*.toml` in a directory. Raises CatalogueError, also for a prefix used twice."""
    vendors = {path.stem: read_vendor(path) for path in sorted(directory.glob("*.toml"))}
    by_prefix(vendors)
    return MappingProxyType(vendors)


@cache
def vendors_by_prefix() -> Mapping[str, Vendor]:
    return by_prefix(catalogue())


def by_prefix(vendors: Mapping[str, Vendor]) -> Mapping[str, Vendor]:
    owners: dict[str, Vendor] = {}
    for vendor in vendors.values():
        for prefix in vendor.prefixes:
            if (owner := owners.setdefault(prefix, vendor)) is not vendor:
                raise CatalogueError(f"{vendor.id}.toml", "prefixes", f"{prefix!r} is already {owner.id}'s")
    return MappingProxyType(owners)
