"""From tokens to money. Decimal throughout; a price is US dollars for a million tokens."""

import math
from dataclasses import dataclass, field
from decimal import Decimal

from billing.money import ZERO
from translator.usage import Usage

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """What each kind of token costs, who says so, and which entry of the prices' history this is."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    cache_write_1h: Decimal
    reasoning: Decimal
    audio_input: Decimal
    audio_output: Decimal
    image_input: Decimal
    per_request: Decimal
    source: str
    version: int = 0
    tiers: "tuple[tuple[int, Price], ...]" = ()
    """Prices that hold for a whole request whose prompt has more tokens than that; the highest first."""
    dearest: tuple[int, int, int] = field(init=False, compare=False)
    """The most that a token of the prompt, one of the answer, and a request cost, in ten-billionths of a dollar."""

    def __post_init__(self) -> None:
        token_in = max(self.input, self.cache_write, self.cache_write_1h, self.audio_input, self.image_input)
        token_out = max(self.output, self.reasoning, self.audio_output)
        each = (token_in / MILLION, token_out / MILLION, self.per_request)
        object.__setattr__(self, "dearest", tuple(math.ceil(dollars.scaleb(10)) for dollars in each))

    def for_prompt(self, tokens: int) -> "Price":
        """The price that holds for a prompt of so many tokens."""
        return next((price for above, price in self.tiers if tokens > above), self)

    def worst_case(self, prompt: int, answer: int) -> int:
        """The most that so many tokens may cost, of whatever kind, in ten-billionths of a dollar."""
        a_token_in, a_token_out, request = (self.for_prompt(prompt) if self.tiers else self).dearest
        return prompt * a_token_in + answer * a_token_out + request


FREE = Price(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, source="")
"""Of what costs nothing."""


def cost(usage: Usage, price: Price) -> Decimal:
    """What one request that used this costs, exactly. No token is billed twice."""
    price = price.for_prompt(usage.input)
    if not (usage.audio_input or usage.audio_output or usage.image_input or usage.cache_write_1h):
        return _of_text(usage, price) / MILLION + price.per_request
    return _of_everything(usage, price) / MILLION + price.per_request


def _of_text(usage: Usage, price: Price) -> Decimal:
    reasoning = min(usage.reasoning, usage.output)
    return (
        usage.uncached_input * price.input
        + usage.cache_read * price.cache_read
        + usage.cache_write * price.cache_write
        + (usage.output - reasoning) * price.output
        + reasoning * price.reasoning
    )


def _of_everything(usage: Usage, price: Price) -> Decimal:
    audio, images = usage.audio_input, usage.image_input
    hour = min(usage.cache_write_1h, usage.cache_write)
    reasoning = min(usage.reasoning, usage.output)
    spoken = min(usage.audio_output, usage.output - reasoning)
    return (
        max(0, usage.uncached_input - audio - images) * price.input
        + min(audio, usage.uncached_input) * price.audio_input
        + min(images, max(0, usage.uncached_input - audio)) * price.image_input
        + usage.cache_read * price.cache_read
        + (usage.cache_write - hour) * price.cache_write
        + hour * price.cache_write_1h
        + (usage.output - reasoning - spoken) * price.output
        + spoken * price.audio_output
        + reasoning * price.reasoning
    )


def saved_by_cache(usage: Usage, price: Price) -> Decimal:
    """What the prompt cache spared: reads at less than the price of input, minus what writing cost above it."""
    if not usage.cache_read and not usage.cache_write:
        return ZERO
    price = price.for_prompt(usage.input)
    hour = min(usage.cache_write_1h, usage.cache_write)
    saved = (
        usage.cache_read * (price.input - price.cache_read)
        - (usage.cache_write - hour) * (price.cache_write - price.input)
        - hour * (price.cache_write_1h - price.input)
    )
    return saved / MILLION
