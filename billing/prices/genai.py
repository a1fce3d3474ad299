"""What the `genai-prices` package knows. No network, no clock.

Importing the package costs 11 MiB that are never given back, so no web worker imports this module.
"""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from genai_prices import Usage, __version__, calc_price
from genai_prices.types import ModelPrice, TieredPrices

from providers.catalogue import ListPrice, PriceTier

SOURCE = f"genai-prices {__version__}"
EFFORTS = ("-xhigh", "-high", "-medium", "-low", "-none")

# Asked in this order. Those who resell without a price of their own get the maker's: it is what the tokens are worth.
# qwen, nvidia, deepgram, assemblyai: unknown to genai-prices.
PROVIDERS = {
    "anthropic": ("anthropic",), "claude": ("anthropic",), "kiro": ("anthropic",),
    "openai": ("openai",), "codex": ("openai",),
    "gemini": ("google",), "gemini-cli": ("google",),
    "github": ("github-copilot", "openai", "anthropic", "google", "x-ai"),
    "iflow": ("moonshotai", "zai", "minimax"),
    "cerebras": ("cerebras",), "cohere": ("cohere",), "deepseek": ("deepseek",), "fireworks": ("fireworks",),
    "glm": ("zai",), "groq": ("groq",), "kimi": ("moonshotai",), "minimax": ("minimax",), "mistral": ("mistral",),
    "perplexity": ("perplexity",), "together": ("together",), "xai": ("x-ai",),
}  # fmt: skip

KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "audio_input": "input_audio_mtok",
    "audio_output": "output_audio_mtok",
    "image_input": "input_image_mtok",
}
"""Our names, and the package's: US dollars for a million tokens."""

# Names that mean another model by now than in genai-prices 0.2.3: the catalogue's own price is the better one.
MOVED_ON = {("deepseek", "deepseek-chat"), ("deepseek", "deepseek-reasoner"), ("mistral", "mistral-large-latest")}


def genai_price(vendor_id: str, upstream_id: str, on: date) -> ListPrice | None:
    """What the vendor asks on a day (UTC), at the dearest hour; None where genai-prices does not know."""
    if vendor_id == "codex":
        upstream_id = next((upstream_id.removesuffix(e) for e in EFFORTS if upstream_id.endswith(e)), upstream_id)
    if (vendor_id, upstream_id) in MOVED_ON:
        return None
    for provider_id in PROVIDERS.get(vendor_id, ()):
        if (price := _known_price(provider_id, upstream_id, on)) is not None:
            return price
    return None


def _known_price(provider_id: str, model_id: str, on: date) -> ListPrice | None:
    hours = [datetime.combine(on, time(hour), UTC) for hour in range(24)]  # Some charge less off their peak.
    try:
        prices = [
            calc_price(Usage(), model_id, provider_id=provider_id, genai_request_timestamp=hour).model_price
            for hour in hours
        ]
    except LookupError:
        return None
    return _as_list_price(max(prices, key=lambda price: _base(price.input_mtok) or 0), on)


def _as_list_price(price: ModelPrice, on: date) -> ListPrice | None:
    """None for what is not priced by the token (audio hours, characters, requests)."""
    if (input_price := _base(price.input_mtok)) is None:
        return None
    base: dict[str, Any] = {kind: _base(getattr(price, name)) for kind, name in KINDS.items()}
    requests = _base(price.requests_kcount)
    return ListPrice(
        **base | {"input": input_price, "output": base["output"] or Decimal(0)},
        per_request=None if requests is None else requests / 1000,
        tiers=tuple(_tier(price, above) for above in sorted(_steps(price))),
        source=SOURCE,
        as_of=on,
    )


def _base(price: Decimal | TieredPrices | None) -> Decimal | None:
    """The price of the first tier."""
    return price.base if isinstance(price, TieredPrices) else price


def _steps(price: ModelPrice) -> set[int]:
    """Where any of the prices changes, in tokens of the prompt."""
    tiered = (each for name in KINDS.values() if isinstance(each := getattr(price, name), TieredPrices))
    return {tier.start for each in tiered for tier in each.tiers}


def _tier(price: ModelPrice, above: int) -> PriceTier:
    return PriceTier(above, **{kind: _at(getattr(price, name), above) for kind, name in KINDS.items()})


def _at(price: Decimal | TieredPrices | None, above: int) -> Decimal | None:
    """What holds above so many tokens; None where that never changes."""
    if not isinstance(price, TieredPrices):
        return None
    return [price.base, *(tier.price for tier in price.tiers if tier.start <= above)][-1]
