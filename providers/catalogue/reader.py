"""Job: read one catalogue file into a `Vendor`, or say in which file and at which key it is wrong.

Law: the dataclasses are the schema. A table's keys are a dataclass's fields, its values have the fields'
types, and anything unknown, missing or of another type is a `CatalogueError`, never a guess.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from providers.catalogue.vendor import CatalogueModel, QuirkRow, Vendor
from providers.catalogue.vocabulary import LoginFlow, ModelType, QuotaKind

URL_SCHEMES = {"https", "demo"}
MEMBER = re.compile(r"\w+")
NESTED_MEMBER = re.compile(r"\w+(?:\.\w+)?")
NEEDED_BY_FLOW = {
    LoginFlow.AUTHORIZATION_CODE: ("authorize_url", "token_url", "redirect_uri"),
    LoginFlow.DEVICE_CODE: ("device_url", "token_url"),
    LoginFlow.IMPORT: ("refresh_url",),
}


class CatalogueError(Exception):
    """A catalogue file is wrong. `file` is its name, `key` the dotted path, empty if the file is no TOML."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}" if key else f"{file}: {problem}")
        self.file = file
        self.key = key


class Misfit(Exception):
    """A value does not fit its key; becomes a CatalogueError where the file's name is known."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem


def read_vendor(path: Path) -> Vendor:
    """The vendor of one file, which is named after it. Raises CatalogueError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        vendor: Vendor = read(Vendor, with_models(table), "")
        for check in CHECKS:
            check(vendor, path.stem)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(path.name, "", f"is not TOML: {error}") from error
    except Misfit as error:
        raise CatalogueError(path.name, error.key, error.problem) from error
    return vendor


def with_models(table: dict[str, Any]) -> dict[str, Any]:
    """The file's table with `[models.TYPE]` and `[prices]` made into one mapping of models by id."""
    shared = expect(dict, table.pop("prices", {}), "prices")
    models: dict[str, CatalogueModel] = {}
    for kind, rows in expect(dict, table.get("models", {}), "models").items():
        choice(ModelType, kind, f"models.{kind}")
        for model_id, row in expect(dict, rows, f"models.{kind}").items():
            key = f"models.{kind}.{model_id}"
            if model_id in models:
                raise Misfit(key, f"is listed as {models[model_id].type} already")
            models[model_id] = read_model(expect(dict, row, key), {"id": model_id, "type": kind}, shared, key)
    return table | {"models": models}


def read_model(row: dict[str, Any], place: dict[str, str], shared: dict[str, Any], key: str) -> CatalogueModel:
    """The model of a row: its place tells id and type, `shared` the source and date of its price."""
    for name in sorted(row.keys() & place.keys()):
        raise Misfit(dotted(key, name), "is told by the row's place already")
    if "price" in row:
        row = row | {"price": shared | expect(dict, row["price"], f"{key}.price")}
    model: CatalogueModel = read(CatalogueModel, {"upstream_id": place["id"]} | row | place, key)
    return model


def read(kind: Any, table: Any, key: str) -> Any:
    """An instance of the dataclass `kind` from a table."""
    row = expect(dict, table, key)
    schema = schema_of(kind)
    for name in sorted(row.keys() - schema.keys()):
        raise Misfit(dotted(key, name), f"is unknown; known are {', '.join(schema)}")
    for name, (_, is_required) in schema.items():
        if is_required and name not in row:
            raise Misfit(dotted(key, name), "is missing")
    return kind(**{name: convert(schema[name][0], value, dotted(key, name)) for name, value in row.items()})


@cache
def schema_of(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """Field name to its type and whether it must be given."""
    hints = get_type_hints(kind)
    return {field.name: (hints[field.name], is_required(field)) for field in fields(kind)}


def is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def convert(kind: Any, value: Any, key: str) -> Any:
    """The value as the type `kind`, which may be any a catalogue dataclass has."""
    origin = get_origin(kind)
    if origin is UnionType:
        return one_of([option for option in get_args(kind) if option is not NoneType], value, key)
    if origin is tuple:
        items = enumerate(expect(list, value, key))
        return tuple(convert(get_args(kind)[0], item, f"{key}[{index}]") for index, item in items)
    if origin is Mapping:
        return mapping(get_args(kind), expect(dict, value, key), key)
    if is_dataclass(kind):
        return value if type(value) is kind else read(kind, value, key)
    if issubclass(kind, StrEnum):
        return choice(kind, value, key)
    return price(value, key) if kind is Decimal else expect(kind, value, key)


def one_of(kinds: list[Any], value: Any, key: str) -> Any:
    """The value as one of several plain types, or as the only one. TOML has no null, so None is never it."""
    if len(kinds) == 1:
        return convert(kinds[0], value, key)
    if type(value) not in kinds:
        names = ", ".join(kind.__name__ for kind in kinds)
        raise Misfit(key, f"{value!r} must be one of {names}, is {type(value).__name__}")
    return value


def mapping(kinds: tuple[Any, ...], table: dict[str, Any], key: str) -> Mapping[Any, Any]:
    key_kind, value_kind = kinds
    converted = {
        convert(key_kind, name, dotted(key, name)): convert(value_kind, value, dotted(key, name))
        for name, value in table.items()
    }
    return MappingProxyType(converted)


def choice(kind: type[StrEnum], value: Any, key: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise Misfit(key, f"{value!r} is not one of {', '.join(kind)}") from None


def price(value: Any, key: str) -> Decimal:
    amount = value if isinstance(value, Decimal) else Decimal(expect(int, value, key))
    if not amount.is_finite() or amount < 0:
        raise Misfit(key, f"{amount} is no price; give USD per million tokens")
    return amount


def expect(kind: type[Any], value: Any, key: str) -> Any:
    if type(value) is not kind:  # not isinstance: in Python, true is an int
        raise Misfit(key, f"{value!r} must be {kind.__name__}, is {type(value).__name__}")
    return value


def dotted(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def check_names(vendor: Vendor, stem: str) -> None:
    if vendor.id != stem:
        raise Misfit("id", f"{vendor.id!r} must be the file's name, {stem!r}")
    for name in sorted({vendor.id, vendor.prefix} - set(vendor.prefixes)):
        raise Misfit("prefixes", f"lacks {name!r}")


def check_urls(vendor: Vendor, _: str) -> None:
    for key, url in urls(vendor):
        if url and urlsplit(url).scheme not in URL_SCHEMES:
            raise Misfit(key, f"{url!r} must be https")


def urls(vendor: Vendor) -> Iterator[tuple[str, str]]:
    """Every URL the gateway would call, with its key."""
    for capability, url in vendor.endpoints.items():
        yield f"endpoints.{capability}", url
    for index, login in enumerate(vendor.logins):
        for field in fields(login):
            if field.name.endswith("_url"):
                yield f"logins[{index}].{field.name}", getattr(login, field.name)


def check_logins(vendor: Vendor, _: str) -> None:
    if not vendor.logins:
        raise Misfit("logins", "is empty; a vendor without a login has the flow none")
    for index, login in enumerate(vendor.logins):
        for name in NEEDED_BY_FLOW.get(login.flow, ()):
            if not getattr(login, name):
                raise Misfit(f"logins[{index}].{name}", f"is needed for {login.flow}")


def check_quotas(vendor: Vendor, _: str) -> None:
    for index, rule in enumerate(vendor.quotas):
        if (rule.kind is QuotaKind.ROLLING) != (rule.hours is not None):
            raise Misfit(f"quotas[{index}].hours", "goes with the kind rolling, and only with it")


def check_models(vendor: Vendor, _: str) -> None:
    """A listed model nobody can be asked for would be a lie of the catalogue."""
    for model in vendor.models.values():
        if vendor.endpoint(model.capability) is None:
            raise Misfit(f"endpoints.{model.capability}", f"is needed for the model {model.id!r}")


def check_quirks(vendor: Vendor, _: str) -> None:
    for index, row in enumerate(vendor.quirks):
        key = f"quirks[{index}]"
        if not all(pattern.strip("!") for pattern in row.models) or all(pattern[0] == "!" for pattern in row.models):
            raise Misfit(f"{key}.models", "names no model; leave it out where all are meant")
        if not (row.unsupported or row.renamed or row.forced):
            raise Misfit(key, "says nothing; give unsupported, renamed or forced")
        check_members(row, key)


def check_members(row: QuirkRow, key: str) -> None:
    """One member, one fate: what a row renames to, it cannot drop or force."""
    fates: dict[str, str] = {}
    for fate, names in members(row):
        for name in names:
            if not (NESTED_MEMBER if fate == "unsupported" else MEMBER).fullmatch(name):
                raise Misfit(f"{key}.{fate.split()[0]}", f"{name!r} is no name of a member")
            if fates.setdefault(name, fate) != fate:
                raise Misfit(f"{key}.{fate.split()[0]}", f"{name!r} is {fates[name]} already")


def members(row: QuirkRow) -> Iterator[tuple[str, Iterable[str]]]:
    yield "unsupported", row.unsupported
    yield "renamed", row.renamed
    yield "forced", row.forced
    yield "renamed to", row.renamed.values()


CHECKS = (check_names, check_urls, check_logins, check_quotas, check_models, check_quirks)
