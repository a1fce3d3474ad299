"""Job: the requests of a period as they were recorded, streamed, with each call that was made for them.

Law: reads only, and never holds more than a batch. A sample is spread evenly over the period, and not by every k-th
row: traffic that takes turns would give only one of its sides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Mod
from django.utils.translation import gettext as _

from billing.calendar import day_of
from billing.models import ApiKey, CostSource, UsageAttempt, UsageRecord
from billing.what_if.costs import Call, Request, Unfit
from translator.usage import Usage

BATCH = 20_000
"""Requests that are read, and whose calls are looked up, at once."""
GOLDEN, CIRCLE = 618_033, 1_000_000
"""Steps of the golden ratio around a circle: what falls into any arc of it is spread evenly, with no rhythm."""

TOKENS = (
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
)
COLUMNS = {"key": "api_key_name", "user": "user_name", "combo": "combo", "provider": "provider", "model": "model"}
"""What a selection may name, and where it stands."""
MONEY = ("cost_usd", "list_cost_usd", "cache_saved_usd")
CALL = ("provider", "model", "cost_source", *TOKENS)
REQUEST = ("started_at", "model_asked", "combo", "request_id", "attempts")
UNITS = {f"{name}_units": ExpressionWrapper(F(name), output_field=BigIntegerField()) for name in MONEY}
"""Money as the database keeps it: a Decimal for each would cost more than all the rest of a row."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which requests: those of a time, and of whatever else is named."""

    since: datetime
    until: datetime
    key: str = ""
    user: str = ""
    combo: str = ""
    provider: str = ""
    model: str = ""

    def check(self, visible: QuerySet[UsageRecord]) -> None:
        """For a selection of nothing. Raises Unfit where it names what no request ever had."""
        for field, column in COLUMNS.items():
            value = getattr(self, field)
            known = Q(**{column: value}) | (Q(api_key_id__in=list(_ids_of(value))) if field == "key" else Q())
            if value and not visible.filter(known).exists():
                message = _("No request was ever recorded with the %(field)s “%(value)s”.")
                raise Unfit(field, message % {"field": field, "value": value[:100]})

    def rows(self, visible: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
        rows = visible.filter(started_at__gte=self.since, started_at__lt=self.until)
        if self.key:
            rows = rows.filter(Q(api_key_id__in=list(_ids_of(self.key))) | Q(api_key_name=self.key))
        named = {column: getattr(self, field) for field, column in COLUMNS.items() if field != "key"}
        return rows.filter(**{column: value for column, value in named.items() if value})


def _ids_of(key: str) -> QuerySet[ApiKey, Any]:
    """A key may have had another name when it was used."""
    return ApiKey.objects.filter(name=key).values_list("pk", flat=True)


def sample(rows: QuerySet[UsageRecord], among: int, most: int) -> QuerySet[UsageRecord]:
    """About `most` of those `among` rows, the same ones each time; all of them where they are no more."""
    if among <= most:
        return rows
    place = Mod(F("pk") * GOLDEN, CIRCLE, output_field=BigIntegerField())
    return rows.annotate(place=place).filter(place__lt=max(1, CIRCLE * most // among))


def stream(rows: QuerySet[UsageRecord], zone: ZoneInfo) -> Iterator[Request]:
    """In the order in which they were stored."""
    columns = (*REQUEST, *CALL, *UNITS)
    lines = rows.order_by("pk").annotate(**UNITS).values_list(*columns).iterator(chunk_size=2000)
    while batch := list(islice(lines, BATCH)):
        calls = _calls_of([line[3] for line in batch if line[4] > 1])
        for line in batch:
            yield _request(line, calls, zone)


def _request(line: Sequence[Any], calls: dict[str, list[Call]], zone: ZoneInfo) -> Request:
    started_at, asked, combo, request_id, attempts, *own = line
    if not attempts:
        return Request(day_of(started_at, zone), asked, combo, ())
    found = calls.get(request_id) or [_call(own)]
    return Request(day_of(started_at, zone), asked, combo, tuple(found))


def _calls_of(ids: list[str]) -> dict[str, list[Call]]:
    """Of requests that made several."""
    found: dict[str, list[Call]] = {}
    if ids:
        rows = UsageAttempt.objects.filter(request_id__in=ids).order_by("request_id", "number").annotate(**UNITS)
        for request_id, *own in rows.values_list("request_id", *CALL, *UNITS):
            found.setdefault(request_id, []).append(_call(own))
    return found


def _call(values: Sequence[Any]) -> Call:
    provider, model, source, uncached, read, write, output, reasoning, hour, *others = values
    audio, spoken, images, paid, listed, saved = others
    usage = Usage(
        uncached_input=uncached,
        cache_read=read,
        cache_write=write,
        output=output,
        reasoning=reasoning,
        cache_write_1h=hour,
        audio_input=audio,
        audio_output=spoken,
        image_input=images,
    )
    return Call(provider, model, usage, paid, listed, saved, source != CostSource.UNKNOWN)
