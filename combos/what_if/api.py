"""Job: the management API's "what if": `POST /api/usage/simulate`.

Law: it replays what the caller may see, and no more than the page does at once; nothing is written.
"""

from dataclasses import asdict
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router
from pydantic import Field, Strict

from billing.models import UsageRecord
from billing.usage import days
from billing.what_if import price_sheet
from billing.what_if.costs import Apart, Unfit
from billing.what_if.periods import span_of
from billing.what_if.recorded import Selection
from combos.what_if.report import Line, Report, report_of
from combos.what_if.simulation import Kind, Prices, Scenario, look, strategy_of
from combos.what_if.words import assumptions_of, title_of
from providers.api_access import ApiRefusal, needs
from providers.api_bodies import Answer, Body, wire_name
from providers.api_bodies import Line as TextLine

router = Router(by_alias=True)

Named = Annotated[TextLine, Field(max_length=300)]


class Question(Body):
    """What should have been different, and for which requests. Days are inclusive."""

    since: Named | None = None
    until: Named | None = None
    last: Named | None = None
    key: Named | None = None
    user: Named | None = None
    combo: Named | None = None
    provider: Named | None = None
    model: Named | None = None
    with_combo: Named | None = None
    with_model: Named | None = None
    only: Named | None = None
    with_strategy: Named | None = None
    for_combo: Named | None = None
    prices: Annotated[Prices, Strict(False)] = Prices.RECORDED
    price_table: Any = None
    """`{provider: {model: {input, output, ...}}}` or a list of rows, per million tokens."""
    no_cache: bool = False
    at_list: bool = False
    all_healthy: bool = False


class ShownSide(Answer):
    requests: int
    tokens: int
    cost: float
    """US dollars."""
    list_cost: float


class ShownLine(Answer):
    name: str
    before: ShownSide
    after: ShownSide
    saved: float
    saved_percent: float | None


class ShownMissing(Answer):
    why: Apart
    model: str
    requests: int
    tokens: int
    cost: float


class ShownReport(Answer):
    title: str
    since: str
    until: str
    requests: int
    replayed: int
    is_sample: bool
    """Whether the sums are scaled from a sample."""
    margin: float
    """How far what is saved may be off because of that, 19 times in 20; US dollars."""
    moved: int
    """Requests that another model would have answered."""
    total: ShownLine
    by_day: list[ShownLine]
    by_model: list[ShownLine]
    by_asked: list[ShownLine]
    apart: list[ShownMissing]
    assumptions: list[str]
    seconds: float


NAMES = {"to": "withModel", "strategy": "withStrategy", "sheet": "priceTable"}
"""Where the API calls a part of the question otherwise than the page."""


@router.post("/usage/simulate", auth=needs("billing.view_usagerecord"), response=ShownReport)
def simulate_usage(request: HttpRequest, body: Question) -> ShownReport:
    """What the recorded requests of a period would have cost otherwise. Nothing is sent or written."""
    zone = days.time_zone()
    try:
        span = span_of(body.since or "", body.until or "", body.last or "", timezone.now().astimezone(zone), zone)
        named = (body.key, body.user, body.combo, body.provider, body.model)
        selection = Selection(span.since, span.until, *(name or "" for name in named))
        found = look(_scenario(body), selection, UsageRecord.objects.visible_to(request.user), zone)
    except Unfit as unfit:
        part = "withCombo" if unfit.field == "to" and body.with_combo else NAMES.get(unfit.field)
        raise ApiRefusal(unfit.message, part or wire_name(unfit.field)) from None
    return shown_report(report_of(found))


def _scenario(body: Question) -> Scenario:
    if body.with_combo and body.with_model:
        raise Unfit("to", "Give withCombo or withModel, not both.")
    kind = Kind.COMBO if body.with_combo else Kind.MODEL if body.with_model else Kind.ANY
    return Scenario(
        to=body.with_combo or body.with_model or "",
        kind=kind,
        only=body.only or "",
        strategy=strategy_of(body.with_strategy or ""),
        for_combo=body.for_combo or "",
        prices=body.prices,
        sheet=() if body.price_table is None else price_sheet.of_json(body.price_table),
        without_cache=body.no_cache,
        at_list=body.at_list,
        all_well=body.all_healthy,
    )


def shown_report(report: Report) -> ShownReport:
    found = report.found
    return ShownReport(
        title=title_of(found.scenario),
        since=found.selection.since.isoformat(),
        until=found.selection.until.isoformat(),
        requests=found.matching,
        replayed=found.replayed,
        is_sample=found.is_sampled,
        margin=float(found.margin),
        moved=found.scaled(found.tally.rerouted),
        total=_line(report.total),
        by_day=[_line(line) for line in report.days],
        by_model=[_line(line) for line in report.models],
        by_asked=[_line(line) for line in report.asked],
        apart=[ShownMissing(**{**asdict(each), "cost": float(each.cost)}) for each in report.apart],
        assumptions=assumptions_of(found),
        seconds=round(found.seconds, 3),
    )


def _line(line: Line) -> ShownLine:
    share = line.saved_share
    return ShownLine(
        name=line.name,
        before=ShownSide(**asdict(line.before)),
        after=ShownSide(**asdict(line.after)),
        saved=float(line.saved),
        saved_percent=None if share is None else round(100 * share, 4),
    )
