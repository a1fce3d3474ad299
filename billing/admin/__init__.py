"""The pages on money: API keys, teams, requests, usage and costs, prices, budgets."""

from billing.admin import budgets, keys, prices, requests, teams, usage

__all__ = ["budgets", "keys", "prices", "requests", "teams", "usage"]
