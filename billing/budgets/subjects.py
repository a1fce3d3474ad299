"""Job: whom a body of the management API means: a key, a user, a team, or everybody.

Law: exactly one is named, by an id that exists. What does not fit together is refused, never guessed.
"""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from pydantic import BeforeValidator, Strict

from billing.budgets.budgeting import Subject
from billing.models import ApiKey, Level, Team
from providers.api_access import ApiRefusal, Missing
from providers.api_bodies import UNCHANGED, Body, wire_name


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("give an id")
    return str(value)[:100]


Id = Annotated[str, BeforeValidator(_id)]


class NamedKey(Body):
    """Either spelling."""

    key_id: str = UNCHANGED
    api_key_id: str = UNCHANGED


class Named(NamedKey):
    """One of these; `id` goes with `level`."""

    user_id: Id = UNCHANGED
    team_id: Id = UNCHANGED
    level: Annotated[Level, Strict(False)] = UNCHANGED
    id: Id = UNCHANGED


LEVELS = {"key_id": Level.KEY, "api_key_id": Level.KEY, "user_id": Level.USER, "team_id": Level.TEAM}
WORDS = {Level.KEY: "API key", Level.USER: "user", Level.TEAM: "team", Level.GLOBAL: "everybody together"}


def subject_of(named: NamedKey) -> Subject:
    """Raises ApiRefusal where nobody or several are named, and Missing where there is nobody of that id."""
    sent = named.sent()
    level = sent.get("level")
    ids = {name: (LEVELS[name], sent[name]) for name in LEVELS if sent.get(name) is not None}
    if sent.get("id") is not None:
        if level is None:
            raise ApiRefusal("level: say what `id` is the id of: key, user or team.", "level")
        ids["id"] = level, sent["id"]
    if level is Level.GLOBAL and not ids:
        return Subject(level)
    return _existing(*_only(ids, level))


def _only(ids: dict[str, tuple[Level, str]], level: Level | None) -> tuple[str, Level, str]:
    if not ids:
        raise ApiRefusal("keyId: say whose budget it is, by keyId, userId or teamId, or by level: global.", "keyId")
    if len(set(ids.values())) > 1:
        raise ApiRefusal(f"{wire_name(list(ids)[-1])}: a budget is for one subject only.", wire_name(list(ids)[-1]))
    name, (kind, text) = next(iter(ids.items()))
    if level not in (None, kind) or kind is Level.GLOBAL:
        raise ApiRefusal(f"level: {level} does not go with {wire_name(name)}.", "level")
    return name, kind, text


def _existing(name: str, level: Level, text: str) -> Subject:
    key = KEY_OF[level](text)
    row = None if key is None else ROWS[level]().filter(pk=key).values_list("pk", flat=True).first()
    if row is None:
        raise Missing(f"There is no {WORDS[level]} {text}.", wire_name(name))
    return Subject(level, row)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


KEY_OF: dict[Level, Callable[[str], Any]] = {Level.KEY: _uuid, Level.USER: _number, Level.TEAM: _number}
ROWS: dict[Level, Callable[[], QuerySet[Any]]] = {
    Level.KEY: ApiKey.objects.all,
    Level.USER: get_user_model().objects.all,
    Level.TEAM: Team.objects.all,
}
