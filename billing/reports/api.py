"""Job: the management API of usage: added up, request by request, and as CSV.

Law: reads only. Everybody sees what `visible_to` leaves them: a Member their own. What cannot be is a 400 that names
it. Lists are paged by place: `before` takes the `next` of the page before.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel, ConfigDict, Field

from billing.calendar import day_of
from billing.models import CallBody, DailyUsage, UsageAttempt, UsageRecord
from billing.reports import call_logs, csv_export, reports
from billing.reports.answers import (
    Analytics,
    CallLog,
    CallLogs,
    History,
    ShownDay,
    ShownFigures,
    ShownSpeeds,
    figures,
    shown_activity,
    shown_call,
    shown_parts,
    shown_request,
    shown_speeds,
)
from billing.reports.asked import DIMENSIONS, filters_of, filters_of_requests
from billing.reports.csv_export import Cell
from billing.reports.ranges import Span, WrongAsked, span_of
from billing.reports.reports import Figures
from billing.reports.speed import MOST_DAYS, speeds
from billing.usage import days as day_sums
from providers.api_access import Missing, needs
from providers.api_bodies import wire_name

router = Router(by_alias=True)

MOST_OF_A_PAGE = 1000
SEES_SUMS = needs("billing.view_dailyusage")
SEES_REQUESTS = needs("billing.view_usagerecord")


class Asked(BaseModel):
    """What may stand in the query string. Every value is text here and read where it is used."""

    model_config = ConfigDict(alias_generator=wire_name, populate_by_name=True)

    first: str = Field("", alias="from")
    to: str = ""
    provider: str = ""
    model: str = ""
    account: str = ""
    api_key: str = ""
    user: str = ""
    team: str = ""
    combo: str = ""
    dialect: str = ""

    def given(self) -> dict[str, str]:
        return {name: value for name, value in self.model_dump(by_alias=True).items() if value}


class AskedSums(Asked):
    range: str = ""


class AskedTable(AskedSums):
    by: str = "day"


class AskedPage(BaseModel):
    limit: str = ""
    before: str = ""


class AskedCalls(Asked):
    status: str = ""
    search: str = ""
    limit: str = ""
    before: str = ""


@router.get("/usage/analytics", auth=SEES_SUMS, response=Analytics)
def analytics(request: HttpRequest, asked: Query[AskedSums]) -> Analytics:
    """Sums over whole days of the configured time zone, by everything they can be broken down by."""
    usage, span = _sums(request, asked)
    within = usage.filter(span.condition)
    found = reports.report(within)
    told: dict[str, Any] = {
        "range": span.name,
        "from": span.first,
        "to": span.last,
        "time_zone": day_sums.time_zone().key,
        "totals": ShownFigures(**figures(found.total)),
        "by_day": [ShownDay(day=day, **figures(each)) for day, each in reports.days(within)],
        "activity": shown_activity(reports.activity(usage, _today())),
    }
    return Analytics(**told, **shown_parts(found.parts))


def _sums(request: HttpRequest, asked: AskedSums) -> tuple[QuerySet[DailyUsage], Span]:
    span = span_of(asked.range, asked.first, asked.to, _today())
    return DailyUsage.objects.visible_to(request.user).filter(**filters_of(asked.given())), span


def _today() -> Any:
    return day_of(timezone.now(), day_sums.time_zone())


@router.get("/usage/speed", auth=SEES_REQUESTS, response=ShownSpeeds)
def speed(request: HttpRequest, asked: Query[AskedSums]) -> ShownSpeeds:
    """How long the latest requests of these days took, over all workers, and by model."""
    span = span_of(asked.range, asked.first, asked.to, _today()).last_days(MOST_DAYS)
    records = UsageRecord.objects.visible_to(request.user).filter(span.moments(day_sums.time_zone()))
    return shown_speeds(speeds(records.filter(**filters_of_requests(filters_of(asked.given())))))


@router.get("/usage/history", auth=SEES_REQUESTS, response=History)
def history(request: HttpRequest, asked: Query[AskedPage]) -> History:
    """All requests, newest first."""
    found = _page(UsageRecord.objects.visible_to(request.user), asked.limit, asked.before, 100)
    return History(history=[shown_request(each) for each in found.records], next=_text(found.next))


@router.get("/usage/call-logs", auth=SEES_REQUESTS, response=CallLogs)
def list_call_logs(request: HttpRequest, asked: Query[AskedCalls]) -> CallLogs:
    """Requests with these properties, newest first; without `from`, of the last 30 days."""
    found = _page(_calls(request, asked), asked.limit, asked.before, 200)
    return CallLogs(logs=[shown_request(each) for each in found.records], next=_text(found.next))


def _calls(request: HttpRequest, asked: AskedCalls) -> QuerySet[UsageRecord]:
    records = UsageRecord.objects.visible_to(request.user)
    return call_logs.chosen(records, asked.given(), timezone.now(), day_sums.time_zone())


def _page(records: QuerySet[UsageRecord], limit: str, before: str, usual: int) -> call_logs.Page:
    place = call_logs.place_in(before) if before else None
    return call_logs.page(records, place, _limit(limit, usual))


def _limit(text: str, usual: int) -> int:
    if not text:
        return usual
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_OF_A_PAGE:
        return int(text)
    raise WrongAsked(f"“{text[:40]}” is no limit: give a whole number from 1 to {MOST_OF_A_PAGE}.", "limit")


def _text(place: call_logs.Place | None) -> str | None:
    return str(place) if place else None


@router.get("/usage/call-logs.csv", auth=SEES_REQUESTS)
def export_call_logs(request: HttpRequest, asked: Query[AskedCalls]) -> StreamingHttpResponse:
    """The same requests as a table, all of them; `limit` and `before` say nothing here."""
    return csv_export.response("requests", call_logs.HEADER, call_logs.piece_of(_calls(request, asked)))


@router.get("/usage/call-logs/{request_id}", auth=SEES_REQUESTS, response=CallLog)
def show_call(request: HttpRequest, request_id: str) -> CallLog:
    """One request with each of its attempts, and what was asked and answered where that is kept."""
    record = None
    if request_id.isprintable():
        record = UsageRecord.objects.visible_to(request.user).filter(request_id=request_id).first()
    if record is None:
        raise Missing(f"There is no request {request_id[:40]} among those you may see.")
    attempts = UsageAttempt.objects.filter(request_id=request_id).order_by("number")
    body = CallBody.objects.filter(request_id=request_id).first()
    return shown_call(record, attempts, body if request.user.has_perm("billing.view_callbody") else None)


@router.get("/usage/export.csv", auth=SEES_SUMS)
def export_sums(request: HttpRequest, asked: Query[AskedTable]) -> StreamingHttpResponse:
    """Sums by day, or by what `by` names, as a table."""
    if asked.by != "day" and asked.by not in DIMENSIONS:
        raise WrongAsked(f"“{asked.by[:40]}” is none of day, {', '.join(DIMENSIONS)}.", "by")
    usage, span = _sums(request, asked)
    rows = list(_table(usage.filter(span.condition), asked.by))
    return csv_export.response(f"usage-by-{asked.by}", (asked.by, *COLUMNS), lambda place: (rows, None))


COLUMNS = tuple(ShownFigures.model_fields)


def _table(usage: QuerySet[DailyUsage], by: str) -> Iterable[Sequence[Cell]]:
    found: Iterable[tuple[Any, Figures]]
    if by == "day":
        found = reports.days(usage)
    else:
        found = [(part.name, part.figures) for part in reports.report(usage, [by]).parts[by]]
    return [(str(name), *_exact(each)) for name, each in found]


def _exact(of: Figures) -> Iterable[Cell]:
    """The figures in the order of COLUMNS, amounts to the last digit."""
    amounts = {
        "cost_usd": of.cost_usd,
        "list_cost_usd": of.list_cost_usd,
        "saved_by_flat_rate_usd": of.flat_saved_usd,
        "saved_by_cache_usd": of.cache_saved_usd,
    }
    return (figures(of) | amounts).values()
