"""`manage.py apikey`: make, rotate, list and disable API keys. A key that is told is alone on standard output."""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.db.models import Q
from django.utils.dateparse import parse_datetime

from billing.api_keys import keys
from billing.calendar import now
from billing.models import ApiKey, Scope, Team

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_SPAN = 100 * 366 * 86_400
WHICH = "Its name, its id, or the beginning of the key as the dashboard shows it."
FIELDS = {
    "models": "allowed_models",
    "providers": "allowed_providers",
    "ip": "ip_ranges",
    "rpm": "requests_per_minute",
    "tpm": "tokens_per_minute",
    "concurrency": "max_concurrent",
    "expires": "expires_at",
}
"""The options that are a field of the key, and which."""


class Command(BaseCommand):
    help = "Make, rotate, list and disable API keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        create = deeds.add_parser("create", help="Make a key and print it. It is shown this once.")
        create.add_argument("name", help="What the key is for; shown in the dashboard.")
        create.add_argument("--admin", action="store_true", help="It opens the management API (/api).")
        create.add_argument("--scope", action="append", choices=Scope.values, help="What it opens; may be repeated.")
        create.add_argument("--owner", help="The user it belongs to.")
        create.add_argument("--team", help="The team whose budgets it counts for.")
        create.add_argument("--models", type=listed, help="Patterns with commas between: openai/*,coding.")
        create.add_argument("--providers", type=listed, help="Ids or prefixes with commas between.")
        create.add_argument("--ip", type=listed, help="Addresses and ranges with commas between: 10.0.0.0/8.")
        create.add_argument("--expires", help="2030-01-31T00:00:00Z, or from now on: 30d, 12h.")
        create.add_argument("--rpm", type=int, help="Requests a minute.")
        create.add_argument("--tpm", type=int, help="Tokens a minute.")
        create.add_argument("--concurrency", type=int, help="Requests at once.")
        rotate = deeds.add_parser("rotate", help="Give a key another secret and print it. It is shown this once.")
        rotate.add_argument("key", help=WHICH)
        rotate.add_argument(
            "--grace", default="24h", help="How long the former one stays good: 24h, 30m; 0 ends it now."
        )
        deeds.add_parser("list", help="All keys, one a line.")
        disable = deeds.add_parser("disable", help="Requests with the key are refused from now on.")
        disable.add_argument("key", help=WHICH)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            DEEDS[options["deed"]](self, options)
        except ValidationError as invalid:
            raise CommandError(_sentences(invalid)) from None
        except keys.AlreadyRotated as beaten:
            raise CommandError(str(beaten)) from None
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used ({error}). `manage.py up` or `migrate` sets it up."
            ) from error

    def create(self, options: Mapping[str, Any]) -> None:
        facts = {field: options[option] for option, field in FIELDS.items() if options.get(option) is not None}
        if options.get("expires"):
            facts["expires_at"] = moment_of(options["expires"])
        if options.get("scope"):
            facts["scopes"] = options["scope"]
        if options.get("owner"):
            facts["owner"] = _the_one(User.objects.filter(username=options["owner"]), f"user “{options['owner']}”")
        if options.get("team"):
            facts["team"] = _the_one(Team.objects.filter(name=options["team"]), f"team “{options['team']}”")
        _, key = keys.create(options["name"].strip(), is_admin=options.get("admin", False), **facts)
        self.stdout.write(key)

    def rotate(self, options: Mapping[str, Any]) -> None:
        self.stdout.write(keys.rotate(_key(options["key"]), span_of(options["grace"])))

    def list(self, options: Mapping[str, Any]) -> None:
        for row in ApiKey.objects.select_related("owner", "team").order_by("name", "created_at"):
            self.stdout.write("\t".join(_told(row)))

    def disable(self, options: Mapping[str, Any]) -> None:
        row = _key(options["key"])
        keys.change(row, is_active=False)
        self.stdout.write(f"{row.shown_prefix}… ({row.name}) is switched off.")


DEEDS: Mapping[str, Callable[[Command, Mapping[str, Any]], None]] = {
    "create": Command.create,
    "rotate": Command.rotate,
    "list": Command.list,
    "disable": Command.disable,
}


def listed(text: str) -> list[str]:
    return [entry for piece in text.split(",") if (entry := piece.strip())]


def span_of(text: str) -> timedelta:
    """`24h`, `30m`, `0`. Raises CommandError."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in UNITS else (text, "s")
    if not (number.isascii() and number.isdigit()) or len(number) > 12:
        raise CommandError(f"“{text}” is no length of time. Write 24h, 30m, 7d or 0.")
    return timedelta(seconds=min(int(number) * UNITS[unit], LONGEST_SPAN))


def moment_of(text: str) -> datetime:
    """Raises CommandError."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        return now() + span_of(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _told(row: ApiKey) -> tuple[str, ...]:
    used = row.last_used_at.isoformat(timespec="seconds") if row.last_used_at else "never used"
    owner, team = row.owner.get_username() if row.owner else "-", row.team.name if row.team else "-"
    return f"{row.shown_prefix}…", row.name, ",".join(row.scopes), owner, team, _state(row), used


def _state(row: ApiKey) -> str:
    if row.expires_at and row.expires_at <= now():
        return "expired"
    return "active" if row.is_active else "disabled"


def _key(named: str) -> ApiKey:
    """Raises CommandError, also where several keys have the name."""
    is_it = Q(name=named) | Q(shown_prefix=named.rstrip("…"))
    found: ApiKey = _the_one(ApiKey.objects.filter(is_it | _id(named)), f"key “{named}”")
    return found


def _id(text: str) -> Q:
    try:
        return Q(pk=UUID(text))
    except ValueError:
        return Q()


def _the_one(rows: Any, said: str) -> Any:
    found = rows[:3]
    if len(found) > 1:
        raise CommandError(f"There are several of that name. Say which {said}: `apikey list` shows how each begins.")
    if not found:
        raise CommandError(f"There is no {said}.")
    return found[0]


def _sentences(invalid: ValidationError) -> str:
    if not hasattr(invalid, "error_dict"):
        return " ".join(invalid.messages)
    return " ".join(f"{field}: {' '.join(texts)}" for field, texts in invalid.message_dict.items())
