"""The pages on money: API keys, requests, prices, budgets."""

from billing.admin import budgets, keys, prices, requests

__all__ = ["budgets", "keys", "prices", "requests"]
