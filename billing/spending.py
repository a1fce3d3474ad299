"""What was spent, summed by the database: each budget's part of its current window."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Case, DateTimeField, DecimalField, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from billing.budgets import window
from billing.models import Budget, Period, UsageRecord

MONEY: "DecimalField[Decimal, Decimal]" = DecimalField(max_digits=20, decimal_places=10)


def with_spent(budgets: QuerySet[Budget], now: datetime) -> QuerySet[Budget]:
    """Adds `since`, the start of the window `now` falls into, and `spent`, in US dollars since then."""
    starts = [When(period=period, then=Value(window(period, now)[0])) for period in Period]
    since = Case(*starts, output_field=DateTimeField())
    rows = UsageRecord.objects.filter(api_key_id=OuterRef("api_key_id"), started_at__gte=OuterRef("since"))
    totals = rows.order_by().values("api_key_id").annotate(total=Sum("cost_usd")).values("total")
    spent = Coalesce(Subquery(totals, output_field=MONEY), Value(Decimal(0), output_field=MONEY))
    return budgets.annotate(since=since).annotate(spent=spent)
