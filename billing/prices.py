"""From tokens to money. Decimal throughout; a price is US dollars for a million tokens."""

from dataclasses import dataclass
from decimal import Decimal

from translator.usage import Usage

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """Five prices, and who says so."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    reasoning: Decimal
    source: str


def cost(usage: Usage, price: Price) -> Decimal:
    """What `usage` costs, exactly. Reasoning is a part of the output and is not billed twice."""
    spoken = max(0, usage.output - usage.reasoning)
    total = (
        usage.uncached_input * price.input
        + usage.cache_read * price.cache_read
        + usage.cache_write * price.cache_write
        + spoken * price.output
        + min(usage.reasoning, usage.output) * price.reasoning
    )
    return total / MILLION
