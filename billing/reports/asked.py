"""Job: by what usage is broken down, and the filters of the URL that leave one part of it.

Law: the API and the pages use the same names. `none` stands for what is not there: no key, no combo, nobody answered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import ApiKey, Team
from billing.models.usage import NOBODY
from billing.reports.ranges import WrongAsked

NONE = "none"
LARGEST_ID = 2**63 - 1
LONGEST_NAME = 300


def _text(value: str, param: str) -> str:
    if value == NONE:
        return ""
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise WrongAsked(f"{param} is no name: at most {LONGEST_NAME} printable characters.", param)
    return value


def _key(value: str, param: str) -> UUID:
    try:
        return NOBODY if value == NONE else UUID(value)
    except ValueError:
        raise WrongAsked(f"“{value[:40]}” is no id of an API key. GET /api/keys lists them.", param) from None


def _number(value: str, param: str) -> int:
    if value == NONE:
        return 0
    if not (value.isascii() and value.isdigit() and int(value[:20]) <= LARGEST_ID):
        raise WrongAsked(f"“{value[:40]}” is no id: give a whole number.", param)
    return int(value)


FILTERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "provider": ("provider", _text),
    "model": ("model", _text),
    "account": ("connection", _text),
    "apiKey": ("api_key_id", _key),
    "user": ("user_id", _number),
    "team": ("team_id", _number),
    "combo": ("combo", _text),
    "dialect": ("dialect", _text),
}
"""Name in the URL: the column, and how its value is read."""
NAMES_IN_URLS = {column: name for name, (column, _read) in FILTERS.items()}


def filters_of(asked: Mapping[str, str]) -> dict[str, Any]:
    """Values by column of DailyUsage. Raises WrongAsked."""
    given = {name: value.strip() for name, value in asked.items() if name in FILTERS and value and value.strip()}
    return {FILTERS[name][0]: FILTERS[name][1](value, name) for name, value in given.items()}


def filters_of_requests(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The same for UsageRecord, where what is not there is null."""
    absent = {"api_key_id": NOBODY, "user_id": 0, "team_id": 0}
    return {
        f"{column}__isnull" if absent.get(column) == value else column: absent.get(column) == value or value
        for column, value in columns.items()
    }


def written(column: str, value: Any) -> str:
    """A value of a column as it stands in a URL."""
    return str(value) if value and value != NOBODY else NONE


@dataclass(frozen=True, slots=True)
class Dimension:
    """One way to break usage down."""

    title: str | Promise
    columns: tuple[str, ...]
    """What tells its parts apart."""
    name_of: Callable[[Mapping[str, Any]], str]
    nobody: str | Promise
    """The name of the part that has none."""
    names: tuple[Any, str, str] | None = None
    """Of what goes by an id: whose rows have the names, in which field, and the column that quotes them."""

    def asked(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The filters that leave only this part."""
        return {NAMES_IN_URLS[column]: written(column, values[column]) for column in self.columns}


def _named(column: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda values: str(values[column])


def _model(values: Mapping[str, Any]) -> str:
    return "/".join(filter(None, (values["provider"], values["model"])))


def _account(values: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (values["provider"], values["connection"])))


DIMENSIONS: dict[str, Dimension] = {
    "provider": Dimension(_("Providers"), ("provider",), _named("provider"), _("nobody answered")),
    "model": Dimension(_("Models"), ("provider", "model"), _model, _("nobody answered")),
    "account": Dimension(_("Accounts"), ("provider", "connection"), _account, _("nobody answered")),
    "apiKey": Dimension(
        _("API keys"), ("api_key_id",), _named("api_key_id"), _("no key"), (ApiKey, "name", "api_key_name")
    ),
    "user": Dimension(
        _("Users"), ("user_id",), _named("user_id"), _("no user"), (get_user_model(), "username", "user_name")
    ),
    "team": Dimension(_("Teams"), ("team_id",), _named("team_id"), _("no team"), (Team, "name", "team_name")),
    "combo": Dimension(_("Combos"), ("combo",), _named("combo"), _("no combo")),
    "dialect": Dimension(_("Dialects"), ("dialect",), _named("dialect"), _("none")),
}
