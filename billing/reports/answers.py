"""What the API says of usage: figures, their parts, requests and attempts, as they stand on the wire.

Amounts are US dollars as JSON numbers; null where no price is known. Durations are milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from billing.models import CallBody, CostSource, UsageAttempt, UsageRecord
from billing.reports.asked import DIMENSIONS
from billing.reports.reports import Figures, Part
from billing.reports.speed import Speed, Speeds
from providers.api_bodies import Answer


class ShownFigures(Answer):
    requests: int
    failed: int
    hung_up: int
    fell_back: int
    attempts: int
    failed_attempts: int
    prompt_tokens: int
    uncached_input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cost_usd: float
    list_cost_usd: float
    saved_by_flat_rate_usd: float
    saved_by_cache_usd: float
    cache_hit_share: float | None
    """Of the whole prompt, from 0 to 1."""
    unpriced_attempts: int
    estimated_attempts: int
    average_ms: float | None
    average_first_token_ms: float | None


class ShownPart(ShownFigures):
    name: str
    filters: dict[str, str]
    """The query parameters that leave only this part."""


class ShownDay(ShownFigures):
    day: date


class ShownActivity(Answer):
    day: date
    requests: int


class Analytics(Answer):
    range: str
    """Empty where `from` and `to` were given."""
    first: date | None = Field(alias="from")
    """Null: from the beginning."""
    last: date = Field(alias="to")
    time_zone: str
    totals: ShownFigures
    by_day: list[ShownDay]
    by_provider: list[ShownPart]
    by_model: list[ShownPart]
    by_account: list[ShownPart]
    by_api_key: list[ShownPart]
    by_user: list[ShownPart]
    by_team: list[ShownPart]
    by_combo: list[ShownPart]
    by_dialect: list[ShownPart]
    activity: list[ShownActivity]


class ShownSpread(Answer):
    p50: float
    p95: float


class ShownSpeed(Answer):
    requests: int
    """That were answered; the latest of them, at most 5,000 in all."""
    first_token_ms: ShownSpread | None
    inter_token_ms: ShownSpread | None
    """Of streams: each has a median of its own, and this is how those are spread."""
    total_ms: ShownSpread | None
    tokens_per_second: float | None
    """Of the stream in the middle, after its first token."""


class ShownSpeedOfModel(ShownSpeed):
    provider: str
    model: str


class ShownSpeeds(ShownSpeed):
    by_model: list[ShownSpeedOfModel]
    """The ten with the most of these requests."""


class ShownCost(Answer):
    uncached_input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    list_cost_usd: float | None
    saved_by_cache_usd: float
    cost_source: str
    """`vendor`, a price table, `operator`, `unknown`, or `nothing` where nothing was used."""
    price_version: int | None
    is_estimated: bool


class ShownRequest(ShownCost):
    id: str
    timestamp: AwareDatetime
    status: int
    api_key_id: UUID | None
    api_key_name: str
    user: str
    team: str
    dialect: str
    model_asked: str
    combo: str
    provider: str
    account: str
    model: str
    attempts: int
    is_streaming: bool
    header_ms: int | None
    first_token_ms: int | None
    inter_token_ms: int | None
    total_ms: int
    error: str


class History(Answer):
    history: list[ShownRequest]
    next: str | None
    """What to send as `before` for the next page; null: there is no more."""


class CallLogs(Answer):
    logs: list[ShownRequest]
    next: str | None


class ShownAttempt(ShownCost):
    number: int
    timestamp: AwareDatetime
    provider: str
    account: str
    model: str
    status: int
    failure: str
    header_ms: int | None
    first_token_ms: int | None
    inter_token_ms: int | None
    total_ms: int


class CallLog(ShownRequest):
    made: list[ShownAttempt]
    """Each call to a vendor, in order. Their milliseconds count from their own beginning."""
    tried: list[dict[str, Any]]
    """Who failed, and who was passed over."""
    request_body: str | None
    """Kept only where ENABLE_REQUEST_LOGS asks for it, and for some days."""
    response_body: str | None


def figures(of: Figures) -> dict[str, Any]:
    return {
        "requests": of.requests,
        "failed": of.failed,
        "hung_up": of.hung_up,
        "fell_back": of.fell_back,
        "attempts": of.attempts,
        "failed_attempts": of.failed_attempts,
        "prompt_tokens": of.prompt_tokens,
        "uncached_input_tokens": of.uncached_input_tokens,
        "cache_read_tokens": of.cache_read_tokens,
        "cache_write_tokens": of.cache_write_tokens,
        "output_tokens": of.output_tokens,
        "reasoning_tokens": of.reasoning_tokens,
        "total_tokens": of.tokens,
        "cost_usd": float(of.cost_usd),
        "list_cost_usd": float(of.list_cost_usd),
        "saved_by_flat_rate_usd": float(of.flat_saved_usd),
        "saved_by_cache_usd": float(of.cache_saved_usd),
        "cache_hit_share": of.cache_share,
        "unpriced_attempts": of.unpriced,
        "estimated_attempts": of.estimated,
        "average_ms": of.average_ms and round(of.average_ms, 1),
        "average_first_token_ms": of.average_first_ms and round(of.average_first_ms, 1),
    }


def shown_parts(parts: Mapping[str, Sequence[Part]]) -> dict[str, Any]:
    """By the name of the field of Analytics."""
    return {FIELDS[name]: [_part(each) for each in found] for name, found in parts.items()}


FIELDS = {name: f"by_{'api_key' if name == 'apiKey' else name}" for name in DIMENSIONS}


def _part(part: Part) -> ShownPart:
    return ShownPart(name=part.name, filters=dict(part.filters), **figures(part.figures))


def shown_activity(found: Mapping[date, int]) -> list[ShownActivity]:
    return [ShownActivity(day=day, requests=requests) for day, requests in found.items()]


def shown_speeds(found: Speeds) -> ShownSpeeds:
    models = [
        ShownSpeedOfModel(provider=each.provider, model=each.model, **_speed(each.speed)) for each in found.models
    ]
    return ShownSpeeds(by_model=models, **_speed(found.all))


def _speed(of: Speed) -> dict[str, Any]:
    return {
        "requests": of.requests,
        "first_token_ms": of.first_ms and ShownSpread(**asdict(of.first_ms)),
        "inter_token_ms": of.gap_ms and ShownSpread(**asdict(of.gap_ms)),
        "total_ms": of.total_ms and ShownSpread(**asdict(of.total_ms)),
        "tokens_per_second": of.tokens_per_second and round(of.tokens_per_second, 1),
    }


def _told(row: UsageRecord | UsageAttempt) -> dict[str, Any]:
    is_known = row.cost_source != CostSource.UNKNOWN
    return {
        "uncached_input_tokens": row.uncached_input_tokens,
        "cache_read_tokens": row.cache_read_tokens,
        "cache_write_tokens": row.cache_write_tokens,
        "output_tokens": row.output_tokens,
        "reasoning_tokens": row.reasoning_tokens,
        "cost_usd": float(row.cost_usd) if is_known else None,
        "list_cost_usd": float(row.list_cost_usd) if is_known else None,
        "saved_by_cache_usd": float(row.cache_saved_usd),
        "cost_source": row.cost_source,
        "price_version": row.price_version,
        "is_estimated": row.is_estimated,
        "header_ms": row.header_ms,
        "first_token_ms": row.first_event_ms,
        "inter_token_ms": row.gap_ms,
        "total_ms": row.total_ms,
        "timestamp": row.started_at,
        "provider": row.provider,
        "account": row.connection,
        "model": row.model,
        "status": row.status,
    }


def _request(record: UsageRecord) -> dict[str, Any]:
    return _told(record) | {
        "id": record.request_id,
        "api_key_id": record.api_key_id,
        "api_key_name": record.api_key_name,
        "user": record.user_name,
        "team": record.team_name,
        "dialect": record.dialect,
        "model_asked": record.model_asked,
        "combo": record.combo,
        "attempts": record.attempts,
        "is_streaming": record.is_streaming,
        "error": record.error,
    }


def shown_request(record: UsageRecord) -> ShownRequest:
    return ShownRequest(**_request(record))


def shown_call(record: UsageRecord, attempts: Iterable[UsageAttempt], body: CallBody | None) -> CallLog:
    return CallLog(
        **_request(record),
        made=[ShownAttempt(number=each.number, failure=each.kind, **_told(each)) for each in attempts],
        tried=record.tried,
        request_body=body.request_body if body else None,
        response_body=body.response_body if body else None,
    )
