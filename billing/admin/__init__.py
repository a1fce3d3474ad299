"""The pages on money: API keys, requests, usage and costs, prices, budgets."""

from billing.admin import budgets, keys, prices, requests, usage

__all__ = ["budgets", "keys", "prices", "requests", "usage"]
