"""Job: what to charge for a request whose worker was killed: its prompt, estimated by its size.

Law: whoever was asked last has the prompt and bills it; what it had answered nobody knows. What earlier attempts used
is known, and stays. The price is the one of the day it is stored.
"""

from collections.abc import Iterable, Sequence

from billing.models import Pricing
from billing.prices.cost import Price
from billing.prices.table import price_of
from billing.usage.rows import INTERRUPTED, Attempt, UsageRow
from translator.usage import Usage

BYTES_A_TOKEN = 4


def estimate(rows: Sequence[UsageRow]) -> None:
    """Fill in the last attempts of those that were interrupted."""
    cut = [(row, row.made[-1]) for row in rows if row.body_bytes and row.made]
    prices = _prices(attempt for _, attempt in cut) if cut else {}
    for row, attempt in cut:
        attempt.status = INTERRUPTED
        usage = Usage(max(1, row.body_bytes // BYTES_A_TOKEN), is_estimated=True)
        attempt.add_usage(usage, prices.get((attempt.provider, attempt.model)))


def _prices(attempts: Iterable[Attempt]) -> dict[tuple[str, str], Price]:
    rows = Pricing.objects.filter(provider_id__in={attempt.provider for attempt in attempts})
    return {(row.provider_id, row.model_id): price_of(row) for row in rows}
