"""Job: the answer to a "what if" as text: a readable table for a terminal, and CSV for a spreadsheet.

Law: no cell of the CSV is taken for a formula; money there has all its digits.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from billing.figures import count, money
from billing.reports.csv_export import safe
from combos.what_if.report import Line, Report
from combos.what_if.words import WHY, assumptions_of, title_of

WIDTH = 44
MOST_LINES = 20
HEADING = ("by", "name", "requests_before", "requests_after", "tokens_before", "tokens_after", "cost_before_usd")
FURTHER = ("cost_after_usd", "list_cost_before_usd", "list_cost_after_usd", "saved_usd")


def as_text(report: Report) -> str:
    return "\n".join(line.rstrip() for line in _text(report)) + "\n"


def _text(report: Report) -> Iterator[str]:
    found = report.found
    since, until = (moment.strftime("%Y-%m-%d %H:%M") for moment in (found.selection.since, found.selection.until))
    yield _("What if: %(title)s") % {"title": title_of(found.scenario)}
    yield _("%(since)s to %(until)s, %(number)s requests, replayed in %(seconds).1f s") % {
        "since": since,
        "until": until,
        "number": f"{found.matching:,}",
        "seconds": found.seconds,
    }
    yield ""
    if not found.matching:
        yield _("No request was recorded in this period. Choose a longer one with --last or --from.")
        return
    yield from _total(report)
    yield from _table(_("BY MODEL"), report.models)
    yield from _table(_("BY WHAT WAS ASKED FOR, WHO MOVES THE SUM MOST"), report.asked)
    yield from _table(_("BY DAY"), report.days, MOST_LINES * 3)
    yield from _apart(report)
    yield _("ASSUMED")
    yield from (f"  - {each}" for each in assumptions_of(found))


def _total(report: Report) -> Iterator[str]:
    total = report.total
    word = _("it would have saved") if total.saved >= 0 else _("it would have cost more by")
    for said, side in ((_("it cost"), total.before), (_("it would have cost"), total.after)):
        yield f"  {said:<28}{money(side.cost):>14}   {_('at list price')} {money(side.list_cost)}"
    yield f"  {word:<28}{money(abs(total.saved)):>14}   {share_of(total)}"
    number = {"number": f"{total.before.requests:,}", "moved": f"{report.found.scaled(report.found.tally.rerouted):,}"}
    yield "  " + _("of %(number)s requests; %(moved)s would have been answered by another model") % number
    yield ""


def share_of(line: Line) -> str:
    """`-63.7 %`: of what it cost before."""
    if line.saved_share is None:
        return ""
    return f"{-100 * line.saved_share:+.1f} %" if line.saved else "0 %"


def _table(title: str, lines: tuple[Line, ...], most: int = MOST_LINES) -> Iterator[str]:
    if not lines:
        return
    yield f"{title:<{WIDTH + 2}}{_('requests'):>17}{_('tokens'):>17}{_('before'):>13}{_('after'):>13}{_('saved'):>13}"
    for line in lines[:most]:
        requests = change(line.before.requests, line.after.requests)
        tokens = change(line.before.tokens, line.after.tokens)
        amounts = "".join(f"{signed(each):>13}" for each in (line.before.cost, line.after.cost, line.saved))
        yield f"  {clipped(line.name):<{WIDTH}}{requests:>17}{tokens:>17}{amounts}"
    if len(lines) > most:
        yield "  " + _("and %(number)d more") % {"number": len(lines) - most}
    yield ""


def change(before: int, after: int) -> str:
    return count(before) if before == after else f"{count(before)} > {count(after)}"


def signed(amount: Decimal) -> str:
    return f"-{money(-amount)}" if amount < 0 else money(amount)


def clipped(name: str) -> str:
    name = "".join(each if each.isprintable() else "?" for each in name)
    return name if len(name) < WIDTH else f"{name[: WIDTH - 2]}…"


def _apart(report: Report) -> Iterator[str]:
    if not report.apart:
        return
    yield _("SET APART, IN NO SUM ABOVE")
    for each in report.apart[:MOST_LINES]:
        said = {"number": f"{each.requests:,}", "model": clipped(each.model), "why": WHY[each.why]}
        yield "  " + _("%(number)s requests: %(model)s, %(why)s") % said + f" ({_('recorded cost')} {money(each.cost)})"
    yield ""


def as_csv(report: Report) -> str:
    """A row for each day, model and name, and one for all."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow((*HEADING, *FURTHER))
    groups = (
        (_basis(report), (report.total,)),
        ("day", report.days),
        ("model", report.models),
        ("asked", report.asked),
    )
    for group, lines in groups:
        writer.writerows(_cells(group, lines))
    for each in report.apart:
        writer.writerow(
            ("apart", safe(f"{each.model}: {each.why}"), each.requests, "", each.tokens, "", f"{each.cost:f}")
        )
    return written.getvalue()


def _basis(report: Report) -> str:
    """What the sums are of, so that a sheet of estimates says that it is one."""
    found = report.found
    return f"total, estimated from {found.replayed} of {found.matching}" if found.is_sampled else "total"


def _cells(group: str, lines: Iterable[Line]) -> Iterator[tuple[object, ...]]:
    for line in lines:
        before, after = line.before, line.after
        counts = (before.requests, after.requests, before.tokens, after.tokens)
        amounts = (before.cost, after.cost, before.list_cost, after.list_cost, line.saved)
        yield group, safe(line.name), *counts, *(f"{each:f}" for each in amounts)
