"""`manage.py simulate`: what the recorded requests of a period would have cost otherwise. It writes nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from billing.models import UsageRecord
from billing.usage import days
from billing.what_if import price_sheet
from billing.what_if.costs import Unfit
from billing.what_if.periods import span_of
from billing.what_if.price_sheet import SheetRow
from billing.what_if.recorded import Selection
from combos.strategies import Strategy
from combos.what_if.api import shown_report
from combos.what_if.report import Report, report_of
from combos.what_if.simulation import Kind, Prices, Scenario, simulate, strategy_of
from combos.what_if.text import as_csv, as_text
from providers.vault import VaultError

WRONG = 2
OPTIONS = {
    "since": "--from",
    "until": "--to",
    "to": "--with-combo/--with-model",
    "strategy": "--with-strategy",
    "sheet": "--prices",
}


class Command(BaseCommand):
    help = "Replay recorded requests: what would they have cost at another combo, model, strategy or price table?"

    def add_arguments(self, parser: ArgumentParser) -> None:
        of_time = parser.add_argument_group("the period, in the configured time zone; the last 30 days by default")
        of_time.add_argument("--from", dest="since", default="", metavar="DAY", help="such as 2026-11-01")
        of_time.add_argument("--to", dest="until", default="", metavar="DAY", help="that day too")
        of_time.add_argument("--last", default="", metavar="LENGTH", help="24h, 30d, 4w")
        which = parser.add_argument_group("which requests; all by default")
        for name in ("key", "user", "combo", "provider", "model"):
            which.add_argument(f"--{name}", default="", metavar="NAME")
        add_changes(parser)
        shown = parser.add_mutually_exclusive_group()
        shown.add_argument("--json", action="store_true", help="as POST /api/usage/simulate answers")
        shown.add_argument("--csv", action="store_true", help="for a spreadsheet, money with all its digits")
        parser.add_argument("--sample", type=int, metavar="N", help="Replay about N requests, spread evenly.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = answered(options)
        except Unfit as unfit:
            option = OPTIONS.get(unfit.field, f"--{unfit.field.replace('_', '-')}")
            raise CommandError(f"{option}: {unfit.message}", returncode=WRONG) from None
        except UnicodeEncodeError as error:
            raise CommandError(f"An argument is not UTF-8: {error.object!r}", returncode=WRONG) from None
        except VaultError as error:
            raise CommandError(f"The connections cannot be read: {error}", returncode=3) from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}", returncode=3) from error
        self.stdout.write(written(report, options), ending="")


def add_changes(parser: ArgumentParser) -> None:
    change = parser.add_argument_group("what should have been different; at least one")
    change.add_argument("--with-combo", default="", metavar="NAME", help="send the requests to this combo")
    change.add_argument("--with-model", default="", metavar="PREFIX/MODEL", help="send the requests to this model")
    change.add_argument("--only", default="", metavar="NAME", help="only those that asked for this name or pattern")
    change.add_argument("--with-strategy", default="", metavar="STRATEGY", help=", ".join(Strategy.values))
    change.add_argument("--for-combo", default="", metavar="NAME", help="the combo that has this strategy instead")
    change.add_argument("--prices", metavar="FILE", help="CSV: provider,model,input,output,... per million, or JSON")
    table = change.add_mutually_exclusive_group()
    table.add_argument("--today-prices", action="store_true", help="price every call as of today")
    table.add_argument("--default-prices", action="store_true", help="the same, without the operators' own prices")
    change.add_argument("--no-cache", action="store_true", help="as if no prompt had been cached")
    change.add_argument("--at-list", action="store_true", help="as if there were no subscriptions")
    change.add_argument("--all-healthy", action="store_true", help="as if nobody had failed")


def answered(options: dict[str, Any]) -> Report:
    """Raises Unfit."""
    if options["sample"] is not None and options["sample"] < 1:
        raise Unfit("sample", f"{options['sample']} is too few: give at least 1.")
    zone = days.time_zone()
    span = span_of(options["since"], options["until"], options["last"], timezone.now().astimezone(zone), zone)
    names = {name: options[name] for name in ("key", "user", "combo", "provider", "model")}
    selection = Selection(span.since, span.until, **names)
    return report_of(simulate(scenario_of(options), selection, UsageRecord.objects.all(), zone, options["sample"]))


def scenario_of(options: dict[str, Any]) -> Scenario:
    combo, model = options["with_combo"], options["with_model"]
    if combo and model:
        raise Unfit("to", "Give one of the two.")
    prices = Prices.TODAY if options["today_prices"] else Prices.RECORDED
    return Scenario(
        to=combo or model,
        kind=Kind.COMBO if combo else Kind.MODEL if model else Kind.ANY,
        only=options["only"],
        strategy=strategy_of(options["with_strategy"]),
        for_combo=options["for_combo"],
        prices=Prices.DEFAULT if options["default_prices"] else prices,
        sheet=sheet_in(options["prices"]) if options["prices"] else (),
        without_cache=options["no_cache"],
        at_list=options["at_list"],
        all_well=options["all_healthy"],
    )


def sheet_in(name: str) -> tuple[SheetRow, ...]:
    """Raises Unfit."""
    try:
        return price_sheet.read(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Unfit("sheet", f"“{name}” cannot be read: {error}") from None


def written(report: Report, options: dict[str, Any]) -> str:
    if options["json"]:
        return shown_report(report).model_dump_json(by_alias=True, indent=2) + "\n"
    return as_csv(report) if options["csv"] else as_text(report)
